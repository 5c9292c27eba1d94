# SPDX-License-Identifier: BSD-3-Clause
# relu with one bit per element for the way back. Included by _core.pyx.


cdef tuple plain(str name, str operand, value):
    """`value` as a C-contiguous, aligned, native ndarray, and its row of dtypes.def. TypeError as relu's."""
    cdef int dtype
    value = as_array(name, operand, value)
    dtype = dtype_of(<PyArrayObject *>value)
    if dtype < 0:
        check_kind(name, operand, value.dtype.type)
        value = retried(value.astype, (UFUNCS["relu"].resolve_dtypes((value.dtype, None))[1],))
        dtype = dtype_of(<PyArrayObject *>value)
    if not layout(<PyObject *>value) & cnp.NPY_ARRAY_C_CONTIGUOUS:
        value = retried(np.require, (value, value.dtype.newbyteorder("="), "CA"))
    return value, dtype


cdef object as_array(str name, str operand, value):
    """An exact ndarray. The value's own code may run here, and so before sizes and addresses are read."""
    if PyArray_CheckExact(<PyObject *>value):
        return value
    _foreign.refuse(name, operand, value)
    made = np.asarray(value)
    rs_fp_default()  # that code may have changed the mode, and what follows computes in it
    return made


cdef size_t mask_bytes(size_t n) noexcept:
    return (n + 7) // 8


cdef int check_mask(str name, mask, size_t n) except -1:
    """ValueError unless the exact ndarray has one bit for each of n elements."""
    if (
        PyArray_TYPE(<PyArrayObject *>mask) != cnp.NPY_UINT8 or PyArray_NDIM(<PyArrayObject *>mask) != 1
        or <size_t>PyArray_SIZE(<PyArrayObject *>mask) != mask_bytes(n)
    ):
        raise ValueError(
            f"{name}: mask must be uint8[{mask_bytes(n)}], a bit for each of {n} elements as relu_with_mask makes it, "
            f"not {_describe(mask)}")
    return 0


cdef bint overlap(PyArrayObject *a, PyArrayObject *b) noexcept:
    """Whether two contiguous arrays share memory."""
    cdef uintptr_t first = <uintptr_t>PyArray_DATA(a), second = <uintptr_t>PyArray_DATA(b)
    return first < second + PyArray_NBYTES(b) and second < first + PyArray_NBYTES(a)


cdef bint usable(PyObject *out, PyArrayObject *source) noexcept:
    """Whether a result like contiguous `source` can be written to `out` directly: apart from it, or over all of it."""
    cdef PyArrayObject *array = <PyArrayObject *>out
    return (
        layout(out) & cnp.NPY_ARRAY_C_CONTIGUOUS and PyArray_FLAGS(array) & cnp.NPY_ARRAY_WRITEABLE
        and PyArray_TYPE(array) == PyArray_TYPE(source) and same_shape(array, source)
        and (PyArray_DATA(array) == PyArray_DATA(source) or not overlap(array, source)))


cdef tuple target(str name, out, source):
    """Where to write a result like `source`: contiguous memory apart from it or just its own; then where to copy it."""
    if out is None:
        return new_result(
            <PyArrayObject *>source, False, PyArray_NBYTES(<PyArrayObject *>source)), None
    if usable(<PyObject *>out, <PyArrayObject *>source):
        return out, None
    if not PyArray_Check(<PyObject *>out):
        _foreign.refuse_out(name, out)
        raise TypeError(f"{name}: out must be an array, not {_describe(out)}")
    plain_out = np.ndarray.view(out, np.ndarray)  # a subclass may say anything of itself
    if plain_out.shape != source.shape:
        raise ValueError(f"{name}: out has shape {plain_out.shape}, and the result {source.shape}")
    if not plain_out.flags.writeable:
        raise ValueError(f"{name}: out is read-only")
    if not np.can_cast(source.dtype, plain_out.dtype, "same_kind"):
        raise TypeError(f"{name}: cannot cast the result from {source.dtype} to out's {plain_out.dtype}")
    return new_result(<PyArrayObject *>source, False, PyArray_NBYTES(<PyArrayObject *>source)), out


cdef object finished(result, copy_to):
    if copy_to is None:
        return result[()] if result.ndim == 0 else result
    np.copyto(copy_to, result, casting="same_kind")
    return copy_to


def relu_with_mask(x, *, out=None):
    """relu_with_mask(x, *, out=None)
--

    ReLU, and one bit per element that says where the gradient goes through.

    The mask is all that `relu_backward_from_mask` needs: 32 times smaller than a float32 `x`, and faster to read.

    Parameters
    ----------
    x : array_like
        Input of any shape and layout: a float of 16, 32 or 64 bits or an integer.
    out : tuple of ndarray and ndarray, optional
        ``(y, mask)``, either of which may be None. `y` may be `x`.

    Returns
    -------
    y : ndarray or scalar
        ``relu(x)``.
    mask : ndarray of uint8
        The bytes of ``np.packbits(~(x.ravel() <= 0), bitorder="little")``: a bit for each element in C order,
        which is set for a NaN, too.

    Raises
    ------
    TypeError
        A dtype that is refused (bool, complex, longdouble, object, str), an `out` that is not such a tuple, or a `y`
        of a dtype that the result cannot be cast to.
    ValueError
        `y` of another shape, `mask` of another length or dtype, or one that is read-only. Nothing is written.

    Notes
    -----
    The definition is that of `relu` and `relu_backward`; `relu_simd.reference.relu_with_mask` is the same in
    plain NumPy. Subclasses and array-like containers are taken as plain arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from relu_simd import relu_with_mask, relu_backward_from_mask
    >>> y, mask = relu_with_mask(np.array([-2.0, 3.0, 0.0, 4.0]))
    >>> y, mask
    (array([0., 3., 0., 4.]), array([10], dtype=uint8))
    >>> relu_backward_from_mask(np.array([5.0, 6.0, 7.0, 8.0]), mask)
    array([0., 6., 0., 8.])
    """
    if not PyArray_CheckExact(<PyObject *>x):
        device = on_device((x,))
        if device is not None:
            return device.relu_with_mask(x, out=out)
    cdef rs_fpmode mode = rs_fp_enter()  # NumPy's casts depend on it
    try:
        return with_mask(x, out)
    finally:
        rs_fp_leave(mode)


cdef object with_mask(x, out):
    cdef int dtype
    cdef size_t n
    y = mask = None
    if out is not None:
        if not isinstance(out, tuple) or len(out) != 2:
            raise TypeError(f"relu_with_mask: out must be a tuple (y, mask), not {_describe(out)}")
        y, mask = out
    x, dtype = plain("relu_with_mask", "x", x)
    n = PyArray_SIZE(<PyArrayObject *>x)
    cdef cnp.npy_intp length = mask_bytes(n)
    if mask is None:
        mask = bits = wanted = empty(1, &length, cnp.NPY_UINT8, False)
    else:
        if not PyArray_Check(<PyObject *>mask):
            _foreign.refuse_out("relu_with_mask", mask)
            raise TypeError(f"relu_with_mask: mask must be an array, not {_describe(mask)}")
        wanted = mask if PyArray_CheckExact(<PyObject *>mask) else np.ndarray.view(mask, np.ndarray)
        check_mask("relu_with_mask", wanted, n)
        bits = wanted
        if not wanted.flags.writeable:
            raise ValueError("relu_with_mask: mask is read-only")
        if not wanted.flags.c_contiguous or overlap(<PyArrayObject *>wanted, <PyArrayObject *>x):
            bits = empty(1, &length, cnp.NPY_UINT8, False)
    result, copy_to = target("relu_with_mask", y, x)
    if bits is wanted and overlap(<PyArrayObject *>bits, <PyArrayObject *>result):
        bits = empty(1, &length, cnp.NPY_UINT8, False)
    cdef const void *source = PyArray_DATA(<PyArrayObject *>x)
    cdef void *to = PyArray_DATA(<PyArrayObject *>result)
    cdef uint8_t *to_bits = <uint8_t *>PyArray_DATA(<PyArrayObject *>bits)
    with nogil:
        rs_run_with_mask(dtype, source, to, to_bits, n)
    result = finished(result, copy_to)
    if bits is not wanted:
        wanted[:] = bits
    return result, mask


def relu_backward_from_mask(grad_output, mask, out=None):
    """relu_backward_from_mask(grad_output, mask, out=None)
--

    Gradient of relu from the mask that `relu_with_mask` made: grad_output where the bit is set, 0 elsewhere.

    Parameters
    ----------
    grad_output : array_like
        Gradient of the loss with respect to relu's output, of any layout.
    mask : ndarray of uint8
        One bit for each element in C order, the first lowest.
    out : ndarray, optional
        Where the result goes. May be `grad_output`.

    Returns
    -------
    ndarray or scalar
        `out` if given, else a new array of grad_output's shape and dtype.

    Raises
    ------
    TypeError
        A dtype that is refused (bool, complex, longdouble, object, str), or an `out` that is not an array or has a
        dtype that the result cannot be cast to.
    ValueError
        A mask of another length or dtype, or `out` of another shape or read-only. Nothing is written.

    Notes
    -----
    A gradient whose bit is not set is dropped whatever it is, NaN and infinity too; the others are moved bit for
    bit. `relu_simd.reference.relu_backward_from_mask` is the same in plain NumPy.

    Examples
    --------
    >>> import numpy as np
    >>> from relu_simd import relu_backward_from_mask
    >>> relu_backward_from_mask(np.array([5.0, np.inf, 7.0]), np.array([0b101], np.uint8))
    array([5., 0., 7.])
    """
    if not (PyArray_CheckExact(<PyObject *>grad_output) and PyArray_CheckExact(<PyObject *>mask)):
        device = on_device((grad_output, mask))
        if device is not None:
            return device.relu_backward_from_mask(grad_output, mask, out)
    cdef rs_fpmode mode = rs_fp_enter()  # NumPy's casts depend on it
    try:
        return from_mask(grad_output, mask, out)
    finally:
        rs_fp_leave(mode)


cdef object from_mask(grad_output, mask, out):
    cdef int dtype
    cdef size_t n
    grad_output = as_array("relu_backward_from_mask", "grad_output", grad_output)
    mask = as_array("relu_backward_from_mask", "mask", mask)
    grad_output, dtype = plain("relu_backward_from_mask", "grad_output", grad_output)
    n = PyArray_SIZE(<PyArrayObject *>grad_output)
    check_mask("relu_backward_from_mask", mask, n)
    if not layout(<PyObject *>mask) & cnp.NPY_ARRAY_C_CONTIGUOUS:
        mask = retried(np.ascontiguousarray, (mask,))
    result, copy_to = target("relu_backward_from_mask", out, grad_output)
    if overlap(<PyArrayObject *>mask, <PyArrayObject *>result):
        mask = retried(mask.copy, ())
    cdef const void *source = PyArray_DATA(<PyArrayObject *>grad_output)
    cdef const uint8_t *bits = <const uint8_t *>PyArray_DATA(<PyArrayObject *>mask)
    cdef void *to = PyArray_DATA(<PyArrayObject *>result)
    with nogil:
        rs_run_from_mask(dtype, source, bits, to, n)
    return finished(result, copy_to)
