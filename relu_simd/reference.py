# SPDX-License-Identifier: BSD-3-Clause
"""The definition of each operation in plain NumPy, with which tests and benchmark compare results bit for bit.

The inputs are arrays of one dtype; a slope may also be a number or, beside 16-bit floats, a float32
array. Only elu, softplus, sigmoid, tanh and the gradients of elu and softplus are approximations: the kernels and these
lines each have an error of a few ULP at most.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

from relu_simd._rows import ROWS as ROWS
from relu_simd._rows import Way, row


def widen(x: Any) -> Any:
    """Float32 of a 16-bit float array or of a number beside one; others as they are."""
    dtype = np.asarray(x).dtype
    return np.asarray(x, np.float32) if dtype.itemsize == 2 and dtype.kind not in "iu" else x


def narrow(wide: Any, dtype: Any) -> Any:
    """Round to nearest even; a NaN keeps its sign and upper payload bits and is quiet, which not every cast does."""
    name = np.dtype(dtype).name
    if wide.dtype != np.float32 or name not in ("float16", "bfloat16"):
        return wide.astype(dtype)
    bits = wide.view(np.uint32)
    quiet = bits >> 16 | 0x40 if name == "bfloat16" else bits >> 16 & 0x8000 | 0x7E00 | bits >> 13 & 0x3FF
    return np.where(np.isnan(wide), quiet.astype(np.uint16).view(dtype), wide.astype(dtype))


def _scaled(values: Any, slope: Any) -> Any:
    """Take the product in the values' dtype; beside 16-bit floats it is taken in float32 and rounded once."""
    wide = widen(values)
    if wide is values:
        return values * slope
    return narrow(wide * np.asarray(slope, np.float32), values.dtype)


def _param(number: Any, x: Any) -> Any:
    """Return a parameter in the type that it is compared and computed in: float32 beside 16-bit floats, else x's.

    A number that integers cannot hold stays one: NumPy compares it exactly.
    """
    return number if _is_beyond(number, x) else np.asarray(number).astype(np.result_type(widen(x)))


def _is_beyond(number: Any, x: Any) -> bool:
    return isinstance(number, int) and x.dtype.kind in "iu" and not _holds(x.dtype, number)


def _holds(dtype: Any, number: int) -> bool:
    return bool(np.iinfo(dtype).min <= number <= np.iinfo(dtype).max)


def _replaced(where: Any, number: Any, x: Any) -> Any:
    """Put a parameter in place of x where the condition holds."""
    if not _is_beyond(number, x):
        return np.where(where, narrow(_param(number, x), x.dtype), x)
    if np.any(where):
        raise OverflowError(f"{number} is out of bounds for {x.dtype}")
    return x


def _wider(x: Any) -> Any:
    """In a type so much wider that the rounding of each step does not matter."""
    return x.astype(np.longdouble if x.dtype == np.float64 else np.float64)


def _rounded(result: Any, x: Any) -> Any:
    """From that type, once, to x's.

    16-bit floats by way of a float32 that is cut off, and odd where that loses something: so it is never halfway.
    """
    if widen(x) is x:
        return result.astype(x.dtype)
    short = result.astype(np.float32)
    bits = short.view(np.uint32)
    cut = np.where(np.abs(short) > np.abs(result), bits - 1, bits)
    lossy = (short != result) & np.isfinite(short) | (np.isinf(short) & np.isfinite(result))
    return narrow(np.where(lossy, cut | 1, bits).astype(np.uint32).view(np.float32), x.dtype)


def _times(grad_output: Any, factor: Any, x: Any) -> Any:
    """The product, and +0 where the factor, in the type that is computed in, is 0."""
    vanishes = factor.astype(np.result_type(widen(x))) == 0
    return np.where(vanishes, x.dtype.type(0), _rounded(_wider(grad_output) * factor, x))


def widened(formula: Any) -> Any:
    """Take the formula in float32 where the arrays are 16-bit floats, and round its result: what WIDEN means."""

    @wraps(formula)
    def narrowed(first: Any, *others: Any) -> Any:
        return narrow(formula(widen(first), *(_param(each, first) for each in others)), first.dtype)

    return narrowed


def rounded_once(formula: Any) -> Any:
    """Take the formula in a type that makes the error of its steps vanish, and round its result.

    `inspect.unwrap` gives the formula itself.
    """

    @wraps(formula)
    def rounded(x: Any, *params: Any) -> Any:
        return _rounded(formula(_wider(x), *(_wider(_param(each, x)) for each in params)), x)

    return rounded


@row(
    Way("np.maximum(x, 0)", out="np.maximum(x, 0, out=out)", inplace="np.maximum(x, 0, out=x)"),
    Way("np.maximum(x, zeros)", out="np.maximum(x, zeros, out=out)", inplace="np.maximum(x, zeros, out=x)"),
    Way("x * (x > 0)", out="np.multiply(x, x > 0, out=out)", inplace="np.multiply(x, x > 0, out=x)"),
    Way("np.where(x > 0, x, 0)"),
    gradient={"x": "relu_backward(v, y)"},
)
def relu(x: Any) -> Any:
    """Zero where x is negative."""
    return np.where(x < 0, x.dtype.type(0), x)


@row(
    Way("np.where(x > 0, g, 0)", inplace="g[x <= 0] = 0"),
    Way("g * (x > 0)", out="np.multiply(g, x > 0, out=out)", inplace="np.multiply(g, x > 0, out=g)"),
)
def relu_backward(grad_output: Any, x: Any) -> Any:
    """Zero where x is not positive, unless it is a NaN."""
    return np.where(x <= 0, grad_output.dtype.type(0), grad_output)


@row(
    Way("np.where(x > 0, x, slope * x)", inplace="x[x < 0] *= slope"),
    Way(
        "np.maximum(x, slope * x)",
        out="np.maximum(x, np.multiply(x, slope, out=out), out=out)",
        inplace="np.maximum(x, slope * x, out=x)",
    ),
    gradient={"x": "leaky_relu_backward(v, x, slope)", "slope": "np.where(x > 0, 0, v * x)"},
)
def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Any:
    """Scaled where x is not positive."""
    return np.where(x > 0, x, _scaled(x, negative_slope))


@row(
    Way("np.where(x > 0, g, slope * g)", inplace="g[x <= 0] *= slope"),
    Way(
        "g * np.where(x > 0, x.dtype.type(1), slope)",
        out="np.multiply(g, np.where(x > 0, x.dtype.type(1), slope), out=out)",
        inplace="np.multiply(g, slope, out=g, where=x <= 0)",
    ),
    gradient={"slope": "np.where(x > 0, 0, v * g)"},
)
def leaky_relu_backward(grad_output: Any, x: Any, negative_slope: Any = 0.01) -> Any:
    """Scaled where x is not positive."""
    return np.where(x > 0, grad_output, _scaled(grad_output, negative_slope))


@row(
    Way("np.where(x > 0, x, weight * x)", inplace="np.multiply(x, weight, out=x, where=x <= 0)"),
    Way(
        "np.maximum(x, weight * x)",
        out="np.maximum(x, np.multiply(x, weight, out=out), out=out)",
        inplace="np.maximum(x, weight * x, out=x)",
    ),
    gradient={"x": "leaky_relu_backward(v, x, weight)", "weight": "np.where(x > 0, 0, v * x)"},
)
def prelu(x: Any, weight: Any) -> Any:
    """Scaled where x is not positive."""
    return np.where(x > 0, x, _scaled(x, weight))


def prelu_backward(grad_output: Any, x: Any, weight: Any) -> Any:
    """Return the gradient of x, and what each weight contributed, added up in float64."""
    grad_x = leaky_relu_backward(grad_output, x, weight)
    each = np.where(x > 0, 0.0, grad_output.astype(np.float64) * x.astype(np.float64))
    weight = np.asarray(weight)
    missing = each.ndim - weight.ndim
    axes = [k for k in range(each.ndim) if k < missing or weight.shape[k - missing] == 1]
    return grad_x, each.sum(tuple(axes)).reshape(weight.shape).astype(weight.dtype)


@row(
    Way("np.clip(x, 0, 6)", without=("bfloat16",)),
    Way(
        "np.minimum(np.maximum(x, 0), 6)",
        out="np.minimum(np.maximum(x, 0, out=out), 6, out=out)",
        inplace="np.minimum(np.maximum(x, 0, out=x), 6, out=x)",
    ),
    Way(out="np.clip(x, 0, 6, out=out)", inplace="np.clip(x, 0, 6, out=x)"),
    gradient={"x": "relu6_backward(v, y)"},
)
def relu6(x: Any) -> Any:
    """Clip to 0 .. 6; a NaN stays."""
    return np.where(x < 0, x.dtype.type(0), np.where(x > 6, x.dtype.type(6), x))


@row(
    Way(
        "g * ((x > 0) & (x < 6))",
        out="np.multiply(g, (x > 0) & (x < 6), out=out)",
        inplace="np.multiply(g, (x > 0) & (x < 6), out=g)",
    ),
    Way("np.where((x > 0) & (x < 6), g, 0)", inplace="g[(x <= 0) | (x >= 6)] = 0"),
)
def relu6_backward(grad_output: Any, x: Any) -> Any:
    """Zero where x is outside 0 .. 6, unless it is a NaN."""
    return np.where((x <= 0) | (x >= 6), grad_output.dtype.type(0), grad_output)


@row(
    Way(
        "np.clip(x, min_val, max_val)",
        out="np.clip(x, min_val, max_val, out=out)",
        inplace="np.clip(x, min_val, max_val, out=x)",
        without=("bfloat16",),
    ),
    gradient={
        "x": "hardtanh_backward(v, x, min_val, max_val)",
        "min_val": "np.where((x < min_val) & (min_val <= max_val), v, 0)",
        "max_val": "np.where((x > max_val) | (min_val > max_val), v, 0)",
    },
)
def hardtanh(x: Any, min_val: Any = -1.0, max_val: Any = 1.0) -> Any:
    """Clip, to max_val where the bounds cross; a NaN stays."""
    raised = _replaced(widen(x) < _param(min_val, x), min_val, x)
    return _replaced(widen(raised) > _param(max_val, x), max_val, raised)


@row(
    Way("np.where((x > min_val) & (x < max_val), g, 0)", inplace="g[(x <= min_val) | (x >= max_val)] = 0"),
    Way("g * ((x > min_val) & (x < max_val))", out="np.multiply(g, (x > min_val) & (x < max_val), out=out)"),
)
def hardtanh_backward(grad_output: Any, x: Any, min_val: Any = -1.0, max_val: Any = 1.0) -> Any:
    """Zero where x is outside the bounds, unless it is a NaN."""
    wide = widen(x)
    outside = (wide <= _param(min_val, x)) | (wide >= _param(max_val, x))
    return np.where(outside, grad_output.dtype.type(0), grad_output)


@row(
    Way("np.where(x > threshold, x, value)", inplace="x[x <= threshold] = value"),
    gradient={"x": "threshold_backward(v, x, threshold, value)", "value": "np.where(x <= threshold, v, 0)"},
)
def threshold(x: Any, threshold: Any, value: Any) -> Any:
    """Replace what is not above the threshold, unless it is a NaN."""
    return _replaced(widen(x) <= _param(threshold, x), value, x)


@row(
    Way("np.where(x > threshold, g, 0)", inplace="g[x <= threshold] = 0"),
    Way("g * (x > threshold)", out="np.multiply(g, x > threshold, out=out)"),
)
def threshold_backward(grad_output: Any, x: Any, threshold: Any, value: Any) -> Any:
    """Zero where x was replaced."""
    return np.where(widen(x) <= _param(threshold, x), grad_output.dtype.type(0), grad_output)


@row(
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
    gradient={"a": "relu_backward(v, y)", "b": "relu_backward(v, y)"},
)
def add_relu(a: Any, b: Any) -> Any:
    """Relu of the sum, which 16-bit floats take in float32."""
    return relu(narrow(widen(a) + widen(b), a.dtype))


def relu_with_mask(x: Any) -> Any:
    """Return relu, and a bit for each element that is not <= 0."""
    return relu(x), np.packbits(~(x.ravel() <= 0), bitorder="little")


def relu_backward_from_mask(grad_output: Any, mask: Any) -> Any:
    """Zero where the bit is not set."""
    kept = np.unpackbits(mask, count=grad_output.size, bitorder="little").reshape(grad_output.shape)
    return np.where(kept == 1, grad_output, grad_output.dtype.type(0))


@row(
    Way("np.where(x > 0, x, alpha * np.expm1(x))", inplace="np.copyto(x, alpha * np.expm1(x), where=x < 0)"),
    gradient={"x": "elu_backward(v, x, alpha)", "alpha": "np.where(x > 0, 0, v * np.expm1(np.minimum(x, 0)))"},
)
@rounded_once
def elu(x: Any, alpha: Any = 1.0) -> Any:
    """Exponential on the negative side."""
    return np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0, x)))


@row(
    Way("np.where(x > 0, g, g * (alpha * np.exp(x)))"),
    gradient={
        "x": "np.where(x > 0, 0, v * g * alpha * np.exp(np.minimum(x, 0)))",
        "alpha": "np.where(x > 0, 0, v * g * np.exp(np.minimum(x, 0)))",
    },
)
def elu_backward(grad_output: Any, x: Any, alpha: Any = 1.0) -> Any:
    """Gradient from the input; +0 where the exponential is."""
    wide, factor = _wider(x), _wider(_param(alpha, x))
    return _times(grad_output, np.where(wide > 0, 1, factor * np.exp(np.where(wide > 0, 0, wide))), x)


@row(
    Way("np.log1p(np.exp(beta * x)) / beta"),
    Way("np.logaddexp(beta * x, 0) / beta"),
    gradient={"x": "softplus_backward(v, x, beta)", "beta": "v * (x * sigmoid(beta * x) - softplus(x, beta)) / beta"},
)
@rounded_once
def softplus(x: Any, beta: Any = 1.0) -> Any:
    """Smooth relu."""
    return np.logaddexp(0, beta * x) / beta


@row(
    Way("g / (1 + np.exp(-beta * x))"),
    gradient={
        "x": "sigmoid_backward(v * g, sigmoid(beta * x)) * beta",
        "beta": "sigmoid_backward(v * g, sigmoid(beta * x)) * x",
    },
)
def softplus_backward(grad_output: Any, x: Any, beta: Any = 1.0) -> Any:
    """Gradient from the input; +0 where the sigmoid is."""
    return _times(grad_output, 1 / (1 + np.exp(-_wider(_param(beta, x)) * _wider(x))), x)


@row(
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
    gradient={"x": "sigmoid_backward(v, y)"},
)
@rounded_once
def sigmoid(x: Any) -> Any:
    """Logistic function, with which small results do not cancel."""
    return 1 / (1 + np.exp(-x))


@row(
    Way(
        "g * y * (1 - y)",
        out="np.multiply(np.multiply(g, y, out=out), 1 - y, out=out)",
        inplace="np.multiply(g, y * (1 - y), out=g)",
    ),
    gradient={"y": "v * g * (1 - 2 * y)"},
)
@widened
def sigmoid_backward(grad_output: Any, y: Any) -> Any:
    """Gradient from the output, in this order of operations."""
    return grad_output * (1 - y) * y


@row(
    Way("np.tanh(x)", out="np.tanh(x, out=out)", inplace="np.tanh(x, out=x)"),
    gradient={"x": "tanh_backward(v, y)"},
)
@rounded_once
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return np.tanh(x)


@row(
    Way(
        "g * (1 - y**2)",
        out="np.multiply(g, np.subtract(1, np.square(y, out=out), out=out), out=out)",
        inplace="np.multiply(g, 1 - y**2, out=g)",
    ),
    Way("g * (1 - y * y)", inplace="np.multiply(g, 1 - y * y, out=g)"),
    gradient={"y": "v * g * (-2 * y)"},
)
@widened
def tanh_backward(grad_output: Any, y: Any) -> Any:
    """Gradient from the output, in this order of operations."""
    return grad_output * (1 - y * y)


def count_active(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Count the elements that are positive."""
    return np.count_nonzero(x > 0, axis, keepdims=keepdims)


__all__ = [*ROWS, "count_active", "prelu_backward", "relu_backward_from_mask", "relu_with_mask"]
