# SPDX-License-Identifier: BSD-3-Clause
"""Enqueue a kernel after what its arrays wait for, and let later work on them wait for it."""

from __future__ import annotations

import threading
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
Histories = list[tuple[list[cl.Event], list[cl.Event]]]
_recording = threading.Lock()


def beside(x: Array, values: np.ndarray) -> Array:
    """Copy a NumPy array to the device of `x`; the copy has its queue."""
    if x.queue is None:
        raise ValueError("an array without a queue: use Array.with_queue(queue)")
    return to_device(x.queue, np.asarray(values, order="C"), allocator=x.allocator)


def histories(arrays: Sequence[Array], wait_for: Events) -> tuple[Histories, list[cl.Event]]:
    """The list of events of each array with what is in it now; and all that is to be waited for."""
    found, waited = [], list(wait_for or ())
    for array in arrays:
        before = array.events[:]
        found.append((array.events, before))
        waited += before
    return found, waited


def enqueue(
    launcher: Launcher, queue: cl.CommandQueue, size: int, arguments: Sequence[Any], waited: list[cl.Event]
) -> cl.Event:
    """Enqueue the kernel for `size` elements."""
    launcher.serial[0] = 0
    groups = -(-size // launcher.elements)
    event: cl.Event = launcher.kernel(queue, (groups * launcher.group,), (launcher.group,), *arguments, wait_for=waited)
    return event


def record(before: Histories, event: cl.Event) -> None:
    """Let the event stand for those that it waited for, in the list of each array: as it is now, and as it was then.

    Inputs need it as well: a later write to one must not overtake. `Array.add_event` would let the lists
    grow, and every call wait for a dozen events.
    """
    with _recording:
        for events, waited in before:
            if events and events[-1] is event:  # arrays on the same memory share the list
                continue
            events.append(event)
            if waited and events[0] is waited[0]:  # else another thread's event stands for them
                del events[: len(waited)]
