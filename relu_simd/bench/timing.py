# SPDX-License-Identifier: BSD-3-Clause
"""Fair times on a machine that is never quiet: all contestants in turn, many times, and the median."""

from __future__ import annotations

import random
import timeit
from collections.abc import Sequence
from time import process_time, sleep

from relu_simd.bench.contest import Contestant

ROUNDS, LEAST_ROUNDS = 15, 5

# Seconds: how often it is looked whether threads of this process still work, and for how long at most.
LOOK, PATIENCE = 0.002, 0.2


def measure(contestants: Sequence[Contestant], seconds: float, settle: bool = False) -> list[list[float]]:
    """Return seconds a call, a list of samples for each contestant, in about `seconds` and the pauses altogether.

    Each round takes one sample of each, in a new order: a slow spell of the machine meets all alike.
    Only a call that takes a quarter of `seconds` is timed just once. timeit keeps the garbage collector off
    meanwhile. With `settle`, each sample begins when no thread of the process works any more, and after a call that is
    not timed and wakes those of its own library.
    """
    timers = [timeit.Timer(each.statement, globals=each.names) for each in contestants]
    sample_seconds = seconds / (ROUNDS * len(timers))
    numbers, samples = [], []
    for timer in timers:
        number, took = _calibrate(timer, sample_seconds)
        numbers.append(number)
        samples.append([took] if took > seconds / 4 else [])
    fast = [k for k, taken in enumerate(samples) if not taken]
    order = random.Random(0)
    spent = 0.0
    for completed in range(ROUNDS):
        if completed >= LEAST_ROUNDS and spent > seconds:
            break
        for k in order.sample(fast, len(fast)):
            if settle:
                _settle()
                timers[k].timeit(1)
            took = timers[k].timeit(numbers[k])
            spent += took
            samples[k].append(took / numbers[k])
            # Threads on a busy machine can be a hundred times slower than they were just now.
            if took > 4 * sample_seconds:
                numbers[k] = max(1, int(numbers[k] * sample_seconds / took))
    return samples


def _settle() -> None:
    """Wait until the worker threads of the last library sleep: OpenMP's stay awake for 5 ms, onnxruntime's for 50."""
    for _ in range(round(PATIENCE / LOOK)):
        before = process_time()
        sleep(LOOK)
        if process_time() - before < LOOK / 4:
            return


def _calibrate(timer: timeit.Timer, seconds: float) -> tuple[int, float]:
    """How many calls take about `seconds`, and what one takes."""
    number = 1
    while (took := timer.timeit(number)) < seconds / 2:
        number = min(10 * number, int(number * seconds / took) + 1)
    return number, took / number
