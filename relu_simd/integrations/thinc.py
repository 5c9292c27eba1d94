# SPDX-License-Identifier: BSD-3-Clause
"""A backend for thinc, and so for spaCy, with this package's activations: ``thinc.api.use_ops("relu_simd")``.

A model keeps the backend that was current when it was made, so choose the backend first. thinc finds this one by an
entry point, which never raises: if relu_simd cannot be imported, the name stands for thinc's own NumPy backend, and a
warning says so.

Examples
--------
>>> import numpy
>>> from thinc.api import Relu, use_ops
>>> from relu_simd.integrations.thinc import ReluSimdOps
>>> with use_ops("relu_simd"):
...     model = Relu(nO=2, nI=3).initialize()
>>> model.ops.name
'relu_simd'
>>> model.predict(numpy.zeros((1, 3), "f"))
array([[0., 0.]], dtype=float32)
"""

from __future__ import annotations

from typing import Any

import numpy as np

import relu_simd
from relu_simd.integrations import _needs

with _needs("thinc", "thinc"):
    from thinc.backends.numpy_ops import NumpyOps
    from thinc.config import registry

__all__ = ["ReluSimdOps"]

# Methods of one input and `inplace`: the functions that compute them and their gradients.
_ROWS = {"gelu": "gelu", "gelu_approx": "gelu_tanh", "hard_swish_mobilenet": "hardswish"}


def _one_float(*arrays: Any) -> bool:
    """Whether all are of one float dtype that we have, and have axes; else thinc's own code decides what comes out."""
    dtype = arrays[0].dtype
    return dtype in ("float16", "float32", "float64") and all(each.dtype == dtype and each.ndim for each in arrays)


def _numbers(*values: Any) -> bool:
    """Whether they are Python's own: NumPy's would change the dtype."""
    return all(type(value) in (int, float) for value in values)


@registry.ops("ReluSimdOps")
class ReluSimdOps(NumpyOps):
    """thinc's NumPy backend with other code for its activations and their gradients.

    Methods, arguments and dtypes are thinc's, and so is the code of `dish` and of its gradient in float16. Results are
    right to about the last digit, whereas thinc's own are approximations: its `sigmoid` is never below 2e-9, its `gelu`
    is off by up to 2e-7, its `mish` is 0 at -37 and below.

    As in relu_simd, a gradient is selected, not multiplied: where a unit is inactive, the gradient is 0 even if the
    incoming one was infinite; where the input of clipped_linear is a NaN, the incoming one goes through. At the two
    bends of hard_swish and hard_swish_mobilenet, the slope is the one outside them: 0 and 1.
    """

    name = "relu_simd"

    def relu(self, X: Any, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.relu`."""
        if not _one_float(X):
            return super().relu(X, inplace)
        return relu_simd.relu(X, out=X if inplace else None)

    def backprop_relu(self, dY: Any, Y: Any, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.backprop_relu`; as there, arrays of two shapes are a ValueError."""
        if not _one_float(dY, Y) or dY.shape != Y.shape:
            return super().backprop_relu(dY, Y, inplace)
        return relu_simd.relu_backward(dY, Y, out=dY if inplace else None)

    def clipped_linear(
        self,
        X: Any,
        slope: float = 1.0,
        offset: float = 0.0,
        min_val: float = 0.0,
        max_val: float = 1.0,
        inplace: bool = False,
    ) -> Any:
        """See `thinc.api.Ops.clipped_linear`; relu_k, hard_sigmoid, hard_tanh and hard_swish are made of it."""
        if not (_one_float(X) and _numbers(slope, offset, min_val, max_val) and min_val <= max_val):
            return super().clipped_linear(X, slope, offset, min_val, max_val, inplace)
        line, out = X, X if inplace else None
        if slope != 1:
            line = out = np.multiply(line, slope, out=out)
        if offset != 0:
            line = out = np.add(line, offset, out=out)
        return relu_simd.hardtanh(line, min_val, max_val, out=out)

    def backprop_clipped_linear(
        self,
        dY: Any,
        X: Any,
        slope: float = 1.0,
        offset: float = 0.0,
        min_val: float = 0.0,
        max_val: float = 1.0,
        inplace: bool = False,
    ) -> Any:
        """See `thinc.api.Ops.backprop_clipped_linear`."""
        numbers = _numbers(slope, offset, min_val, max_val) and slope > 0 and min_val <= max_val
        if not (numbers and _one_float(dY, X)):
            return super().backprop_clipped_linear(dY, X, slope, offset, min_val, max_val, inplace)
        low, high = (min_val - offset) / slope, (max_val - offset) / slope
        dX = relu_simd.hardtanh_backward(dY, X, low, high, out=dY if inplace else None)
        return dX if slope == 1 else np.multiply(dX, slope, out=dX)

    def sigmoid(self, X: Any, *, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.sigmoid`."""
        if not _one_float(X):
            return super().sigmoid(X, inplace=inplace)
        return relu_simd.sigmoid(X, out=X if inplace else None)

    def backprop_sigmoid(self, dY: Any, Y: Any, *, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.backprop_sigmoid`; as there, it is `Y` that is changed in place."""
        if not _one_float(dY, Y):
            return super().backprop_sigmoid(dY, Y, inplace=inplace)
        return relu_simd.sigmoid_backward(dY, Y, out=Y if inplace else None)

    def dsigmoid(self, Y: Any, *, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.dsigmoid`."""
        if not _one_float(Y):
            return super().dsigmoid(Y, inplace=inplace)
        return relu_simd.sigmoid_backward(Y.dtype.type(1), Y, out=Y if inplace else None)

    def dtanh(self, Y: Any, *, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.dtanh`."""
        if not _one_float(Y):
            return super().dtanh(Y, inplace=inplace)
        return relu_simd.tanh_backward(Y.dtype.type(1), Y, out=Y if inplace else None)

    def swish(self, X: Any, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.swish`."""
        if not _one_float(X):
            return super().swish(X, inplace)
        return relu_simd.silu(X, out=X if inplace else None)

    def backprop_swish(self, dY: Any, X: Any, Y: Any, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.backprop_swish`."""
        if not _one_float(dY, X, Y) or X.shape != Y.shape:
            return super().backprop_swish(dY, X, Y, inplace)
        return relu_simd.silu_backward(dY, X, out=dY if inplace else None)

    def mish(self, X: Any, threshold: float = 20.0, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.mish`, whose results equal `X` from 20 on, even if `threshold` is higher."""
        if not _one_float(X) or threshold < 20:
            return super().mish(X, threshold, inplace)
        return relu_simd.mish(X, out=X if inplace else None)

    def backprop_mish(self, dY: Any, X: Any, threshold: float = 20.0, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.backprop_mish`; as there, arrays of two shapes are a ValueError."""
        if not _one_float(dY, X) or dY.shape != X.shape or threshold < 20:
            return super().backprop_mish(dY, X, threshold, inplace)
        return relu_simd.mish_backward(dY, X, out=dY if inplace else None)

    def backprop_hard_swish(self, dY: Any, X: Any, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.backprop_hard_swish`."""
        if not _one_float(dY, X):
            return super().backprop_hard_swish(dY, X, inplace)
        # thinc's line ends at -2.5 and 2.5, hardswish's at -3 and 3.
        return relu_simd.hardswish_backward(dY, X * 1.2, out=dY if inplace else None)

    def backprop_dish(self, dY: Any, X: Any, inplace: bool = False) -> Any:
        """See `thinc.api.Ops.backprop_dish`."""
        if not _one_float(dY, X) or dY.shape != X.shape or X.dtype == "float16":
            return super().backprop_dish(dY, X, inplace)
        # With t = x / sqrt(1 + x * x) the slope is 1 / 2 + t - t**3 / 2. From 2**30 on t is 1, and until then the
        # square is finite.
        t = relu_simd.hardtanh(X, -(2.0**30), 2.0**30)
        slope = np.square(t)
        slope += 1
        t /= np.sqrt(slope, out=slope)
        np.square(t, out=slope)
        slope *= -0.5
        slope += 1
        slope *= t
        slope += 0.5
        return np.multiply(dY, slope, out=dY if inplace else slope)


def _activation(method: str, row: str) -> Any:
    def forward(self: ReluSimdOps, X: Any, inplace: bool = False) -> Any:
        if not _one_float(X):
            return getattr(super(ReluSimdOps, self), method)(X, inplace)
        return getattr(relu_simd, row)(X, out=X if inplace else None)

    return forward


def _gradient(method: str, row: str) -> Any:
    def backward(self: ReluSimdOps, dY: Any, X: Any, inplace: bool = False) -> Any:
        if not _one_float(dY, X):
            return getattr(super(ReluSimdOps, self), method)(dY, X, inplace)
        if method == "backprop_gelu_approx" and not inplace:
            # thinc's own is float32 at least.
            dY, X = (np.asarray(each, np.result_type(each, np.float32)) for each in (dY, X))
        return getattr(relu_simd, row)(dY, X, out=dY if inplace else None)

    return backward


for _method, _row in _ROWS.items():
    for _name, _made in (
        (_method, _activation(_method, _row)),
        (f"backprop_{_method}", _gradient(f"backprop_{_method}", f"{_row}_backward")),
    ):
        _made.__name__, _made.__doc__ = _name, f"See `thinc.api.Ops.{_name}`."
        setattr(ReluSimdOps, _name, _made)
