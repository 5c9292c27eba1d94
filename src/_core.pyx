# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3, binding=False, freethreading_compatible=True
"""The compiled core: a ufunc and a fast function for each row of ops.def, and the choice of ISA.

The fast function serves what nearly every call is (exact, contiguous, native ndarrays of one dtype
and shape) without NumPy's machinery; all else goes to the ufunc of the same name.
"""
from _thread import RLock
from collections import namedtuple
import sys
from sys import intern

from cpython.ref cimport Py_INCREF, PyObject
from libc.stddef cimport size_t
from libc.stdint cimport intptr_t, uint8_t, uintptr_t
from libc.string cimport memcpy
cimport numpy as cnp
import numpy as np

from relu_simd import _docs, _foreign

cnp.import_array()
cnp.import_ufunc()


cdef extern from "cpu.h":
    size_t rs_cpu_cache_bytes(int level)

cdef extern from "dispatch.h":
    enum: RS_OPS, RS_CROSSES
    enum: RS_f32
    enum: RS_f64
    enum: RS_bf16
    enum: RS_DTYPES
    enum: RS_HALF
    enum: RS_INTEGER
    enum: RS_MAX_IN
    enum: RS_MAX_PARAMS
    enum: RS_ARRAYS
    enum: RS_LAST_SCALAR
    enum: RS_ACTIVE
    enum: RS_WEIGHT_GRADS
    ctypedef struct rs_op:
        const char *name
        const char *signature
        const char *definition
        const char *summary
        const char *example
        const char *result
        int nin
        int arrays
        int params
        int weight
        int integers
        int arithmetic
        int widen
        int compute
        int accuracy
    const rs_op rs_ops[RS_OPS]
    ctypedef struct rs_dtype:
        const char *name
        size_t itemsize
        int dtype_class
    const rs_dtype rs_dtypes[RS_DTYPES]
    size_t rs_operand_size(int op, int dtype, int k) nogil
    int rs_arrays_in(int op, int form) nogil
    ctypedef union rs_element:
        pass
    bint rs_take_number(int op, int dtype, int k, double number, rs_element *to) nogil
    bint rs_is_float_param(int op, int dtype, int k) nogil
    int rs_has_kernel(int op, int dtype) nogil
    bint rs_needs_mode(int op, int dtype) nogil
    int rs_isa_count()
    const char *rs_isa_name(int row)
    int rs_isa_supported(int row)
    void rs_isa_activate(int row)
    ctypedef struct rs_isa:
        const char *name
    const rs_isa *rs_isa_active()

cdef extern from "run.h":
    void rs_run(int op, int dtype, int form, const void *const *inputs, void *out, size_t n) noexcept nogil
    void rs_run_spread(
        int op, int dtype, const void *const *inputs, void *out, size_t outer, size_t mid, size_t inner) noexcept nogil
    void rs_run_with_mask(int dtype, const void *x, void *out, uint8_t *bits, size_t n) noexcept nogil
    void rs_run_from_mask(int dtype, const void *grad_output, const uint8_t *bits, void *out, size_t n) noexcept nogil
    int rs_run_reduction(
        int reduction, int dtype, const void *const *inputs, size_t outer, size_t mid, size_t inner,
        double *sums) noexcept nogil
    void rs_run_init()
    size_t rs_run_cache_share(const size_t *levels, size_t cpus)
    size_t rs_run_counts_on()
    size_t rs_run_assume_cache(size_t nbytes)
    void rs_copy(void *out, const void *source, size_t nbytes, int stream) noexcept nogil

cdef extern from "fpmode.h":
    ctypedef struct rs_fpmode:
        pass
    rs_fpmode rs_fp_enter() noexcept nogil
    void rs_fp_leave(rs_fpmode before) noexcept nogil
    void rs_fp_default() noexcept nogil

cdef extern from "parallel.h":
    void rs_parallel_init()
    int rs_get_num_threads()
    enum: RS_MAX_THREADS
    void rs_set_num_threads(int n, bint follow)

cdef extern from "memory.h":
    ctypedef struct PyDataMem_Handler:
        pass
    PyDataMem_Handler rs_pool_handler
    enum: RS_POOL_MIN_BYTES
    ctypedef struct rs_pool_info:
        size_t limit
        size_t idle_bytes
        size_t idle_blocks
        size_t recycled
        size_t fresh
    void rs_pool_init()
    int rs_pause_collection()
    void rs_resume_collection(int paused)
    void rs_pool_set_limit(size_t bytes)
    size_t rs_pool_limit()
    void rs_pool_trim()
    rs_pool_info rs_pool_get_info()

cdef extern from "ufunc_loop.h":
    ctypedef struct rs_loop:
        int op
        int dtype
    void rs_gather(
        char *to, const char *start, int ndim, const intptr_t *shape, const intptr_t *strides, size_t size,
        int swapped) noexcept nogil
    void rs_ufunc_loop(char **args, const intptr_t *dimensions, const intptr_t *steps, void *loop) noexcept nogil

cdef extern from "c_api.h":
    enum: RS_API_ROWS
    ctypedef struct rs_api_row:
        const char *name
        const char *arguments
        int dtype
        void *function
    const rs_api_row rs_api_rows[RS_API_ROWS]
    const char *const rs_elem_names[RS_DTYPES]

cdef extern from "methods.h":
    object in_mode "rs_in_mode"(object (*function)(void *), void *context, bint needed)
    ctypedef struct PyMethodDef:
        const char *ml_doc
    PyMethodDef rs_methods[RS_OPS]

cdef extern from "Python.h":
    ctypedef PyObject *(*vectorcallfunc)(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *names)
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf)
    PyObject *PyObject_Vectorcall(PyObject *callable, PyObject *const *args, size_t nargs, PyObject *names)
    int PyLong_Check(PyObject *)
    object PyCFunction_NewEx(PyMethodDef *method, object self, object module_name)
    int PyFloat_Check(PyObject *)
    int PyFloat_CheckExact(PyObject *)
    double PyFloat_AS_DOUBLE(PyObject *)
    Py_ssize_t PyTuple_GET_SIZE(PyObject *)
    PyObject *PyTuple_GET_ITEM(PyObject *, Py_ssize_t)
    object PyCapsule_New(void *pointer, const char *name, void *destructor)
    void PyErr_Clear()
    void Py_DECREF(PyObject *)

# Pointers, not objects: the fast path counts no reference that it need not.
cdef extern from "numpy/arrayobject.h":
    enum: NPY_NTYPES_LEGACY
    ctypedef struct PyArrayObject
    ctypedef struct PyArray_Descr
    int PyArray_Check(PyObject *)
    int PyArray_CheckExact(PyObject *)
    int PyArray_TYPE(PyArrayObject *)
    int PyArray_NDIM(PyArrayObject *)
    int PyArray_FLAGS(PyArrayObject *)
    int PyArray_ISBYTESWAPPED(PyArrayObject *)
    cnp.npy_intp *PyArray_DIMS(PyArrayObject *)
    cnp.npy_intp PyArray_SIZE(PyArrayObject *)
    cnp.npy_intp PyArray_NBYTES(PyArrayObject *)
    int PyArray_ITEMSIZE(PyArrayObject *)
    cnp.npy_intp *PyArray_STRIDES(PyArrayObject *)
    object PyArray_ToScalar(void *data, PyArrayObject *array)
    void *PyArray_DATA(PyArrayObject *)
    object PyArray_EMPTY(int ndim, cnp.npy_intp *dims, int typenum, int fortran)
    PyObject *array_or_null "PyArray_EMPTY"(int ndim, cnp.npy_intp *dims, int typenum, int fortran)
    PyObject *PyDataMem_DefaultHandler
    object PyDataMem_GetHandler()
    object PyDataMem_SetHandler(object handler)

cdef extern from "numpy/ufuncobject.h":
    ctypedef struct PyUFuncObject:
        vectorcallfunc vectorcall
        PyObject *userloops
    ctypedef struct PyUFunc_Loop1d:
        cnp.PyUFuncGenericFunction func
        void *data
        int *arg_types
    int PyUFunc_AddPromoter(object ufunc, object dtypes, object promoter) except -1


# ---------------------------------------------------------------------------------------------
# The table, as Python sees it

class Accuracy(namedtuple("Accuracy", "max_ulp steps crosses")):
    """How far a result may be from the definition.

    `max_ulp` is 0 where every byte is determined: by the definition rounded at most once or, with `steps`, by
    rounding each of its operations in the order that they are written in. A gradient whose factor `crosses` zero has
    an absolute error near there, of the factor's, in place of a relative one.
    """


class Op(namedtuple(
    "Op", "name arrays params defaults weight takes_integers arithmetic widens computes accuracy dtypes definition"
          " summary example result")):
    """A row of csrc/ops.def, which says what the columns mean.

    `arrays` and `params` are names; `defaults` has a number, or None, for each parameter.
    """

    @property
    def inputs(self):
        """The names of all inputs, in order."""
        return self.arrays + self.params

    @property
    def required(self):
        """The names of the inputs that have no default."""
        return self.arrays + tuple(
            name for name, default in zip(self.params, self.defaults, strict=True) if default is None)


def _read_row(int row):
    names, defaults = [], []
    for part in rs_ops[row].signature.decode().split(", "):
        name, _, value = part.partition("=")
        names.append(name)
        defaults.append(float(value) if value else None)
    arrays = rs_ops[row].arrays
    return Op(
        rs_ops[row].name.decode(), tuple(names[:arrays]), tuple(names[arrays:]), tuple(defaults[arrays:]),
        bool(rs_ops[row].weight), bool(rs_ops[row].integers), bool(rs_ops[row].arithmetic),
        bool(rs_ops[row].widen), bool(rs_ops[row].compute),
        Accuracy(
            max(rs_ops[row].accuracy, 0) % RS_CROSSES, rs_ops[row].accuracy < 0, rs_ops[row].accuracy >= RS_CROSSES),
        tuple(rs_dtypes[dtype].name.decode() for dtype in range(RS_DTYPES) if rs_has_kernel(row, dtype)),
        rs_ops[row].definition.decode(), rs_ops[row].summary.decode(),
        rs_ops[row].example.decode(), rs_ops[row].result.decode(),
    )


OPS = tuple(_read_row(row) for row in range(RS_OPS))
ROWS = {op.name: row for row, op in enumerate(OPS)}
DTYPES = tuple(rs_dtypes[dtype].name.decode() for dtype in range(RS_DTYPES))

# NumPy has two types of the same width among its integers; each loop order is its ufuncs' own. bfloat16
# has no number before somebody brings it.
cdef int dtype_of_typenum[NPY_NTYPES_LEGACY]
cdef int bfloat16_typenum = -1
cdef list TYPENUMS = []  # (NumPy's type number, dtype)


def _map_types():
    cdef int typenum
    for typenum in range(NPY_NTYPES_LEGACY):
        dtype_of_typenum[typenum] = -1
    for code in "bBhHiIlLqQefd":
        descr = np.dtype(code)
        dtype_of_typenum[<int>descr.num] = DTYPES.index(descr.name)
        TYPENUMS.append((descr.num, DTYPES.index(descr.name)))


_map_types()


cdef extern from "compiler.h":
    int atomic_load "RS_ATOMIC_LOAD"(int *)
    void atomic_store "RS_ATOMIC_STORE"(int *, int)
    void atomic_publish "RS_ATOMIC_STORE"(PyObject **, PyObject *)


cdef inline int dtype_of(PyArrayObject *array) noexcept:
    """The row of dtypes.def, or -1."""
    return row_of_typenum(PyArray_TYPE(array))


cdef inline int row_of_typenum(int typenum) noexcept:
    if 0 <= typenum < NPY_NTYPES_LEGACY:
        return dtype_of_typenum[typenum]
    return RS_bf16 if typenum == atomic_load(&bfloat16_typenum) else -1


# ---------------------------------------------------------------------------------------------
# What settings.py is made of; it checks the arguments

def _isas():
    """(name, whether this CPU has it) of each instruction set in this build, best first."""
    return tuple((rs_isa_name(row).decode(), bool(rs_isa_supported(row))) for row in range(rs_isa_count()))


def _active_isa():
    return rs_isa_active().name.decode()


def _activate_isa(int row):
    rs_isa_activate(row)


MAX_THREADS = RS_MAX_THREADS


def _num_threads():
    return rs_get_num_threads()


def _use_threads(int n, bint follow=False):
    """Up to n threads from now on; with `follow`, no more than the CPUs that the calling thread may use."""
    rs_set_num_threads(n, follow)


def _pool_info():
    return rs_pool_get_info()


def _limit_pool(size_t nbytes):
    rs_pool_set_limit(nbytes)


def _trim_pool():
    rs_pool_trim()


def _assume_cache(size_t nbytes):
    """For tests: stream from `nbytes` on. Returns what counted as the last-level cache before."""
    return rs_run_assume_cache(nbytes)


def _cache_share(levels, size_t cpus):
    """Bytes of the last-level cache that a process on `cpus` CPUs counts on, from the sizes of levels 1 to 3."""
    cdef size_t[3] sizes = levels
    return rs_run_cache_share(sizes, cpus)


def _counted_cache():
    """Bytes of the last-level cache that this process counts on: results beyond them bypass it."""
    return rs_run_counts_on()


def _cache_bytes(int level):
    """Bytes of the data cache at `level`, 1 to 3; 0 where it is not known."""
    return rs_cpu_cache_bytes(level)


def _copy(cnp.ndarray out, cnp.ndarray source, bint stream):
    """The benchmark's roofline: copies contiguous `source` to `out` on this module's threads, in plain C."""
    if source.nbytes != out.nbytes or not (source.flags.c_contiguous and out.flags.c_contiguous):
        raise ValueError("out and source must be contiguous and of one size")
    cdef void *to = cnp.PyArray_DATA(out)
    cdef const void *origin = cnp.PyArray_DATA(source)
    cdef size_t nbytes = source.nbytes
    with nogil:
        rs_copy(to, origin, nbytes, stream)


# ---------------------------------------------------------------------------------------------
# Recycled output memory (NEP 49)

cdef object pool_handler = PyCapsule_New(&rs_pool_handler, "mem_handler", NULL)


cdef object empty(int ndim, cnp.npy_intp *dims, int typenum, int fortran):
    """An uninitialised array of NumPy's own memory. Before a MemoryError all idle memory is given back."""
    cdef PyObject *array = array_or_null(ndim, dims, typenum, fortran)
    if array == NULL:
        PyErr_Clear()
        rs_pool_trim()
        return PyArray_EMPTY(ndim, dims, typenum, fortran)
    made = <object>array
    Py_DECREF(array)
    return made


cdef object retried(function, tuple args):
    """What the function returns; for NumPy's, which may want memory that lies idle here."""
    try:
        return function(*args)
    except MemoryError:
        rs_pool_trim()
    return function(*args)


cdef object new_result(PyArrayObject *like, int fortran, size_t nbytes):
    """An uninitialised array; a large one from the pool, unless the caller has set a handler of his own."""
    cdef bint pooled = RS_POOL_MIN_BYTES <= nbytes <= rs_pool_limit()
    if not (pooled and PyDataMem_GetHandler() is <object>PyDataMem_DefaultHandler):
        return empty(PyArray_NDIM(like), PyArray_DIMS(like), PyArray_TYPE(like), fortran)
    cdef int paused = rs_pause_collection()  # see there: CPython 3.11 alone needs it
    try:
        PyDataMem_SetHandler(pool_handler)
        return PyArray_EMPTY(PyArray_NDIM(like), PyArray_DIMS(like), PyArray_TYPE(like), fortran)
    finally:
        PyDataMem_SetHandler(<object>PyDataMem_DefaultHandler)
        rs_resume_collection(paused)


# ---------------------------------------------------------------------------------------------
# The ufuncs

cdef enum:
    MAX_LOOPS = 16

cdef rs_loop loops[RS_OPS][RS_DTYPES]
cdef void *loop_data[RS_OPS][MAX_LOOPS]
cdef char loop_types[RS_OPS][MAX_LOOPS * (RS_MAX_IN + 1)]
cdef cnp.PyUFuncGenericFunction loop_functions[MAX_LOOPS]

# bool, as torch refuses it, and what has no safe way into float64.
cdef tuple REFUSED = (
    np.bool_, np.complexfloating, complex, np.longdouble, np.object_, np.flexible, str, np.datetime64,
    np.timedelta64)


cdef int check_kind(name, operand, kind) except -1:
    if issubclass(kind, REFUSED):
        raise TypeError(
            f"{name}: {operand} has dtype {kind.__name__}; use a float of 16, 32 or 64 bits or an integer, "
            f"for example {operand}.astype(np.float32)")
    return 0


cdef int promote(PyObject *ufunc, PyObject **op_dtypes, PyObject **signature, PyObject **new_op_dtypes) except? -1:
    """A promoter in NumPy's sense, asked when no loop fits exactly: names what is refused, and takes ``dtype=``.

    Here each ufunc meets bfloat16 for the first time: from then on it has a loop for it. -1 leaves the choice to NumPy.
    """
    cdef int k, row = ROWS[(<object>ufunc).__name__], nin = rs_ops[row].nin
    for k in range(nin):
        if op_dtypes[k] == NULL:  # a reduction's first operand
            continue
        kind = (<object>op_dtypes[k]).type
        check_kind(OPS[row].name, OPS[row].inputs[k], kind)
        meet(ufunc, kind)
    for k in range(nin + 1):
        if signature[k] != NULL:
            meet(ufunc, (<object>signature[k]).type)
    # The result's dtype, where the caller demands one, says what loop it is. NumPy's own choice would be by the
    # inputs and would not find the loop of a slope function, whose dtypes differ, nor that of bfloat16.
    cdef PyObject *wanted = signature[nin] if signature[nin] != NULL else signature[0]
    if wanted == NULL:
        return -1
    cdef int dtype = row_of_typenum(np.dtype((<object>wanted).type).num)
    if dtype < 0 or not facts[row].dtypes[dtype].has_kernel:
        return -1
    for k in range(nin):
        chosen = <object>wanted
        if signature[k] != NULL:
            chosen = <object>signature[k]
        elif rs_is_float_param(row, dtype, k):
            chosen = type(np.dtype(np.float32))
        Py_INCREF(chosen)
        new_op_dtypes[k] = <PyObject *>chosen
    new_op_dtypes[nin] = NULL  # the inputs tell; and NumPy would give up if nothing were to change
    return 0


cdef int meet(PyObject *ufunc, kind) except -1:
    """Makes bfloat16 known to the ufunc, if the kind is its scalar type."""
    if kind.__name__ == "bfloat16":
        add_bfloat16(<object>ufunc, np.dtype(kind))
    return 0


# NumPy looks for a loop like these in two places, which PyUFunc_RegisterLoopForType fills one after the other: a
# thread that comes in between finds one half. So the half that nobody finds alone is put there first, from here.
cdef PyUFunc_Loop1d bfloat16_loops[RS_OPS]
cdef int bfloat16_types[RS_OPS][RS_MAX_IN + 1]
cdef int knows_bfloat16[RS_OPS]
cdef object bfloat16_lock = RLock()


cdef int add_bfloat16(ufunc, descr) except -1:
    """Give this ufunc its loop for ml_dtypes.bfloat16, whose module is loaded if an array has that dtype.

    Any number of threads may come here at once. Each ufunc gets its loop within a call of its own: where there is no
    GIL, NumPy 2.2 to 2.4 hold a lock of that ufunc meanwhile, without which others must not read its list of loops.
    """
    cdef int k, typenum = descr.num, row = ROWS[ufunc.__name__], paused
    cdef PyUFuncObject *target = <PyUFuncObject *>ufunc
    cdef PyUFunc_Loop1d *loop = &bfloat16_loops[row]
    if atomic_load(&knows_bfloat16[row]) or not rs_has_kernel(row, RS_bf16):
        return 0
    with bfloat16_lock:
        for k in range(rs_ops[row].nin + 1):
            bfloat16_types[row][k] = cnp.NPY_FLOAT32 if rs_is_float_param(row, RS_bf16, k) else typenum
        loop.func = <cnp.PyUFuncGenericFunction>rs_ufunc_loop
        loop.data = &loops[row][RS_bf16]
        loop.arg_types = bfloat16_types[row]
        paused = rs_pause_collection()  # a finaliser may use this ufunc
        try:
            if target.userloops == NULL:
                made = {}
                Py_INCREF(made)  # the ufunc's own
                atomic_publish(&target.userloops, <PyObject *>made)
            (<dict>target.userloops).setdefault(typenum, PyCapsule_New(loop, NULL, NULL))
            cnp.PyUFunc_RegisterLoopForType(ufunc, typenum, loop.func, bfloat16_types[row], loop.data)
        finally:
            rs_resume_collection(paused)
        atomic_store(&bfloat16_typenum, typenum)
        atomic_store(&knows_bfloat16[row], True)
    return 0


cdef object make_ufunc(int row, str doc):
    cdef int nin = rs_ops[row].nin, dtype, count = 0, k
    for dtype in range(RS_DTYPES):
        loops[row][dtype] = rs_loop(row, dtype)
    for typenum, dtype in TYPENUMS:
        if rs_has_kernel(row, dtype):
            loop_functions[count] = <cnp.PyUFuncGenericFunction>rs_ufunc_loop
            loop_data[row][count] = &loops[row][dtype]
            for k in range(nin + 1):
                slope = rs_is_float_param(row, dtype, k)
                loop_types[row][count * (nin + 1) + k] = <char>(cnp.NPY_FLOAT32 if slope else <int>typenum)
            count += 1
    keep_alive.append(doc.encode())
    ufunc = cnp.PyUFunc_FromFuncAndData(
        loop_functions, loop_data[row], loop_types[row], count, nin, 1, cnp.PyUFunc_None,
        rs_ops[row].name, <const char *>keep_alive[-1], 0)
    promoter = PyCapsule_New(<void *>promote, "numpy._ufunc_promoter", NULL)
    PyUFunc_AddPromoter(ufunc, (None,) * (nin + 1), promoter)
    global call_of_numpy
    call_of_numpy = (<PyUFuncObject *>ufunc).vectorcall
    (<PyUFuncObject *>ufunc).vectorcall = <vectorcallfunc>call_ufunc
    return ufunc


cdef vectorcallfunc call_of_numpy  # the same for every ufunc


cdef PyObject *call_ufunc(PyObject *ufunc, PyObject **args, size_t nargsf, PyObject *kwnames) except NULL:
    """A ufunc's call. NumPy would read some objects element by element; and it casts by the floating-point mode."""
    cdef Py_ssize_t k, count = PyVectorcall_NARGS(nargsf)
    cdef PyObject *result
    cdef int row
    for k in range(count):
        if not (PyArray_Check(args[k]) or PyFloat_Check(args[k]) or PyLong_Check(args[k])):
            row = ROWS[(<object>ufunc).__name__]
            if k < rs_ops[row].nin:
                _foreign.refuse(OPS[row].name, OPS[row].inputs[k], <object>args[k])
    cdef rs_fpmode mode = rs_fp_enter()
    result = call_of_numpy(ufunc, args, nargsf, kwnames)
    rs_fp_leave(mode)
    return result


# ---------------------------------------------------------------------------------------------
# The functions

cdef tuple NUMBERS = (int, float, np.integer, np.floating)

cdef PyObject *where_name
cdef list UFUNCS_BY_ROW = []


include "call.pxi"


cdef object general(int row, PyObject **args, Py_ssize_t nargs, PyObject *kwnames):
    """Everything the ufunc can do, by the function's own argument names."""
    cdef general_call c = general_call(row, args, nargs, kwnames)
    return in_mode(general_in_mode, &c, True)  # NumPy's casts depend on it


cdef struct general_call:
    int row
    PyObject **args
    Py_ssize_t nargs
    PyObject *kwnames


cdef object general_in_mode(void *context):
    cdef const general_call *c = <const general_call *>context
    cdef int row = c.row
    cdef PyObject **args = c.args
    cdef PyObject *kwnames = c.kwnames
    cdef Py_ssize_t k, nargs = c.nargs
    result = small(row, args, nargs) if kwnames == NULL else None
    if result is None:
        result = straight(row, args, nargs, kwnames)
    if result is not None:
        return result
    positional = [<object>args[k] for k in range(nargs)]
    keywords = {}
    if kwnames != NULL:
        keywords = {name: <object>args[nargs + k] for k, name in enumerate(<tuple><object>kwnames)}
    op = OPS[row]
    opencl = sys.modules.get("pyopencl.array")  # whoever has such an array has imported it
    if opencl is not None and any(isinstance(value, opencl.Array) for value in (*positional, *keywords.values())):
        from relu_simd import opencl

        return getattr(opencl, op.name)(*positional, **keywords)
    operands = bind(op, positional, keywords)
    try:
        if op.params and not op.weight:
            weaken(op, operands, "dtype" in keywords or "signature" in keywords or "sig" in keywords)
            if any([type(value) is int for value in operands[len(op.arrays):]]):
                return beyond(op, operands, keywords)
        return UFUNCS[op.name](*operands, **keywords)
    except MemoryError:
        # NumPy takes all it needs before it writes; another's object may have begun.
        if rs_pool_get_info().idle_bytes == 0 or not all_of_numpy(operands, keywords):
            raise
    except (TypeError, ValueError, OverflowError) as error:
        explain(error, op, operands, keywords)
        raise
    rs_pool_trim()
    return UFUNCS[op.name](*operands, **keywords)


cdef bint all_of_numpy(operands, dict keywords):
    return all(type(value).__module__ in ("builtins", "numpy") for value in (*operands, *keywords.values()))


cdef bint is_number(value):
    return isinstance(value, NUMBERS) and type(value) not in (bool, np.longdouble)


cdef int weaken(op, list operands, bint demanded) except -1:
    """Makes the parameters that are numbers leave the result the dtype that it would have without them.

    Where a dtype is demanded of an operation that takes integers, that one says what its parameters are.
    """
    cdef int k
    arrays = [value for k, value in enumerate(operands) if k < len(op.arrays) or not is_number(value)]
    dtypes = [np.dtype(np.int64) if type(value) is int else getattr(value, "dtype", None) for value in arrays]
    common = None
    if not (demanded and op.takes_integers) and all(
            [isinstance(dtype, np.dtype) and dtype.kind in "iu" for dtype in dtypes]):
        # Beside integers NumPy would take a Python number for float64.
        common = np.result_type(*dtypes)
        if not op.takes_integers:
            numbers = (np.dtype("f2"),) * len(op.params)
            common = UFUNCS[op.name].resolve_dtypes((common,) * len(op.arrays) + numbers + (None,))[-2]
    for k in range(len(op.arrays), len(operands)):
        if is_number(operands[k]):
            operands[k] = weak(op.inputs[k], operands[k], common)
    return 0


cdef object beyond(op, list operands, dict keywords):
    """A call on integers with a parameter that their dtype cannot hold: rare, and so left to NumPy's comparisons."""
    from relu_simd import reference

    arrays = [np.asarray(value) for value in operands if type(value) is not int]
    common = np.result_type(*arrays)
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    operands = [
        value if type(value) is int else np.broadcast_to(np.asarray(value, common), shape) for value in operands]
    return np.positive(getattr(reference, op.name)(*operands), **keywords)


cdef object weak(str name, number, common):
    """A number in the dtype `common` or, without one, as a Python float; an int where integers cannot hold it."""
    if common is None:
        return float(number)
    if common.kind not in "iu":
        return common.type(number)
    if number != number or number in (float("inf"), -float("inf")) or number != int(number):
        raise TypeError(f"{name}={number} is no whole number, as it must be beside integers")
    limits = np.iinfo(common)
    return common.type(int(number)) if limits.min <= number <= limits.max else int(number)


cdef list bind(op, list positional, dict keywords):
    """The operands in order; keywords keeps what is for the ufunc. TypeError as Python would word it."""
    limit = len(op.inputs) + 1
    if len(positional) > limit:
        raise TypeError(f"{op.name}() takes at most {limit} positional arguments but {len(positional)} were given")
    for name, _ in zip((*op.inputs, "out"), positional):
        if name in keywords:
            raise TypeError(f"{op.name}() got multiple values for argument '{name}'")
    if len(positional) == limit:
        keywords["out"] = positional.pop()
    for name in op.inputs[len(positional):]:
        if name in keywords:
            positional.append(keywords.pop(name))
        elif name not in op.required:
            positional.append(op.defaults[op.params.index(name)])
        else:
            raise TypeError(f"{op.name}() missing required argument: '{name}'")
    return positional


def _describe(value):
    if issubclass(type(value), np.ndarray):  # isinstance would ask the object, and a subclass may say anything
        value = np.ndarray.view(value, np.ndarray)
        return f"{value.dtype}{list(value.shape)}" + ("" if value.flags.writeable else " read-only")
    if type(value) in (bool, str) or issubclass(type(value), (type, np.dtype)):
        return repr(value)[:80]
    return type(value).__name__


def explain(error, op, operands, keywords):
    """Adds what each argument was, by name; the error's type stays, and that of others its text, too."""
    given = dict(zip(op.inputs, operands), **keywords)
    words = ", ".join(f"{name}: {_describe(value)}" for name, value in given.items())
    if all_of_numpy(operands, keywords) and type(error) in (TypeError, ValueError, OverflowError):
        error.args = (f"{error} [{op.name}({words})]",)
    else:
        error.add_note(f"{op.name}({words})")


# ---------------------------------------------------------------------------------------------
# What is no ufunc: a packed mask, or a sum, comes out of it

include "small.pxi"
include "masks.pxi"
include "reductions.pxi"


# ---------------------------------------------------------------------------------------------
# For other compiled code: what c_api.py is made of

def _c_api():
    """(name, signature, capsule as Cython wants it, address) of each function, made anew: once is enough."""
    functions = []
    for row in rs_api_rows[:RS_API_ROWS]:
        element = rs_elem_names[row.dtype]
        param = b"float" if rs_dtypes[row.dtype].dtype_class == RS_HALF else element
        arguments = row.arguments.replace(b"E", element).replace(b"P", param)
        signature = b"void (" + arguments + b", Py_ssize_t)"
        keep_alive.append(signature)
        capsule = PyCapsule_New(<void *>row.function, <const char *>keep_alive[-1], NULL)
        functions.append((row.name.decode(), signature.decode(), capsule, <uintptr_t>row.function))
    return functions


# ---------------------------------------------------------------------------------------------
# Both faces of every row

cdef list keep_alive = []  # strings that C structures point into
UFUNCS = {}
FUNCTIONS = {}


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


cdef void make_all(module):
    global out_name, where_name
    keep_alive.append(intern("out"))
    out_name = <PyObject *>keep_alive[-1]
    keep_alive.append(intern("where"))
    where_name = <PyObject *>keep_alive[-1]
    for row, op in enumerate(OPS):
        learn(row, op)
        UFUNCS[op.name] = make_ufunc(row, _docs.ufunc_doc(op))
        UFUNCS_BY_ROW.append(UFUNCS[op.name])
        keep_alive.append(_docs.function_doc(op).encode())
        rs_methods[row].ml_doc = keep_alive[-1]
        FUNCTIONS[op.name] = PyCFunction_NewEx(&rs_methods[row], module, "relu_simd")
        setattr(module, op.name, FUNCTIONS[op.name])


rs_parallel_init()
rs_pool_init()
rs_run_init()
cdef rs_fpmode importing = rs_fp_enter()  # the defaults are rounded
make_all(sys.modules[__name__])
rs_fp_leave(importing)
__all__ = [*(op.name for op in OPS), "count_active", "prelu_backward", "relu_backward_from_mask", "relu_with_mask"]
