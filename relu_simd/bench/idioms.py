# SPDX-License-Identifier: BSD-3-Clause
"""What people write for each operation in plain NumPy: one row an operation, the usual first.

`zeros` is an array of zeros of x's shape; `g` is the incoming gradient, `a` the negative slope.
"""

from __future__ import annotations

from relu_simd.bench.ways import Library, Way

IDIOMS = {
    "relu": (
        Way(
            "np.maximum(x, 0)",
            out="np.maximum(x, 0, out=out)",
            inplace="np.maximum(x, 0, out=x)",
        ),
        Way(
            "np.maximum(x, zeros)",
            out="np.maximum(x, zeros, out=out)",
            inplace="np.maximum(x, zeros, out=x)",
        ),
        Way(
            "x * (x > 0)",
            out="np.multiply(x, x > 0, out=out)",
            inplace="np.multiply(x, x > 0, out=x)",
        ),
        Way("np.where(x > 0, x, 0)"),
    ),
    "relu_backward": (
        Way("np.where(x > 0, g, 0)", inplace="g[x <= 0] = 0"),
        Way(
            "g * (x > 0)",
            out="np.multiply(g, x > 0, out=out)",
            inplace="np.multiply(g, x > 0, out=g)",
        ),
    ),
    "leaky_relu": (
        Way("np.where(x > 0, x, a * x)", inplace="x[x < 0] *= a"),
        Way(
            "np.maximum(x, a * x)",
            out="np.maximum(x, np.multiply(x, a, out=out), out=out)",
            inplace="np.maximum(x, a * x, out=x)",
        ),
    ),
    "leaky_relu_backward": (
        Way("np.where(x > 0, g, a * g)", inplace="g[x <= 0] *= a"),
        Way(
            "g * np.where(x > 0, x.dtype.type(1), a)",
            out="np.multiply(g, np.where(x > 0, x.dtype.type(1), a), out=out)",
            inplace="np.multiply(g, a, out=g, where=x <= 0)",
        ),
    ),
}

NUMPY = Library("numpy", IDIOMS)
