# SPDX-License-Identifier: BSD-3-Clause
"""The definition of each operation in plain NumPy, with which tests and benchmark compare results bit for bit.

The inputs are arrays of one dtype; a slope may also be a number or, beside 16-bit floats, a float32
array. Only elu, softplus, sigmoid, tanh and the gradients of elu and softplus are approximations: the kernels and these
lines each have an error of a few ULP at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "add_relu",
    "celu",
    "celu_backward",
    "count_active",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "gelu_tanh",
    "gelu_tanh_backward",
    "hardshrink",
    "hardshrink_backward",
    "hardsigmoid",
    "hardsigmoid_backward",
    "hardswish",
    "hardswish_backward",
    "hardtanh",
    "hardtanh_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "logsigmoid",
    "logsigmoid_backward",
    "mish",
    "mish_backward",
    "prelu",
    "prelu_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "relu_backward_from_mask",
    "relu_squared",
    "relu_squared_backward",
    "relu_with_mask",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softplus",
    "softplus_backward",
    "softshrink",
    "softshrink_backward",
    "softsign",
    "softsign_backward",
    "tanh",
    "tanh_backward",
    "tanhshrink",
    "tanhshrink_backward",
    "threshold",
    "threshold_backward",
]


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


def relu(x: Any) -> Any:
    """Zero where x is negative."""
    return np.where(x < 0, x.dtype.type(0), x)


def relu_backward(grad_output: Any, x: Any) -> Any:
    """Zero where x is not positive, unless it is a NaN."""
    return np.where(x <= 0, grad_output.dtype.type(0), grad_output)


def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Any:
    """Scaled where x is not positive."""
    return np.where(x > 0, x, _scaled(x, negative_slope))


def leaky_relu_backward(grad_output: Any, x: Any, negative_slope: Any = 0.01) -> Any:
    """Scaled where x is not positive."""
    return np.where(x > 0, grad_output, _scaled(grad_output, negative_slope))


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


def relu6(x: Any) -> Any:
    """Clip to 0 .. 6; a NaN stays."""
    return np.where(x < 0, x.dtype.type(0), np.where(x > 6, x.dtype.type(6), x))


def relu6_backward(grad_output: Any, x: Any) -> Any:
    """Zero where x is outside 0 .. 6, unless it is a NaN."""
    return np.where((x <= 0) | (x >= 6), grad_output.dtype.type(0), grad_output)


def hardtanh(x: Any, min_val: Any = -1.0, max_val: Any = 1.0) -> Any:
    """Clip, to max_val where the bounds cross; a NaN stays."""
    raised = _replaced(widen(x) < _param(min_val, x), min_val, x)
    return _replaced(widen(raised) > _param(max_val, x), max_val, raised)


def hardtanh_backward(grad_output: Any, x: Any, min_val: Any = -1.0, max_val: Any = 1.0) -> Any:
    """Zero where x is outside the bounds, unless it is a NaN."""
    wide = widen(x)
    outside = (wide <= _param(min_val, x)) | (wide >= _param(max_val, x))
    return np.where(outside, grad_output.dtype.type(0), grad_output)


def threshold(x: Any, threshold: Any, value: Any) -> Any:
    """Replace what is not above the threshold, unless it is a NaN."""
    return _replaced(widen(x) <= _param(threshold, x), value, x)


def threshold_backward(grad_output: Any, x: Any, threshold: Any, value: Any) -> Any:
    """Zero where x was replaced."""
    return np.where(widen(x) <= _param(threshold, x), grad_output.dtype.type(0), grad_output)


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


def relu_squared(x: Any) -> Any:
    """Zero where x is not positive, unless it is a NaN; 16-bit floats are multiplied in float32."""
    return np.where(x <= 0, x.dtype.type(0), narrow(widen(x) * widen(x), x.dtype))


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


def hardshrink(x: Any, lambd: Any = 0.5) -> Any:
    """Zero near 0; a NaN stays."""
    return np.where(_is_within(x, lambd), x.dtype.type(0), x)


def hardshrink_backward(grad_output: Any, x: Any, lambd: Any = 0.5) -> Any:
    """Zero where x is near 0."""
    return np.where(_is_within(x, lambd), x.dtype.type(0), grad_output)


def softshrink(x: Any, lambd: Any = 0.5) -> Any:
    """Zero near 0, closer to 0 elsewhere; a NaN stays."""
    within = _is_within(x, lambd)
    if np.all(within):
        return np.zeros_like(x)
    wide, step = widen(x), _param(lambd, x)
    return np.where(within, x.dtype.type(0), narrow(np.where(wide < 0, wide + step, wide - step), x.dtype))


def softshrink_backward(grad_output: Any, x: Any, lambd: Any = 0.5) -> Any:
    """Zero where x is near 0."""
    return np.where(_is_within(x, lambd), x.dtype.type(0), grad_output)


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


def _beside_half(result: Any, wide: Any, sign: Any = 1) -> Any:
    """The result of a function that is x / 2 and a little beside it near 0, where the wider type has lost the little."""
    limit = np.copysign(np.inf, sign).astype(wide.dtype)
    return np.where((result == wide / 2) & (wide != 0), np.nextafter(result, limit), result)


def hardsigmoid(x: Any) -> Any:
    """A line between -3 and 3, taken in a wider type."""
    return _rounded(np.clip((_wider(x) + 3) / 6, 0, 1), x)


def hardsigmoid_backward(grad_output: Any, x: Any) -> Any:
    """A sixth between -3 and 3, zero elsewhere and for a NaN."""
    return np.where((x > -3) & (x < 3), narrow(widen(grad_output) / 6, x.dtype), x.dtype.type(0))


def hardswish(x: Any) -> Any:
    """A parabola between -3 and 3, taken in a wider type."""
    wide = _wider(x)
    curve = _beside_half(wide * ((wide + 3) / 6), wide)
    return np.where(x >= 3, x, _rounded(np.where(x <= -3, -0.0, curve), x))


def hardswish_backward(grad_output: Any, x: Any) -> Any:
    """A line between -3 and 3."""
    wide = np.where((x > -3) & (x < 3), _wider(x), 0)
    inside = _times(grad_output, (wide + wide + 3) / 6, x)
    return np.where(x <= -3, x.dtype.type(0), np.where(x < 3, inside, grad_output))


def softsign(x: Any) -> Any:
    """Taken in a wider type, in which an infinity is the largest number."""
    wide = _wider(x)
    bounded = np.clip(wide, -np.finfo(wide.dtype).max, np.finfo(wide.dtype).max)
    return _rounded(bounded / (1 + np.abs(bounded)), x)


def softsign_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input."""
    return _times(grad_output, (1 / (1 + np.abs(_wider(x)))) ** 2, x)


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """Exponential on the negative side, taken in a wider type."""
    wide, factor = _wider(x), _wider(_param(alpha, x))
    return _rounded(np.where(wide > 0, wide, factor * np.expm1(np.where(wide > 0, 0, wide))), x)


def elu_backward(grad_output: Any, x: Any, alpha: Any = 1.0) -> Any:
    """Gradient from the input; +0 where the exponential is."""
    wide, factor = _wider(x), _wider(_param(alpha, x))
    return _times(grad_output, np.where(wide > 0, 1, factor * np.exp(np.where(wide > 0, 0, wide))), x)


def celu(x: Any, alpha: Any = 1.0) -> Any:
    """Exponential on the negative side, taken in a wider type."""
    wide, divisor = _wider(x), _wider(_param(alpha, x))
    return _rounded(np.where(wide >= 0, wide, divisor * np.expm1(np.where(wide >= 0, -1, wide) / divisor)), x)


def celu_backward(grad_output: Any, x: Any, alpha: Any = 1.0) -> Any:
    """Gradient from the input; +0 where the exponential is."""
    wide, divisor = _wider(x), _wider(_param(alpha, x))
    return _times(grad_output, np.where(wide >= 0, 1, np.exp(np.where(wide >= 0, -1, wide) / divisor)), x)


_SCALE, _ALPHA = np.longdouble(1.0507009873554805), np.longdouble(1.6732632423543772)


def selu(x: Any) -> Any:
    """Exponential on the negative side, taken in a wider type."""
    wide = _wider(x)
    scale, alpha = (constant.astype(wide.dtype) for constant in (_SCALE, _SCALE * _ALPHA))
    return _rounded(np.where(wide > 0, scale * wide, alpha * np.expm1(np.where(wide > 0, 0, wide))), x)


def selu_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where the exponential is."""
    wide = _wider(x)
    scale, alpha = (constant.astype(wide.dtype) for constant in (_SCALE, _SCALE * _ALPHA))
    return _times(grad_output, np.where(wide > 0, scale, alpha * np.exp(np.where(wide > 0, 0, wide))), x)


def _logistic(wide: Any) -> Any:
    return 1 / (1 + np.exp(-wide))


def silu(x: Any, beta: Any = 1.0) -> Any:
    """Taken in a wider type; where the sigmoid is 0 or 1, that is the limit."""
    wide, factor = _wider(x), _wider(_param(beta, x))
    s = _logistic(factor * wide)
    curve = np.where(s == 0, np.copysign(s, wide), np.where(s == 1, wide, wide * s))
    return _rounded(np.where(np.isnan(s), s, _beside_half(curve, wide, factor)), x)


def silu_backward(grad_output: Any, x: Any, beta: Any = 1.0) -> Any:
    """Gradient from the input; +0 where its factor is."""
    z = _wider(_param(beta, x)) * _wider(x)
    bounded = np.clip(z, -2000, 2000)
    return _times(grad_output, _logistic(z) * (1 + bounded * _logistic(-bounded)), x)


def softplus(x: Any, beta: Any = 1.0) -> Any:
    """Smooth relu, taken in a wider type."""
    factor = _wider(_param(beta, x))
    return _rounded(np.logaddexp(0, factor * _wider(x)) / factor, x)


def softplus_backward(grad_output: Any, x: Any, beta: Any = 1.0) -> Any:
    """Gradient from the input; +0 where the sigmoid is."""
    return _times(grad_output, _logistic(_wider(_param(beta, x)) * _wider(x)), x)


def _times(grad_output: Any, factor: Any, x: Any) -> Any:
    """The product, and +0 where the factor, in the type that is computed in, is 0; it may be infinite there, too."""
    narrower = factor.astype(np.result_type(widen(x)))
    factor = np.where(np.isinf(narrower), narrower, factor)
    return np.where(narrower == 0, x.dtype.type(0), _rounded(_wider(grad_output) * factor, x))


def _pi(dtype: Any) -> Any:
    return 4 * np.arctan(dtype.type(1))


def _gauss(wide: Any) -> Any:
    """Take exp(-x**2 / 2), where the square of a number of 24 bits is exact, and so the rest of it is small."""
    short = wide.astype(np.float32).astype(wide.dtype)
    return np.exp(-short * short / 2) * np.exp(-(wide - short) * (wide + short) / 2)


def _normal_cdf(wide: Any) -> Any:
    """The normal distribution function, by the trapezoidal rule for erfc: exact to exp(-(pi / h)**2) at 0 <= y.

    erfc(y) = 2 * h * y / pi * exp(-y**2) * sum(exp(-t**2) / (t**2 + y**2)) + 2 / (1 + exp(2 * pi * y / h)), of which the
    last term is left out from pi / h on; t takes the odd multiples of h / 2.
    """
    pi, h = _pi(wide.dtype), wide.dtype.type(0.4)
    y = np.abs(wide) / np.sqrt(wide.dtype.type(2))
    series = sum(np.exp(-t * t) / (t * t + y * y) for t in h * (np.arange(18) + wide.dtype.type(0.5)))
    tail = h * y / pi * _gauss(wide) * series + np.where(y < pi / h, 1 / (1 + np.exp(2 * pi * y / h)), 0)
    return np.where(wide < 0, tail, 1 - tail)


def gelu(x: Any) -> Any:
    """Taken in a wider type; -0 where the distribution function is 0."""
    wide = np.clip(_wider(x), -60, None)
    bounded = np.minimum(wide, 60)
    return _rounded(_beside_half(np.where(wide < 60, bounded * _normal_cdf(bounded), wide), wide), x)


def gelu_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where its factor is."""
    wide = np.clip(_wider(x), -60, 60)
    density = _gauss(wide) / np.sqrt(2 * _pi(wide.dtype))
    return _times(grad_output, _normal_cdf(wide) + wide * density, x)


def _gelu_tanh_argument(wide: Any) -> Any:
    """Twice the argument of tanh, and its derivative times x."""
    factor, cube = np.sqrt(8 / _pi(wide.dtype)), wide.dtype.type(44715) / 10**6 * wide**3
    return factor * (wide + cube), factor * (wide + 3 * cube)


def gelu_tanh(x: Any) -> Any:
    """As silu of another argument; -0 where the sigmoid is 0."""
    wide = np.clip(_wider(x), -60, None)
    bounded = np.minimum(wide, 60)
    z, _ = _gelu_tanh_argument(bounded)
    return _rounded(_beside_half(np.where(wide < 60, bounded * _logistic(z), wide), wide), x)


def gelu_tanh_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where its factor is."""
    z, slope = _gelu_tanh_argument(np.clip(_wider(x), -60, 60))
    return _times(grad_output, _logistic(z) * (1 + slope * _logistic(-z)), x)


def mish(x: Any) -> Any:
    """Taken in a wider type; -0 where tanh is 0."""
    wide = np.clip(_wider(x), -2000, None)
    return _rounded(wide * np.tanh(np.logaddexp(wide, 0)), x)


def mish_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where its factor is."""
    wide = np.clip(_wider(x), -2000, 2000)
    t = np.tanh(np.logaddexp(wide, 0))
    return _times(grad_output, t + wide * (1 - t * t) * _logistic(wide), x)


def tanhshrink(x: Any) -> Any:
    """Taken in a wider type; near 0, where the difference cancels, by its series."""
    wide = _wider(x)
    numerators = [929569, -21844, 1382, -62, 17, -2, 1]
    denominators = [638512875, 6081075, 155925, 2835, 315, 15, 3]
    near = np.where(np.abs(wide) < 0.06, wide, 0)
    series = np.polyval(np.array(numerators, wide.dtype) / np.array(denominators, wide.dtype), near * near)
    return _rounded(np.where(np.abs(wide) < 0.06, near**3 * series, wide - np.tanh(wide)), x)


def tanhshrink_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input: the square of tanh."""
    return _times(grad_output, np.tanh(_wider(x)) ** 2, x)


def logsigmoid(x: Any) -> Any:
    """Taken in a wider type."""
    return _rounded(-np.logaddexp(0, -_wider(x)), x)


def logsigmoid_backward(grad_output: Any, x: Any) -> Any:
    """Gradient from the input; +0 where the sigmoid is."""
    return _times(grad_output, _logistic(-_wider(x)), x)


def sigmoid(x: Any) -> Any:
    """Logistic function, taken in a wider type, where small results do not cancel."""
    return _rounded(_logistic(_wider(x)), x)


def sigmoid_backward(grad_output: Any, y: Any) -> Any:
    """Gradient from the output, in this order of operations."""
    g, y_wide = widen(grad_output), widen(y)
    return narrow(g * (1 - y_wide) * y_wide, y.dtype)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, taken in a wider type."""
    return _rounded(np.tanh(_wider(x)), x)


def tanh_backward(grad_output: Any, y: Any) -> Any:
    """Gradient from the output, in this order of operations."""
    g, y_wide = widen(grad_output), widen(y)
    return narrow(g * (1 - y_wide * y_wide), y.dtype)


def count_active(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Count the elements that are positive."""
    return np.count_nonzero(x > 0, axis, keepdims=keepdims)
