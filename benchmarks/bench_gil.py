# SPDX-License-Identifier: BSD-3-Clause
"""Calls per second from 1, 2, 4 and 8 Python threads, with the GIL and without: each thread has its own arrays.

    python3.13t benchmarks/bench_gil.py                          3 minutes; a Python with a GIL measures with it alone
    python3.13t benchmarks/bench_gil.py --sizes 16,1e6 --rounds 9

The functions are relu(x, out=y) and, to tell the package from the machine, np.maximum(x, 0, out=y), of float32. A call
of relu computes on its caller's thread alone (`set_num_threads(1)`), as NumPy's does. Each figure is the median of
`--rounds` processes; those of all cells take turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import time
from threading import Barrier, Thread

THREADS = (1, 2, 4, 8)
CALLS = {"relu": "relu(x, out=y)", "maximum": "np.maximum(x, 0, out=y)"}


def measure(name, n, threads, seconds):
    """In a process of its own: the calls that all threads made, over the seconds in which they did."""
    import numpy as np

    import relu_simd

    relu_simd.set_num_threads(1)
    call = eval(f"lambda x, y: {CALLS[name]}", {"np": np, "relu": relu_simd.relu})
    clock, begun, made, ended = time.perf_counter, [], [0] * threads, [0.0] * threads
    barrier = Barrier(threads, action=lambda: begun.append(clock()))

    def work(k):
        x = np.random.default_rng(k).standard_normal(n).astype(np.float32)
        y, count = np.empty_like(x), 0
        batch = max(1, 100_000 // n)  # so that reading the clock costs nothing
        call(x, y)
        barrier.wait()
        end = begun[0] + seconds
        while clock() < end:
            for _ in range(batch):
                call(x, y)
            count += batch
        made[k], ended[k] = count, clock()

    workers = [Thread(target=work, args=(k,)) for k in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(made) / (max(ended) - begun[0])


def child(gil, *cell):
    """Calls per second of this cell, by a process with the GIL on or off."""
    without = {"PYTHON_GIL": str(int(gil))} if sysconfig.get_config_var("Py_GIL_DISABLED") else {}
    command = [sys.executable, __file__, "--child", json.dumps(cell)]
    done = subprocess.run(command, env=os.environ | without, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout)


def shown(rate):
    return f"{rate / 1e6:.2f} M" if rate >= 1e6 else f"{rate / 1e3:.{0 if rate >= 1e5 else 1}f} k"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="16,1e3,1e5", help="numbers of elements (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="for each process (default: %(default)s)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(measure(*json.loads(options.child)))
        return
    sizes = [int(float(size)) for size in options.sizes.split(",")]
    gils = (True, False) if sysconfig.get_config_var("Py_GIL_DISABLED") else (True,)
    rows = [(name, n, gil) for name in CALLS for n in sizes for gil in gils]
    rates = {(row, threads): [] for row in rows for threads in THREADS}
    for _ in range(options.rounds):
        for ((name, n, gil), threads), found in rates.items():
            found.append(child(gil, name, n, threads, options.seconds))
    print(f"Python {sys.version.split()[0]}, {len(os.sched_getaffinity(0))} CPUs; calls per second\n")
    print("| call | elements | GIL |", *(f"{threads} thread{'s' * (threads > 1)} |" for threads in THREADS))
    print("|---|---|---|" + "---|" * len(THREADS))
    for name, n, gil in rows:
        cells = [statistics.median(rates[(name, n, gil), threads]) for threads in THREADS]
        print(f"| `{CALLS[name]}` | {n:,} | {'on' if gil else 'off'} |", *(f"{shown(cell)} |" for cell in cells))


if __name__ == "__main__":
    main()
