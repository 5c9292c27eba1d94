# SPDX-License-Identifier: BSD-3-Clause
"""From the arrays of a call to the layout that a kernel needs, and what it is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyopencl.array import Array

from relu_simd.opencl import _checks, _layout
from relu_simd.opencl._layout import Layout


def placed(
    name: str,
    operands: Sequence[str],
    arrays: Sequence[Array],
    shape: Sequence[int],
    *,
    ordered: bool = False,
    others: Sequence[Array] = (),
) -> tuple[Layout, list[Any]]:
    """The layout of arrays that broadcast to a shape, the first of which is the result; and the arguments for it.

    Of the `others`, which the kernel gets after them, only the offset counts.
    """
    strides = [
        _layout.spread(shape, array.shape, _checks.steps(name, operand, array))
        for operand, array in zip(operands, arrays, strict=False)
    ]
    offsets = any(array.offset for array in (*arrays, *others))
    layout, places = _layout.arrange(shape, strides, offsets=offsets, ordered=ordered)
    arguments: list[Any] = _checks.whole_elements(name, (*arrays, *others)) if offsets else []
    if layout.axes:
        arguments.append(places)
    return layout, arguments
