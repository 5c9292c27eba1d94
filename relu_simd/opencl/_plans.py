# SPDX-License-Identifier: BSD-3-Clause
"""Calls that come again with the same arrays: what was checked once need not be checked a second time.

The checks ask OpenCL for much that cannot change, and take three times as long as the launch. A plan keeps what they
found for as long as all its arrays live, and holds only if no attribute that was looked at has been set anew. A thread
has its own plans, because it has its own kernel objects. What is done at every call is compiled (src/plans.pxi).
"""

from __future__ import annotations

import weakref
from typing import Any

from pyopencl import enqueue_nd_range_kernel

from relu_simd._core import _Plan, _plan_key
from relu_simd.opencl._kernels import KEPT, THREAD, Operation
from relu_simd.opencl._launch import Call, sizes


def keep(op: Operation, inputs: tuple[Any, ...], out: Any, call: Call) -> None:
    """Make the plan of a call that was checked."""
    launcher = call.launcher
    if launcher is None:  # nothing to compute
        return
    plans = THREAD.plans
    if len(plans) >= KEPT:
        plans.clear()
    key = _plan_key(op, inputs, out)

    def forget(_: object) -> None:
        plans.pop(key, None)

    references = [weakref.ref(array, forget) for array in (out, *call.inputs)]
    launch = (launcher.kernel, launcher.has, call.queue, *sizes(launcher, out.size), call.arguments)
    plans[key] = _Plan(enqueue_nd_range_kernel, launch, inputs, out, references)
