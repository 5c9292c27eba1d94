# SPDX-License-Identifier: BSD-3-Clause
"""Plain stores against streaming stores, which bypass the cache: relu of float32 by size, in GB/s, and which of them
the library chooses.

    python benchmarks/bench_stores.py            a Markdown table, a minute
    python benchmarks/bench_stores.py 1e6 1e7    of these numbers of elements

Both kinds take turns of eight calls, of which the second four count: after the other kind it takes a cache three calls
to be as it is in a loop. A figure is the median of a kind's calls. Bytes are those read and those written. In the last
cell the next function reads the result, as in most programs.
"""

import statistics
import sys
import time

import numpy as np

import relu_simd
from relu_simd import _core

SIZES = (500_000, 1_000_000, 2_000_000, 4_000_000, 10_000_000, 50_000_000)
SECONDS = 2  # of each cell, both kinds together
CALLS = 4
ALWAYS_PLAIN, ALWAYS_STREAMING = 2**62, 1


def bandwidths(function, nbytes):
    """GB/s of each kind of store, plain first."""
    spent, end = ([], []), time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(spent[1]) < 5:
        for kind, cache in enumerate((ALWAYS_PLAIN, ALWAYS_STREAMING)):
            _core._assume_cache(cache)
            for _ in range(CALLS):
                function()
            for _ in range(CALLS):
                begin = time.perf_counter()
                function()
                spent[kind].append(time.perf_counter() - begin)
    return [nbytes / statistics.median(each) / 1e9 for each in spent]


def main():
    words = sys.argv[1:]
    if any(word in ("-h", "--help") for word in words):
        print(__doc__)
        return
    try:
        sizes = [int(float(word)) for word in words] or SIZES
    except ValueError as error:
        sys.exit(f"bench_stores: {error}; sizes are numbers of elements, such as 1e6 (see --help)")
    counted_on = _core._counted_cache()
    print(
        "| elements | read and written | `out=`: plain, streaming, GB/s | new array: plain, streaming, GB/s"
        " | `out=`, then `y.sum()`: plain, streaming, GB/s | chosen |"
    )
    print("|---|---|---|---|---|---|")
    for n in sizes:
        x = np.random.default_rng(0).standard_normal(n, np.float32)
        y = np.empty_like(x)
        cells = []
        for call, passes in (
            (lambda x=x, y=y: relu_simd.relu(x, y), 2),
            (lambda x=x: relu_simd.relu(x), 2),
            (lambda x=x, y=y: relu_simd.relu(x, y).sum(), 3),
        ):
            cells.append(", ".join(f"{each:.1f}" for each in bandwidths(call, passes * x.nbytes)))
        chosen = "streaming" if 2 * x.nbytes > counted_on else "plain"
        print(f"| {n:,} | {2 * x.nbytes / 1e6:.0f} MB | {' | '.join(cells)} | {chosen} |", flush=True)


if __name__ == "__main__":
    main()
