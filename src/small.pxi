# SPDX-License-Identifier: BSD-3-Clause
# What rs_call's fast path does not take and NumPy's ufunc takes long for: small arrays of any strides or byte order,
# of no dimension, scalars and lists; and then the ufunc itself, called without a detour. Included by _core.pyx.

cdef enum:
    GATHERED_BYTES = 2048  # of an operand; so many fit the stack of every thread


cdef dict FLOATS_OF = {1: np.float16, 2: np.float32, 4: np.float64, 8: np.float64}  # by the size of an integer


cdef struct gathered:
    char bytes[RS_MAX_IN][GATHERED_BYTES]
    char result[GATHERED_BYTES]


cdef bint in_c_order(PyArrayObject *array) noexcept:
    """Whether NumPy would give a result of this array alone the layout of C."""
    cdef cnp.npy_intp outer = 0, stride
    cdef int axis
    for axis in range(PyArray_NDIM(array) - 1, -1, -1):
        if PyArray_DIMS(array)[axis] != 1:
            stride = abs(PyArray_STRIDES(array)[axis])
            if stride < outer or stride == 0:
                return False
            outer = stride
    return True


cdef void gather(PyArrayObject *array, char *to) noexcept:
    """Copies the elements, in the byte order of this machine, in C order."""
    cdef size_t size = PyArray_ITEMSIZE(array)
    rs_gather(
        to, <const char *>PyArray_DATA(array), PyArray_NDIM(array), <intptr_t *>PyArray_DIMS(array),
        <intptr_t *>PyArray_STRIDES(array), size, PyArray_ISBYTESWAPPED(array))


cdef bint of_numbers(value):
    """Whether it is a number or a list of numbers, of Python's or NumPy's, which np.asarray takes without surprises."""
    if type(value) is list:
        for item in <list>value:
            if type(item) is not float and type(item) is not int:
                return False
        return True
    return isinstance(value, (np.generic, float, int))


cdef object small(int row, PyObject **args, Py_ssize_t nargs):
    """The result of a call on small arrays of one shape and dtype and on numbers as parameters, else None."""
    cdef int arrays = rs_ops[row].arrays, nin = rs_ops[row].nin, k, dtype
    cdef PyArrayObject *first
    cdef PyArrayObject *array
    cdef gathered space
    cdef const void *data[RS_MAX_IN]
    cdef rs_element numbers[RS_MAX_PARAMS]
    cdef size_t n
    if nargs < arrays or nargs > nin:
        return None
    if PyArray_CheckExact(args[0]):
        value = <object>args[0]
    elif arrays == 1 and of_numbers(<object>args[0]):
        value = np.asarray(<object>args[0])
    else:
        return None
    first = <PyArrayObject *>value
    dtype = dtype_of(first)
    n = PyArray_SIZE(first)
    if n * 8 > GATHERED_BYTES:
        return None
    if (
        arrays == 1 and dtype >= 0 and not facts[row].dtypes[dtype].has_kernel
        and rs_dtypes[dtype].dtype_class == RS_INTEGER
    ):
        value = value.astype(FLOATS_OF[rs_dtypes[dtype].itemsize])  # as NumPy's float ufuncs do
        first = <PyArrayObject *>value
        dtype = dtype_of(first)
    if dtype < 0 or not facts[row].dtypes[dtype].has_kernel:
        return None
    for k in range(nin):
        data[k] = space.bytes[k]
        if k >= arrays:
            if k < nargs:
                if not is_weak(&facts[row], args[k]):
                    return None
                if not rs_take_number(row, dtype, k, PyFloat_AS_DOUBLE(args[k]), &numbers[k - arrays]):
                    return None
                data[k] = &numbers[k - arrays]
            elif facts[row].dtypes[dtype].has_default[k - arrays]:
                data[k] = &facts[row].dtypes[dtype].defaults[k - arrays]
            else:
                return None
            continue
        array = first if k == 0 else <PyArrayObject *>args[k]
        if k > 0 and not (
            PyArray_CheckExact(args[k]) and PyArray_TYPE(array) == PyArray_TYPE(first) and same_shape(array, first)
        ):
            return None
        if not in_c_order(array):
            return None
        gather(array, space.bytes[k])
    if PyArray_NDIM(first) == 0:
        if PyArray_ISBYTESWAPPED(first):
            return None
        rs_run(row, dtype, RS_LAST_SCALAR if nin > arrays else RS_ARRAYS, data, space.result, 1)
        return PyArray_ToScalar(space.result, first)
    result = empty(PyArray_NDIM(first), PyArray_DIMS(first), PyArray_TYPE(first), False)
    cdef void *to = PyArray_DATA(<PyArrayObject *>result)
    rs_run(row, dtype, RS_LAST_SCALAR if nin > arrays else RS_ARRAYS, data, to, n)
    return result


cdef object straight(int row, PyObject **args, Py_ssize_t nargs, PyObject *kwnames):
    """The ufunc's result for exact arrays and no parameter that is a number, else None, as for every error.

    An error is worded by `general`, which calls the ufunc again: nothing was written, and no code of others has run.
    """
    cdef PyObject *values[RS_MAX_IN + 1]
    cdef Py_ssize_t k, total = nargs
    cdef int nin = rs_ops[row].nin
    if kwnames != NULL:
        for k in range(PyTuple_GET_SIZE(kwnames)):
            if PyTuple_GET_ITEM(kwnames, k) != out_name and PyTuple_GET_ITEM(kwnames, k) != where_name:
                return None
        total += PyTuple_GET_SIZE(kwnames)
    if nargs < nin or nargs > nin + 1:
        return None
    for k in range(total):
        if not PyArray_CheckExact(args[k]):
            return None
    cdef PyObject *result = PyObject_Vectorcall(<PyObject *>UFUNCS_BY_ROW[row], args, nargs, kwnames)
    if result == NULL:
        PyErr_Clear()
        return None
    made = <object>result
    Py_DECREF(result)
    return made
