# SPDX-License-Identifier: BSD-3-Clause
"""Real inputs: scikit-learn's digits on their way through a small network, and its gradients back."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from relu_simd import _core

HIDDEN, CLASSES = 128, 10


@cache
def network() -> dict[str, NDArray[np.float64]]:
    """Return values for each input of the operations, by its name.

    The 1797 digits go through a linear layer with Kaiming-normal weights: that is `x`. ReLU, a second
    such layer and the softmax cross-entropy with the true digits give the gradient, which the second
    layer's weights bring back to the activation: that is `grad_output`.
    """
    digits = load_digits()
    pixels = digits.data / 16 - 0.5
    rng = np.random.default_rng(0)
    w1 = rng.normal(0, np.sqrt(2 / pixels.shape[1]), (pixels.shape[1], HIDDEN))
    w2 = rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, CLASSES))
    x = pixels @ w1
    logits = np.maximum(x, 0) @ w2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    grad_output = (p - np.eye(CLASSES)[digits.target]) @ w2.T
    return {"x": x.ravel(), "grad_output": grad_output.ravel()}


def inputs(op: _core.Op, dtype: str, n: int) -> list[Any]:
    """Return the inputs of an operation in order: arrays of n elements, values repeated as often as needed.

    Inputs of other names than the network has are activations, too.
    """
    names = op.inputs if op.default is None else op.inputs[:-1]
    arrays = [np.resize(network().get(name, network()["x"]).astype(dtype), n) for name in names]
    return arrays if op.default is None else [*arrays, op.default]
