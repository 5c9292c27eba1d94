# SPDX-License-Identifier: BSD-3-Clause
"""The definition of each operation in plain NumPy, with which tests and benchmark compare results bit for bit.

The inputs are arrays of one dtype; a slope may also be a number or, beside 16-bit floats, a float32
array. Functions with an exponential, and their gradients, are approximations: the kernels and these lines each have an
error of a few ULP at most.
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
    return x.astype(np.longdouble if x.dtype in (np.float64, np.longdouble) else np.float64)


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
    """The product, and +0 where the factor, in the type that is computed in, is 0; it may be infinite there, too."""
    narrower = factor.astype(np.result_type(widen(x)))
    factor = np.where(np.isinf(narrower), narrower, factor)
    return np.where(narrower == 0, x.dtype.type(0), _rounded(_wider(grad_output) * factor, x))


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
    Way("np.maximum(x, 0) ** 2", out="np.square(np.maximum(x, 0, out=out), out=out)"),
    Way("np.square(np.maximum(x, zeros))", out="np.square(np.maximum(x, zeros, out=out), out=out)"),
    gradient={"x": "relu_squared_backward(v, x)"},
)
def relu_squared(x: Any) -> Any:
    """Zero where x is not positive, unless it is a NaN; 16-bit floats are multiplied in float32."""
    return np.where(x <= 0, x.dtype.type(0), narrow(widen(x) * widen(x), x.dtype))


@row(
    Way("2 * g * np.maximum(x, 0)"),
    Way("g * (np.maximum(x, zeros) * 2)"),
    gradient={"x": "np.where(x <= 0, 0, 2 * v * g)"},
)
def relu_squared_backward(grad_output: Any, x: Any) -> Any:
    """Zero where x is not positive, unless it is a NaN."""
    double = widen(narrow(widen(x) + widen(x), x.dtype))
    return np.where(x <= 0, x.dtype.type(0), narrow(widen(grad_output) * double, x.dtype))


def _is_within(x: Any, lambd: Any) -> Any:
    """Whether -lambd <= x <= lambd, with no integer that could overflow."""
    wide, bound = widen(x), _param(lambd, x)
    if wide.dtype.kind == "f":
        return np.abs(wide) <= bound
    return np.where(wide < 0, np.invert(wide) < bound, wide <= bound)


@row(
    Way("np.where(np.abs(x) > lambd, x, 0)", inplace="x[np.abs(x) <= lambd] = 0"),
    Way("x * (np.abs(x) > lambd)", out="np.multiply(x, np.abs(x) > lambd, out=out)"),
    gradient={"x": "hardshrink_backward(v, x, lambd)"},
)
def hardshrink(x: Any, lambd: Any = 0.5) -> Any:
    """Zero near 0; a NaN stays."""
    return np.where(_is_within(x, lambd), x.dtype.type(0), x)


@row(Way("np.where(np.abs(x) > lambd, g, 0)", inplace="g[np.abs(x) <= lambd] = 0"))
def hardshrink_backward(grad_output: Any, x: Any, lambd: Any = 0.5) -> Any:
    """Zero where x is near 0."""
    return np.where(_is_within(x, lambd), x.dtype.type(0), grad_output)


@row(
    Way("np.sign(x) * np.maximum(np.abs(x) - lambd, 0)"),
    gradient={"x": "softshrink_backward(v, x, lambd)", "lambd": "softshrink_backward(-np.sign(x) * v, x, lambd)"},
)
def softshrink(x: Any, lambd: Any = 0.5) -> Any:
    """Zero near 0, closer to 0 elsewhere; a NaN stays."""
    within = _is_within(x, lambd)
    if np.all(within):
        return np.zeros_like(x)
    wide, step = widen(x), _param(lambd, x)
    return np.where(within, x.dtype.type(0), narrow(np.where(wide < 0, wide + step, wide - step), x.dtype))


@row(Way("np.where(np.abs(x) > lambd, g, 0)", inplace="g[np.abs(x) <= lambd] = 0"))
def softshrink_backward(grad_output: Any, x: Any, lambd: Any = 0.5) -> Any:
    """Zero where x is near 0."""
    return np.where(_is_within(x, lambd), x.dtype.type(0), grad_output)


@row(
    Way("np.clip(x + 3, 0, 6) / 6", without=("bfloat16",)),
    Way("np.minimum(np.maximum(x + 3, 0), 6) / 6"),
    gradient={"x": "hardsigmoid_backward(v, x)"},
)
@rounded_once
def hardsigmoid(x: Any) -> Any:
    """A line between -3 and 3."""
    return np.clip((x + 3) / 6, 0, 1)


@row(Way("np.where((x > -3) & (x < 3), g / 6, 0)"), Way("g * ((x > -3) & (x < 3)) / 6"))
@widened
def hardsigmoid_backward(grad_output: Any, x: Any) -> Any:
    """A sixth between -3 and 3, zero elsewhere and for a NaN."""
    return np.where((x > -3) & (x < 3), grad_output / 6, 0)


def _beside_half(result: Any, wide: Any, sign: Any = 1) -> Any:
    """The result, of which the wider type lost the little that the function has beside x / 2 near 0."""
    limit = np.copysign(np.inf, sign).astype(wide.dtype)
    return np.where((result == wide / 2) & (wide != 0), np.nextafter(result, limit), result)


@row(
    Way("x * np.clip(x + 3, 0, 6) / 6", without=("bfloat16",)),
    Way("x * np.minimum(np.maximum(x + 3, 0), 6) / 6"),
    gradient={"x": "hardswish_backward(v, x)"},
)
@rounded_once
def hardswish(x: Any) -> Any:
    """A parabola between -3 and 3."""
    return np.where(x <= -3, -0.0, np.where(x >= 3, x, _beside_half(x * ((x + 3) / 6), x)))


@row(
    Way("np.where(x <= -3, 0, np.where(x < 3, g * (2 * x + 3) / 6, g))"),
    gradient={"x": "np.where((x > -3) & (x < 3), v * g / 3, 0)"},
)
def hardswish_backward(grad_output: Any, x: Any) -> Any:
    """A line between -3 and 3."""
    wide = np.where((x > -3) & (x < 3), _wider(x), 0)
    inside = _times(grad_output, (wide + wide + 3) / 6, x)
    return np.where(x <= -3, x.dtype.type(0), np.where(x < 3, inside, grad_output))


@row(
    Way("x / (1 + np.abs(x))", out="np.divide(x, np.add(np.abs(x, out=out), 1, out=out), out=out)"),
    gradient={"x": "softsign_backward(v, x)"},
)
@rounded_once
def softsign(x: Any) -> Any:
    """Of infinities the limit."""
    bounded = np.clip(x, -np.finfo(x.dtype).max, np.finfo(x.dtype).max)
    return bounded / (1 + np.abs(bounded))


@row(
    Way("g / (1 + np.abs(x)) ** 2"),
    Way("g / np.square(1 + np.abs(x))"),
    gradient={"x": "-2 * v * g * np.sign(x) / (1 + np.abs(x)) ** 3"},
)
def softsign_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input."""
    return _times(grad_output, (1 / (1 + np.abs(_wider(x)))) ** 2, x)


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
    """Gradient from the input; +0 where the exponential is. An infinite alpha stays, even beside a zero."""
    wide, factor = _wider(x), _wider(_param(alpha, x))
    curve = factor * np.where(np.isinf(factor) & (wide < 0), 1, np.exp(np.where(wide > 0, 0, wide)))
    return _times(grad_output, np.where(wide > 0, 1, curve), x)


@row(
    Way("np.where(x > 0, x, alpha * np.expm1(x / alpha))"),
    gradient={
        "x": "celu_backward(v, x, alpha)",
        "alpha": "np.where(x > 0, 0, v * (np.expm1(np.minimum(x, 0) / alpha)"
        " - np.minimum(x, 0) / alpha * np.exp(np.minimum(x, 0) / alpha)))",
    },
)
@rounded_once
def celu(x: Any, alpha: Any = 1.0) -> Any:
    """Exponential on the negative side; of an infinite alpha the limit, x, and of a zero 0."""
    curve = alpha * np.expm1(np.where(x >= 0, -1, x) / alpha)
    curve = np.where((alpha == 0) & (x < 0), -0.0, np.where(np.isinf(alpha), x, curve))
    return np.where(x >= 0, x, curve)


@row(
    Way("np.where(x > 0, g, g * np.exp(x / alpha))"),
    gradient={
        "x": "np.where(x > 0, 0, v * g * np.exp(np.minimum(x, 0) / alpha) / alpha)",
        "alpha": "np.where(x > 0, 0, -v * g * np.exp(np.minimum(x, 0) / alpha) * np.minimum(x, 0) / (alpha * alpha))",
    },
)
def celu_backward(grad_output: Any, x: Any, alpha: Any = 1.0) -> Any:
    """Gradient from the input; +0 where the exponential is. Of an infinite alpha the limit, 1."""
    wide, divisor = _wider(x), _wider(_param(alpha, x))
    one = (wide >= 0) | np.isinf(divisor) & (wide < 0)
    return _times(grad_output, np.where(one, 1, np.exp(np.where(one, -1, wide) / divisor)), x)


@row(
    Way("1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))"),
    gradient={"x": "selu_backward(v, x)"},
)
@rounded_once
def selu(x: Any) -> Any:
    """Exponential on the negative side; the product of the constants is not rounded."""
    scale, alpha = x.dtype.type("1.0507009873554805"), x.dtype.type("1.6732632423543772")
    return scale * np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0, x)))


@row(
    Way("1.0507009873554805 * np.where(x > 0, g, g * (1.6732632423543772 * np.exp(x)))"),
    gradient={"x": "np.where(x > 0, 0, v * g * 1.7580993408473766 * np.exp(np.minimum(x, 0)))"},
)
def selu_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where the exponential is."""
    wide = _wider(x)
    scale, alpha = wide.dtype.type("1.0507009873554805"), wide.dtype.type("1.6732632423543772")
    exponential = alpha * np.exp(np.where(wide > 0, 0, wide))
    return _times(grad_output, scale * np.where(wide > 0, 1, exponential), x)


def _logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


@row(
    Way("x / (1 + np.exp(-beta * x))"),
    gradient={"x": "silu_backward(v, x, beta)", "beta": "v * x * sigmoid_backward(x, sigmoid(beta * x))"},
)
@rounded_once
def silu(x: Any, beta: Any = 1.0) -> Any:
    """Where the sigmoid is 0 or 1, the limit."""
    s = _logistic(beta * x)
    curve = np.where(s == 0, np.copysign(s, x), np.where(s == 1, x, x * s))
    return np.where(np.isnan(s), s, _beside_half(curve, x, beta))


@row(
    Way("g * (1 + beta * x / (1 + np.exp(beta * x))) / (1 + np.exp(-beta * x))"),
    gradient={
        "x": "beta * sigmoid_backward(v * g, sigmoid(beta * x))"
        " * (2 + np.clip(beta * x, -2000, 2000) * (1 - 2 * sigmoid(beta * x)))",
        "beta": "x * sigmoid_backward(v * g, sigmoid(beta * x)) * (2 + beta * x * (1 - 2 * sigmoid(beta * x)))",
    },
)
def silu_backward(grad_output: Any, x: Any, beta: Any = 1.0) -> Any:
    """Gradient from the input; +0 where its factor is."""
    z = _wider(_param(beta, x)) * _wider(x)
    bounded = np.clip(z, -2000, 2000)
    return _times(grad_output, _logistic(z) * (1 + bounded * _logistic(-bounded)), x)


@row(
    Way("np.log1p(np.exp(beta * x)) / beta"),
    Way("np.logaddexp(beta * x, 0) / beta"),
    gradient={"x": "softplus_backward(v, x, beta)", "beta": "v * (x * sigmoid(beta * x) - softplus(x, beta)) / beta"},
)
@rounded_once
def softplus(x: Any, beta: Any = 1.0) -> Any:
    """Smooth relu; of an infinite beta the limit, relu."""
    z = beta * x
    return np.where(np.isinf(z) & (z > 0), x, np.logaddexp(0, z) / beta)


@row(
    Way("g / (1 + np.exp(-beta * x))"),
    gradient={
        "x": "sigmoid_backward(v * g, sigmoid(beta * x)) * beta",
        "beta": "sigmoid_backward(v * g, sigmoid(beta * x)) * x",
    },
)
def softplus_backward(grad_output: Any, x: Any, beta: Any = 1.0) -> Any:
    """Gradient from the input; +0 where the sigmoid is."""
    return _times(grad_output, _logistic(_wider(_param(beta, x)) * _wider(x)), x)


def _pi(dtype: Any) -> Any:
    return 4 * np.arctan(dtype.type(1))


def _gauss(wide: Any) -> Any:
    """Take exp(-x**2 / 2), where the square of a number of 24 bits is exact, and so the rest of it is small."""
    short = wide.astype(np.float32).astype(wide.dtype)
    return np.exp(-short * short / 2) * np.exp(-(wide - short) * (wide + short) / 2)


def _normal_cdf(wide: Any) -> Any:
    """The normal distribution function, by the trapezoidal rule for erfc: exact to exp(-(pi / h)**2) at 0 <= y.

    erfc(y) = 2 * h * y / pi * exp(-y**2) * sum(exp(-t**2) / (t**2 + y**2)) + 2 / (1 + exp(2 * pi * y / h)), where t
    takes the odd multiples of h / 2, and the last term is left out from pi / h on.
    """
    pi, h = _pi(wide.dtype), wide.dtype.type(0.4)
    y = np.abs(wide) / np.sqrt(wide.dtype.type(2))
    square = y * y
    series = sum(np.exp(-t * t) / (t * t + square) for t in h * (np.arange(18) + wide.dtype.type(0.5)))
    tail = h * y / pi * _gauss(wide) * series + np.where(y < pi / h, 1 / (1 + np.exp(2 * pi * y / h)), 0)
    return np.where(wide < 0, tail, 1 - tail)


@row(
    Way("0.5 * x * (1 + erf(x / 1.4142135623730951))"),
    gradient={"x": "gelu_backward(v, x)"},
)
@rounded_once
def gelu(x: Any) -> Any:
    """-0 where the distribution function is 0."""
    bounded = np.clip(x, -60, 60)
    return np.where(x < 60, _beside_half(bounded * _normal_cdf(bounded), x), x)


@row(
    Way("g * (0.5 * (1 + erf(x / 1.4142135623730951)) + x * np.exp(-0.5 * x * x) / 2.5066282746310002)"),
    gradient={
        "x": "v * g * (2 - np.clip(x, -60, 60) ** 2) * np.exp(-0.5 * np.clip(x, -60, 60) ** 2) / 2.5066282746310002"
    },
)
def gelu_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where its factor is."""
    wide = np.clip(_wider(x), -60, 60)
    density = _gauss(wide) / np.sqrt(2 * _pi(wide.dtype))
    return _times(grad_output, _normal_cdf(wide) + wide * density, x)


def _gelu_tanh_power(x: Any) -> Any:
    """Take exp(-z) with z = sqrt(8 / pi) * (x + 0.044715 * x**3).

    The largest parts of z, products of short numbers, are exact, because a rounding of z is a large one of exp(-z).
    """
    linear = np.sqrt(8 / _pi(x.dtype))
    cubic = linear * 44715 / 10**6
    a, b, s = (value.astype(short).astype(x.dtype) for value, short in ((linear, "f4"), (cubic, "f4"), (x, "f2")))
    rest = b * (x - s) * (x * x + x * s + s * s) + (cubic - b) * x**3 + a * (x - s) + (linear - a) * x
    return np.exp(-b * s**3) * np.exp(-a * s) * np.exp(-rest)


@row(
    Way("0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))"),
    Way("0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"),
    gradient={"x": "gelu_tanh_backward(v, x)"},
)
@rounded_once
def gelu_tanh(x: Any) -> Any:
    """As silu of another argument; -0 where the sigmoid is 0."""
    bounded = np.clip(x, -60, 60)
    return np.where(x < 60, _beside_half(bounded / (1 + _gelu_tanh_power(bounded)), x), x)


@row(
    Way(
        "g * (0.5 * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))"
        " + 0.3989422804014327 * x * (1 + 0.134145 * x * x)"
        " / np.cosh(0.7978845608028654 * (x + 0.044715 * x**3)) ** 2)"
    ),
    gradient={
        "x": "2 * sigmoid_backward(v * g, sigmoid(1.5957691216057308 * (x + 0.044715 * x**3)))"
        " * 1.5957691216057308 * (1 + 0.26829 * np.clip(x, -20, 20) ** 2"
        " + 0.7978845608028654 * np.clip(x, -20, 20) * (1 + 0.134145 * np.clip(x, -20, 20) ** 2) ** 2"
        " * (1 - 2 * sigmoid(1.5957691216057308 * (x + 0.044715 * x**3))))"
    },
)
def gelu_tanh_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where its factor is."""
    wide = np.clip(_wider(x), -60, 60)
    s = 1 / (1 + _gelu_tanh_power(wide))
    slope = np.sqrt(8 / _pi(wide.dtype)) * (wide + wide.dtype.type(134145) / 10**6 * wide**3)
    return _times(grad_output, s * (1 + slope * (1 - s)), x)


@row(Way("x * np.tanh(np.log1p(np.exp(x)))"), gradient={"x": "mish_backward(v, x)"})
@rounded_once
def mish(x: Any) -> Any:
    """-0 where tanh is 0."""
    bounded = np.maximum(x, -2000)
    return bounded * np.tanh(np.logaddexp(bounded, 0))


@row(
    Way("g * (np.tanh(np.log1p(np.exp(x))) + x / (1 + np.exp(-x)) / np.cosh(np.log1p(np.exp(x))) ** 2)"),
    gradient={
        "x": "tanh_backward(v * g, tanh(softplus(x))) * sigmoid(x)"
        " * (2 + np.clip(x, -2000, 2000) * (sigmoid(-x) - 2 * tanh(softplus(x)) * sigmoid(x)))"
    },
)
def mish_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where its factor is."""
    wide = np.clip(_wider(x), -2000, 2000)
    t = np.tanh(np.logaddexp(wide, 0))
    return _times(grad_output, t + wide * (1 - t * t) * _logistic(wide), x)


@row(
    Way("x - np.tanh(x)", out="np.subtract(x, np.tanh(x, out=out), out=out)"),
    gradient={"x": "tanhshrink_backward(v, x)"},
)
@rounded_once
def tanhshrink(x: Any) -> Any:
    """Near 0, where the difference cancels, by its series."""
    numerators = [929569, -21844, 1382, -62, 17, -2, 1]
    denominators = [638512875, 6081075, 155925, 2835, 315, 15, 3]
    near = np.where(np.abs(x) < 0.06, x, 0)
    series = np.polyval(np.array(numerators, x.dtype) / np.array(denominators, x.dtype), near * near)
    t = np.tanh(x)
    far = np.where(np.abs(t) == 1, np.nextafter(x - t, x), x - t)  # which is not halfway between 16-bit floats
    return np.where(np.abs(x) < 0.06, near**3 * series, far)


@row(
    Way("g * np.tanh(x) ** 2"),
    Way("g * np.square(np.tanh(x))"),
    gradient={"x": "2 * tanh_backward(v * g, tanh(x)) * tanh(x)"},
)
def tanhshrink_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input: the square of tanh."""
    return _times(grad_output, np.tanh(_wider(x)) ** 2, x)


@row(
    Way("-np.log1p(np.exp(-x))"),
    Way("-np.logaddexp(-x, 0)"),
    gradient={"x": "logsigmoid_backward(v, x)"},
)
@rounded_once
def logsigmoid(x: Any) -> Any:
    """Logarithm of the sigmoid."""
    return -np.logaddexp(0, -x)


@row(Way("g / (1 + np.exp(x))"), gradient={"x": "-sigmoid_backward(v * g, sigmoid(x))"})
def logsigmoid_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where the sigmoid is."""
    return _times(grad_output, _logistic(-_wider(x)), x)


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
