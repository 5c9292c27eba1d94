# SPDX-License-Identifier: BSD-3-Clause
"""How many threads to use when nobody has said."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # cgroup v2: "<microseconds or max> <period>"


def cgroup_cpus(file: Path = _CPU_QUOTA) -> int | None:
    """CPUs that the container's quota amounts to, rounded up; None where there is none."""
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return None


def default(cpus: int) -> int:
    """Threads from OMP_NUM_THREADS, else the CPUs that affinity and container quota leave of `cpus`."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isdecimal() and int(asked) > 0:
        return min(int(asked), 1024)
    return min(cpus, cgroup_cpus() or cpus)
