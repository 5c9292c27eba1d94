# SPDX-License-Identifier: BSD-3-Clause
"""Small calls of every layout against NumPy's own: nanoseconds of both, and how many times as fast ours is.

    python benchmarks/bench_small_calls.py             a Markdown table of all of them, a minute
    python benchmarks/bench_small_calls.py slice mask  rows whose name has one of these words

Each time is the least of 7 repetitions of 2 ms, in three rounds in which both take turns. Exits 1 if a row is below 1x.
"""

import sys
import timeit

import numpy as np

import relu_simd as rs
from relu_simd import ufuncs

SECONDS, REPEATS, ROUNDS = 2e-3, 7, 3

f = np.float32
big = np.random.default_rng(0).standard_normal((64, 64)).astype(f)
names = {
    "np": np, "rs": rs, "ufuncs": ufuncs, "x": big[0, :16].copy(), "y": np.empty(16, f), "g": np.ones(16, f),
    "rows": big[:2], "row": big[0].copy(), "column": big[:, 3], "steps": big[:16:2, :8:2], "block": big[:4, :4],
    "reversed": np.ascontiguousarray(big[:4, :16])[::-1], "swapped": big[0, :16].astype(">f4"),
    "one": np.array(1.5, f), "number": f(1.5), "i": np.arange(16, dtype="i4") - 8, "where": big[0, :16] > 0,
    "slope": f(0.01), "w": f([0.5]), "grads": (np.empty(16, f), np.empty(1, f)), "bits": np.zeros(2, np.uint8),
    "positive": np.empty(16, bool),
}  # fmt: skip
CASES = [
    ("16 elements, out=", "rs.relu(x, out=y)", "np.maximum(x, 0, out=y)"),
    ("16 elements, new", "rs.relu(x)", "np.maximum(x, 0)"),
    ("16 elements, the ufunc", "ufuncs.relu(x)", "np.maximum(x, 0)"),
    ("16 int32", "rs.relu(i)", "np.maximum(i, 0)"),
    ("slice with steps, 8 x 4", "rs.relu(steps)", "np.maximum(steps, 0)"),
    ("block, 4 x 4", "rs.relu(block)", "np.maximum(block, 0)"),
    ("rows in reverse", "rs.relu(reversed)", "np.maximum(reversed, 0)"),
    ("column of 64", "rs.relu(column)", "np.maximum(column, 0)"),
    ("other byte order", "rs.relu(swapped)", "np.maximum(swapped, 0)"),
    ("array of no dimension", "rs.relu(one)", "np.maximum(one, 0)"),
    ("NumPy scalar", "rs.relu(number)", "np.maximum(number, 0)"),
    ("Python float", "rs.relu(1.5)", "np.maximum(1.5, 0)"),
    ("list of two", "rs.relu([1.0, -2.0])", "np.maximum([1.0, -2.0], 0)"),
    ("where=, out=", "rs.relu(x, out=y, where=where)", "np.maximum(x, 0, out=y, where=where)"),
    ("leaky_relu, 16", "rs.leaky_relu(x)", "np.where(x > 0, x, slope * x)"),
    ("leaky_relu of a slice", "rs.leaky_relu(steps)", "np.where(steps > 0, steps, slope * steps)"),
    ("leaky_relu of int32", "rs.leaky_relu(i)", "np.where(i > 0, i, 0.01 * i)"),
    ("relu_backward of slices", "rs.relu_backward(steps, steps)", "np.where(steps > 0, steps, 0)"),
    ("tanh, 16", "rs.tanh(x)", "np.tanh(x)"),
    ("tanh of a slice", "rs.tanh(steps)", "np.tanh(steps)"),
    ("tanh of no dimension", "rs.tanh(one)", "np.tanh(one)"),
    ("sigmoid of no dimension", "rs.sigmoid(one)", "1 / (1 + np.exp(-one))"),
    ("add_relu with a bias row", "rs.add_relu(rows, row)", "np.maximum(rows + row, 0)"),
    ("add_relu of blocks", "rs.add_relu(block, block)", "np.maximum(block + block, 0)"),
    ("prelu_backward", "rs.prelu_backward(g, x, w)", "np.where(x > 0, g, w * g), np.where(x > 0, 0, g * x).sum()"),
    ("prelu_backward, out=", "rs.prelu_backward(g, x, w, out=grads)",
     "np.where(x > 0, g, w * g), np.where(x > 0, 0, g * x).sum()"),
    ("relu_with_mask", "rs.relu_with_mask(x)", "np.maximum(x, 0), x > 0"),
    ("relu_with_mask, out=", "rs.relu_with_mask(x, out=(y, bits))",
     "np.maximum(x, 0, out=y), np.greater(x, 0, out=positive)"),
    ("relu_backward_from_mask", "rs.relu_backward_from_mask(g, bits)", "g * where"),
    ("relu_backward_from_mask, out=", "rs.relu_backward_from_mask(g, bits, out=y)", "np.multiply(g, where, out=y)"),
    ("count_active", "rs.count_active(x)", "np.count_nonzero(x > 0)"),
    ("count_active, axis=0", "rs.count_active(block, axis=0)", "np.count_nonzero(block > 0, axis=0)"),
]  # fmt: skip


def least(statement):
    timer = timeit.Timer(statement, globals=names)
    number = max(1, int(SECONDS / (timer.timeit(20) / 20)))
    return min(timer.repeat(REPEATS, number)) / number * 1e9


def main():
    words = sys.argv[1:]
    if any(word in ("-h", "--help") for word in words):
        print(__doc__)
        return 0
    print("| call | NumPy | ns, ours | ns, NumPy's | times as fast |\n|---|---|---|---|---|")
    slower = 0
    for name, ours, theirs in CASES:
        if words and not any(word in name for word in words):
            continue
        rounds = [(least(ours), least(theirs)) for _ in range(ROUNDS)]
        a, b = (min(side) for side in zip(*rounds, strict=True))
        slower += b < a
        print(f"| {name}: `{ours}` | `{theirs}` | {a:.0f} | {b:.0f} | {b / a:.2f}x |", flush=True)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
