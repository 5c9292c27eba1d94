# SPDX-License-Identifier: BSD-3-Clause
# What the C sources, CPython and NumPy have for the module. Included by _core.pyx.

cdef extern from "run/cpu.h":
    size_t rs_cpu_cache_bytes(int level)

cdef extern from "compiler.h":
    int atomic_load "RS_ATOMIC_LOAD"(int *)
    void atomic_store "RS_ATOMIC_STORE"(int *, int)
    void atomic_publish "RS_ATOMIC_STORE"(PyObject **, PyObject *)

cdef extern from "run/dispatch.h":
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

cdef extern from "run/run.h":
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

cdef extern from "run/fpmode.h":
    ctypedef struct rs_fpmode:
        pass
    rs_fpmode rs_fp_enter() noexcept nogil
    void rs_fp_leave(rs_fpmode before) noexcept nogil
    void rs_fp_default() noexcept nogil

cdef extern from "run/parallel.h":
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

cdef extern from "run/ufunc_loop.h":
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
