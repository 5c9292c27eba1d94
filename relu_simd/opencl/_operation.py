# SPDX-License-Identifier: BSD-3-Clause
"""From a row of the operation table to the public function: binding, checks, launch, events."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Any

import numpy as np
import pyopencl as cl
from pyopencl.array import Array, empty_like

from relu_simd._core import Op
from relu_simd.opencl import _checks, _source
from relu_simd.opencl._docs import function_doc
from relu_simd.opencl._kernels import THREAD, Operation
from relu_simd.opencl._source import PACK_BYTES, Param

NUMBERS = (int, float, np.integer, np.floating)

Events = Sequence[cl.Event] | None
_recording = threading.Lock()


def operation(row: Op) -> Callable[..., Array]:
    """Make the public function of a row."""
    name, count = row.name, len(row.inputs)
    op = Operation(row, name, row.inputs, len(row.arrays))
    optional = [Parameter(key, Parameter.POSITIONAL_OR_KEYWORD, default=None) for key in ("out", "queue", "wait_for")]
    operands = [Parameter(key, Parameter.POSITIONAL_OR_KEYWORD) for key in row.inputs]
    for k, default in enumerate(row.defaults, len(row.arrays)):
        if default is not None:
            operands[k] = operands[k].replace(default=default)
    signature = inspect.Signature([*operands, *optional])

    def function(
        *inputs: Any,
        out: Array | None = None,
        queue: cl.CommandQueue | None = None,
        wait_for: Events = None,
        **named: Any,
    ) -> Array:
        if named or len(inputs) != count:  # binding by signature takes as long as a launch
            given = {"out": out, "queue": queue, "wait_for": wait_for}
            named |= {key: value for key, value in given.items() if value is not None}
            try:
                bound = signature.bind(*inputs, **named)
            except TypeError as error:
                raise TypeError(f"{name}() {error}") from None
            bound.apply_defaults()
            *bound_inputs, out, queue, wait_for = bound.args
            inputs = tuple(bound_inputs)
        return _run(op, inputs, out, queue, wait_for)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "relu_simd.opencl"
    function.__doc__ = function_doc(row)
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _run(op: Operation, inputs: tuple[Any, ...], out: Any, queue: Any, wait_for: Events) -> Array:
    """Check, enqueue, and let later work on the arrays wait for it."""
    first = inputs[0]
    arrays = inputs[: op.arrays]
    if out is not None:
        arrays = (*arrays, out)
    dtype = _checks.alike(op, arrays)
    params: tuple[Param, ...] = ()
    numbers: tuple[Any, ...] = ()
    if len(inputs) > op.arrays:
        params, weights, numbers = _params(op, dtype, first, inputs)
        inputs = (*inputs[: op.arrays], *weights)
    queue = _checks.a_queue(op, queue, inputs if out is None else (*inputs, out))
    if out is None:
        out = empty_like(first, queue)
    else:
        _checks.output(op, out, inputs)
    _checks.one_context(op, queue, inputs, out)
    size = first.size
    if size == 0:
        return out

    buffers, places, waited, histories = [], [], list(wait_for or ()), []
    for array in (out, *inputs):
        buffers.append(array.base_data)
        places.append(array.offset)
        before = array.events[:]
        histories.append((array.events, before))
        waited += before
    offsets = any(places)
    aligned = not offsets or all(place % PACK_BYTES == 0 for place in places)
    kernel, group, elements = THREAD.launcher(first.context, queue.device, op, dtype, params, offsets, aligned)
    if offsets:
        numbers = (*_checks.whole_elements(op, (out, *inputs)), *numbers)
    groups = -(-size // elements)
    event = kernel(queue, (groups * group,), (group,), size, *buffers, *numbers, wait_for=waited)
    _record(histories, event)
    return out


def _params(
    op: Operation, dtype: str, first: Array, inputs: tuple[Any, ...]
) -> tuple[tuple[Param, ...], tuple[Array, ...], tuple[Any, ...]]:
    """How the kernel gets the parameters, the arrays that some are in, and the numbers to pass after the arrays."""
    params, arrays, numbers = [], [], []
    for k in range(op.arrays, len(inputs)):
        value = inputs[k]
        if isinstance(value, NUMBERS) and not isinstance(value, (bool, np.longdouble)):
            # In float32 beside 16-bit floats too, as on the CPU: rounding it to 16 bits changes results.
            params.append(_source.NUMBER)
            numbers.append(float(value) if dtype == "float64" else np.float32(value))
            continue
        repeats = _checks.param(op, op.inputs[k], value, first)
        params.append(_source.ARRAYS[repeats, value.dtype != first.dtype])
        arrays.append(value)
        if repeats:
            numbers.append(value.size)
    return tuple(params), tuple(arrays), tuple(numbers)


def _record(histories: list[tuple[list[cl.Event], list[cl.Event]]], event: cl.Event) -> None:
    """Let the event stand for those that it waited for, in the list of each array: as it is now, and as it was then.

    Inputs need it as well: a later write to one must not overtake. `Array.add_event` would let the lists
    grow, and every call wait for a dozen events.
    """
    with _recording:
        for events, before in histories:
            if events and events[-1] is event:  # arrays on the same memory share the list
                continue
            events.append(event)
            if before and events[0] is before[0]:  # else another thread's event stands for them
                del events[: len(before)]
