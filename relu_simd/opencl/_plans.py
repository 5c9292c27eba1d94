# SPDX-License-Identifier: BSD-3-Clause
"""Calls that come again with the same arrays: what was checked once need not be checked a second time.

The checks ask OpenCL for much that cannot change, and take three times as long as the launch. A plan keeps what they
found for as long as all its arrays live, and holds only if no attribute that was looked at has been set anew. A thread
has its own plans, because it has its own kernel objects.
"""

from __future__ import annotations

import itertools
import math
import weakref
from typing import Any

from pyopencl import enqueue_nd_range_kernel as enqueue

from relu_simd.opencl._kernels import KEPT, NUMBERS, THREAD, Operation
from relu_simd.opencl._launch import Call, Events, record

_serials = itertools.count(1)
Key = tuple[Any, ...]


class Plan:
    """A call without its arrays: these are held weakly, so that it keeps no memory of a device alive after them."""

    __slots__ = ("arguments", "global_size", "launcher", "local_size", "queue", "seen", "serial")

    def __init__(self, call: Call, key: Key, plans: dict[Key, Plan]) -> None:
        launcher = call.launcher
        assert launcher is not None

        def forget(_: object) -> None:
            plans.pop(key, None)

        self.launcher, self.queue, self.arguments = launcher, call.queue, call.arguments
        self.global_size = (-(-call.out.size // launcher.elements) * launcher.group,)
        self.local_size = (launcher.group,)
        self.seen = [
            (
                weakref.ref(array, forget),
                array.base_data,
                array.offset,
                array.shape,
                array.strides,
                array.dtype,
                array.queue,
            )
            for array in (call.out, *call.inputs)
        ]
        self.serial = next(_serials)

    def run(self, wait_for: Events) -> bool:
        """Enqueue, unless one of the arrays is not as it was; a kernel that has the arguments gets them no second time.

        The loop is `histories` of _launch.py and the comparison in one: it is the shortest that was found.
        """
        waited = list(wait_for) if wait_for else []
        before = []
        for reference, buffer, offset, shape, strides, dtype, queue in self.seen:
            array = reference()
            if (
                array is None
                or array.base_data is not buffer
                or array.offset is not offset
                or array.shape is not shape
                or array.strides is not strides
                or array.dtype is not dtype
                or array.queue is not queue
            ):
                return False
            events = array.events
            had = events[:]
            before.append((events, had))
            if len(had) != 1 or not waited or had[0] is not waited[-1]:  # most often all have that of one call
                waited += had
        launcher = self.launcher
        if launcher.serial[0] != self.serial:
            launcher.serial[0] = 0  # if it fails between two arguments, they belong to no plan
            launcher.kernel.set_args(*self.arguments)
            launcher.serial[0] = self.serial
        # By position, which is faster.
        record(before, enqueue(self.queue, launcher.kernel, self.global_size, self.local_size, None, waited))
        return True


def key_of(op: Operation, inputs: tuple[Any, ...], out: Any) -> Key:
    """What tells calls apart: the arrays by identity, numbers by type, value and sign, which a zero has, too."""
    if len(inputs) == op.arrays:
        return (op, id(out), *map(id, inputs))
    return (
        op,
        id(out),
        *(
            (type(value), value, math.copysign(1, value)) if isinstance(value, NUMBERS) else id(value)
            for value in inputs
        ),
    )


def again(key: Key, wait_for: Events) -> bool:
    """Make a call by its plan, if there is one that still holds."""
    plans = THREAD.plans
    plan = plans.get(key)
    if plan is None:
        return False
    if plan.run(wait_for):
        return True
    plans.pop(key, None)
    return False


def keep(key: Key, call: Call) -> None:
    """Make the plan of a call that was checked."""
    plans = THREAD.plans
    if len(plans) >= KEPT:
        plans.clear()
    plans[key] = Plan(call, key, plans)
