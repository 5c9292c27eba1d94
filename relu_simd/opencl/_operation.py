# SPDX-License-Identifier: BSD-3-Clause
"""From a row of the operation table to the public function: binding, checks, launch, events."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any

import numpy as np
import pyopencl as cl
from pyopencl.array import Array, empty_like

from relu_simd._core import Op, _again, _histories, _record
from relu_simd.opencl import _checks
from relu_simd.opencl._docs import function_doc
from relu_simd.opencl._kernels import THREAD, Operation
from relu_simd.opencl._launch import Call, Events, enqueue
from relu_simd.opencl._layout import DENSE, DENSE_WITH_OFFSETS
from relu_simd.opencl._placing import placed
from relu_simd.opencl._plans import keep
from relu_simd.opencl._source import ARRAY, NUMBER, PACK_BYTES, Input


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
    defaults = {key: default for key, default in zip(row.params, row.defaults, strict=True) if default is not None}

    def function(
        *inputs: Any,
        out: Array | None = None,
        queue: cl.CommandQueue | None = None,
        wait_for: Events = None,
        **named: Any,
    ) -> Array:
        if named or len(inputs) != count:
            inputs, named = _completed(op.inputs, defaults, inputs, named)
        if named or len(inputs) != count:  # binding by signature takes three times as long as a launch
            given = {"out": out, "queue": queue, "wait_for": wait_for}
            named |= {key: value for key, value in given.items() if value is not None}
            try:
                bound = signature.bind(*inputs, **named)
            except TypeError as error:
                raise TypeError(f"{name}() {error}") from None
            bound.apply_defaults()
            *bound_inputs, out, queue, wait_for = bound.args
            inputs = tuple(bound_inputs)
        if wait_for is not None:
            wait_for = _checks.events(name, wait_for)
        if out is None or queue is not None:
            return run(prepare(op, inputs, out, queue), wait_for)
        if _again(THREAD.plans, op, inputs, out, wait_for):
            return out
        call = prepare(op, inputs, out, queue)
        run(call, wait_for)
        keep(op, inputs, out, call)
        return out

    function.__name__ = function.__qualname__ = name
    function.__module__ = "relu_simd.opencl"
    function.__doc__ = function_doc(row)
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.operation = op  # type: ignore[attr-defined]
    return function


def prepare(op: Operation, inputs: tuple[Any, ...], out: Any, queue: Any) -> Call:
    """Check a call, make its result and build its kernel."""
    name = op.name
    pairs = [pair for pair in zip(op.inputs[: op.arrays], inputs, strict=False) if not _checks.is_number(pair[1])]
    operands, arrays = zip(*(pairs or [(op.inputs[0], inputs[0])]), strict=True)
    must = ((*operands, "out"), (*arrays, out)) if out is not None else (operands, arrays)
    dtype = _checks.dtype_of(name, *must, op.row.takes_integers, zip(op.inputs, inputs, strict=True))
    first = arrays[0]
    kinds: tuple[Input, ...] = (ARRAY,)
    numbers: tuple[Any, ...] = ()
    if len(inputs) > 1:
        kinds, numbers = _kinds(op, dtype, inputs, operands[0], first.dtype)
        given = [k for k, kind in enumerate(kinds) if kind.is_array]
        operands, arrays = tuple(op.inputs[k] for k in given), tuple(inputs[k] for k in given)
    queue = _checks.a_queue(name, queue, arrays if out is None else (*arrays, out))
    _checks.reachable(name, queue, operands, arrays)
    shape, strides = first.shape, first.strides
    alike = first.flags.forc and all(array.shape == shape and array.strides == strides for array in arrays[1:])
    if not alike:
        shape = _checks.shape_of(name, operands, arrays)
    if out is None and alike:
        out = empty_like(first, queue)
    elif out is None:
        out = Array(queue, shape, first.dtype, order=_order(shape, arrays), allocator=first.allocator)
    else:
        _checks.shape_of_out(name, out, shape)
        _checks.reachable(name, queue, ("out",), (out,))
        _checks.writable(name, "out", out)
        _checks.apart(name, "out", out, operands, arrays)
    if not out.size:
        return Call(out, arrays, queue)

    buffers, aligned = [], True
    for array in (out, *arrays):
        buffers.append(array.base_data)
        aligned = aligned and array.offset % PACK_BYTES == 0
    if alike and out.strides == strides:
        offsets = any(array.offset for array in (out, *arrays))
        layout = DENSE_WITH_OFFSETS if offsets else DENSE
        where: list[Any] = _checks.whole_elements(name, (out, *arrays)) if offsets else []
    else:
        layout, where = placed(name, ("out", *operands), (out, *arrays), shape)
    launcher = THREAD.launcher(queue.context, queue.device, op, dtype, kinds, layout, aligned)
    return Call(out, arrays, queue, launcher, (out.size, *buffers, *where, *numbers))


def run(call: Call, wait_for: Events) -> Array:
    """Enqueue, and let later work on the arrays wait for it."""
    if call.launcher is not None:
        before, waited = _histories((call.out, *call.inputs), wait_for)
        _record(before, enqueue(call.launcher, call.queue, call.out.size, call.arguments, waited))
    return call.out


def _completed(
    names: tuple[str, ...], defaults: dict[str, Any], inputs: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs that were left out or given by name in their places, where nothing else was given; else all as it was."""
    missing = names[len(inputs) :]
    values = defaults | named
    if named.keys() <= set(missing) <= values.keys():
        return (*inputs, *(values[name] for name in missing)), {}
    return inputs, named


def _order(shape: tuple[int, ...], arrays: tuple[Array, ...]) -> str:
    """F if all arrays of the result's shape are in that order and not in C order, as NumPy chooses it."""
    whole = [array.flags for array in arrays if array.shape == shape]
    return "F" if whole and all(flags.f_contiguous and not flags.c_contiguous for flags in whole) else "C"


def _kinds(
    op: Operation, dtype: str, inputs: tuple[Any, ...], first: str, of_arrays: np.dtype[Any]
) -> tuple[tuple[Input, ...], tuple[Any, ...]]:
    """How the kernel gets each input, and the numbers to pass."""
    kinds, numbers = [], []
    for k, (operand, value) in enumerate(zip(op.inputs, inputs, strict=True)):
        is_number = _checks.is_number(value)
        if is_number:
            kinds.append(NUMBER)
        elif k < op.arrays:
            kinds.append(ARRAY)
        else:
            kinds.append(Input(True, _checks.param_array(op.name, operand, value, first, of_arrays)))
        if is_number and k < op.arrays:
            numbers.append(_checks.element(op.name, operand, value, first, of_arrays))
        elif is_number and of_arrays.kind in "iu":
            numbers.append(_checks.whole_number(op.name, operand, value, of_arrays))
        elif is_number:
            # In float32 beside 16-bit floats too, as on the CPU: rounding it to 16 bits changes results.
            numbers.append(float(value) if dtype == "float64" else np.float32(value))
    return tuple(kinds), tuple(numbers)
