# SPDX-License-Identifier: BSD-3-Clause
"""Real inputs: scikit-learn's digits on their way through a small network, and its gradients back."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relu_simd import reference
from relu_simd.bench.functions import Function

# In place, the other inputs have these values. Repeated calls would shrink the data to denormals, which some
# CPUs are slow with, or let them grow; so the work is the same, and the data stay, or are zeros after one call.
NEUTRAL = {"slope": 1.0, "weight": 1.0, "b": 0.0, "bias": 0.0, "y": 0.0}

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
    """Return values for each input of the functions, by its name; `y`, an output, is made of `x`.

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
            forward = getattr(reference, function.name.removesuffix("_backward"))
            return np.resize(forward(network()["x"]).astype(dtype), shape)
    return np.resize(_cast(network()[name], dtype), shape)


def _cast(values: NDArray[np.float64], dtype: str) -> NDArray[Any]:
    if np.dtype(dtype).kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    scaled: NDArray[np.float64] = np.rint(values * (INTEGER_SCALE / values.std()))
    return scaled.clip(limits.min, limits.max).astype(dtype)


def neutral(given: dict[str, Any], target: str) -> dict[str, Any]:
    """Return a copy of the target for calls in place, and the other inputs that let it stay as it is."""
    changed: dict[str, Any] = {target: given[target].copy()}
    for name in NEUTRAL.keys() & given.keys() - {target}:
        value = given[name]
        changed[name] = np.full_like(value, NEUTRAL[name]) if isinstance(value, np.ndarray) else NEUTRAL[name]
    return changed


@cache
def modes(function: Function) -> tuple[str, ...]:
    """Return where the result can go: to a new array, to others that exist, and to the first input.

    Where calls in place, one after another, would let the data grow or shrink to denormals, they are not measured.
    """
    if not function.outputs:
        return ("new",)
    return ("new", "out", "inplace") if _lasts(function) else ("new", "out")


def _lasts(function: Function) -> bool:
    """Whether a hundred calls in place, and a hundred more, leave the data of about the same size, and not as 0."""
    given, target = inputs(function, "float64", 100), function.inputs[0]
    names = given | neutral(given, target)
    sizes = []
    for calls in (1, 100, 100):
        for _ in range(calls):
            with np.errstate(all="ignore"):
                result = eval(f"reference.{function.call}", names | {"reference": reference})
            names[target] = result[0] if isinstance(result, tuple) else result
        sizes.append(np.abs(names[target]))
    once, before, after = sizes
    alike = (before <= 4 * after) & (after <= 4 * before) & np.isfinite(after)
    return bool(np.all(alike & ((after != 0) | (once == 0))))


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
