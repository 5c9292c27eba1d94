# SPDX-License-Identifier: BSD-3-Clause
# New arrays; the memory of large ones is recycled (NEP 49). Included by _core.pyx.

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
