# SPDX-License-Identifier: BSD-3-Clause
"""Put an array that is larger than memory through ReLU, with dask.

relu_simd.relu of a dask array is a dask array: nothing is computed before it is asked for, and then chunk by
chunk. Here the chunks are random numbers, made when they are needed and dropped when they are counted, and
the process's memory is recorded meanwhile. Try --gib 32 on a machine of 16 GiB.
"""

import argparse
from pathlib import Path

import dask.array as da
import matplotlib.style
import numpy as np
from dask.diagnostics import ProgressBar, ResourceProfiler
from dask.utils import format_bytes
from matplotlib.figure import Figure

import relu_simd

COLUMNS = 4096


def count(y):
    """Return how many elements are positive, counted in each chunk."""
    return da.reduction(y, chunk=relu_simd.count_active, aggregate=np.sum, dtype=np.int64)


def draw(samples, array_bytes, path):
    matplotlib.style.use("petroff10")
    figure = Figure(figsize=(8, 4), layout="constrained")
    panel = figure.subplots()
    start = samples[0].time
    panel.plot([sample.time - start for sample in samples], [sample.mem for sample in samples], label="process")
    panel.axhline(array_bytes / 1e6, linestyle="--", color="C1", label="the array, were it made whole")
    panel.set(xlabel="seconds", ylabel="memory, MB", yscale="log")
    panel.grid(alpha=0.3)
    panel.legend()
    figure.savefig(path, dpi=100)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=4, help="size of the array in GiB (default 4)")
    parser.add_argument("--chunk-mib", type=float, default=32, help="size of a chunk in MiB (default 32)")
    parser.add_argument("--picture", type=Path, default="dask.png", help="where to draw (default dask.png)")
    options = parser.parse_args(argv)

    rows, chunk_rows = (max(1, int(size / (4 * COLUMNS))) for size in (options.gib * 2**30, options.chunk_mib * 2**20))
    x = da.random.default_rng(0).standard_normal((rows, COLUMNS), chunks=(chunk_rows, COLUMNS), dtype=np.float32)
    y = relu_simd.relu(x)
    print(f"{format_bytes(y.nbytes)} in {y.npartitions} chunks of {format_bytes(y.nbytes // y.npartitions)}: {y}")
    with ProgressBar(), ResourceProfiler(dt=0.05) as profiler:
        mean, active = da.compute(y.mean(dtype=np.float64), count(y))
    peak = max(sample.mem for sample in profiler.results) * 1e6
    # For standard normal x, E[relu(x)] is 1 / sqrt(2 pi).
    print(f"mean {mean:.5f}, expected {1 / np.sqrt(2 * np.pi):.5f}; active {active / y.size:.3%}, expected 50%")
    print(f"peak memory of the process: {format_bytes(int(peak))}, {peak / y.nbytes:.1%} of the array")
    draw(profiler.results, y.nbytes, options.picture)
    print(f"picture: {options.picture}")
    return y, mean, active, peak


if __name__ == "__main__":
    main()
