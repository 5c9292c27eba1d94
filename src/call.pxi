# SPDX-License-Identifier: BSD-3-Clause
# The fast path of every function that is an operation: exact, contiguous, native arrays of one dtype and shape go to
# the kernel as they are. A call that does not fit exactly is left to `general`. Included by _core.pyx.

# From here on the work is worth letting other threads run.
cdef enum:
    RELEASE_GIL_BYTES = 32768

# What the steps below ask about a row of ops.def, and about the row in one dtype.
cdef struct dtype_facts:
    bint has_kernel
    bint needs_mode
    bint has_default[RS_MAX_PARAMS]
    rs_element defaults[RS_MAX_PARAMS]

cdef struct row_facts:
    int nin
    int arrays
    int params
    bint weak  # numpy.float64 does not change the dtype of the result either
    PyObject *names[RS_MAX_PARAMS]
    dtype_facts dtypes[RS_DTYPES]

cdef row_facts facts[RS_OPS]
cdef PyObject *out_name


cdef int learn(int row, op) except -1:
    """Notes what the fast path asks."""
    cdef row_facts *known = &facts[row]
    cdef int k, dtype
    known.nin, known.arrays, known.params = rs_ops[row].nin, rs_ops[row].arrays, rs_ops[row].params
    known.weak = rs_ops[row].params != 0 and not rs_ops[row].weight
    for dtype in range(RS_DTYPES):
        known.dtypes[dtype].has_kernel = rs_has_kernel(row, dtype)
        known.dtypes[dtype].needs_mode = rs_needs_mode(row, dtype)
    for k, (name, default) in enumerate(zip(op.params, op.defaults, strict=True)):
        keep_alive.append(intern(name))
        known.names[k] = <PyObject *>keep_alive[-1]
        for dtype in range(RS_DTYPES):
            known.dtypes[dtype].has_default[k] = default is not None and rs_take_number(
                row, dtype, known.arrays + k, default, &known.dtypes[dtype].defaults[k])
    return 0


cdef struct spreading:
    size_t outer
    size_t mid
    size_t inner


# One call. Each step fills in what it finds out, or says that the call does not fit.
cdef struct fast_call:
    int row
    int dtype
    const row_facts *op
    const dtype_facts *typed
    PyObject **args
    Py_ssize_t nargs
    PyObject *kwnames
    PyObject *operands[RS_MAX_IN + 1]  # the inputs, then out: NULL where none is given
    PyObject *out  # NULL where the result is to be allocated
    int form  # RS_ARRAYS, or RS_LAST_SCALAR where numbers stand for the inputs from `arrays` on
    int arrays
    int common  # the memory layouts, C's and Fortran's, that all arrays so far have
    bint spread  # the last input broadcasts, as `shape` says
    spreading shape
    size_t n
    size_t nbytes  # of the first input, and of the result
    const void *data[RS_MAX_IN]
    size_t extents[RS_MAX_IN]  # bytes
    rs_element numbers[RS_MAX_PARAMS]


cdef inline int layout(PyObject *operand) noexcept:
    """Contiguity flags (C, F or both) of an exact, aligned, native ndarray of 1 or more dimensions, else 0."""
    if not PyArray_CheckExact(operand):
        return 0
    cdef PyArrayObject *array = <PyArrayObject *>operand
    cdef int flags = PyArray_FLAGS(array)
    if not flags & cnp.NPY_ARRAY_ALIGNED or PyArray_NDIM(array) == 0 or PyArray_ISBYTESWAPPED(array):
        return 0
    return flags & (cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_F_CONTIGUOUS)


cdef inline bint is_weak(const row_facts *op, PyObject *number) noexcept:
    """Whether a float takes the arrays' dtype: Python's always, numpy.float64 (a subclass) where it is a parameter."""
    return PyFloat_CheckExact(number) or (op.weak and PyFloat_Check(number))


cdef inline bint same_shape(PyArrayObject *a, PyArrayObject *b) noexcept:
    cdef int axis
    if PyArray_NDIM(a) != PyArray_NDIM(b):
        return False
    for axis in range(PyArray_NDIM(a)):
        if PyArray_DIMS(a)[axis] != PyArray_DIMS(b)[axis]:
            return False
    return True


cdef bint spreads(PyArrayObject *small, PyArrayObject *large, spreading *shape) noexcept:
    """Whether `small` broadcasts to `large` by repetition around adjoining axes of its own: along which extents."""
    cdef int offset = PyArray_NDIM(large) - PyArray_NDIM(small), axis
    cdef size_t extent, own
    if offset < 0:
        return False
    shape[0] = spreading(1, 1, 1)
    for axis in range(PyArray_NDIM(large) - 1, -1, -1):
        extent = PyArray_DIMS(large)[axis]
        own = PyArray_DIMS(small)[axis - offset] if axis >= offset else 1
        if own != extent and own != 1:
            return False
        if extent == 1:
            continue
        if own == 1 and shape.mid == 1:
            shape.inner *= extent
        elif own == 1:
            shape.outer *= extent
        elif shape.outer == 1:
            shape.mid *= extent
        else:
            return False
    return True


cdef object rs_call "rs_call"(int row, PyObject **args, Py_ssize_t nargs, PyObject *kwnames):
    """A call of the function of this row of ops.def. `general` also words the errors."""
    cdef fast_call c
    cdef bint widens
    c.row, c.args, c.nargs, c.kwnames = row, args, nargs, kwnames
    c.op = &facts[row]
    if not (sort_arguments(&c) and take_first(&c) and take_numbers(&c)):
        return general(row, args, nargs, kwnames)
    widens = c.op.params != 0 and rs_dtypes[c.dtype].dtype_class == RS_HALF
    copies = widened(&c) if widens else None  # operands are borrowed references
    if not (take_arrays(&c) and take_out(&c)):
        return general(row, args, nargs, kwnames)
    return in_mode(compute, &c, c.form == RS_LAST_SCALAR or c.typed.needs_mode)


cdef inline bint sort_arguments(fast_call *c) noexcept:
    """The operands in order. Does not fit: too many, or a keyword other than ``out`` and the names of parameters."""
    cdef int k
    if c.nargs > c.op.nin + 1:
        return False
    for k in range(RS_MAX_IN + 1):
        c.operands[k] = NULL
    for k in range(RS_MAX_IN + 1):
        if k >= c.nargs:
            break
        c.operands[k] = c.args[k]
    if c.kwnames != NULL:
        for k in range(<int>PyTuple_GET_SIZE(c.kwnames)):
            if not take_keyword(c, PyTuple_GET_ITEM(c.kwnames, k), c.args[c.nargs + k]):
                return False
    return c.operands[0] != NULL


cdef inline bint take_keyword(fast_call *c, PyObject *name, PyObject *value) noexcept:
    cdef int param
    if name == out_name and c.operands[c.op.nin] == NULL:
        c.operands[c.op.nin] = value
        return True
    for param in range(c.op.params):
        if name == c.op.names[param] and c.operands[c.op.arrays + param] == NULL:
            c.operands[c.op.arrays + param] = value
            return True
    return False


cdef inline bint take_first(fast_call *c) noexcept:
    """The first input says what dtype and shape the others must have."""
    cdef PyArrayObject *first = <PyArrayObject *>c.operands[0]
    cdef int axis
    c.common = layout(c.operands[0])
    if c.common == 0:
        return False
    c.dtype = dtype_of(first)
    if c.dtype < 0:
        return False
    c.typed = &c.op.dtypes[c.dtype]
    if not c.typed.has_kernel:
        return False
    c.n = 1
    for axis in range(PyArray_NDIM(first)):
        c.n *= PyArray_DIMS(first)[axis]
    c.nbytes = c.n * rs_dtypes[c.dtype].itemsize
    c.data[0] = PyArray_DATA(first)
    c.extents[0] = c.nbytes
    return True


cdef inline bint take_numbers(fast_call *c) noexcept:
    """Whether the inputs after the arrays are numbers; where the last one is none, all of them must be arrays.

    The data of a number that is given is NULL until `round_numbers` has rounded it.
    """
    cdef int nin = c.op.nin, k, param
    c.form = RS_ARRAYS
    c.arrays = nin
    if nin == 1 or (c.operands[nin - 1] != NULL and PyArray_CheckExact(c.operands[nin - 1])):
        return True
    c.form = RS_LAST_SCALAR
    c.arrays = c.op.arrays if c.op.params != 0 else nin - 1
    for k in range(c.arrays, nin):
        param = k - c.op.arrays
        if c.operands[k] != NULL:
            if not is_weak(c.op, c.operands[k]):
                return False
            c.data[k] = NULL
        elif param < 0 or not c.typed.has_default[param]:
            return False
        else:
            c.data[k] = &c.typed.defaults[param]
    return True


cdef list widened(fast_call *c):
    """Copies in float32, as operands, of parameters that are arrays of 16-bit floats.

    NumPy's buffers would take several times as long.
    """
    cdef list copies = []
    cdef int k
    cdef rs_fpmode mode
    for k in range(c.op.arrays, c.arrays):
        if (
            c.operands[k] != NULL and PyArray_CheckExact(c.operands[k])
            and dtype_of(<PyArrayObject *>c.operands[k]) == c.dtype
        ):
            mode = rs_fp_enter()
            try:
                copies.append(retried((<object>c.operands[k]).astype, (np.float32,)))
            finally:
                rs_fp_leave(mode)
            c.operands[k] = <PyObject *>copies[-1]
    return copies


cdef inline bint take_arrays(fast_call *c) noexcept:
    """The inputs after the first one that are arrays. The last one may have fewer elements and broadcast."""
    cdef PyArrayObject *first = <PyArrayObject *>c.operands[0]
    cdef PyArrayObject *array
    cdef int last = c.op.nin - 1, k
    c.spread = False
    for k in range(1, c.arrays):
        if c.operands[k] == NULL:
            return False
        array = <PyArrayObject *>c.operands[k]
        c.common &= layout(c.operands[k])
        if c.common == 0 or dtype_of(array) != (RS_f32 if rs_is_float_param(c.row, c.dtype, k) else c.dtype):
            return False
        c.data[k] = PyArray_DATA(array)
        if same_shape(first, array):
            c.extents[k] = c.n * rs_operand_size(c.row, c.dtype, k)
            continue
        if k != last or c.op.params > 1 or not spreads(array, first, &c.shape):
            return False
        c.spread = True
        c.extents[k] = PyArray_SIZE(array) * rs_operand_size(c.row, c.dtype, k)
    return not c.spread or c.common & cnp.NPY_ARRAY_C_CONTIGUOUS != 0


cdef inline bint take_out(fast_call *c) noexcept:
    """Where an array is given for the result, it must be the memory of an input, or touch none of them."""
    cdef PyObject *out = c.operands[c.op.nin]
    cdef PyArrayObject *array = <PyArrayObject *>out
    cdef uintptr_t begin, end
    cdef int k
    c.out = out if out != <PyObject *>None else NULL
    if c.out == NULL:
        return True
    c.common &= layout(out)
    if (
        c.common == 0 or dtype_of(array) != c.dtype or not same_shape(<PyArrayObject *>c.operands[0], array)
        or not PyArray_FLAGS(array) & cnp.NPY_ARRAY_WRITEABLE
        or (c.spread and not c.common & cnp.NPY_ARRAY_C_CONTIGUOUS)
    ):
        return False
    begin = <uintptr_t>PyArray_DATA(array)
    end = begin + c.nbytes
    for k in range(c.arrays):
        # What overlaps in another way is for NumPy's analysis.
        if (
            <uintptr_t>c.data[k] < end and begin < <uintptr_t>c.data[k] + c.extents[k]
            and (<uintptr_t>c.data[k] != begin or c.extents[k] != c.nbytes)
        ):
            return False
    return True


cdef object compute(void *call):
    """Runs the kernel and returns the result, which is allocated here if it was not given."""
    cdef fast_call *c = <fast_call *>call
    cdef PyObject *out = c.out
    if c.form == RS_LAST_SCALAR and not round_numbers(c):
        return general(c.row, c.args, c.nargs, c.kwnames)
    if out == NULL:
        new = new_result(<PyArrayObject *>c.operands[0], not c.common & cnp.NPY_ARRAY_C_CONTIGUOUS, c.nbytes)
        out = <PyObject *>new
    cdef void *to = PyArray_DATA(<PyArrayObject *>out)
    if c.nbytes < RELEASE_GIL_BYTES:
        run(c, to)
    else:
        with nogil:
            run(c, to)
    return <object>out


cdef inline bint round_numbers(fast_call *c) noexcept:
    """The numbers that were given, in the dtype. False where it has not that number: NumPy casts or refuses it."""
    cdef int k
    for k in range(c.arrays, c.op.nin):
        if c.data[k] == NULL:
            c.data[k] = &c.numbers[k - c.arrays]
            if not rs_take_number(
                c.row, c.dtype, k, PyFloat_AS_DOUBLE(c.operands[k]), &c.numbers[k - c.arrays]
            ):
                return False
    return True


cdef inline void run(const fast_call *c, void *to) noexcept nogil:
    if c.spread:
        rs_run_spread(c.row, c.dtype, c.data, to, c.shape.outer, c.shape.mid, c.shape.inner)
    else:
        rs_run(c.row, c.dtype, c.form, c.data, to, c.n)
