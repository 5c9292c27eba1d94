# SPDX-License-Identifier: BSD-3-Clause
"""A backend for thinc, and so for spaCy, with this package's relu and relu6: ``thinc.api.use_ops("relu_simd")``.

A model keeps the backend that was current when it was made: choose it first. thinc finds it by an entry point, which
never raises: where relu_simd cannot be imported, thinc's own NumPy backend has the name, and a warning says so.

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

import relu_simd
from relu_simd.integrations import _needs

with _needs("thinc", "thinc"):
    from thinc.backends.numpy_ops import NumpyOps
    from thinc.config import registry

__all__ = ["ReluSimdOps"]

# Arguments of clipped_linear that make it relu6: slope, offset, lower and upper limit.
_RELU6 = (1, 0, 0, 6)


def _one_float(*arrays: Any) -> bool:
    """Whether all are of one float dtype that we have; else thinc's own code decides what comes out."""
    return len({array.dtype for array in arrays}) == 1 and arrays[0].dtype in ("float16", "float32", "float64")


@registry.ops("ReluSimdOps")
class ReluSimdOps(NumpyOps):
    """thinc's NumPy backend with other code for relu, for clipped_linear from 0 to 6 (ReluK), and backwards.

    As in relu_simd, a gradient is selected, not multiplied: where the unit is inactive it is 0, even if it was
    infinite, and where relu6's input is a NaN it goes through.
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
        """See `thinc.api.Ops.clipped_linear`."""
        if (slope, offset, min_val, max_val) != _RELU6 or not _one_float(X):
            return super().clipped_linear(X, slope, offset, min_val, max_val, inplace)
        return relu_simd.relu6(X, out=X if inplace else None)

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
        if (slope, offset, min_val, max_val) != _RELU6 or not _one_float(dY, X):
            return super().backprop_clipped_linear(dY, X, slope, offset, min_val, max_val, inplace)
        return relu_simd.relu6_backward(dY, X, out=dY if inplace else None)
