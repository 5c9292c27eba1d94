# SPDX-License-Identifier: BSD-3-Clause
"""Activation layers for hand-written networks: PyTorch's constructors, NumPy arrays, backward by hand.

A layer remembers what `backward` needs of its last `forward`, and no more. A network that uses an activation in
several places therefore needs several layer objects. What a layer keeps is not copied: if it is the input or the
output (the class says which), do not change that array before `backward` is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

import relu_simd as rs
from relu_simd import _foreign

__all__ = ["LeakyReLU", "PReLU", "ReLU", "ReLU6", "Sigmoid", "Tanh"]

Hook = Callable[[Any, tuple[Any, ...], Any], object]


@dataclass(frozen=True)
class HookHandle:
    """What `register_forward_hook` returns."""

    hooks: list[Hook] = field(repr=False)
    hook: Hook

    def remove(self) -> None:
        """Call the hook no more; once is enough, twice does no harm."""
        if self.hook in self.hooks:
            self.hooks.remove(self.hook)


class Layer:
    """What the layers share; a subclass says how to go forward and backward, and what to keep in between."""

    # Of the last forward: its shape, and what backward needs.
    _memory: tuple[tuple[int, ...], Any] | None = None

    def __call__(self, x: ArrayLike) -> Any:
        """Do the same as `forward`."""
        return self.forward(x)

    def forward(self, x: ArrayLike) -> Any:
        """Apply the activation, and keep what `backward` will need.

        Parameters
        ----------
        x : array_like
            Input of any shape; the dtypes are those of the function of the same name in `relu_simd`.

        Returns
        -------
        ndarray or scalar
            Output of x's shape; `x` itself if the layer works in place.

        Raises
        ------
        TypeError
            A dtype that is refused, or an `x` that is no array and should be changed in place.
        """
        y, kept = self._forward(x)
        self._memory = np.shape(y), kept
        for hook in self.__dict__.get("_hooks", ()):
            hook(self, (x,), y)
        return y

    def backward(self, grad_output: ArrayLike) -> Any:
        """Gradient of the loss with respect to the input of the last `forward`.

        Parameters
        ----------
        grad_output : array_like
            Gradient of the loss with respect to the output of the last `forward`, in its shape. It is not changed.

        Returns
        -------
        ndarray or scalar
            New array of the same shape.

        Raises
        ------
        RuntimeError
            There was no `forward` yet.
        ValueError
            `grad_output` of another shape than the output.
        """
        name = type(self).__name__
        if self._memory is None:
            raise RuntimeError(f"{name}.backward: nothing to go back from; call {name}.forward(x) first")
        shape, kept = self._memory
        if np.shape(grad_output) != shape:
            raise ValueError(
                f"{name}.backward: grad_output has shape {np.shape(grad_output)}, but the last forward's output {shape}"
            )
        return self._backward(grad_output, kept)

    def register_forward_hook(self, hook: Hook) -> HookHandle:
        """Call ``hook(layer, (x,), y)`` after every `forward`, as `torch.nn.Module` does; its result is ignored.

        Returns
        -------
        HookHandle
            Its ``remove()`` ends it.
        """
        hooks = self.__dict__.setdefault("_hooks", [])
        hooks.append(hook)
        return HookHandle(hooks, hook)

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        """Return the output, and what backward needs of it all."""
        raise NotImplementedError

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        raise NotImplementedError

    def _out(self, x: ArrayLike) -> NDArray[Any] | None:
        """Where the output goes: None is a new array."""
        if not getattr(self, "inplace", False):
            return None
        if not isinstance(x, np.ndarray):
            raise TypeError(
                f"{type(self).__name__}: x must be a NumPy array to be changed in place, not {type(x).__name__}; "
                "use inplace=False"
            )
        return x


@dataclass(frozen=True)
class _Output:
    """What ReLU keeps in place of bits."""

    y: Any


def _is_container(x: Any) -> bool:
    """Whether ufuncs would return something of x's kind: masked arrays, DataArrays and so on."""
    return type(x) not in (np.ndarray, np.memmap) and hasattr(type(x), "__array_ufunc__")


@dataclass(eq=False)
class ReLU(Layer):
    """Zero where x is negative.

    Keeps one bit per element, 32 times less than a float32 `x`, and nothing of the arrays themselves. Of a container
    (a masked array, an xarray DataArray, a dask array) it keeps the output, and both ways the container stays one.

    Parameters
    ----------
    inplace : bool
        Write the output over `x`. The gradient is right all the same, for it comes from the bits. It is wrong to do
        so where `x` is needed once more: at a branch (the shortcut of a residual block), or after a layer that
        kept its output (`Sigmoid`, `Tanh`, a matrix product whose input `x` is).

    Notes
    -----
    A NaN stays and lets the gradient through; the gradient at 0 is 0. See `relu_simd.relu_with_mask`.

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
        return rs.relu_backward_from_mask(grad_output, kept)


@dataclass(eq=False)
class LeakyReLU(Layer):
    """Scaled by `negative_slope` where x is not positive.

    Keeps its output, or its input if the slope is negative.

    Parameters
    ----------
    negative_slope : float
        A number; it does not change the dtype.
    inplace : bool
        Write the output over `x`: see `ReLU`. The gradient comes from the output, whose sign is x's.

    Raises
    ------
    ValueError
        In place with a negative slope, where the output does not tell what the input was.

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
    """Scaled by learned weights where x is not positive.

    Keeps its input, of which the gradient of the weights is made.

    Parameters
    ----------
    num_parameters : int
        1 for all elements, or the extent of x's axis 1, the channels: PyTorch's order (batch, channels, ...).
    init : float
        First value of every weight.
    dtype : dtype
        Of the weights. Wider ones than `x` widen the output, except beside 16-bit floats, where float32 does not.

    Attributes
    ----------
    weight : ndarray
        Shape (num_parameters,); update it as you like, in place or not.
    grad_weight : ndarray or None
        Set by `backward`, in the shape and dtype of `weight`. It is that of the last `backward`, not a sum of several.

    Notes
    -----
    `forward` raises a ValueError if axis 1 of `x` is not `num_parameters` long. A NaN stays; at a NaN the gradient
    is scaled. See `relu_simd.prelu` (whose weights broadcast from the last axis on) and `relu_simd.prelu_backward`.

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

    def _spread(self, x: Any) -> NDArray[Any]:
        """Shape the weights to lie along axis 1 of x."""
        channels = x.shape[1] if x.ndim > 1 else 1
        if self.weight.shape != (1,) and self.weight.shape != (channels,):
            raise ValueError(
                f"PReLU.forward: x has shape {x.shape}, {channels} channels on axis 1, but weight has shape "
                f"{self.weight.shape}; use PReLU({channels}) or PReLU(1)"
            )
        return self.weight.reshape(-1, *[1] * (x.ndim - 2)) if x.ndim > 1 else self.weight.reshape(())

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        _foreign.refuse("PReLU", "x", x)  # the weights would be refused first
        if not _is_container(x):
            x = np.asarray(x)
        return rs.prelu(x, self._spread(x)), x

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        grad_x, grad_weight = rs.prelu_backward(grad_output, kept, self._spread(kept))
        self.grad_weight = np.reshape(grad_weight, self.weight.shape)
        return grad_x


@dataclass(eq=False)
class ReLU6(Layer):
    """Clip to 0 .. 6.

    Keeps its output.

    Parameters
    ----------
    inplace : bool
        Write the output over `x`: see `ReLU`. The gradient comes from the output.

    Notes
    -----
    A NaN stays and lets the gradient through; the gradient at 0 and at 6 is 0. See `relu_simd.relu6`.

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
class Sigmoid(Layer):
    """Logistic function, 1 / (1 + exp(-x)).

    Keeps its output. A NaN stays, and so does its gradient. See `relu_simd.sigmoid`.

    Examples
    --------
    >>> layer = Sigmoid()
    >>> layer(np.array([0.0]))
    array([0.5])
    >>> layer.backward(np.array([8.0]))
    array([2.])
    """

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        y = rs.sigmoid(x)
        return y, y

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        return rs.sigmoid_backward(grad_output, kept)


@dataclass(eq=False)
class Tanh(Layer):
    """Hyperbolic tangent.

    Keeps its output. A NaN stays, and so does its gradient. See `relu_simd.tanh`.

    Examples
    --------
    >>> layer = Tanh()
    >>> layer(np.array([0.0]))
    array([0.])
    >>> layer.backward(np.array([8.0]))
    array([8.])
    """

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        y = rs.tanh(x)
        return y, y

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        return rs.tanh_backward(grad_output, kept)
