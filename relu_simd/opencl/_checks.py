# SPDX-License-Identifier: BSD-3-Clause
"""What a function demands of its arrays: TypeError and ValueError that name the function and the argument."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pyopencl as cl
from pyopencl.array import Array

from relu_simd import _foreign
from relu_simd.opencl import _layout
from relu_simd.opencl._layout import Strides
from relu_simd.opencl._source import FORMATS, INTEGERS

NUMBERS = (int, float, np.integer, np.floating)
READ_ONLY = int(cl.mem_flags.READ_ONLY)
PARENT = cl.mem_info.ASSOCIATED_MEMOBJECT


def is_number(value: Any) -> bool:
    """Whether it is one that may stand for a parameter, or for one of two arrays."""
    return isinstance(value, NUMBERS) and not isinstance(value, (bool, np.longdouble))


def dtype_of(
    name: str, operands: Sequence[str], arrays: Sequence[Any], integers: bool, among: Iterable[tuple[str, Any]] = ()
) -> str:
    """All must be Arrays of one dtype that the function takes; return its name.

    They are `among` all operands, one of which an error may name.
    """
    for operand, array in zip(operands, arrays, strict=False):
        if not isinstance(array, Array):
            others = chain(zip(operands, arrays, strict=False), among)
            raise no_array(name, operand, array, next((key for key, it in others if isinstance(it, Array)), None))
    dtype = arrays[0].dtype
    known = _known(dtype)
    if known is None or not (integers or known in FORMATS):
        takes = [*FORMATS, *(INTEGERS if integers else ())]
        raise TypeError(f"{name}: {operands[0]} has dtype {dtype}; use one of {', '.join(takes)}")
    for operand, array in zip(operands[1:], arrays[1:], strict=False):
        if array.dtype is not dtype and array.dtype != dtype:
            raise TypeError(f"{name}: {operand} has dtype {array.dtype}, {operands[0]} {dtype}; they must be the same")
    return known


def shape_of(name: str, operands: Sequence[str], arrays: Sequence[Array]) -> tuple[int, ...]:
    """The shape that all broadcast to."""
    shape: tuple[int, ...] = arrays[0].shape
    for operand, array in zip(operands[1:], arrays[1:], strict=False):
        if array.shape != shape:
            try:
                shape = np.broadcast_shapes(shape, array.shape)
            except ValueError:
                raise ValueError(
                    f"{name}: {operand} has shape {array.shape}, {operands[0]} {arrays[0].shape}; they do not broadcast"
                ) from None
    return shape


def shape_of_out(name: str, out: Array, shape: tuple[int, ...]) -> None:
    """The shape of `out` must be that of the result."""
    if out.shape != shape:
        raise ValueError(f"{name}: out has shape {out.shape}, the result {shape}; they must be the same")


def param_array(name: str, operand: str, value: Any, first: str, dtype: np.dtype[Any]) -> bool:
    """Check a parameter that is no number; return whether it is of float32 beside 16-bit floats."""
    if isinstance(value, np.ndarray):
        raise no_array(name, operand, value, first)
    if not isinstance(value, Array):
        raise TypeError(f"{name}: {operand} must be a number or a pyopencl.array.Array, not {type(value).__name__}")
    if value.dtype == dtype:
        return False
    if value.dtype != np.float32 or dtype.itemsize != 2 or dtype.kind in "iu":
        raise TypeError(f"{name}: {operand} has dtype {value.dtype}, {first} {dtype}; they must be the same")
    return True


def whole_number(name: str, operand: str, value: Any, dtype: np.dtype[Any]) -> int:
    """A parameter beside integers must be a whole number that their dtype can hold."""
    if value != value or value in (float("inf"), -float("inf")) or value != int(value):
        raise TypeError(f"{name}: {operand}={value} is no whole number, as it must be beside integers")
    limits = np.iinfo(dtype)
    if not limits.min <= value <= limits.max:
        raise OverflowError(f"{name}: {operand}={value} is out of bounds for {dtype}")
    return int(value)


def element(name: str, operand: str, value: Any, first: str, dtype: np.dtype[Any]) -> Any:
    """The bits of a number in an array's place; a TypeError where NumPy would give the result another dtype."""
    if isinstance(value, np.generic):
        if value.dtype != dtype:
            raise TypeError(f"{name}: {operand} has dtype {value.dtype}, {first} {dtype}; they must be the same")
    elif dtype.kind in "iu" and not isinstance(value, int):
        raise TypeError(f"{name}: {operand} is a {type(value).__name__}, {first} has dtype {dtype}; use an int")
    if dtype.kind in "iu":
        value = whole_number(name, operand, value, dtype)
    return np.asarray(value, dtype).view(f"u{dtype.itemsize}")[()]


def a_queue(name: str, queue: Any, arrays: Sequence[Array]) -> cl.CommandQueue:
    """Return the queue if given, else that of the first array that has one."""
    if queue is not None:
        if not isinstance(queue, cl.CommandQueue):
            raise TypeError(f"{name}: queue must be a pyopencl.CommandQueue, not {type(queue).__name__}")
        return queue
    for array in arrays:
        if array.queue is not None:
            return array.queue
    raise ValueError(f"{name}: no array has a queue: pass queue=, or use Array.with_queue(queue)")


def reachable(name: str, queue: cl.CommandQueue, operands: Sequence[str], arrays: Sequence[Array]) -> None:
    """All must be in the queue's context, as those that have the queue are, and lie within their buffers."""
    for operand, array in zip(operands, arrays, strict=False):
        if array.queue is not queue and array.context != queue.context:
            raise ValueError(f"{name}: {operand} is in another context than the queue")
        if not array.size:
            continue
        low, high = _reach(array)
        if array.offset + low < 0 or array.offset + high > getattr(array.base_data, "size", sys.maxsize):
            raise ValueError(f"{name}: {operand} has elements beyond its buffer")


def events(name: str, wait_for: Any) -> list[cl.Event]:
    """What was given to wait for. Of something else pyopencl says that a cast was bad."""
    try:
        found = list(wait_for)
    except TypeError:
        raise _no_events(name, wait_for) from None
    for event in found:
        if not isinstance(event, cl.Event):
            raise _no_events(name, event)
    return found


def _no_events(name: str, value: Any) -> TypeError:
    return TypeError(f"{name}: wait_for must be a sequence of events (pyopencl.Event), not {type(value).__name__}")


def writable(name: str, operand: str, out: Array) -> None:
    """What is written must not be read-only, and no two of its elements may be one."""
    buffer = out.base_data
    # Shared virtual memory has no such flag, an empty array no memory.
    if isinstance(buffer, cl.MemoryObjectHolder) and buffer.flags & READ_ONLY:
        raise ValueError(f"{name}: {operand} is in a buffer that kernels may only read (READ_ONLY)")
    if not out.flags.forc and _layout.meets_itself(out.shape, out.strides):
        raise ValueError(f"{name}: {operand} has strides {out.strides}, with which elements may lie upon each other")


def apart(
    name: str, written: str, out: Array, operands: Sequence[str], arrays: Sequence[Array], exactly: bool = True
) -> None:
    """What is written must share no memory with an input, unless it is `exactly` that input, element for element."""
    if not out.size:
        return
    memory, start = _memory(out)
    low, high = _reach(out)
    for operand, array in zip(operands, arrays, strict=True):
        if (array is out and exactly) or not array.size:
            continue
        other, place = _memory(array)
        if other != memory:
            continue
        below, above = _reach(array)
        if place + below >= start + high or start + low >= place + above:
            continue
        alike = place == start and array.shape == out.shape and array.dtype == out.dtype and _same_order(array, out)
        if exactly and alike:
            continue
        if (out.flags.forc and array.flags.forc) or _layout.share(_as_memory(start, out), _as_memory(place, array)):
            what = "other than exactly" if exactly else "which it must not"
            raise ValueError(f"{name}: {written} overlaps {operand} {what}; use memory apart from it")


def steps(name: str, operand: str, array: Array) -> Strides:
    """The strides of an array in elements."""
    itemsize = array.dtype.itemsize
    if any(stride % itemsize for stride in array.strides):
        raise ValueError(f"{name}: {operand} has strides {array.strides}, of parts of elements of {itemsize} bytes")
    return tuple(stride // itemsize for stride in array.strides)


def whole_elements(name: str, arrays: Sequence[Array]) -> list[int]:
    """Count the elements before each array's first one in its buffer."""
    counts = []
    for array in arrays:
        elements, rest = divmod(array.offset, array.dtype.itemsize)
        if rest:
            raise ValueError(f"{name}: an array begins at byte {array.offset} of its buffer, within an element")
        counts.append(elements)
    return counts


def no_array(name: str, operand: str, value: Any, beside: str | None = None) -> TypeError:
    """The error for what is no Array; `beside` names an operand of the same call that is one."""
    if not isinstance(value, np.ndarray):
        return TypeError(f"{name}: {operand} must be a pyopencl.array.Array, not {type(value).__name__}")
    if beside is None:
        return TypeError(
            f"{name}: {operand} is a NumPy array: relu_simd.{name} computes on those;"
            f" pyopencl.array.to_device(queue, {operand}) makes one for here"
        )
    return TypeError(_foreign.two_kinds(name, operand, beside))


def _same_order(a: Array, b: Array) -> bool:
    """Whether the elements of two arrays of one shape lie alike; the stride of an axis of 1 means nothing."""
    return all(extent == 1 or one == other for extent, one, other in zip(a.shape, a.strides, b.strides, strict=True))


@lru_cache(maxsize=64)  # dtype.name takes longer than all other checks together
def _known(dtype: np.dtype[Any]) -> str | None:
    return dtype.name if dtype.isnative and (dtype.name in FORMATS or dtype.name in INTEGERS) else None


def _reach(array: Array) -> tuple[int, int]:
    """The first byte of an array that is not empty, and the one after its last, counted from its first element."""
    if array.flags.forc:
        return 0, array.nbytes
    low, high = _layout.span(array.shape, array.strides)
    return low, high + array.dtype.itemsize


def _as_memory(start: int, array: Array) -> tuple[int, tuple[int, ...], Strides, int]:
    # Away from 0, which is no address, and from what lies before the first element.
    return start + (1 << 48), array.shape, array.strides, array.dtype.itemsize


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


def two_outs(name: str, wanted: str, out: Any) -> tuple[Any, Any]:
    """What was given for both results, None for what was not."""
    if out is None:
        return None, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(f"{name}: out must be a tuple {wanted}, not {type(out).__name__}")
    return out
