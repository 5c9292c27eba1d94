# SPDX-License-Identifier: BSD-3-Clause
"""Kernels for a device, built when first wanted and kept: programs for all threads, kernel objects for each.

Setting a kernel's arguments and enqueueing it are two steps, so a kernel object must not be shared
between threads. The caches go by value (pyopencl makes a new Context object at every look) and are
bounded; an entry holds its context, so that another cannot take over its identity.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import pyopencl as cl

from relu_simd._core import Op
from relu_simd.opencl import _source
from relu_simd.opencl._layout import Layout
from relu_simd.opencl._source import FORMATS, Input, Mask, Reduction, Source, Variant

Kind = Variant | Mask | Reduction

GROUP = 256
KEPT = 256
"""Programs, and kernel objects a thread: all rows, dtypes and forms on a few devices."""

CACHE_ADVICE = (
    "if HOME cannot be written, set POCL_CACHE_DIR and XDG_CACHE_HOME to folders that can (PoCL's cache, pyopencl's)"
)


@dataclass(eq=False)  # one object a row: a key that costs little
class Operation:
    """A row of the operation table."""

    row: Op
    name: str
    inputs: tuple[str, ...]
    arrays: int


class Launcher(NamedTuple):
    """A thread's own kernel object; `elements` of an array go to each group of `group` work items.

    `has` says of which plan (`_plans.py`) the kernel has the arguments.
    """

    kernel: cl.Kernel
    group: int
    elements: int
    has: list[Any]


def has_fp64(device: cl.Device) -> bool:
    """Whether the device computes in float64."""
    return bool(device.double_fp_config)


def has_fp16(device: cl.Device) -> bool:
    """Whether the device computes in float16. Its compiler may define cl_khr_fp16 all the same: clang does."""
    return "cl_khr_fp16" in device.extensions.split()


def divides_exactly(device: cl.Device) -> bool:
    """Whether the device can be asked for correctly rounded quotients of float32."""
    return bool(device.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT)


def has_one_nan(device: cl.Device) -> bool:
    """Whether arithmetic may give another NaN than a CPU, as that of NVIDIA's GPUs always gives the same."""
    return not device.type & cl.device_type.CPU


def packs(device: cl.Device) -> bool:
    """Whether a work item should move 16 bytes: on a CPU the compiler makes the vectors."""
    return not device.type & cl.device_type.CPU


@lru_cache(maxsize=KEPT)
def _built(context: cl.Context, device: cl.Device, variant: Kind) -> tuple[cl.Program, Source]:
    source = variant.source()
    exact = isinstance(variant, Variant) and variant.exact_division
    options = ["-cl-fp32-correctly-rounded-divide-sqrt"] if exact else []
    return cl.Program(context, source.text).build(options, devices=[device]), source


def _kernel(name: str, context: cl.Context, device: cl.Device, variant: Kind) -> cl.Kernel:
    """Build a kernel for the function `name`, or take the program that there is."""
    try:
        with _building:
            program, source = _built(context, device, variant)
        kernel = cl.Kernel(program, source.name)
        # Without these pyopencl looks at each argument of each call.
        kernel.set_scalar_arg_dtypes(source.arguments)
    except (cl.Error, OSError) as error:
        raise RuntimeError(f"{name}: no kernel for {device.name.strip()}; {CACHE_ADVICE}: {error}") from error
    return kernel


def _group(device: cl.Device) -> int:
    return min(GROUP, device.max_work_group_size)


def needs_fp64(name: str, device: cl.Device, what: str) -> None:
    """Raise the ValueError for a device without float64."""
    if not has_fp64(device):
        raise ValueError(f"{name}: {device.name.strip()} cannot compute in float64{what}")


def _launcher(
    context: cl.Context,
    device: cl.Device,
    op: Operation,
    dtype: str,
    inputs: tuple[Input, ...],
    layout: Layout,
    aligned: bool,
) -> Launcher:
    computes = _source.computes(op.row)
    if dtype == "float64" and computes:
        needs_fp64(op.name, device, "; use float32")
    half = dtype == "float16" and computes and has_fp16(device)
    double = dtype == "float64" and computes
    exact = op.row.widens and (dtype == "float64" or divides_exactly(device))
    packed = aligned and packs(device) and not (layout.axes and layout.placed[0])
    one_nan = op.row.arithmetic and dtype in FORMATS and has_one_nan(device)
    variant = Variant(op, dtype, inputs, layout, packed, _group(device), half, double, exact, one_nan)
    return Launcher(_kernel(op.name, context, device, variant), variant.group, variant.group * variant.pack, [None])


def _mask_launcher(
    name: str, context: cl.Context, device: cl.Device, makes: bool, dtype: str, layout: Layout
) -> Launcher:
    group = _group(device)
    kernel = _kernel(name, context, device, Mask(makes, dtype, layout, group))
    return Launcher(kernel, group, group * 8 if makes else group, [None])


def _reduction_launcher(
    name: str,
    context: cl.Context,
    device: cl.Device,
    stage: str,
    active: bool,
    dtype: str,
    result: str,
    layout: Layout,
) -> Launcher:
    if not active:
        needs_fp64(name, device, ", in which the gradient of weights is summed")
    group = _group(device)
    half = dtype == "float16" and not active and has_fp16(device)
    kernel = _kernel(name, context, device, Reduction(stage, active, dtype, result, layout, group, half))
    return Launcher(kernel, group, group, [None])


class _Thread(threading.local):
    """One cache a thread: `__init__` runs in each."""

    def __init__(self) -> None:
        self.launcher = lru_cache(maxsize=KEPT)(_launcher)
        self.mask_launcher = lru_cache(maxsize=KEPT)(_mask_launcher)
        self.plans: dict[Any, Any] = {}
        self.reduction_launcher = lru_cache(maxsize=KEPT)(_reduction_launcher)


_building = threading.Lock()
THREAD = _Thread()


def devices() -> list[cl.Device]:
    """List all OpenCL devices, GPUs first.

    Raises
    ------
    RuntimeError
        If there is none. The message says what to install or to set.

    Examples
    --------
    >>> import pyopencl as cl
    >>> from relu_simd import opencl
    >>> queue = cl.CommandQueue(cl.Context(opencl.devices()[:1]))
    """
    try:
        platforms = cl.get_platforms()
    except cl.Error:  # the loader's way to say that there is none
        platforms = []
    found = []
    for platform in platforms:
        try:
            found += platform.get_devices()
        except cl.Error:  # the same of a platform's devices
            continue
    if found:
        return sorted(found, key=lambda device: not device.type & cl.device_type.GPU)
    if any("Portable Computing Language" in platform.name for platform in platforms):
        home = os.environ.get("HOME", "not set")
        raise RuntimeError(f"PoCL offers no device, as when it cannot write its cache (HOME is {home}): {CACHE_ADVICE}")
    raise RuntimeError(
        "no OpenCL device: install the OpenCL driver of your GPU, or PoCL, which computes on the CPU"
        ' (pip install "relu-simd[opencl]")'
    )
