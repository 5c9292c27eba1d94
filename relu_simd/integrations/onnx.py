# SPDX-License-Identifier: BSD-3-Clause
"""Operators for onnx's reference evaluator: ``ReferenceEvaluator(model, new_ops=new_ops)``.

These are the elementwise activations of every opset, with all their attributes. Results are those of the
specification, as the stock operators give them, but rounded as in the functions of `relu_simd`: nearly all are within
1 ULP of the exact value, and 16-bit floats are computed in float32. Where the formula would multiply infinity by 0 or
divide infinity by infinity (Gelu, HardSwish, Mish, Softsign and Swish of an infinity), the result is the limit
instead of a NaN.

Examples
--------
>>> import numpy as np
>>> from onnx import TensorProto, helper
>>> from onnx.reference import ReferenceEvaluator
>>> from relu_simd.integrations.onnx import new_ops
>>> x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "xy")
>>> graph = helper.make_graph([helper.make_node("LeakyRelu", ["x"], ["y"], alpha=0.5)], "example", [x], [y])
>>> run = ReferenceEvaluator(helper.make_model(graph), new_ops=new_ops).run
>>> run(None, {"x": np.array([-2, 0, 3], np.float32)})
[array([-1.,  0.,  3.], dtype=float32)]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import relu_simd
from relu_simd.integrations import _needs

with _needs("onnx", "onnx"):
    from onnx import NodeProto
    from onnx.defs import get_schema
    from onnx.reference.op_run import OpRun


def _in_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of several steps take them in float32 where x is a 16-bit float; its caller rounds the result."""

    def run(x: Any, **attributes: Any) -> Any:
        return function(x.astype(np.float32) if x.dtype.itemsize == 2 else x, **attributes)

    return run


def _without_nan(x: Any, y: Any) -> Any:
    """Zero where x is a NaN: it lies beyond no limit."""
    nan = x != x
    return np.where(nan, y.dtype.type(0), y) if nan.any() else y


def _clip(x: Any, low: Any = None, high: Any = None, **attributes: Any) -> Any:
    # Before opset 11 the limits are attributes.
    low, high = attributes.get("min", low), attributes.get("max", high)
    if low is high is None:
        return x
    if any(np.ndim(limit) or limit != limit for limit in (low, high) if limit is not None):
        return np.clip(x, low, high)
    lowest, largest = (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max) if x.dtype.kind in "iu" else (-np.inf, np.inf)
    return relu_simd.hardtanh(x, lowest if low is None else low, largest if high is None else high)


def _gelu(x: Any, approximate: str) -> Any:
    if approximate not in ("none", "tanh"):
        raise ValueError(f"Gelu: approximate must be 'none' or 'tanh', not {approximate!r}")
    return relu_simd.gelu_tanh(x) if approximate == "tanh" else relu_simd.gelu(x)


@_in_float32
def _hard_sigmoid(x: Any, alpha: float, beta: float) -> Any:
    y = np.multiply(x, alpha)
    return relu_simd.hardtanh(np.add(y, beta), 0, 1)


def _prelu(x: Any, slope: Any) -> Any:
    # As in the stock operator: a slope of one axis that does not fit x's last one lies along the only axis of its
    # length.
    if slope.ndim == 1 and slope.shape[0] not in (1, *x.shape[-1:]) and x.shape.count(slope.shape[0]) == 1:
        slope = slope.reshape([n if n == slope.shape[0] else 1 for n in x.shape])
    try:
        np.broadcast_to(slope, x.shape)  # only to see whether it can be: prelu does it faster
    except ValueError:
        raise ValueError(f"PRelu: slope of shape {slope.shape} does not broadcast to x's {x.shape}") from None
    if x.dtype.kind in "iu":  # relu_simd.prelu makes floats of them, as NumPy's own float functions do
        return np.where(x > 0, x, np.multiply(x, slope, dtype=x.dtype))
    return relu_simd.prelu(x, slope)


@_in_float32
def _selu(x: Any, alpha: float, gamma: float) -> Any:
    return np.multiply(relu_simd.elu(x, alpha), gamma)


def _shrink(x: Any, bias: float, lambd: float) -> Any:
    whole = x.dtype.kind in "iu"
    if bias not in (0, lambd) or not lambd >= 0 or (whole and not (bias.is_integer() and math.isfinite(lambd))):
        return np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0))
    limit = math.floor(lambd) if whole else lambd  # beyond which are the same integers
    return _without_nan(x, relu_simd.softshrink(x, limit) if bias else relu_simd.hardshrink(x, limit))


# Each operator: its result from its inputs and attributes, and the formula.
_OPERATORS: dict[str, tuple[Callable[..., Any], str]] = {
    "Celu": (lambda x, alpha: relu_simd.celu(x, alpha), "``x >= 0 ? x : alpha * (exp(x / alpha) - 1)``."),
    "Clip": (_clip, "``min(max(x, low), high)``; the limits are inputs or, before opset 11, attributes."),
    "Elu": (lambda x, alpha: relu_simd.elu(x, alpha), "``x > 0 ? x : alpha * (exp(x) - 1)``."),
    "Gelu": (_gelu, "``x * Phi(x)`` or, where `approximate` is ``tanh``, its approximation."),
    "HardSigmoid": (_hard_sigmoid, "``alpha * x + beta``, clipped to 0 .. 1."),
    "HardSwish": (lambda x: relu_simd.hardswish(x), "``x * ((x + 3) / 6 clipped to 0 .. 1)``."),
    "LeakyRelu": (lambda x, alpha: relu_simd.leaky_relu(x, alpha), "``x > 0 ? x : x * alpha``."),
    "Mish": (lambda x: relu_simd.mish(x), "``x * tanh(softplus(x))``."),
    "PRelu": (
        _prelu,
        "``x > 0 ? x : x * slope``, the slope broadcast to the shape of x. One that would make the result larger than "
        "x, which the specification forbids, is a ValueError. Integers stay what they are, and a product that is too "
        "large for them wraps around.",
    ),
    "Relu": (lambda x: relu_simd.relu(x), "``x < 0 ? 0 : x``."),
    "Selu": (_selu, "``gamma * (x > 0 ? x : alpha * (exp(x) - 1))``."),
    "Shrink": (_shrink, "``x < -lambd ? x + bias : x > lambd ? x - bias : 0``."),
    "Sigmoid": (lambda x: relu_simd.sigmoid(x), "``1 / (1 + exp(-x))``."),
    "Softplus": (lambda x: relu_simd.softplus(x), "``log(1 + exp(x))``."),
    "Softsign": (lambda x: relu_simd.softsign(x), "``x / (1 + abs(x))``."),
    "Swish": (lambda x, alpha: relu_simd.silu(x, alpha), "``x / (1 + exp(-alpha * x))``."),
    "Tanh": (lambda x: relu_simd.tanh(x), "Hyperbolic tangent."),
    "ThresholdedRelu": (
        lambda x, alpha: _without_nan(x, relu_simd.threshold(x, alpha, 0)),
        "``x > alpha ? x : 0``.",
    ),
}


class _Operator(OpRun):
    """An operator whose result is that of a function, in the type of the first input."""

    function: Callable[..., Any]

    def __init__(self, node: NodeProto, run_params: dict[str, Any]) -> None:
        # Attributes that are absent have the values of the model's opset. onnx gives new operators those of the newest.
        schema = get_schema(node.op_type, run_params["opsets"][node.domain], node.domain)
        super().__init__(node, run_params, schema)

    def _run(self, x: Any, *inputs: Any, **attributes: Any) -> tuple[Any]:
        attributes.pop("consumed_inputs", None)  # opset 1 has it, for optimizers of its time
        # Those that come from a function around the node may be any numbers.
        given = {name: value if isinstance(value, str | None) else float(value) for name, value in attributes.items()}
        y = type(self).function(x, *inputs, **given)
        return (np.asarray(y).astype(x.dtype, copy=False),)


# onnx finds an operator by the name of its class.
new_ops = [
    type(name, (_Operator,), {"function": staticmethod(function), "__doc__": formula, "__module__": __name__})
    for name, (function, formula) in _OPERATORS.items()
]
globals().update(zip(_OPERATORS, new_ops, strict=True))
__all__ = ["new_ops", *_OPERATORS]
