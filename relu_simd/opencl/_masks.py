# SPDX-License-Identifier: BSD-3-Clause
"""relu with one bit per element for the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyopencl as cl
from pyopencl.array import Array

from relu_simd._core import _histories, _record
from relu_simd.opencl import _checks
from relu_simd.opencl._kernels import THREAD
from relu_simd.opencl._launch import Events, enqueue
from relu_simd.opencl._placing import placed


def relu_with_mask(
    x: Array,
    *,
    out: tuple[Array | None, Array | None] | None = None,
    queue: cl.CommandQueue | None = None,
    wait_for: Events = None,
) -> tuple[Array, Array]:
    """ReLU, and one bit per element that says where the gradient goes through.

    The mask is all that `relu_backward_from_mask` needs: 32 times smaller than a float32 `x`. Asynchronous: the
    call returns when the work is enqueued.

    Parameters
    ----------
    x : pyopencl.array.Array
        A float of 16, 32 or 64 bits or an integer, of any shape and strides.
    out : tuple of pyopencl.array.Array and pyopencl.array.Array, optional
        ``(y, mask)``, either of which may be None. `y` has the shape and dtype of `x` and may be `x`; `mask` has a byte
        for each 8 elements, and shares no memory with either.
    queue : pyopencl.CommandQueue, optional
        By default that of the first array that has one.
    wait_for : sequence of pyopencl.Event, optional
        Events to wait for, in addition to those of the arrays.

    Returns
    -------
    y : pyopencl.array.Array
        ``relu(x)``; a new array is in C order.
    mask : pyopencl.array.Array of uint8
        A bit for each element in C order, the first in the lowest bit: the bytes of `relu_simd.relu_with_mask`.

    Raises
    ------
    TypeError
        An argument that is not a pyopencl array, a dtype that is refused, an `out` that is not such a tuple, or a `y`
        of another dtype than `x`.
    ValueError
        `y` of another shape, `mask` of another length or dtype, one that is read-only or in memory that partly overlaps
        with an input, or no queue. Nothing is enqueued.
    RuntimeError
        The kernel cannot be built for the device.

    Examples
    --------
    >>> import numpy as np
    >>> import pyopencl as cl
    >>> from relu_simd import opencl
    >>> queue = cl.CommandQueue(cl.Context(opencl.devices()[:1]))
    >>> x = cl.array.to_device(queue, np.array([-2.0, 3.0, 0.0, 4.0], np.float32))
    >>> y, mask = opencl.relu_with_mask(x)
    >>> y.get(), mask.get()
    (array([0., 3., 0., 4.], dtype=float32), array([10], dtype=uint8))
    """
    name = "relu_with_mask"
    if wait_for is not None:
        wait_for = _checks.events(name, wait_for)
    y, mask = _checks.two_outs(name, "(y, mask)", out)
    dtype = _checks.dtype_of(name, ("x", "y"), (x,) if y is None else (x, y), integers=True)
    queue = _checks.a_queue(name, queue, [array for array in (x, y, mask) if isinstance(array, Array)])
    _checks.reachable(name, queue, ("x",), (x,))
    if y is None:
        y = Array(queue, x.shape, x.dtype, allocator=x.allocator)
    else:
        if y.shape != x.shape:
            raise ValueError(f"{name}: out has shape {y.shape}, and the result {x.shape}")
        _checks.reachable(name, queue, ("y",), (y,))
        _checks.writable(name, "y", y)
        _checks.apart(name, "y", y, ("x",), (x,))
    if mask is None:
        mask = Array(queue, (_mask_bytes(x.size),), np.dtype(np.uint8), allocator=x.allocator)
    else:
        _check_mask(name, mask, "x", x.size)
        _checks.reachable(name, queue, ("mask",), (mask,))
        _checks.writable(name, "mask", mask)
        _checks.apart(name, "mask", mask, ("x", "y"), (x, y), exactly=False)
    _run(name, True, dtype, ("y", "x", "mask"), (y, x, mask), queue, wait_for)
    return y, mask


def relu_backward_from_mask(
    grad_output: Array,
    mask: Array,
    out: Array | None = None,
    *,
    queue: cl.CommandQueue | None = None,
    wait_for: Events = None,
) -> Array:
    """Gradient of relu from the mask that `relu_with_mask` made: grad_output where the bit is set, 0 elsewhere.

    Asynchronous: the call returns when the work is enqueued.

    Parameters
    ----------
    grad_output : pyopencl.array.Array
        Gradient of the loss with respect to relu's output, of any strides.
    mask : pyopencl.array.Array of uint8
        One bit for each element in C order, the first in the lowest bit.
    out : pyopencl.array.Array, optional
        Where the result goes: an array of the shape and dtype of `grad_output`, or `grad_output` itself.
    queue : pyopencl.CommandQueue, optional
        By default that of the first array that has one.
    wait_for : sequence of pyopencl.Event, optional
        Events to wait for, in addition to those of the arrays.

    Returns
    -------
    pyopencl.array.Array
        `out` if given, else a new array of grad_output's shape and dtype, in C order.

    Raises
    ------
    TypeError
        An argument that is not a pyopencl array, a dtype that is refused, or an `out` of another dtype.
    ValueError
        A mask of another length or dtype, `out` of another shape, read-only, or in memory that partly overlaps with an
        input, or no queue. Nothing is enqueued.
    RuntimeError
        The kernel cannot be built for the device.

    Examples
    --------
    >>> import numpy as np
    >>> import pyopencl as cl
    >>> from relu_simd import opencl
    >>> queue = cl.CommandQueue(cl.Context(opencl.devices()[:1]))
    >>> grad_output = cl.array.to_device(queue, np.array([5.0, np.inf, 7.0], np.float32))
    >>> mask = cl.array.to_device(queue, np.array([0b101], np.uint8))
    >>> opencl.relu_backward_from_mask(grad_output, mask).get()
    array([5., 0., 7.], dtype=float32)
    """
    name = "relu_backward_from_mask"
    if wait_for is not None:
        wait_for = _checks.events(name, wait_for)
    given = (grad_output,) if out is None else (grad_output, out)
    dtype = _checks.dtype_of(name, ("grad_output", "out"), given, integers=True, among=[("mask", mask)])
    _check_mask(name, mask, "grad_output", grad_output.size)
    queue = _checks.a_queue(name, queue, (grad_output, mask, *given[1:]))
    _checks.reachable(name, queue, ("grad_output", "mask", "out"), (grad_output, mask, *given[1:]))
    if out is None:
        out = Array(queue, grad_output.shape, grad_output.dtype, allocator=grad_output.allocator)
    else:
        _checks.shape_of_out(name, out, grad_output.shape)
        _checks.writable(name, "out", out)
        _checks.apart(name, "out", out, ("grad_output",), (grad_output,))
        _checks.apart(name, "out", out, ("mask",), (mask,), exactly=False)
    _run(name, False, dtype, ("out", "grad_output", "mask"), (out, grad_output, mask), queue, wait_for)
    return out


def _mask_bytes(n: int) -> int:
    return (n + 7) // 8


def _check_mask(name: str, mask: Any, operand: str, n: int) -> None:
    if not isinstance(mask, Array):
        raise _checks.no_array(name, "mask", mask, operand)
    if mask.dtype != np.uint8 or mask.shape != (_mask_bytes(n),):
        raise ValueError(
            f"{name}: mask must be uint8[{_mask_bytes(n)}], a bit for each of {n} elements as relu_with_mask makes it, "
            f"not {mask.dtype}{list(mask.shape)}"
        )


def _run(
    name: str,
    makes: bool,
    dtype: str,
    operands: tuple[str, str, str],
    arrays: tuple[Array, Array, Array],
    queue: cl.CommandQueue,
    wait_for: Events,
) -> None:
    out, given, mask = arrays
    if not given.size:
        return
    (step,) = _checks.steps(name, "mask", mask)
    layout, arguments = placed(name, operands, (out, given), given.shape, ordered=True, others=(mask,))
    before, waited = _histories(arrays, wait_for)
    launcher = THREAD.mask_launcher(name, given.context, queue.device, makes, dtype, layout)
    buffers = [array.base_data for array in arrays]
    _record(before, enqueue(launcher, queue, given.size, (given.size, *buffers, *arguments, step), waited))
