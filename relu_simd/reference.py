# SPDX-License-Identifier: BSD-3-Clause
"""What each operation means, in plain NumPy: the tests and the benchmark compare with it, bit for bit."""

import numpy as np

__all__ = ["leaky_relu", "leaky_relu_backward", "relu", "relu_backward"]


def relu(x):
    return np.where(x < 0, 0, x)


def relu_backward(grad_output, x):
    return np.where(x <= 0, 0, grad_output)


def leaky_relu(x, negative_slope=0.01):
    return np.where(x > 0, x, x * negative_slope)


def leaky_relu_backward(grad_output, x, negative_slope=0.01):
    return np.where(x > 0, grad_output, grad_output * negative_slope)
