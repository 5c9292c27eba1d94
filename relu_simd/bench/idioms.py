# SPDX-License-Identifier: BSD-3-Clause
"""What people write for each function in plain NumPy: one row a function, the usual first.

`zeros` is an array of zeros of x's shape; `g` is the incoming gradient, `slope` the negative slope, `mask` an
array of bools, and `bits` what np.packbits makes of it.
"""

from __future__ import annotations

from relu_simd import _core
from relu_simd.bench.functions import Function
from relu_simd.bench.ways import Library, Names, Way, booleans

HALF = ("float16", "bfloat16")

IDIOMS = {
    "add_relu_bias": (
        Way(
            "np.maximum(a + bias, 0)",
            out="np.maximum(np.add(a, bias, out=out), 0, out=out)",
            inplace="np.maximum(np.add(a, bias, out=a), 0, out=a)",
        ),
        Way(
            "np.maximum(a + bias, zeros)",
            out="np.maximum(np.add(a, bias, out=out), zeros, out=out)",
            inplace="np.maximum(np.add(a, bias, out=a), zeros, out=a)",
        ),
    ),
    "relu_with_mask": (
        Way(
            "((m := x > 0) * x, m)",
            out="np.multiply(x, np.greater(x, 0, out=mask), out=out)",
            inplace="np.multiply(x, np.greater(x, 0, out=mask), out=x)",
        ),
        Way("(np.maximum(x, zeros), np.packbits(x > 0, bitorder='little'))"),
    ),
    "relu_backward_from_mask": (
        Way("g * mask", out="np.multiply(g, mask, out=out)", inplace="np.multiply(g, mask, out=g)"),
        Way("np.where(mask, g, 0)", inplace="g[~mask] = 0"),
        Way("np.where(np.unpackbits(bits, count=g.size, bitorder='little'), g, 0)"),
    ),
    "prelu_backward": (
        Way(
            "(np.where(x > 0, g, weight * g), np.where(x > 0, 0, g * x).sum(axis=0))",
            out="np.sum(np.where(x > 0, 0, g * x), axis=0, out=grad_weight);"
            " np.multiply(g, np.where(x > 0, x.dtype.type(1), weight), out=out)",
            inplace="np.sum(np.where(x > 0, 0, g * x), axis=0, out=grad_weight);"
            " np.multiply(g, weight, out=g, where=x <= 0)",
            without=HALF,  # a sum of many rounds them away
        ),
        Way("(np.where(x > 0, g, weight * g), np.einsum('ij,ij->j', g, np.minimum(x, 0)))", without=HALF),
        Way("(np.where(x > 0, g, weight * g), np.where(x > 0, 0, g * x).sum(axis=0, dtype='f8').astype(x.dtype))"),
    ),
    "count_active": (Way("np.count_nonzero(x > 0)"), Way("(x > 0).sum()")),
    "count_active_axis0": (Way("np.count_nonzero(x > 0, axis=0)"), Way("(x > 0).sum(axis=0)")),
}


def _prepare(function: Function, names: Names) -> Names:
    """Bools for the bits; a Python float beside bfloat16 would make the result float32."""
    first = names[function.inputs[0]]
    if first.dtype.name != "bfloat16":
        return booleans(names)
    return booleans(names) | {name: first.dtype.type(names[name]) for name, _ in function.params}


NUMPY = Library("numpy", IDIOMS, _prepare, _core.DTYPES)
