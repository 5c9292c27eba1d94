# SPDX-License-Identifier: BSD-3-Clause
"""Where the elements of arrays lie: the one place that knows of broadcasting, slices and orders of axes.

A kernel counts the elements of a shape from 0 to n - 1. An array in which element i lies at place i needs nothing
else. For the others the kernel gets the extents and, for each array, the steps along each axis (`at` in kernel.cl).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

NARROW = 2**31
"""Below this, 32-bit integers count elements, which every GPU divides several times as fast."""


class Layout(NamedTuple):
    """What a kernel must be told of its arrays, `out` first.

    With `offsets`, an array may begin anywhere in its buffer. Of the arrays that are `placed`, element i does not lie
    at place i; then there are `axes`. `wide` says that the places need 64 bits.
    """

    offsets: bool = False
    placed: tuple[bool, ...] = ()
    axes: int = 0
    wide: bool = False


DENSE, DENSE_WITH_OFFSETS = Layout(), Layout(offsets=True)

Strides = tuple[int, ...]


def spread(shape: Sequence[int], own: Sequence[int], strides: Strides) -> Strides:
    """The strides of an array of shape `own` along the axes of a shape that it broadcasts to."""
    missing = len(shape) - len(own)
    return (0,) * missing + tuple(0 if extent == 1 else stride for extent, stride in zip(own, strides, strict=True))


def arrange(
    shape: Sequence[int], strides: Sequence[Strides], *, offsets: bool, ordered: bool = False
) -> tuple[Layout, bytes]:
    """Find the fewest axes for arrays with these strides, in elements, along a shape that is not empty.

    The elements are counted in the order in which the first array has them in memory or, if `ordered`, in C order.
    Returns the layout and the bytes of the kernel's `places`.
    """
    axes = [k for k, extent in enumerate(shape) if extent != 1]
    if not ordered:
        axes.sort(key=lambda k: -abs(strides[0][k]))
    extents: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for k in axes:
        if extents and all(step[-1] == each[k] * shape[k] for step, each in zip(steps, strides, strict=True)):
            extents[-1] *= shape[k]
            for step, each in zip(steps, strides, strict=True):
                step[-1] = each[k]
        else:
            extents.append(shape[k])
            for step, each in zip(steps, strides, strict=True):
                step.append(each[k])
    dense = [1]
    for extent in extents[:0:-1]:
        dense.insert(0, dense[0] * extent)
    placed = tuple(bool(extents) and step != dense for step in steps)
    if not any(placed):
        return (DENSE_WITH_OFFSETS if offsets else DENSE), b""
    reach = [sum(abs(step) * (extent - 1) for step, extent in zip(each, extents, strict=True)) for each in steps]
    wide = max(dense[0] * extents[0], *reach) >= NARROW
    numbers = np.array([*extents, *(step for each in steps for step in each)], np.int64 if wide else np.int32)
    return Layout(offsets, placed, len(extents), wide), numbers.tobytes()


def span(shape: Sequence[int], strides: Strides) -> tuple[int, int]:
    """How far the elements of an array that is not empty lie before its first one, and after it."""
    reach = [stride * (extent - 1) for stride, extent in zip(strides, shape, strict=True)]
    return sum(each for each in reach if each < 0), sum(each for each in reach if each > 0)


def meets_itself(shape: Sequence[int], strides: Strides) -> bool:
    """Whether two elements of an array may lie at the same place."""
    reach = 0
    for stride, extent in sorted((abs(stride), extent) for stride, extent in zip(strides, shape, strict=True)):
        if extent > 1:
            if stride <= reach:
                return True
            reach += stride * (extent - 1)
    return False


def share(one: tuple[int, Sequence[int], Strides, int], other: tuple[int, Sequence[int], Strides, int]) -> bool:
    """Whether two arrays, each an address, a shape, strides in bytes and an itemsize, share memory or may do so.

    NumPy's own judgement of arrays that nobody reads; where it would take long, they are taken to share some.
    """
    most: Any = 1000  # the types of NumPy 2.4 know 0 and -1 alone
    try:
        return np.shares_memory(_Memory(*one).array(), _Memory(*other).array(), max_work=most)
    except np.exceptions.TooHardError:
        return True


class _Memory(NamedTuple):
    """What NumPy takes for an array."""

    address: int
    shape: Sequence[int]
    strides: Strides
    itemsize: int

    def array(self) -> np.ndarray:
        return np.asarray(_Interface(self))


class _Interface:
    def __init__(self, memory: _Memory) -> None:
        self.__array_interface__ = {
            "version": 3,
            "data": (memory.address, True),
            "shape": tuple(memory.shape),
            "strides": memory.strides,
            "typestr": f"|V{memory.itemsize}",
        }
