# SPDX-License-Identifier: BSD-3-Clause
"""What was detected on this machine, for people who want to know or report it."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

import relu_simd
from relu_simd import _core

__all__ = ["config", "get_include", "show_config"]


def config() -> dict[str, Any]:
    """Return what `show_config` prints, as a dictionary that JSON can hold."""
    return {
        "relu-simd": relu_simd.__version__,
        "instruction set": relu_simd.isa(),
        "available": list(relu_simd.available_isas()),
        "threads": relu_simd.get_num_threads(),
        "CPU": _cpu_name(),
        "caches": {name: _core._cache_bytes(level) for level, name in enumerate(("L1d", "L2", "L3"), start=1)},
        "counted on": _core._counted_cache(),
        "NumPy": np.__version__,
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.platform(),
        "OpenCL": _opencl_devices(),
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith("RELU_SIMD_")},
    }


def show_config() -> None:
    """Print versions, instruction sets, threads, caches and devices: what a bug report should contain.

    Examples
    --------
    >>> import relu_simd
    >>> relu_simd.show_config()  # doctest: +SKIP
    relu-simd        0.1.0
    instruction set  avx512
    available        avx512, avx2, scalar
    ...
    """
    facts = config()
    facts["counted on"] = f"{_bytes(facts['counted on'])} of the last cache: larger results bypass it"
    facts["caches"] = [f"{name} {_bytes(size)}" for name, size in facts["caches"].items()]
    facts["environment"] = [f"{name}={value[:80]}" for name, value in facts["environment"].items()] or (
        "no RELU_SIMD_* set"
    )
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"  # which may not have all that an environment can hold
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        line = f"{name:{width}}{', '.join(value) if isinstance(value, list) else value}"
        print(line.encode(encoding, "backslashreplace").decode(encoding))


def get_include() -> str:
    """Return the directory of the header `relu_simd.h`, for the include path of a C compiler.

    Examples
    --------
    >>> import os, relu_simd
    >>> os.listdir(relu_simd.get_include())
    ['relu_simd.h']
    """
    return str(Path(__file__).with_name("include"))


def _bytes(size: int) -> str:
    if size == 0:
        return "unknown"
    return f"{size / 2**20:g} MiB" if size >= 2**20 else f"{size / 2**10:g} KiB"


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _opencl_devices() -> list[str] | str:
    try:
        opencl = importlib.import_module("pyopencl")
    except ImportError:
        return "pyopencl is not installed"
    try:
        return [
            f"{device.name.strip()} ({device_platform.name.strip()})"
            for device_platform in opencl.get_platforms()
            for device in device_platform.get_devices()
        ] or "no device"
    except opencl.Error as error:
        return f"no device ({error})"
