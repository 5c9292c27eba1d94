# SPDX-License-Identifier: BSD-3-Clause
"""What each operation means, in plain NumPy: the tests and the benchmark compare with it, bit for bit.

The inputs are arrays of one floating dtype; a slope may also be a Python number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["leaky_relu", "leaky_relu_backward", "relu", "relu_backward"]


def relu(x: Any) -> Any:
    """Zero where x is negative."""
    return np.where(x < 0, 0, x)


def relu_backward(grad_output: Any, x: Any) -> Any:
    """Zero where x is not positive, unless it is a NaN."""
    return np.where(x <= 0, 0, grad_output)


def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Any:
    """Scaled where x is not positive."""
    return np.where(x > 0, x, x * negative_slope)


def leaky_relu_backward(grad_output: Any, x: Any, negative_slope: Any = 0.01) -> Any:
    """Scaled where x is not positive."""
    return np.where(x > 0, grad_output, grad_output * negative_slope)
