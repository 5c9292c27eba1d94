# SPDX-License-Identifier: BSD-3-Clause
"""What adds up over axes, in the order of csrc/run/reduce.c: active units, and the gradient of PReLU's weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyopencl as cl
from numpy.lib.array_utils import normalize_axis_tuple
from pyopencl.array import Array

from relu_simd._core import OPS, ROWS, _histories, _record
from relu_simd.opencl import _checks, _layout
from relu_simd.opencl._kernels import THREAD, Operation, needs_fp64
from relu_simd.opencl._launch import Events, enqueue
from relu_simd.opencl._layout import Strides
from relu_simd.opencl._operation import prepare, run

SUMS, UNIT, UNIT_ROWS, COLUMNS = 16, 16384, 64, 128
"""As in csrc/run/reduce.c and csrc/loops/reduce.h; the first two also in reductions.cl."""

_ROW = OPS[ROWS["leaky_relu_backward"]]
_GRADIENT = Operation(_ROW, "prelu_backward", (*_ROW.inputs[:2], "weight"), 2)
"""Of prelu, in whose errors it must have its name."""


def count_active(
    x: Array,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    queue: cl.CommandQueue | None = None,
    wait_for: Events = None,
) -> Array:
    """Count the elements that are positive, for example to find dying ReLUs.

    Asynchronous: the call returns when the work is enqueued.

    Parameters
    ----------
    x : pyopencl.array.Array
        A float of 16, 32 or 64 bits or an integer, of any shape and strides.
    axis : int or tuple of int, optional
        Axes to count along; all of them by default.
    keepdims : bool, optional
        Whether these axes stay, with length 1.
    queue : pyopencl.CommandQueue, optional
        By default that of `x`.
    wait_for : sequence of pyopencl.Event, optional
        Events to wait for, in addition to those of `x`.

    Returns
    -------
    pyopencl.array.Array of int64
        The counts, as `relu_simd.count_active` gives them. Of all axes, an array of shape ().

    Raises
    ------
    TypeError
        An `x` that is not a pyopencl array, or a dtype that is refused.
    numpy.exceptions.AxisError
        An axis that `x` does not have.
    ValueError
        An axis that is given twice, or no queue.
    RuntimeError
        The kernel cannot be built for the device.

    Examples
    --------
    >>> import numpy as np
    >>> import pyopencl as cl
    >>> from relu_simd import opencl
    >>> queue = cl.CommandQueue(cl.Context(opencl.devices()[:1]))
    >>> x = cl.array.to_device(queue, np.array([[-1.0, 2.0, 0.0], [3.0, 4.0, 0.0]]))
    >>> opencl.count_active(x).get()
    array(3)
    >>> opencl.count_active(x, axis=0).get()
    array([1, 2, 0])
    """
    name = "count_active"
    if wait_for is not None:
        wait_for = _checks.events(name, wait_for)
    dtype = _checks.dtype_of(name, ("x",), (x,), integers=True)
    queue = _checks.a_queue(name, queue, (x,))
    _checks.reachable(name, queue, ("x",), (x,))
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    kept = tuple(k for k in range(x.ndim) if k not in axes)
    shape = tuple(1 if k in axes else extent for k, extent in enumerate(x.shape) if keepdims or k in kept)
    counts = Array(queue, shape, np.dtype(np.int64), allocator=x.allocator)
    _reduce(_Work(name, True, dtype, "int64", x.shape, kept), ("x",), (x,), counts, queue, wait_for)
    return counts


def prelu_backward(
    grad_output: Array,
    x: Array,
    weight: Any,
    *,
    out: tuple[Array | None, Array | None] | None = None,
    queue: cl.CommandQueue | None = None,
    wait_for: Events = None,
) -> tuple[Array, Array]:
    """Gradients of prelu with respect to its input and to its weights.

    Asynchronous: the call returns when the work is enqueued.

    Parameters
    ----------
    grad_output : pyopencl.array.Array
        Gradient of the loss with respect to prelu's output; broadcasts with `x`.
    x : pyopencl.array.Array
        Input of prelu: a float of 16, 32 or 64 bits, of any strides.
    weight : number or pyopencl.array.Array
        Slopes on the negative side. An array broadcasts with `x`; it has the dtype of `x` or, together with 16-bit
        floats, that or float32.
    out : tuple of pyopencl.array.Array and pyopencl.array.Array, optional
        ``(grad_x, grad_weight)``, either of which may be None. `grad_x` may be `grad_output` or `x`; `grad_weight`
        shares no memory with the inputs.
    queue : pyopencl.CommandQueue, optional
        By default that of the first array that has one.
    wait_for : sequence of pyopencl.Event, optional
        Events to wait for, in addition to those of the arrays.

    Returns
    -------
    grad_x : pyopencl.array.Array
        ``x > 0 ? grad_output : grad_output * weight``.
    grad_weight : pyopencl.array.Array
        The sum of ``x > 0 ? 0 : grad_output * x`` over the axes along which `weight` was broadcast, in its shape and
        dtype. If `weight` is a number, an array of shape () and of the dtype of `x`.

    Raises
    ------
    TypeError
        An argument that is not a pyopencl array, a dtype that does not fit, or an `out` that is not such a tuple.
    ValueError
        Shapes that do not broadcast, `out` of another shape, read-only, or in memory that partly overlaps with an
        input, no queue, or a device without float64. Nothing is enqueued.
    RuntimeError
        The kernel cannot be built for the device.

    Notes
    -----
    The sum is taken in float64 and rounded once, in the order of `relu_simd.prelu_backward`, so the bytes are the same.
    If several NaNs meet in a sum, it depends on the device which of them the result keeps.

    Examples
    --------
    >>> import numpy as np
    >>> import pyopencl as cl
    >>> from relu_simd import opencl
    >>> queue = cl.CommandQueue(cl.Context(opencl.devices()[:1]))
    >>> x = cl.array.to_device(queue, np.array([[-2.0, 3.0], [4.0, -8.0]]))
    >>> weight = cl.array.to_device(queue, np.array([0.5, 0.25]))
    >>> grad_x, grad_weight = opencl.prelu_backward(x, x, weight)
    >>> grad_weight.get()
    array([ 4., 64.])
    """
    name = "prelu_backward"
    if wait_for is not None:
        wait_for = _checks.events(name, wait_for)
    grad_x, grad_weight = _checks.two_outs(name, "(grad_x, grad_weight)", out)
    operands: tuple[str, ...] = ("grad_output", "x")
    inputs: tuple[Any, ...] = (grad_output, x)
    dtype = _checks.dtype_of(name, operands, inputs, integers=False, among=[("weight", weight)])
    number = _checks.is_number(weight)
    if not number:
        _checks.param_array(name, "weight", weight, "x", x.dtype)
        operands, inputs = (*operands, "weight"), (*inputs, weight)
    shape = _checks.shape_of(name, operands, inputs)
    weight_shape, weight_dtype = ((), x.dtype) if number else (weight.shape, weight.dtype)
    missing = len(shape) - len(weight_shape)
    kept = tuple(k + missing for k, extent in enumerate(weight_shape) if extent == shape[k + missing])
    given = [array for array in (grad_x, grad_weight) if array is not None]
    queue = _checks.a_queue(name, queue, (*inputs, *(array for array in given if isinstance(array, Array))))
    _checks.reachable(name, queue, operands, inputs)
    needs_fp64(name, queue.device, ", in which the gradient of weights is summed")
    if grad_weight is None:
        grad_weight = Array(queue, weight_shape, weight_dtype, allocator=x.allocator)
    else:
        if not isinstance(grad_weight, Array):
            raise _checks.no_array(name, "grad_weight", grad_weight, "x")
        if grad_weight.shape != weight_shape or grad_weight.dtype != weight_dtype:
            raise ValueError(
                f"{name}: grad_weight is {grad_weight.dtype}{list(grad_weight.shape)}, and the result"
                f" {weight_dtype}{list(weight_shape)}"
            )
        if not grad_weight.flags.c_contiguous:
            raise ValueError(f"{name}: grad_weight has strides {grad_weight.strides}; it must be in C order")
        _checks.reachable(name, queue, ("grad_weight",), (grad_weight,))
        _checks.writable(name, "grad_weight", grad_weight)
        others = [(operand, array) for operand, array in zip(operands, inputs, strict=True)]
        if isinstance(grad_x, Array):
            others.append(("grad_x", grad_x))
        names, arrays = zip(*others, strict=True)
        _checks.apart(name, "grad_weight", grad_weight, names, arrays, exactly=False)
    # All is checked before anything is enqueued; then the sums come first, since grad_x may be written over an input.
    gradient = prepare(_GRADIENT, (grad_output, x, weight), grad_x, queue)
    work = _Work(name, False, dtype, weight_dtype.name, shape, kept)
    _reduce(work, ("grad_output", "x"), (grad_output, x), grad_weight, queue, wait_for)
    return run(gradient, wait_for), grad_weight


class _Work(NamedTuple):
    """Which function, of which dtypes; the shape, and the axes of it that stay."""

    name: str
    active: bool
    dtype: str
    result: str
    shape: tuple[int, ...]
    kept: tuple[int, ...]


class _Units(NamedTuple):
    """How the work is cut: the stage that leaves partial sums with its numbers, items and sums, and what adds these."""

    stage: str
    numbers: tuple[int, ...]
    items: int
    partials: int
    total: tuple[int, ...]


def _axes(shape: Sequence[int], kept: Sequence[int]) -> tuple[list[int], tuple[int, int, int]]:
    """The axes in an order in which those that stay adjoin; the elements before these, along them, and after them."""
    kept = [axis for axis in kept if shape[axis] != 1]
    dropped = [axis for axis in range(len(shape)) if axis not in kept and shape[axis] != 1]
    order = list(range(len(shape)))
    if kept and any(kept[0] < axis < kept[-1] for axis in dropped):
        order = [axis for axis in order if axis not in kept] + kept
        dropped_before, dropped_after = dropped, []
    else:
        dropped_before = [axis for axis in dropped if not kept or axis < kept[0]]
        dropped_after = [axis for axis in dropped if kept and axis > kept[0]]
    outer, mid, inner = (math.prod(shape[axis] for axis in axes) for axes in (dropped_before, kept, dropped_after))
    return order, (outer, mid, inner)


def _units(outer: int, mid: int, inner: int) -> _Units:
    if inner == 1 and mid > 1:
        together = COLUMNS // mid if mid < COLUMNS else 1
        rest, rows = outer % together, outer // together
        columns = mid * together
        step = max(UNIT // columns, UNIT_ROWS)
        units = -(-rows // step)
        total = (outer - rest, outer, units, columns, 1, together, mid)
        return _Units("COLUMNS", (rows, columns, step), units * columns, units * columns, total)
    length = outer * mid * inner if mid == 1 else inner
    cuts = -(-length // UNIT)
    units = outer * mid * inner // length * cuts
    total = (0, 0, units // (mid * cuts), mid * cuts, cuts, cuts, 1)
    return _Units("RUNS", (units, cuts, length), units * SUMS, units, total)


def _reduce(
    work: _Work,
    operands: Sequence[str],
    arrays: Sequence[Array],
    result: Array,
    queue: cl.CommandQueue,
    wait_for: Events,
) -> None:
    """Enqueue the sums of arrays that broadcast to a shape, over all its axes but those that stay."""
    name, active, dtype, to, shape, kept = work
    if not result.size:
        return
    before, waited = _histories((*arrays, result), wait_for)
    if not math.prod(shape):
        _record(
            before,
            cl.enqueue_fill_buffer(
                queue, result.base_data, np.zeros(1, np.uint8), result.offset, result.nbytes, wait_for=waited
            ),
        )
        return
    order, extents = _axes(shape, kept)
    strides: list[Strides] = []
    for operand, array in zip(operands, arrays, strict=True):
        own = _layout.spread(shape, array.shape, _checks.steps(name, operand, array))
        strides.append(tuple(own[axis] for axis in order))
    in_order = [shape[axis] for axis in order]
    offsets = any(array.offset for array in (result, *arrays))
    layout, places = _layout.arrange(in_order, strides, offsets=offsets, ordered=True)
    starts = _checks.whole_elements(name, (result, *arrays)) if offsets else []
    axes = [places] if layout.axes else []
    buffers = [array.base_data for array in arrays]
    units = _units(*extents)
    device, context = queue.device, queue.context
    partial = cl.Buffer(context, cl.mem_flags.READ_WRITE, 8 * max(units.partials, 1))
    if units.items:
        first = THREAD.reduction_launcher(name, context, device, units.stage, active, dtype, to, layout)
        waited = [enqueue(first, queue, units.items, (partial, *buffers, *starts[1:], *axes, *units.numbers), waited)]
    last = THREAD.reduction_launcher(name, context, device, "TOTAL", active, dtype, to, layout)
    arguments = (result.base_data, partial, *buffers, *starts, *axes, extents[1], *units.total)
    _record(before, enqueue(last, queue, extents[1], arguments, waited))
