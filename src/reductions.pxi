# SPDX-License-Identifier: BSD-3-Clause
# What adds up over axes: active units, and the gradient of PReLU's weights. Included by _core.pyx.


from numpy.lib.array_utils import normalize_axis_tuple


cdef object narrowed(sums, dtype):
    """Float64 sums in a dtype, each rounded once. No overflow is reported: an infinity is data here."""
    cdef Py_ssize_t k, count
    cdef const double *wide
    cdef float *narrow
    if dtype == sums.dtype:
        return sums
    if dtype.num != cnp.NPY_FLOAT32 or not dtype.isnative:
        with np.errstate(all="ignore"):
            return sums.astype(dtype)
    # As astype would, in a tenth of the time that errstate takes.
    result = empty(
        PyArray_NDIM(<PyArrayObject *>sums), PyArray_DIMS(<PyArrayObject *>sums), cnp.NPY_FLOAT32, False)
    count = PyArray_SIZE(<PyArrayObject *>sums)
    wide, narrow = <const double *>PyArray_DATA(<PyArrayObject *>sums), <float *>PyArray_DATA(<PyArrayObject *>result)
    for k in range(count):
        narrow[k] = <float>wide[k]
    return result


cdef object reduce_around(int reduction, int dtype, list arrays, tuple kept):
    """Float64 sums of C-contiguous arrays of one shape over all axes but those in `kept`, as a flat array."""
    cdef const void *data[RS_MAX_IN]
    cdef size_t outer = 1, mid = 1, inner = 1
    cdef int k, done
    shape = arrays[0].shape
    kept = tuple(axis for axis in kept if shape[axis] != 1)
    dropped = [axis for axis in range(len(shape)) if axis not in kept and shape[axis] != 1]
    if kept and any(kept[0] < axis < kept[-1] for axis in dropped):
        # The kept ones in the midst of the others: to the end with them.
        order = [axis for axis in range(len(shape)) if axis not in kept] + list(kept)
        arrays = [retried(np.ascontiguousarray, (array.transpose(order),)) for array in arrays]
        shape = arrays[0].shape
        kept = tuple(range(len(shape) - len(kept), len(shape)))
    for k, extent in enumerate(shape):
        if k in kept:
            mid *= extent
        elif not kept or k < kept[0]:
            outer *= extent
        else:
            inner *= extent
    for k, array in enumerate(arrays):
        data[k] = PyArray_DATA(<PyArrayObject *>array)
    cdef cnp.npy_intp count = mid
    sums = empty(1, &count, cnp.NPY_FLOAT64, False)
    cdef double *to = <double *>PyArray_DATA(<PyArrayObject *>sums)
    with nogil:
        done = rs_run_reduction(reduction, dtype, data, outer, mid, inner, to)
    if not done:
        raise MemoryError("no memory for partial sums")
    return sums


def count_active(x, axis=None, *, keepdims=False):
    """count_active(x, axis=None, *, keepdims=False)
--

    Count the elements that are positive, for example to find dying ReLUs.

    Parameters
    ----------
    x : array_like
        Input of any shape and layout: a float of 16, 32 or 64 bits or an integer.
    axis : int or tuple of int, optional
        Axes to count along; all of them by default.
    keepdims : bool, optional
        Whether these axes stay, with length 1.

    Returns
    -------
    int or ndarray of int
        As ``np.count_nonzero(x > 0, axis, keepdims=keepdims)``. A NaN is not positive.

    Raises
    ------
    TypeError
        A dtype that is refused (bool, complex, longdouble, object, str).
    numpy.exceptions.AxisError
        An axis that `x` does not have.
    ValueError
        An axis that is given twice.

    Notes
    -----
    The counts are exact. `relu_simd.reference.count_active` is the same in plain NumPy. Subclasses and array-like
    containers are taken as plain arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from relu_simd import count_active
    >>> activations = np.array([[-1.0, 2.0, 0.0], [3.0, 4.0, 0.0]])
    >>> print(count_active(activations))
    3
    >>> count_active(activations, axis=0)
    array([1, 2, 0])
    """
    if not PyArray_CheckExact(<PyObject *>x):
        device = on_device((x,))
        if device is not None:
            return device.count_active(x, axis, keepdims=keepdims)
    cdef rs_fpmode mode = rs_fp_enter()  # NumPy's casts depend on it
    try:
        return active_counts(x, axis, keepdims)
    finally:
        rs_fp_leave(mode)


cdef object active_counts(x, axis, bint keep):
    cdef int dtype, done
    x, dtype = plain("count_active", "x", x)
    cdef const void *data = PyArray_DATA(<PyArrayObject *>x)
    cdef size_t n = PyArray_SIZE(<PyArrayObject *>x)
    cdef double count
    if axis is None and not keep:
        with nogil:
            done = rs_run_reduction(RS_ACTIVE, dtype, &data, 1, 1, n, &count)
        if not done:
            raise MemoryError("no memory for partial sums")
        return np.intp(count)
    if type(axis) is int and not keep and n != 0 and (axis == 0 or axis == x.ndim - 1) and x.ndim > 1:
        return count_along(<PyArrayObject *>x, dtype, axis == 0)
    if axis is None:
        kept, shape = (), (1,) * x.ndim
    else:
        axes = normalize_axis_tuple(axis, x.ndim)
        kept = tuple(k for k in range(x.ndim) if k not in axes)
        shape = tuple(1 if k in axes else extent for k, extent in enumerate(x.shape) if keep or k in kept)
    return integers(reduce_around(RS_ACTIVE, dtype, [x], kept)).reshape(shape)[()]


cdef object count_along(PyArrayObject *x, int dtype, bint first):
    """The count along the first axis of a contiguous array that is not empty, or else along the last one."""
    cdef int rest = PyArray_NDIM(x) - 1, done
    cdef cnp.npy_intp *dims = PyArray_DIMS(x)
    cdef size_t extent = dims[0] if first else dims[rest], others = PyArray_SIZE(x) // extent
    cdef const void *data = PyArray_DATA(x)
    counts = empty(rest, dims + first, cnp.NPY_FLOAT64, False)
    cdef double *to = <double *>PyArray_DATA(<PyArrayObject *>counts)
    with nogil:
        done = rs_run_reduction(RS_ACTIVE, dtype, &data, extent if first else 1, others, 1 if first else extent, to)
    if not done:
        raise MemoryError("no memory for partial sums")
    return integers(counts)


cdef object integers(sums):
    """Whole float64 numbers as integers, where they are: there may be many."""
    cdef char *place = <char *>PyArray_DATA(<PyArrayObject *>sums)
    cdef double number
    cdef cnp.npy_intp whole
    cdef Py_ssize_t k
    if sizeof(cnp.npy_intp) != sizeof(double):
        return sums.astype(np.intp)
    for k in range(PyArray_SIZE(<PyArrayObject *>sums)):
        memcpy(&number, place, sizeof(number))
        whole = <cnp.npy_intp>number
        memcpy(place, &whole, sizeof(whole))
        place += sizeof(whole)
    return sums.view(np.intp)


cdef bint usual(PyObject *grad_output, PyObject *x, PyObject *weight) noexcept:
    """Contiguous float arrays, two of one shape and dtype, and weights along adjoining axes of theirs."""
    cdef spreading shape
    cdef int dtype
    if not layout(grad_output) & layout(x) & layout(weight) & cnp.NPY_ARRAY_C_CONTIGUOUS:
        return False
    dtype = dtype_of(<PyArrayObject *>x)
    return (
        dtype >= 0 and rs_dtypes[dtype].dtype_class != RS_INTEGER and dtype_of(<PyArrayObject *>grad_output) == dtype
        and (dtype_of(<PyArrayObject *>weight) == dtype or dtype_of(<PyArrayObject *>weight) == RS_f32
             and rs_dtypes[dtype].dtype_class == RS_HALF)
        and same_shape(<PyArrayObject *>grad_output, <PyArrayObject *>x)
        and spreads(<PyArrayObject *>weight, <PyArrayObject *>x, &shape))


cdef object weight_gradient(grad_output, x, weight):
    """For arrays that are `usual`."""
    cdef const void *data[RS_MAX_IN]
    cdef spreading shape
    cdef int done, dtype = dtype_of(<PyArrayObject *>x)
    spreads(<PyArrayObject *>weight, <PyArrayObject *>x, &shape)
    data[0] = PyArray_DATA(<PyArrayObject *>grad_output)
    data[1] = PyArray_DATA(<PyArrayObject *>x)
    sums = empty(
        PyArray_NDIM(<PyArrayObject *>weight), PyArray_DIMS(<PyArrayObject *>weight), cnp.NPY_FLOAT64, False)
    cdef double *to = <double *>PyArray_DATA(<PyArrayObject *>sums)
    with nogil:
        done = rs_run_reduction(RS_WEIGHT_GRADS, dtype, data, shape.outer, shape.mid, shape.inner, to)
    if not done:
        raise MemoryError("no memory for partial sums")
    return narrowed(sums, weight.dtype)


def prelu_backward(grad_output, x, weight, *, out=None):
    """prelu_backward(grad_output, x, weight, *, out=None)
--

    Gradients of prelu with respect to its input and to its weights.

    Parameters
    ----------
    grad_output : array_like
        Gradient of the loss with respect to prelu's output; broadcasts with `x`.
    x : array_like
        Input of prelu: a float of 16, 32 or 64 bits, or an integer, which becomes one.
    weight : array_like
        Slopes on the negative side. Their shape broadcasts with that of `x`.
    out : tuple of ndarray and ndarray, optional
        ``(grad_x, grad_weight)``, either of which may be None. `grad_x` may be `grad_output` or `x`.

    Returns
    -------
    grad_x : ndarray or scalar
        ``x > 0 ? grad_output : grad_output * weight``.
    grad_weight : ndarray or scalar
        The sum of ``x > 0 ? 0 : grad_output * x`` over the axes along which `weight` was broadcast, in its
        shape and, where it is a float array, its dtype.

    Raises
    ------
    TypeError
        A dtype that is refused (bool, complex, longdouble, object, str), an `out` that is not such a tuple, or arrays
        in `out` of a dtype that the results cannot be cast to.
    ValueError
        Shapes that do not broadcast, or `out` of another shape or read-only.

    Notes
    -----
    The sum is taken in float64, where the products of narrower floats are exact, and rounded once. Its order
    depends on the shape alone, so the bytes are the same on every instruction set and for every number of threads.
    `relu_simd.reference.prelu_backward` is the same in plain NumPy, up to that order.

    Examples
    --------
    >>> import numpy as np
    >>> from relu_simd import prelu_backward
    >>> x = np.array([[-2.0, 3.0], [4.0, -8.0]])
    >>> grad_x, grad_weight = prelu_backward(np.ones_like(x), x, np.array([0.5, 0.25]))
    >>> grad_x
    array([[0.5 , 1.  ],
           [1.  , 0.25]])
    >>> grad_weight
    array([-2., -8.])
    """
    if not (PyArray_CheckExact(<PyObject *>grad_output) and PyArray_CheckExact(<PyObject *>x)
            and PyArray_CheckExact(<PyObject *>weight)):
        device = on_device((grad_output, x, weight))
        if device is not None:
            return device.prelu_backward(grad_output, x, weight, out=out)
    cdef rs_fpmode mode = rs_fp_enter()  # NumPy's casts depend on it
    try:
        return both_gradients(grad_output, x, weight, out)
    finally:
        rs_fp_leave(mode)


cdef object both_gradients(grad_output, x, weight, out):
    cdef int dtype
    grad_x = grad_weight = None
    if out is not None:
        if not isinstance(out, tuple) or len(out) != 2:
            raise TypeError(f"prelu_backward: out must be a tuple (grad_x, grad_weight), not {_describe(out)}")
        grad_x, grad_weight = out
    if usual(<PyObject *>grad_output, <PyObject *>x, <PyObject *>weight):
        sums = weight_gradient(grad_output, x, weight)
        if grad_weight is not None:
            target("prelu_backward", grad_weight, sums)  # refused before anything is written
        grad_x = FUNCTIONS["leaky_relu_backward"](grad_output, x, weight, out=grad_x)
        return grad_x, finished(sums, grad_weight)
    given = [as_array("prelu_backward", name, value) for name, value in (("grad_output", grad_output), ("x", x))]
    weights = as_array("prelu_backward", "weight", weight)
    for operand, array in zip(("grad_output", "x", "weight"), (*given, weights)):
        check_kind("prelu_backward", operand, array.dtype.type)
    try:
        shape = np.broadcast_shapes(given[0].shape, given[1].shape, weights.shape)
        common = np.result_type(*(
            value if type(value) in (int, float) else array for value, array in zip((grad_output, x), given)))
        number = type(weight) in (int, float)
        resolved = UFUNCS["prelu"].resolve_dtypes((common, float if number else weights.dtype, None))
    except (TypeError, ValueError) as error:
        error.add_note(
            f"prelu_backward(grad_output: {_describe(given[0])}, x: {_describe(given[1])}, "
            f"weight: {_describe(weights)})")
        raise
    both, dtype = [], -1
    for value in given:
        value, dtype = plain("prelu_backward", "x", np.broadcast_to(value.astype(resolved[0], copy=False), shape))
        both.append(value)
    offset = len(shape) - weights.ndim
    kept = tuple(k + offset for k, extent in enumerate(weights.shape) if extent == shape[k + offset])
    weight_dtype = resolved[-1] if number or weights.dtype.kind in "iu" else weights.dtype
    sums = narrowed(reduce_around(RS_WEIGHT_GRADS, dtype, both, kept), weight_dtype).reshape(weights.shape)
    target("prelu_backward", grad_weight, sums)  # refused before anything is written
    grad_x = FUNCTIONS["leaky_relu_backward"](*both, weights.astype(resolved[1], copy=False), out=grad_x)
    return grad_x, finished(sums, grad_weight)
