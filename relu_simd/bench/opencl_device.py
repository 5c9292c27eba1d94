# SPDX-License-Identifier: BSD-3-Clause
"""One OpenCL device: time on its own clock for each function, and what a call costs on the host.

The limit is a copy that moves as many bytes: by a kernel, and by clEnqueueCopyBuffer. A call's cost is
taken on arrays so small that nothing else counts.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyopencl as cl
from pyopencl.array import Array, empty_like, if_positive, maximum, to_device
from pyopencl.elementwise import ElementwiseKernel

from relu_simd import opencl, reference
from relu_simd._core import OPS, Op
from relu_simd.bench import check
from relu_simd.opencl._kernels import packs

Record = dict[str, Any]
Contestant = Callable[[], cl.Event]

DTYPES = ("float16", "float32", "float64")
OURS, COPY_KERNEL, COPY_BUFFER, ELEMENTWISE, ARRAY = (
    "relu_simd.opencl",
    "copy kernel",
    "clEnqueueCopyBuffer",
    "ElementwiseKernel",
    "pyopencl.array",
)
ROUNDS, WARM_UP = 9, 2
SMALL, CALLS, BATCHES = 16, 30, 60
GROUP = 256
SLOPE = 0.01

DeviceError = cl.Error

ONE_CALL = {
    "relu": lambda given, zeros: maximum(given[0], zeros),
    "relu_backward": lambda given, zeros: if_positive(given[1], given[0], zeros),
}
"""The functions of pyopencl.array that do it in one kernel (each loses NaNs, one way or another)."""

COPY = """
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void copy(ulong n, global word *out, global const word *x)
{
    const size_t base = get_group_id(0) * GROUP, i = base + get_local_id(0);
    if (base + GROUP <= n) {
        barrier(CLK_LOCAL_MEM_FENCE); // a compiler for CPUs makes vectors of it, as of ours
        out[i] = x[i];
    } else if (i < n) {
        out[i] = x[i];
    }
}
"""


def elementwise(context: cl.Context, op: Op, dtype: str) -> ElementwiseKernel:
    """What people write: out and the inputs as arguments, and the row's definition, which is C."""
    real = {"float32": "float", "float64": "double"}[dtype]
    arrays = op.arrays
    parameters = [f"const {real} *{name}" if name in arrays else f"{real} {name}" for name in op.inputs]
    expression = re.sub(rf"\b({'|'.join(arrays)})\b", r"\1[i]", op.definition)
    names = {
        "abs": "fabs",
        "pi": "M_PI_F" if dtype == "float32" else "M_PI",
    }  # OpenCL's for what other languages agree on
    expression = re.sub(r"\b(abs|pi)\b", lambda name: names[name[1]], expression)
    expression = re.sub(r"\((\d+)\)", rf"(({real})\1)", expression)  # sqrt(2): of which type it is not clear
    return ElementwiseKernel(context, ", ".join([f"{real} *out", *parameters]), f"out[i] = {expression}")


class WrongResult(Exception):
    """A function of ours did not give what the reference does."""


def all_devices() -> list[cl.Device]:
    """List them, or raise RuntimeError with what to install."""
    return opencl.devices()


class Device:
    """A device with a queue that takes the time."""

    def __init__(self, device: cl.Device) -> None:
        self.device = device
        self.name = device.name.strip()
        profiling = cl.command_queue_properties.PROFILING_ENABLE
        self.queue = cl.CommandQueue(cl.Context([device]), properties=profiling)
        # As our kernels move memory: 16 bytes a work item where that pays.
        self.word, self.word_bytes = ("uint4", 16) if packs(device) else ("uint", 4)
        options = [f"-DGROUP={GROUP}", f"-Dword={self.word}"]
        self.program = cl.Program(self.queue.context, COPY).build(options)
        self.copy = cl.Kernel(self.program, "copy")
        self.copy.set_scalar_arg_dtypes([np.uint64, None, None])

    def facts(self) -> Record:
        """Say what the device is."""
        device = self.device
        return {
            "name": self.name,
            "platform": device.platform.name.strip(),
            "version": device.version.strip(),
            "driver": device.driver_version.strip(),
            "compute units": device.max_compute_units,
            "memory": device.global_mem_size,
            "pyopencl": cl.VERSION_TEXT,
        }

    def cell(self, op: Op, dtype: str, n: int) -> list[Record]:
        """Measure one function: a record, or none where the device cannot."""
        if dtype == "float64" and not self.device.double_fp_config:
            return []
        rng = np.random.default_rng(0)
        inputs: list[Any] = [rng.standard_normal(n, np.float32).astype(dtype) for _ in op.inputs]
        inputs[len(op.arrays) :] = [SLOPE] * len(op.params)
        given = [to_device(self.queue, value) if isinstance(value, np.ndarray) else value for value in inputs]
        out = empty_like(given[0])
        _check(op, inputs, getattr(opencl, op.name)(*given, out=out).get())
        arrays = [value for value in given if isinstance(value, Array)]
        nbytes = sum(array.nbytes for array in (*arrays, out))
        contestants = self._contestants(op, dtype, given, out, nbytes)
        samples = self._measure(contestants)
        return [
            {
                "op": op.name,
                "dtype": dtype,
                "n": n,
                "bytes": nbytes,
                "times": {
                    name: {"median": statistics.median(taken), "samples": taken} for name, taken in samples.items()
                },
            }
        ]

    def _contestants(self, op: Op, dtype: str, given: list[Any], out: Array, nbytes: int) -> dict[str, Contestant]:
        function = getattr(opencl, op.name)

        def ours() -> cl.Event:
            event: cl.Event = function(*given, out=out).events[-1]
            return event

        words = max(1, nbytes // 2 // self.word_bytes)
        source = cl.Buffer(self.queue.context, cl.mem_flags.READ_WRITE, words * self.word_bytes)
        target = cl.Buffer(self.queue.context, cl.mem_flags.READ_WRITE, words * self.word_bytes)
        cl.enqueue_fill_buffer(self.queue, source, np.ones(1, np.uint32), 0, words * self.word_bytes)
        size = (-(-words // GROUP) * GROUP,)
        contestants: dict[str, Contestant] = {
            OURS: ours,
            COPY_KERNEL: lambda: self.copy(self.queue, size, (GROUP,), words, target, source),
            COPY_BUFFER: lambda: cl.enqueue_copy(self.queue, target, source),
        }
        if dtype == "float16":  # a half cannot be a kernel's parameter, nor maximum's operand without cl_khr_fp16
            return contestants
        kernel = elementwise(self.queue.context, op, dtype)
        contestants[ELEMENTWISE] = lambda: kernel(out, *given)
        if op.name in ONE_CALL:
            zeros = to_device(self.queue, np.zeros(out.size, dtype))
            contestants[ARRAY] = lambda: ONE_CALL[op.name](given, zeros).events[-1]
        return contestants

    def _measure(self, contestants: Mapping[str, Contestant]) -> dict[str, list[float]]:
        """Seconds on the device's clock: all in turn, so that a slow spell meets all alike."""
        samples: dict[str, list[float]] = {name: [] for name in contestants}
        for round_number in range(WARM_UP + ROUNDS):
            for name, enqueue in contestants.items():
                event = enqueue()
                event.wait()
                if round_number >= WARM_UP:
                    samples[name].append((event.profile.end - event.profile.start) * 1e-9)
        return samples

    def calls(self) -> dict[str, float]:
        """Seconds of the calling thread's CPU for a call of each kind, the median of many short series."""
        x = to_device(self.queue, np.linspace(-1, 1, SMALL, dtype=np.float32))
        out, other = empty_like(x), empty_like(x)
        words = x.nbytes // self.word_bytes
        raw: tuple[Any, ...] = (self.queue, (GROUP,), (GROUP,), words, other.base_data, x.base_data)

        def recorded() -> None:
            other.add_event(self.copy(*raw))

        def with_events() -> None:
            event = self.copy(*raw, wait_for=x.events + other.events)
            x.add_event(event)
            other.add_event(event)

        prepared = cl.Kernel(self.program, "copy")
        prepared.set_args(np.uint64(words), other.base_data, x.base_data)
        relu = getattr(opencl, OPS[0].name)
        ways: dict[str, Callable[[], Any]] = {
            "relu, out given": lambda: relu(x, out=out),
            "relu, new array": lambda: relu(x),
            "kernel(...)": lambda: self.copy(*raw),
            "kernel(...), its event added to the result's": recorded,
            "kernel(...) that waits for both arrays' events, its own added to both": with_events,
            "enqueue_nd_range_kernel, arguments set before": lambda: cl.enqueue_nd_range_kernel(
                self.queue, prepared, (GROUP,), (GROUP,)
            ),
            "pyopencl.array.maximum": lambda: maximum(x, other),
        }
        samples: dict[str, list[float]] = {name: [] for name in ways}
        rng = np.random.default_rng(0)
        for _ in range(BATCHES):
            for name in rng.permutation(list(ways)):  # what came before warms or cools the caches
                way = ways[name]
                way()
                self.queue.finish()
                start = time.thread_time()
                for _ in range(CALLS):
                    way()
                samples[name].append((time.thread_time() - start) / CALLS)
                self.queue.finish()
        return {name: statistics.median(taken) for name, taken in samples.items()}


def _check(op: Op, inputs: list[Any], got: Any) -> None:
    with np.errstate(all="ignore"):
        want = getattr(reference, op.name)(*inputs)
    max_ulp = None if op.accuracy.crosses else op.accuracy.max_ulp
    if check.problem(got, want, inputs[0], max_ulp) is not None:
        raise WrongResult(f"relu_simd.opencl.{op.name} on {want.dtype} differs from relu_simd.reference.{op.name}")
