# SPDX-License-Identifier: BSD-3-Clause
"""What people write for each function in plain NumPy: one row a function, the usual first.

`zeros` is an array of zeros of x's shape; `g` is the incoming gradient, `slope` the negative slope, `mask` an
array of bools, and `bits` what np.packbits makes of it.
"""

from __future__ import annotations

import math

import numpy as np

from relu_simd import _core
from relu_simd.bench.functions import Function
from relu_simd.bench.ways import Library, Names, Way, booleans

HALF = ("float16", "bfloat16")

IDIOMS = {
    "relu": (
        Way("np.maximum(x, 0)", out="np.maximum(x, 0, out=out)", inplace="np.maximum(x, 0, out=x)"),
        Way("np.maximum(x, zeros)", out="np.maximum(x, zeros, out=out)", inplace="np.maximum(x, zeros, out=x)"),
        Way("x * (x > 0)", out="np.multiply(x, x > 0, out=out)", inplace="np.multiply(x, x > 0, out=x)"),
        Way("np.where(x > 0, x, 0)"),
    ),
    "relu_backward": (
        Way("np.where(x > 0, g, 0)", inplace="g[x <= 0] = 0"),
        Way("g * (x > 0)", out="np.multiply(g, x > 0, out=out)", inplace="np.multiply(g, x > 0, out=g)"),
    ),
    "leaky_relu": (
        Way("np.where(x > 0, x, slope * x)", inplace="x[x < 0] *= slope"),
        Way(
            "np.maximum(x, slope * x)",
            out="np.maximum(x, np.multiply(x, slope, out=out), out=out)",
            inplace="np.maximum(x, slope * x, out=x)",
        ),
    ),
    "leaky_relu_backward": (
        Way("np.where(x > 0, g, slope * g)", inplace="g[x <= 0] *= slope"),
        Way(
            "g * np.where(x > 0, x.dtype.type(1), slope)",
            out="np.multiply(g, np.where(x > 0, x.dtype.type(1), slope), out=out)",
            inplace="np.multiply(g, slope, out=g, where=x <= 0)",
        ),
    ),
    "prelu": (
        Way("np.where(x > 0, x, weight * x)", inplace="np.multiply(x, weight, out=x, where=x <= 0)"),
        Way(
            "np.maximum(x, weight * x)",
            out="np.maximum(x, np.multiply(x, weight, out=out), out=out)",
            inplace="np.maximum(x, weight * x, out=x)",
        ),
    ),
    "hardtanh": (
        Way(
            "np.clip(x, min_val, max_val)",
            out="np.clip(x, min_val, max_val, out=out)",
            inplace="np.clip(x, min_val, max_val, out=x)",
            without=("bfloat16",),
        ),
    ),
    "hardtanh_backward": (
        Way("np.where((x > min_val) & (x < max_val), g, 0)", inplace="g[(x <= min_val) | (x >= max_val)] = 0"),
        Way("g * ((x > min_val) & (x < max_val))", out="np.multiply(g, (x > min_val) & (x < max_val), out=out)"),
    ),
    "threshold": (Way("np.where(x > threshold, x, value)", inplace="x[x <= threshold] = value"),),
    "threshold_backward": (
        Way("np.where(x > threshold, g, 0)", inplace="g[x <= threshold] = 0"),
        Way("g * (x > threshold)", out="np.multiply(g, x > threshold, out=out)"),
    ),
    "relu6": (
        Way("np.clip(x, 0, 6)", without=("bfloat16",)),
        Way(
            "np.minimum(np.maximum(x, 0), 6)",
            out="np.minimum(np.maximum(x, 0, out=out), 6, out=out)",
            inplace="np.minimum(np.maximum(x, 0, out=x), 6, out=x)",
        ),
        Way(out="np.clip(x, 0, 6, out=out)", inplace="np.clip(x, 0, 6, out=x)"),
    ),
    "relu6_backward": (
        Way(
            "g * ((x > 0) & (x < 6))",
            out="np.multiply(g, (x > 0) & (x < 6), out=out)",
            inplace="np.multiply(g, (x > 0) & (x < 6), out=g)",
        ),
        Way("np.where((x > 0) & (x < 6), g, 0)", inplace="g[(x <= 0) | (x >= 6)] = 0"),
    ),
    "add_relu": (
        Way(
            "np.maximum(a + b, 0)",
            out="np.maximum(np.add(a, b, out=out), 0, out=out)",
            inplace="np.maximum(np.add(a, b, out=a), 0, out=a)",
        ),
        Way(
            "np.maximum(a + b, zeros)",
            out="np.maximum(np.add(a, b, out=out), zeros, out=out)",
            inplace="np.maximum(np.add(a, b, out=a), zeros, out=a)",
        ),
    ),
    "relu_squared": (
        Way("np.maximum(x, 0) ** 2", out="np.square(np.maximum(x, 0, out=out), out=out)"),
        Way("np.square(np.maximum(x, zeros))", out="np.square(np.maximum(x, zeros, out=out), out=out)"),
    ),
    "relu_squared_backward": (Way("2 * g * np.maximum(x, 0)"), Way("g * (np.maximum(x, zeros) * 2)")),
    "hardshrink": (
        Way("np.where(np.abs(x) > lambd, x, 0)", inplace="x[np.abs(x) <= lambd] = 0"),
        Way("x * (np.abs(x) > lambd)", out="np.multiply(x, np.abs(x) > lambd, out=out)"),
    ),
    "hardshrink_backward": (Way("np.where(np.abs(x) > lambd, g, 0)", inplace="g[np.abs(x) <= lambd] = 0"),),
    "softshrink": (Way("np.sign(x) * np.maximum(np.abs(x) - lambd, 0)"),),
    "softshrink_backward": (Way("np.where(np.abs(x) > lambd, g, 0)", inplace="g[np.abs(x) <= lambd] = 0"),),
    "hardsigmoid": (
        Way("np.clip(x + 3, 0, 6) / 6", without=("bfloat16",)),
        Way("np.minimum(np.maximum(x + 3, 0), 6) / 6"),
    ),
    "hardsigmoid_backward": (Way("np.where((x > -3) & (x < 3), g / 6, 0)"), Way("g * ((x > -3) & (x < 3)) / 6")),
    "hardswish": (
        Way("x * np.clip(x + 3, 0, 6) / 6", without=("bfloat16",)),
        Way("x * np.minimum(np.maximum(x + 3, 0), 6) / 6"),
    ),
    "hardswish_backward": (Way("np.where(x <= -3, 0, np.where(x < 3, g * (x / 3 + 0.5), g))"),),
    "softsign": (Way("x / (1 + np.abs(x))", out="np.divide(x, np.add(np.abs(x, out=out), 1, out=out), out=out)"),),
    "softsign_backward": (Way("g / (1 + np.abs(x)) ** 2"), Way("g / np.square(1 + np.abs(x))")),
    "elu": (Way("np.where(x > 0, x, alpha * np.expm1(x))", inplace="np.copyto(x, alpha * np.expm1(x), where=x < 0)"),),
    "elu_backward": (Way("np.where(x > 0, g, g * (alpha * np.exp(x)))"),),
    "celu": (Way("np.where(x > 0, x, alpha * np.expm1(x / alpha))"),),
    "celu_backward": (Way("np.where(x > 0, g, g * np.exp(x / alpha))"),),
    "selu": (Way("1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))"),),
    "selu_backward": (Way("1.0507009873554805 * np.where(x > 0, g, g * (1.6732632423543772 * np.exp(x)))"),),
    "silu": (Way("x / (1 + np.exp(-beta * x))"),),
    "silu_backward": (Way("g * ((s := 1 / (1 + np.exp(-beta * x))) * (1 + beta * x * (1 - s)))"),),
    "softplus": (Way("np.log1p(np.exp(beta * x)) / beta"), Way("np.logaddexp(beta * x, 0) / beta")),
    "softplus_backward": (Way("g / (1 + np.exp(-beta * x))"),),
    "gelu": (Way("0.5 * x * (1 + erf(x / 1.4142135623730951))"),),
    "gelu_backward": (
        Way("g * (0.5 * (1 + erf(x / 1.4142135623730951)) + x * np.exp(-0.5 * x * x) / 2.5066282746310002)"),
    ),
    "gelu_tanh": (
        Way("0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))"),
        Way("0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"),
    ),
    "gelu_tanh_backward": (
        Way(
            "0.5 * g * (1 + (t := np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))"
            " + x * (1 - t * t) * 0.7978845608028654 * (1 + 0.134145 * x * x))"
        ),
    ),
    "mish": (Way("x * np.tanh(np.log1p(np.exp(x)))"),),
    "mish_backward": (Way("g * ((t := np.tanh(np.log1p(np.exp(x)))) + x * (1 - t * t) / (1 + np.exp(-x)))"),),
    "tanhshrink": (Way("x - np.tanh(x)", out="np.subtract(x, np.tanh(x, out=out), out=out)"),),
    "tanhshrink_backward": (Way("g * np.tanh(x) ** 2"), Way("g * np.square(np.tanh(x))")),
    "logsigmoid": (Way("-np.log1p(np.exp(-x))"), Way("-np.logaddexp(-x, 0)")),
    "logsigmoid_backward": (Way("g / (1 + np.exp(x))"),),
    "sigmoid": (
        Way(
            "1 / (1 + np.exp(-x))",
            out="np.exp(np.negative(x, out=out), out=out); np.divide(1, np.add(out, 1, out=out), out=out)",
            inplace="np.exp(np.negative(x, out=x), out=x); np.divide(1, np.add(x, 1, out=x), out=x)",
        ),
        Way(
            "0.5 * np.tanh(0.5 * x) + 0.5",
            out="np.tanh(np.multiply(x, 0.5, out=out), out=out); np.multiply(np.add(out, 1, out=out), 0.5, out=out)",
            inplace="np.tanh(np.multiply(x, 0.5, out=x), out=x); np.multiply(np.add(x, 1, out=x), 0.5, out=x)",
            without=("bfloat16",),
        ),
    ),
    "sigmoid_backward": (
        Way(
            "g * y * (1 - y)",
            out="np.multiply(np.multiply(g, y, out=out), 1 - y, out=out)",
            inplace="np.multiply(g, y * (1 - y), out=g)",
        ),
    ),
    "tanh": (Way("np.tanh(x)", out="np.tanh(x, out=out)", inplace="np.tanh(x, out=x)"),),
    "tanh_backward": (
        Way(
            "g * (1 - y**2)",
            out="np.multiply(g, np.subtract(1, np.square(y, out=out), out=out), out=out)",
            inplace="np.multiply(g, 1 - y**2, out=g)",
        ),
        Way("g * (1 - y * y)", inplace="np.multiply(g, 1 - y * y, out=g)"),
    ),
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


try:
    from scipy.special import erf as _erf
except ImportError:
    _erf = np.vectorize(math.erf, otypes="d")


def _prepare(function: Function, names: Names) -> Names:
    """Bools for the bits, an erf, which NumPy lacks; a Python float beside bfloat16 would make the result float32."""
    first = names[function.inputs[0]]
    added = booleans(names)
    if "gelu" in function.name:
        added["erf"] = lambda x: _erf(x.astype(np.result_type(x, np.float32))).astype(x.dtype)
    if first.dtype.name != "bfloat16":
        return added
    return added | {name: first.dtype.type(names[name]) for name, _ in function.params}


NUMPY = Library("numpy", IDIOMS, _prepare, _core.DTYPES)
