# SPDX-License-Identifier: BSD-3-Clause
"""Settings: the instruction set, the number of threads, and how much memory is kept for reuse.

Importing this module applies the environment variables RELU_SIMD_ISA, RELU_SIMD_NUM_THREADS and
RELU_SIMD_POOL_LIMIT. Without RELU_SIMD_NUM_THREADS, OMP_NUM_THREADS is used; without either, the
number of threads is one in a worker process of multiprocessing, and elsewhere the number of CPUs
that the calling thread may use or that the container's quota amounts to, whichever is lower.
A wrong value of a RELU_SIMD_* variable raises an ImportError. An empty variable counts as unset.
"""

from __future__ import annotations

import math
import operator
import os
import sys
from pathlib import Path
from typing import Any, SupportsIndex

from relu_simd import _core

__all__ = [
    "available_isas",
    "get_num_threads",
    "isa",
    "pool_info",
    "set_isa",
    "set_num_threads",
    "set_pool_limit",
    "trim_pool",
]

MAX_THREADS = _core.MAX_THREADS
_threads_were_chosen = False
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # cgroup v2: "<microseconds or max> <period>"


def available_isas() -> tuple[str, ...]:
    """Return the names of the instruction sets that this build has and this CPU supports, the best one first.

    Examples
    --------
    >>> "scalar" in available_isas()
    True
    """
    return tuple(name for name, supported in _core.ISAS if supported)


def isa() -> str:
    """Return the name of the instruction set in use.

    Examples
    --------
    >>> isa() in available_isas()
    True
    """
    return _core._active_isa()


def set_isa(name: str) -> None:
    """Use the instruction set `name` in every thread, from the next call on.

    Parameters
    ----------
    name : str
        One of `available_isas()`.

    Raises
    ------
    ValueError
        If this build or this CPU does not have it. Nothing is changed then.

    Examples
    --------
    >>> best = isa()
    >>> set_isa("scalar")
    >>> isa()
    'scalar'
    >>> set_isa(best)
    """
    if name not in available_isas():
        raise ValueError(
            f"instruction set {str(name)[:80]!r} is not available here: choose one of {', '.join(available_isas())}"
        )
    _core._activate_isa([known for known, _ in _core.ISAS].index(name))


def get_num_threads() -> int:
    """Return the largest number of threads that a call from this thread may use.

    By default, that is the number of CPUs that the calling thread may run on, and the default changes
    with that number. It is never more than the CPU quota of the container at import. In a worker
    process of multiprocessing or concurrent.futures the default is 1, because there is often one
    such process per CPU. The environment variables RELU_SIMD_NUM_THREADS and OMP_NUM_THREADS set
    another number. A forked process keeps the setting of its parent and has threads of its own.

    See Also
    --------
    set_num_threads : Choose the number.

    Examples
    --------
    >>> get_num_threads() >= 1
    True
    """
    return _core._num_threads()


def set_num_threads(n: SupportsIndex) -> None:
    """Let each call use up to `n` threads, from the next call on, whichever Python thread makes it.

    Only large arrays are shared among threads: a call uses at most one thread per 100 kB that it reads
    and writes (per 25 kB for functions that compute more, such as gelu). The calling thread is one of
    the `n`. If several Python threads call at once, one of the calls uses the other threads, and the
    rest run on their own thread alone.

    The number is used as it is, even if it is larger than the number of CPUs.

    Parameters
    ----------
    n : int
        From 1 to 1024.

    Raises
    ------
    TypeError, ValueError
        If `n` is not an integer, or out of range; nothing is changed.

    Examples
    --------
    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    global _threads_were_chosen
    count = operator.index(n)
    if not 1 <= count <= MAX_THREADS:
        raise ValueError(f"n must be between 1 and {MAX_THREADS}, not {count}")
    _core._use_threads(count)
    _threads_were_chosen = True


def set_pool_limit(nbytes: SupportsIndex) -> None:
    """Keep at most `nbytes` of idle memory for the next large results.

    A result of 1 MB or more reuses the memory of earlier results that were dropped, so the system does
    not have to supply and clear memory again. The system can take idle memory back when it is short of
    memory, except for the block that was dropped last if it is smaller than 256 MB. The default limit
    is 512 MB.

    Parameters
    ----------
    nbytes : int
        0 turns recycling off. Idle memory above the limit is given back at once.

    Raises
    ------
    TypeError, ValueError
        If `nbytes` is not an integer, negative, or beyond the address space; nothing is changed.

    Examples
    --------
    >>> before = pool_info()["limit"]
    >>> set_pool_limit(0)
    >>> pool_info()["idle_bytes"]
    0
    >>> set_pool_limit(before)
    """
    limit = operator.index(nbytes)
    if not 0 <= limit <= sys.maxsize:
        raise ValueError(f"nbytes must be between 0 and {sys.maxsize}, not {limit}")
    _core._limit_pool(limit)


def pool_info() -> dict[str, int]:
    """Return the state of the memory that is kept for reuse.

    Returns
    -------
    dict
        `limit`, `idle_bytes` and `idle_blocks` say what there is now. `recycled` counts the results
        since import that reused idle memory, `fresh` those that took new memory from the system.

    Examples
    --------
    >>> sorted(pool_info())
    ['fresh', 'idle_blocks', 'idle_bytes', 'limit', 'recycled']
    """
    return _core._pool_info()


def trim_pool() -> None:
    """Give all idle memory back to the system now.

    Examples
    --------
    >>> trim_pool()
    >>> pool_info()["idle_bytes"]
    0
    """
    _core._trim_pool()


def _quota_cpus(file: Path = _CPU_QUOTA) -> int | None:
    """CPUs that the container's quota amounts to, rounded up; None where there is none."""
    try:
        quota, period = file.read_text(encoding="utf-8").split()
        return None if quota == "max" else max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return None


def _is_worker() -> bool:
    """Whether this process is one of multiprocessing's or concurrent.futures', of which there may be one per CPU."""
    process: Any = sys.modules.get("multiprocessing.process")
    # A spawned process imports the main module, and what that imports, before it knows its parent.
    return process is not None and (
        process.parent_process() is not None or getattr(process.current_process(), "_inheriting", False)
    )


def _use_default_threads() -> None:
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isascii() and asked.isdecimal() and len(asked) < 10 and int(asked) > 0:
        set_num_threads(min(int(asked), MAX_THREADS))
    elif _is_worker():
        set_num_threads(1)
    else:
        _core._use_threads(min(_quota_cpus() or MAX_THREADS, MAX_THREADS), follow=True)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_await_worker)


def _await_worker() -> None:
    """In a forked child, which does not know yet whether it becomes a worker of multiprocessing: learn it from that."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_core, _use_threads_of_worker)


def _use_threads_of_worker(_: object) -> None:
    if not _threads_were_chosen:
        set_num_threads(1)


def _apply_environment() -> None:
    name = os.environ.get("RELU_SIMD_ISA") or available_isas()[0]
    try:
        set_isa(name)
    except ValueError as error:
        raise _wrong(f"RELU_SIMD_ISA: {error}") from None
    _use_default_threads()
    threads, memory = f"a number of threads from 1 to {MAX_THREADS}", "a number of bytes, 0 for none, or such as 64MB"
    for variable, apply, read, expected in (
        ("RELU_SIMD_NUM_THREADS", set_num_threads, int, threads),
        ("RELU_SIMD_POOL_LIMIT", set_pool_limit, _bytes, memory),
    ):
        asked = os.environ.get(variable, "")
        try:
            if asked:
                apply(read(asked))
        except ValueError:
            raise _wrong(f"{variable}: expected {expected}, not {asked[:80]!r}") from None


def _bytes(text: str) -> int:
    """A number of bytes, also with a unit: 64MB and 64 MiB are the same, as memory is counted."""
    number, unit = text.strip().lower().removesuffix("b").removesuffix("i"), 1
    if number[-1:] in ("k", "m", "g") and number[:-1].strip().isdecimal():
        number, unit = number[:-1], 1 << 10 * (1 + "kmg".index(number[-1]))
    elif number != text.strip():
        raise ValueError
    return int(number) * unit


def _wrong(sentence: str) -> Exception | SystemExit:
    """What to raise about the environment: on the command line of this package, the sentence is all there is to see."""
    words = sys.orig_argv
    is_command = (
        sys.argv[:1] == ["-m"] and words[words.index("-m") + 1 :][:1] == ["relu_simd"] if "-m" in words else False
    )
    return SystemExit(f"python -m relu_simd: {sentence}") if is_command else ImportError(sentence)


_apply_environment()
