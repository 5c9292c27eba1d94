# SPDX-License-Identifier: BSD-3-Clause
"""Operators for onnx's reference evaluator: ``ReferenceEvaluator(model, new_ops=new_ops)``.

Results are those of the specification, as the stock operators give them, except for rounding: Sigmoid and Tanh are
within 1 ULP of the exact value, and 16-bit floats are multiplied by their slope in float32.

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

from typing import Any

import numpy as np

import relu_simd
from relu_simd.integrations import _needs

with _needs("onnx", "onnx"):
    from onnx.reference.op_run import OpRun
    from onnx.reference.ops.op_clip import Clip_6, Clip_11

__all__ = ["Clip", "LeakyRelu", "PRelu", "Relu", "Sigmoid", "Tanh", "new_ops"]

# onnx finds an operator by the name of its class.


class Relu(OpRun):
    """``x < 0 ? 0 : x``."""

    def _run(self, x: Any) -> tuple[Any]:
        return (relu_simd.relu(x),)


class LeakyRelu(OpRun):
    """``x > 0 ? x : x * alpha``."""

    def _run(self, x: Any, alpha: Any = None) -> tuple[Any]:
        # A number: an array could widen x.
        return (relu_simd.leaky_relu(x, float(alpha)),)


class PRelu(OpRun):
    """``x > 0 ? x : x * slope``, the slope broadcast to the shape of x.

    As in the stock operator, a slope of one axis that does not fit x's last one lies along the only axis of its
    length. One that would make the result larger than x, which the specification forbids, is a ValueError. Integers
    stay what they are, and a product that is too large for them wraps around.
    """

    def _run(self, x: Any, slope: Any) -> tuple[Any]:
        if slope.ndim == 1 and slope.shape[0] not in (1, *x.shape[-1:]) and x.shape.count(slope.shape[0]) == 1:
            slope = slope.reshape([n if n == slope.shape[0] else 1 for n in x.shape])
        try:
            np.broadcast_to(slope, x.shape)  # only to see whether it can be: prelu does it faster
        except ValueError:
            raise ValueError(f"PRelu: slope of shape {slope.shape} does not broadcast to x's {x.shape}") from None
        if x.dtype.kind in "iu":  # relu_simd.prelu makes floats of them, as NumPy's own float functions do
            return (np.where(x > 0, x, np.multiply(x, slope, dtype=x.dtype)),)
        return (relu_simd.prelu(x, slope),)


class Sigmoid(OpRun):
    """``1 / (1 + exp(-x))``."""

    def _run(self, x: Any) -> tuple[Any]:
        return (relu_simd.sigmoid(x),)


class Tanh(OpRun):
    """Hyperbolic tangent."""

    def _run(self, x: Any) -> tuple[Any]:
        return (relu_simd.tanh(x),)


# The limits of Clip in opsets 6 to 10 where the attribute is absent, whatever the dtype of x.
_FLOAT32 = np.finfo(np.float32)


class Clip(Clip_11):
    """`relu6` where the limits are the numbers 0 and 6, inputs or attributes; else the stock operator."""

    def _run(self, x: Any, *limits: Any, min: Any = None, max: Any = None) -> Any:
        opset = self.run_params["opsets"][self.onnx_node.domain]
        if opset < 11:
            # Attributes, which this class must fill in itself: onnx knows only the newest opset of a new operator.
            lowest, largest = (float(_FLOAT32.min), float(_FLOAT32.max)) if opset >= 6 else (None, None)
            limits = (lowest if min is None else min, largest if max is None else max)
            if limits != (0, 6):
                return Clip_6._run(self, x, *limits)
        if len(limits) == 2 and all(np.shape(k) == () and k == want for k, want in zip(limits, (0, 6), strict=True)):
            return (relu_simd.relu6(x),)
        return super()._run(x, *limits)


new_ops = [Relu, LeakyRelu, PRelu, Sigmoid, Tanh, Clip]
