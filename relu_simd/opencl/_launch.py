# SPDX-License-Identifier: BSD-3-Clause
"""Enqueue a kernel after what its arrays wait for, and let later work on them wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyopencl as cl
from pyopencl.array import Array, to_device

from relu_simd.opencl._kernels import Launcher


class Call(NamedTuple):
    """A call of an elementwise function that was checked; without a launcher there is nothing to compute."""

    out: Array
    inputs: tuple[Array, ...]
    queue: cl.CommandQueue
    launcher: Launcher | None = None
    arguments: tuple[Any, ...] = ()


Events = Sequence[cl.Event] | None


def beside(x: Array, values: np.ndarray) -> Array:
    """Copy a NumPy array to the device of `x`; the copy has its queue."""
    if x.queue is None:
        raise ValueError("an array without a queue: use Array.with_queue(queue)")
    return to_device(x.queue, np.asarray(values, order="C"), allocator=x.allocator)


def sizes(launcher: Launcher, size: int) -> tuple[tuple[int], tuple[int]]:
    """The work items for `size` elements, in all and in a group."""
    return (-(-size // launcher.elements) * launcher.group,), (launcher.group,)


def enqueue(
    launcher: Launcher, queue: cl.CommandQueue, size: int, arguments: Sequence[Any], waited: list[cl.Event]
) -> cl.Event:
    """Enqueue the kernel for `size` elements."""
    launcher.has[0] = None
    event: cl.Event = launcher.kernel(queue, *sizes(launcher, size), *arguments, wait_for=waited)
    return event
