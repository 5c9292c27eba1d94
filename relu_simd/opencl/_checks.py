# SPDX-License-Identifier: BSD-3-Clause
"""What an operation demands of its arrays: TypeError and ValueError that name the operation and the argument."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyopencl as cl
from pyopencl.array import Array

from relu_simd.opencl._kernels import Operation
from relu_simd.opencl._source import FORMATS

READ_ONLY = int(cl.mem_flags.READ_ONLY)
PARENT = cl.mem_info.ASSOCIATED_MEMOBJECT


def alike(op: Operation, arrays: Sequence[Any]) -> str:
    """All must be Arrays of one dtype, shape and order, after the inputs `out` if given; return the dtype's name."""
    first = arrays[0]
    if not isinstance(first, Array):
        raise _no_array(op, op.inputs[0], first)
    dtype, shape, strides = first.dtype, first.shape, first.strides
    known = _known(dtype)
    if known is None:
        raise TypeError(f"{op.name}: {op.inputs[0]} has dtype {dtype}; use one of {', '.join(FORMATS)}")
    if not first.flags.forc:
        raise ValueError(
            f"{op.name}: {op.inputs[0]} has shape {shape} and strides {strides}; only arrays that are contiguous in C"
            " or F order will do"
        )
    for k in range(1, len(arrays)):
        array = arrays[k]
        name = "out" if k == op.arrays else op.inputs[k]
        if not isinstance(array, Array):
            raise _no_array(op, name, array)
        if array.dtype is not dtype and array.dtype != dtype:
            raise TypeError(f"{op.name}: {name} has dtype {array.dtype}, {op.inputs[0]} {dtype}; they must be the same")
        if array.shape != shape:
            raise ValueError(
                f"{op.name}: {name} has shape {array.shape}, {op.inputs[0]} {shape}; they must be the same"
            )
        if array.strides != strides and not _same_order(array, first):
            raise ValueError(
                f"{op.name}: {name} has strides {array.strides}, {op.inputs[0]} {strides}; they must be the same"
            )
    return known


def param(op: Operation, name: str, value: Any, first: Array) -> bool:
    """Check a parameter that is no number; return whether it repeats along the first input."""
    if isinstance(value, np.ndarray):
        raise _no_array(op, name, value)
    if not isinstance(value, Array):
        raise TypeError(f"{op.name}: {name} must be a number or a pyopencl.array.Array, not {type(value).__name__}")
    if value.dtype != first.dtype and (value.dtype != np.float32 or first.dtype.itemsize != 2):
        raise TypeError(
            f"{op.name}: {name} has dtype {value.dtype}, {op.inputs[0]} {first.dtype}; they must be the same"
        )
    if value.shape == first.shape and _same_order(value, first):
        return False
    last_axis = value.shape == first.shape[-1:] and value.flags.c_contiguous and first.flags.c_contiguous
    if value.size == 1 or last_axis:
        return True
    raise ValueError(
        f"{op.name}: {name} has shape {value.shape} and strides {value.strides}, {op.inputs[0]} {first.shape} and"
        f" {first.strides}; use one element, the same shape and order, or for an array in C order one element for each"
        " index of its last axis"
    )


def a_queue(op: Operation, queue: Any, arrays: Sequence[Array]) -> cl.CommandQueue:
    """Return the queue if given, else that of the first array that has one."""
    if queue is not None:
        if not isinstance(queue, cl.CommandQueue):
            raise TypeError(f"{op.name}: queue must be a pyopencl.CommandQueue, not {type(queue).__name__}")
        return queue
    for array in arrays:
        if array.queue is not None:
            return array.queue
    raise ValueError(f"{op.name}: no array has a queue: pass queue=, or use Array.with_queue(queue)")


def one_context(op: Operation, queue: cl.CommandQueue, inputs: Sequence[Array], out: Array) -> None:
    """All must be in the queue's context; those that have the queue are."""
    for k, array in enumerate((*inputs, out)):
        if array.queue is not queue and array.context != queue.context:
            name = op.inputs[k] if k < len(inputs) else "out"
            raise ValueError(f"{op.name}: {name} is in another context than the queue")


def output(op: Operation, out: Array, inputs: Sequence[Array]) -> None:
    """`out` must be writable, and exactly an input or no part of one."""
    buffer = out.base_data
    # Shared virtual memory has no such flag, an empty array no memory.
    if isinstance(buffer, cl.MemoryObjectHolder) and buffer.flags & READ_ONLY:
        raise ValueError(f"{op.name}: out is in a buffer that kernels may only read (READ_ONLY)")
    if not out.size:
        return
    memory, start = _memory(out)
    stop = start + out.nbytes
    for k, array in enumerate(inputs):
        if array is out:
            continue
        other, place = _memory(array)
        shares = other == memory and place < stop and start < place + array.nbytes
        if shares and (place != start or array.shape != out.shape or array.dtype != out.dtype):
            name = op.inputs[k]
            raise ValueError(
                f"{op.name}: out overlaps {name} other than exactly; use memory apart from it, or out={name}"
            )


def whole_elements(op: Operation, arrays: Sequence[Array]) -> list[int]:
    """Count the elements before each array's first one in its buffer."""
    counts = []
    for array in arrays:
        elements, rest = divmod(array.offset, array.dtype.itemsize)
        if rest:
            raise ValueError(f"{op.name}: an array begins at byte {array.offset} of its buffer, within an element")
        counts.append(elements)
    return counts


def _no_array(op: Operation, name: str, value: Any) -> TypeError:
    if isinstance(value, np.ndarray):
        return TypeError(
            f"{op.name}: {name} is a NumPy array: relu_simd.{op.name} computes on those;"
            f" pyopencl.array.to_device(queue, {name}) makes one for here"
        )
    return TypeError(f"{op.name}: {name} must be a pyopencl.array.Array, not {type(value).__name__}")


def _same_order(a: Array, b: Array) -> bool:
    """Whether the elements lie in the same order; the stride of an axis of 1 means nothing."""
    return (a.flags.c_contiguous and b.flags.c_contiguous) or (a.flags.f_contiguous and b.flags.f_contiguous)


@lru_cache(maxsize=64)  # dtype.name takes longer than all other checks together
def _known(dtype: np.dtype[Any]) -> str | None:
    return dtype.name if dtype.isnative and dtype.name in FORMATS else None


def _memory(array: Array) -> tuple[object, int]:
    """The buffer that owns an array's memory, and its first byte there; for shared virtual memory the address."""
    memory: Any = array.base_data
    try:
        parent = memory.get_info(PARENT)
    except AttributeError:
        return "shared virtual memory", memory.svm_ptr + array.offset
    if parent is None:
        return memory, array.offset
    return parent, array.offset + memory.get_info(cl.mem_info.OFFSET)
