# SPDX-License-Identifier: BSD-3-Clause
"""Initial weights for layers before a ReLU (He et al. 2015): PyTorch's definitions, NumPy's random numbers."""

from __future__ import annotations

import math
import operator
import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["calculate_gain", "kaiming_normal", "kaiming_uniform"]

_LINEAR = ["linear", *(f"conv{transpose}{n}d" for transpose in ("", "_transpose") for n in (1, 2, 3))]
_GAINS = dict.fromkeys([*_LINEAR, "sigmoid"], 1.0) | {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the gain of an activation: by how much the weights before it must be larger to keep the variance.

    Parameters
    ----------
    nonlinearity : str
        The gain is 1 for "linear", "conv1d" .. "conv3d", "conv_transpose1d" .. "conv_transpose3d" and "sigmoid",
        5/3 for "tanh", sqrt(2) for "relu", sqrt(2 / (1 + param**2)) for "leaky_relu" and 3/4 for "selu".
    param : float, optional
        Slope of "leaky_relu", 0.01 by default; the others ignore it.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An activation that is not in this list, or a slope that is not a number.

    Examples
    --------
    >>> calculate_gain("relu") == 2**0.5
    True
    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, Real):
            raise ValueError(f"param must be the slope of leaky_relu, a number, not {param!r}")
        return math.sqrt(2 / (1 + float(slope) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"nonlinearity {nonlinearity!r} is not known: choose one of {', '.join(_GAINS)}, leaky_relu")
    return _GAINS[nonlinearity]


def kaiming_normal(
    shape: tuple[int, ...],
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: np.random.Generator | int | None = None,
    dtype: DTypeLike = "float32",
) -> NDArray[Any]:
    """Draw weights from a normal distribution of standard deviation ``gain / sqrt(fan)``.

    Parameters
    ----------
    shape : tuple of int
        ``(fan_out, fan_in)`` of a layer that computes ``x @ weight.T``, or ``(out, in, *kernel)`` of a convolution,
        where both fans count the kernel's elements, too. For ``x @ weight`` take the transpose of the result.
    a : float
        Slope of the leaky_relu that follows; 0 is ReLU.
    mode : {"fan_in", "fan_out"}
        Which variance the layers keep: that of the values on the way forward, or of the gradients on the way back.
    nonlinearity : str
        One that `calculate_gain` knows. Only "leaky_relu" uses `a`.
    rng : numpy.random.Generator or int, optional
        The generator that draws the numbers, or a seed for one: whatever `numpy.random.default_rng` takes.
    dtype : dtype
        float16, float32, float64 or `ml_dtypes.bfloat16`; 16-bit floats are drawn in float32 and rounded.

    Returns
    -------
    ndarray
        Of the given shape and dtype.

    Raises
    ------
    ValueError
        A shape of fewer than two axes, an unknown mode or nonlinearity, or an `a` that is not a number.
    TypeError
        Another dtype, or a shape that is not of integers.

    Warns
    -----
    UserWarning
        A shape without elements, as in PyTorch.

    Examples
    --------
    >>> weight = kaiming_normal((100, 400), rng=np.random.default_rng(0))
    >>> weight.shape, weight.dtype
    ((100, 400), dtype('float32'))
    >>> bool(abs(weight.std() / (2 / 400) ** 0.5 - 1) < 0.02)
    True
    """
    narrow, wide = _dtypes(dtype)
    shape = _axes(shape)
    std = _std(shape, a, mode, nonlinearity)
    weight = np.random.default_rng(rng).standard_normal(shape, wide)
    weight *= wide(std)
    return weight.astype(narrow, copy=False)


def kaiming_uniform(
    shape: tuple[int, ...],
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: np.random.Generator | int | None = None,
    dtype: DTypeLike = "float32",
) -> NDArray[Any]:
    """Draw weights uniformly between ``-bound`` and ``bound``, where bound is ``gain * sqrt(3 / fan)``.

    Parameters, errors and warnings are those of `kaiming_normal`, and so is the standard deviation of the result.

    Examples
    --------
    >>> weight = kaiming_uniform((64, 3, 5, 5), nonlinearity="relu", rng=np.random.default_rng(0))
    >>> bound = (6 / 75) ** 0.5
    >>> bool(0.99 * bound < abs(weight).max() <= bound)
    True
    """
    narrow, wide = _dtypes(dtype)
    shape = _axes(shape)
    bound = math.sqrt(3) * _std(shape, a, mode, nonlinearity)
    weight = np.random.default_rng(rng).random(shape, wide)
    # In this order: 2 u - 1 is exact, and no product is beyond the bound.
    weight *= wide(2)
    weight -= wide(1)
    weight *= wide(bound)
    return weight.astype(narrow, copy=False)


def _dtypes(dtype: DTypeLike) -> tuple[np.dtype[Any], type[np.float32] | type[np.float64]]:
    """Of the result, and of the random numbers: NumPy draws no 16-bit ones."""
    narrow = np.dtype(dtype)
    if narrow.name not in ("float16", "bfloat16", "float32", "float64"):
        raise TypeError(f"dtype must be a float of 16, 32 or 64 bits, not {narrow.name}")
    return narrow, np.float64 if narrow.itemsize == 8 else np.float32


def _axes(shape: Any) -> tuple[int, ...]:
    """The shape as a tuple; a single number is one axis."""
    try:
        return tuple(map(operator.index, shape if np.iterable(shape) else (shape,)))
    except TypeError:
        raise TypeError(f"shape must be a tuple of integers, (fan_out, fan_in, ...), not {shape!r}") from None


def _std(shape: tuple[int, ...], a: float, mode: str, nonlinearity: str) -> float:
    """Standard deviation of the weights."""
    if 0 in shape:
        warnings.warn(f"shape {shape} has no elements: there is nothing to initialise", stacklevel=3)
        return 0.0
    if not isinstance(mode, str) or mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"mode {mode!r} is not known: choose fan_in or fan_out")
    if len(shape) < 2:
        raise ValueError(f"shape {shape} has no fan_in and fan_out: give two axes or more, (out, in, *kernel)")
    fan = math.prod(shape[2:]) * shape[mode.lower() == "fan_in"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)
