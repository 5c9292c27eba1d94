# SPDX-License-Identifier: BSD-3-Clause
"""Activation layers for hand-written networks: PyTorch's constructors, NumPy arrays, backward by hand.

A layer keeps only what `backward` needs of its last `forward`. A network that uses an activation in several places
therefore needs several layer objects. A layer that keeps its input or its output (its class says which) does not copy
that array: do not change it before you have called `backward`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

import relu_simd as rs
from relu_simd import _foreign
from relu_simd._layers import Elementwise, HookHandle, Layer
from relu_simd._random import check_bounds

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "HookHandle",
    "Layer",
    "LeakyReLU",
    "LogSigmoid",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


@dataclass(frozen=True)
class _Output:
    """What ReLU keeps in place of bits."""

    y: Any


def _is_container(x: Any) -> bool:
    """Whether ufuncs would return something of x's kind: masked arrays, DataArrays and so on."""
    return type(x) not in (np.ndarray, np.memmap) and hasattr(type(x), "__array_ufunc__")


@dataclass(eq=False)
class ReLU(Layer):
    """Rectified linear unit: 0 where x is negative, x elsewhere.

    Keeps one bit per element, 32 times less than a float32 `x`, and nothing of the arrays themselves. For a container
    (a masked array, an xarray DataArray, a dask array) it keeps the output; output and gradient are such containers.

    Parameters
    ----------
    inplace : bool
        Write the output over `x`. The gradient is still right, because it is computed from the bits. Do not use it
        where `x` is needed again: by another branch (the shortcut of a residual block), or by another layer that
        keeps `x` for its own gradient (`Sigmoid` and `Tanh` keep their output, a matrix product keeps its input).

    Notes
    -----
    A NaN stays a NaN and lets the gradient through; the gradient at 0 is 0. See `relu_simd.relu_with_mask`.

    Examples
    --------
    >>> layer = ReLU()
    >>> layer(np.array([-2.0, 3.0, 0.0]))
    array([0., 3., 0.])
    >>> layer.backward(np.array([5.0, 6.0, 7.0]))
    array([0., 6., 0.])
    """

    inplace: bool = False

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        if _is_container(x):
            y = rs.relu(x, out=self._out(x))
            return y, _Output(y)
        return rs.relu_with_mask(x, out=(self._out(x), None))

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        if isinstance(kept, _Output):
            return rs.relu_backward(grad_output, kept.y)
        if _is_container(grad_output):
            passes = rs.relu_backward_from_mask(np.ones(np.shape(grad_output), np.int8), kept)
            return rs.relu_backward(grad_output, passes)
        return rs.relu_backward_from_mask(grad_output, kept)


@dataclass(eq=False)
class LeakyReLU(Layer):
    """Leaky ReLU: x where it is positive, x times `negative_slope` elsewhere.

    Keeps its output, or its input if the slope is negative.

    Parameters
    ----------
    negative_slope : float
        Factor where x is not positive: a number, which does not change the dtype.
    inplace : bool
        Write the output over `x`: see `ReLU`. The gradient comes from the output, whose sign is that of `x`.

    Raises
    ------
    ValueError
        `inplace` with a negative slope, with which the output would not show the sign of `x`.

    Notes
    -----
    The gradient at 0 is the slope. At a NaN, the output is NaN and the gradient is scaled. See
    `relu_simd.leaky_relu`.

    Examples
    --------
    >>> layer = LeakyReLU(0.5)
    >>> layer(np.array([-2.0, 3.0]))
    array([-1.,  3.])
    >>> layer.backward(np.array([5.0, 6.0]))
    array([2.5, 6. ])
    """

    negative_slope: float = 0.01
    inplace: bool = False

    def __post_init__(self) -> None:
        """Check the arguments."""
        if self.inplace and self.negative_slope < 0:
            raise ValueError(
                f"LeakyReLU: with negative_slope={self.negative_slope} the output does not show the sign of x, "
                "which the gradient needs; use inplace=False"
            )

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        y = rs.leaky_relu(x, self.negative_slope, out=self._out(x))
        # The next layer has y in hand anyway; x would be memory that nobody else needs.
        return y, x if self.negative_slope < 0 else y

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        return rs.leaky_relu_backward(grad_output, kept, self.negative_slope)


@dataclass(eq=False)
class PReLU(Layer):
    """Parametric ReLU: x where it is positive, x times a learned weight elsewhere.

    Keeps its input, which the gradient of the weights needs.

    Parameters
    ----------
    num_parameters : int
        1 for one weight in all, or the number of channels: the length of axis 1 of `x`, as in PyTorch's
        (batch, channels, ...).
    init : float
        Initial value of every weight.
    dtype : dtype
        Dtype of the weights. One that is wider than that of `x` widens the output, but float32 weights do not widen
        16-bit floats.

    Attributes
    ----------
    weight : ndarray
        Shape (num_parameters,); update it as you like, in place or not. For inputs that are pyopencl arrays it may
        be a pyopencl array as well; a NumPy array is copied to their device at each call.
    grad_weight : ndarray or None
        Gradient of the loss with respect to `weight`, in its shape and dtype. Each `backward` replaces it, and adds
        nothing to the one before. For pyopencl arrays it is a pyopencl array, too.

    Raises
    ------
    ValueError
        `num_parameters` below 1. `forward` raises it if `num_parameters` is neither 1 nor the length of axis 1 of `x`.

    Notes
    -----
    A NaN stays a NaN; at a NaN the gradient is scaled. See `relu_simd.prelu` (whose weights broadcast
    from the last axis on) and `relu_simd.prelu_backward`.

    Examples
    --------
    >>> layer = PReLU(2, init=0.5)
    >>> layer(np.array([[-2.0, 3.0], [4.0, -8.0]]))
    array([[-1.,  3.],
           [ 4., -4.]])
    >>> layer.backward(np.ones((2, 2)))
    array([[0.5, 1. ],
           [1. , 0.5]])
    >>> layer.grad_weight
    array([-2., -8.], dtype=float32)
    """

    num_parameters: int = 1
    init: float = 0.25
    dtype: DTypeLike = "float32"
    weight: NDArray[Any] = field(init=False, repr=False)
    grad_weight: NDArray[Any] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the arguments."""
        if self.num_parameters < 1:
            raise ValueError(f"PReLU: num_parameters must be 1 or more, not {self.num_parameters}")
        self.weight = np.full(self.num_parameters, self.init, self.dtype)

    def _spread(self, x: Any) -> Any:
        """Shape the weights to lie along axis 1 of x, on its device."""
        channels = x.shape[1] if x.ndim > 1 else 1
        if self.weight.shape != (1,) and self.weight.shape != (channels,):
            raise ValueError(
                f"PReLU.forward: x has shape {x.shape}, {channels} channels on axis 1, but weight has shape "
                f"{self.weight.shape}; use PReLU({channels}) or PReLU(1)"
            )
        weight: Any = self.weight
        if _foreign.on_device(x) and isinstance(weight, np.ndarray):
            from relu_simd import opencl

            weight = opencl.beside(x, weight)
        return weight.reshape(-1, *[1] * (x.ndim - 2)) if x.ndim > 1 else weight.reshape(())

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        if not _foreign.on_device(x):
            _foreign.refuse("PReLU", "x", x)  # the weights would be refused first
            if not _is_container(x):
                x = np.asarray(x)
        return rs.prelu(x, self._spread(x)), x

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        weight = self._spread(kept)
        if _is_container(kept) or _is_container(grad_output):
            grad_x = rs.leaky_relu_backward(grad_output, kept, weight)
            masked = np.ma.getmaskarray(grad_x)  # of what else is no masked array, nothing
            x, grad_output = (np.where(masked, 0, np.asarray(each)) for each in (kept, grad_output))
            grad_weight = rs.prelu_backward(grad_output, x, weight)[1]
        else:
            grad_x, grad_weight = rs.prelu_backward(grad_output, kept, weight)
        self.grad_weight = grad_weight.reshape(self.weight.shape)
        return grad_x


@dataclass(eq=False)
class ReLU6(Layer):
    """ReLU bounded by 6: x clipped to 0 .. 6.

    Keeps its output.

    Parameters
    ----------
    inplace : bool
        Write the output over `x`: see `ReLU`. The gradient comes from the output.

    Notes
    -----
    A NaN stays a NaN and lets the gradient through; the gradient at 0 and at 6 is 0. See `relu_simd.relu6`.

    Examples
    --------
    >>> layer = ReLU6()
    >>> layer(np.array([-2.0, 3.0, 8.0]))
    array([0., 3., 6.])
    >>> layer.backward(np.ones(3))
    array([0., 1., 0.])
    """

    inplace: bool = False

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        y = rs.relu6(x, out=self._out(x))
        return y, y

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        return rs.relu6_backward(grad_output, kept)


@dataclass(eq=False)
class RReLU(Layer):
    """Randomized leaky ReLU: x where it is positive, x times a random slope elsewhere; in evaluation, the mean slope.

    Keeps the slopes and its output, or its input if a slope may be negative.

    Parameters
    ----------
    lower, upper : float
        Bounds between which the slopes are drawn, uniformly.
    inplace : bool
        Write the output over `x`: see `ReLU`. The gradient comes from the output, whose sign is that of `x`.
    rng : numpy.random.Generator or int, optional
        The generator that draws the slopes, or a seed for one: whatever `numpy.random.default_rng` takes.

    Raises
    ------
    ValueError
        Bounds that are not finite, `lower` above `upper`, or `inplace` with a negative `lower`, with which the output
        would not show the sign of `x`.

    Notes
    -----
    A layer is in training mode until you call ``layer.eval()``. A NaN stays a NaN. See `relu_simd.rrelu`.

    Examples
    --------
    >>> layer = RReLU(rng=0)
    >>> layer(np.array([-1.0, 3.0])) < 0
    array([ True, False])
    >>> layer.eval()(np.array([-48.0, 3.0]))
    array([-11.,   3.])
    >>> layer.backward(np.array([48.0, 1.0]))
    array([11.,  1.])
    """

    lower: float = 1 / 8
    upper: float = 1 / 3
    inplace: bool = False
    rng: np.random.Generator | int | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the arguments."""
        self.rng = np.random.default_rng(self.rng)
        check_bounds("RReLU", self.lower, self.upper)
        if self.inplace and self.lower < 0:
            raise ValueError(
                f"RReLU: with lower={self.lower} the output does not show the sign of x, which the gradient needs; "
                "use inplace=False"
            )

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        slopes: Any = (self.lower + self.upper) / 2
        if self.training:
            y, slopes = rs.rrelu(x, self.lower, self.upper, self.rng, out=self._out(x))
        else:
            y = rs.leaky_relu(x, slopes, out=self._out(x))
        return y, (x if self.lower < 0 else y, slopes)

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        return rs.leaky_relu_backward(grad_output, *kept)


class ELU(Elementwise, function="elu"):
    """Exponential linear unit."""

    alpha: float = 1.0
    inplace: bool = False


class CELU(Elementwise, function="celu"):
    """Continuously differentiable exponential linear unit."""

    alpha: float = 1.0
    inplace: bool = False


class SELU(Elementwise, function="selu"):
    """Scaled exponential linear unit."""

    inplace: bool = False


class GELU(Elementwise, function="gelu"):
    """Gaussian error linear unit."""

    approximate: str = "none"

    def __post_init__(self) -> None:
        """Choose the function."""
        if self.approximate not in ("none", "tanh"):
            raise ValueError(f'GELU: approximate must be "none" or "tanh", not {self.approximate!r}')
        self._function = "gelu" if self.approximate == "none" else "gelu_tanh"


class SiLU(Elementwise, function="silu"):
    """Sigmoid linear unit, also called Swish."""

    inplace: bool = False


class Mish(Elementwise, function="mish"):
    """x times the tanh of its softplus."""

    inplace: bool = False


class Softplus(Elementwise, function="softplus"):
    """Smooth ReLU."""

    beta: float = 1.0
    threshold: float = 20.0


class Sigmoid(Elementwise, function="sigmoid"):
    """Logistic function, 1 / (1 + exp(-x))."""


class LogSigmoid(Elementwise, function="logsigmoid"):
    """Logarithm of the sigmoid."""


class Tanh(Elementwise, function="tanh"):
    """Hyperbolic tangent."""


class Softsign(Elementwise, function="softsign"):
    """x / (1 + abs(x))."""


class Hardtanh(Elementwise, function="hardtanh"):
    """x clipped to min_val .. max_val."""

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False


class Hardsigmoid(Elementwise, function="hardsigmoid"):
    """0 up to -3, 1 from 3 on, and a straight line between them."""

    inplace: bool = False


class Hardswish(Elementwise, function="hardswish"):
    """x times its hard sigmoid."""

    inplace: bool = False


class Hardshrink(Elementwise, function="hardshrink"):
    """0 where x is within lambd of 0, x elsewhere."""

    lambd: float = 0.5


class Softshrink(Elementwise, function="softshrink"):
    """x moved towards 0 by lambd, and 0 where x is within lambd of 0."""

    lambd: float = 0.5


class Tanhshrink(Elementwise, function="tanhshrink"):
    """x - tanh(x)."""


class Threshold(Elementwise, function="threshold"):
    """x where it is above a threshold, and a given value elsewhere."""

    threshold: float
    value: float
    inplace: bool = False
