# SPDX-License-Identifier: BSD-3-Clause
"""Real inputs: scikit-learn's digits on their way through a small network, and its gradients back."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relu_simd.bench.functions import Function

HIDDEN, CLASSES = 128, 10

# Quantised activations and gradients have this standard deviation.
INTEGER_SCALE = 30


def are_real() -> bool:
    """Whether scikit-learn is here, which has the digits; without it the pixels are random numbers."""
    try:
        importlib.import_module("sklearn.datasets")
    except ImportError:
        return False
    return True


@cache
def network() -> dict[str, NDArray[np.float64]]:
    """Return values for each input of the functions, by its name; `y` is by the function that has it as output.

    The 1797 digits go through a linear layer with Kaiming-normal weights: that is `x` and `a`. ReLU, a second
    such layer and the softmax cross-entropy with the true digits give the gradient, which the second
    layer's weights bring back to the activation: that is `g`. `b` are the activations of the digit before,
    `bias` centres those of a channel; `weight` lies around the 0.25 that PReLU starts from.
    """
    rng = np.random.default_rng(0)
    if are_real():
        pixels, target = importlib.import_module("sklearn.datasets").load_digits(return_X_y=True)
        pixels = pixels / 16 - 0.5
    else:
        pixels, target = rng.uniform(-0.5, 0.5, (1797, 64)), rng.integers(CLASSES, size=1797)
    w1 = rng.normal(0, np.sqrt(2 / pixels.shape[1]), (pixels.shape[1], HIDDEN))
    w2 = rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, CLASSES))
    x = pixels @ w1
    logits = np.maximum(x, 0) @ w2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    g = (p - np.eye(CLASSES)[target]) @ w2.T
    return {
        "x": x.ravel(),
        "g": g.ravel(),
        "a": x.ravel(),
        "b": np.roll(x, 1, axis=0).ravel(),
        "sigmoid": 1 / (1 + np.exp(-x.ravel())),
        "tanh": np.tanh(x.ravel()),
        "bias": -x.mean(axis=0),
        "weight": np.linspace(0.1, 0.4, HIDDEN),
    }


def inputs(function: Function, dtype: str, n: int) -> dict[str, Any]:
    """Return a function's inputs: n elements each, repeated as needed, one for each channel; the parameters."""
    channels = max(k for k in range(1, HIDDEN + 1) if n % k == 0)
    shape = (n // channels, channels) if function.by_channel else (n,)
    return {name: _input(function, name, dtype, shape) for name in function.inputs}


def _input(function: Function, name: str, dtype: str, shape: tuple[int, ...]) -> Any:
    if name in dict(function.params):
        return dict(function.params)[name]
    match name:
        case "mask":
            return np.packbits(~(_input(function, "x", dtype, shape) <= 0), bitorder="little")
        case "weight" | "bias":
            return network()[name][: shape[-1]].astype(dtype)
        case "y":
            return np.resize(network()[function.name.removesuffix("_backward")].astype(dtype), shape)
    return np.resize(_cast(network()[name], dtype), shape)


def _cast(values: NDArray[np.float64], dtype: str) -> NDArray[Any]:
    if np.dtype(dtype).kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    scaled: NDArray[np.float64] = np.rint(values * (INTEGER_SCALE / values.std()))
    return scaled.clip(limits.min, limits.max).astype(dtype)


def outputs(function: Function, given: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return arrays for a function to write to, not initialised."""
    first: NDArray[Any] = given[function.inputs[0]]
    made: dict[str, NDArray[Any]] = {}
    for name in function.outputs:
        match name:
            case "out":
                made[name] = np.empty_like(first)
            case "mask":
                made[name] = np.empty((first.size + 7) // 8, np.uint8)
            case "grad_weight":
                made[name] = np.empty_like(given["weight"])
    return made
