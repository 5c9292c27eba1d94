# SPDX-License-Identifier: BSD-3-Clause
"""Drop-ins for PyTorch's ReLU and LeakyReLU on CPU tensors, which keep one bit an element for the way back.

PyTorch keeps the whole output, 32 times as much in float32; that is worth something where nothing else keeps the
output, too (a convolution or a Linear behind the activation does). The tensors' memory is used as it is, without a
copy, if they are contiguous; others are copied, and the result is contiguous.

Values and gradients are PyTorch's, NaN and all. A gradient can be differentiated again. Not supported: forward-mode
derivatives, `torch.func`, and compilation (`torch.compile` leaves these calls as they are).

Examples
--------
>>> import torch
>>> from relu_simd.integrations.torch import ReLU
>>> x = torch.tensor([-2.0, 3.0], requires_grad=True)
>>> ReLU()(x).sum().backward()
>>> x.grad
tensor([0., 1.])
"""

from __future__ import annotations

from typing import Any

import numpy as np

import relu_simd
from relu_simd.integrations import _needs

with _needs("torch", "torch"):
    import torch

__all__ = ["LeakyReLU", "ReLU", "leaky_relu", "relu"]

_FLOATS = {torch.float16, torch.float32, torch.float64}
_INTEGERS = {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


def relu(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """Zero where x is negative: a drop-in for `torch.nn.functional.relu`.

    Parameters
    ----------
    x : Tensor
        A dense CPU tensor of any shape: float16, float32, float64 or an integer.
    inplace : bool
        Write the result over `x`; autograd is told.

    Returns
    -------
    Tensor
        Of x's shape and dtype; `x` itself if in place.

    Raises
    ------
    TypeError
        A tensor on another device, sparse, or of another dtype.
    RuntimeError
        In place on a leaf that requires a gradient, as PyTorch.

    Notes
    -----
    A NaN stays and lets the gradient through; the gradient at 0 is 0.

    Examples
    --------
    >>> relu(torch.tensor([-2.0, 3.0]))
    tensor([0., 3.])
    """
    _check("relu", x, _FLOATS | _INTEGERS, inplace)
    y: torch.Tensor = _ReLU.apply(x, inplace, torch.is_grad_enabled())
    return y


def leaky_relu(x: torch.Tensor, negative_slope: float = 0.01, inplace: bool = False) -> torch.Tensor:
    """Scaled where x is not positive: a drop-in for `torch.nn.functional.leaky_relu`.

    Parameters, results and errors are those of `relu`, but for `negative_slope`, a number (in place, too, it may be
    negative), and for integers, which are a TypeError. At a NaN and at 0 the gradient is scaled.

    Examples
    --------
    >>> leaky_relu(torch.tensor([-2.0, 3.0]), 0.5)
    tensor([-1.,  3.])
    """
    _check("leaky_relu", x, _FLOATS, inplace)
    y: torch.Tensor = _LeakyReLU.apply(x, float(negative_slope), inplace, torch.is_grad_enabled())
    return y


class ReLU(torch.nn.ReLU):
    """`torch.nn.ReLU`, by `relu`."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """See `relu`."""
        return relu(input, self.inplace)


class LeakyReLU(torch.nn.LeakyReLU):
    """`torch.nn.LeakyReLU`, by `leaky_relu`."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """See `leaky_relu`."""
        return leaky_relu(input, self.negative_slope, self.inplace)


def _check(name: str, x: torch.Tensor, dtypes: set[torch.dtype], inplace: bool) -> None:
    if x.device.type != "cpu" or x.layout != torch.strided:
        where = f"on {x.device}" if x.device.type != "cpu" else f"of layout {x.layout}"
        raise TypeError(f"{name}: x is {where}; give a dense CPU tensor, or use torch.nn.functional.{name}")
    if x.dtype not in dtypes:
        supported = ", ".join(sorted(str(dtype) for dtype in dtypes))
        raise TypeError(f"{name}: x has dtype {x.dtype}; use one of {supported}, for example x.float()")
    if inplace and x.is_leaf and x.requires_grad and torch.is_grad_enabled():
        # PyTorch's own check comes after the fact, when the values are lost.
        raise RuntimeError(f"{name}: x is a leaf that requires a gradient and cannot be changed; use inplace=False")


def _array(x: torch.Tensor) -> Any:
    """The same memory as an array."""
    return x.detach().numpy()


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array))  # of 0-d, NumPy makes a scalar


class _ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, inplace: bool, grad_mode: bool) -> torch.Tensor:
        array = _array(x)
        out = array if inplace else None
        if grad_mode and ctx.needs_input_grad[0]:
            y, mask = relu_simd.relu_with_mask(array, out=(out, None))
            ctx.save_for_backward(_tensor(mask))
        else:
            y = relu_simd.relu(array, out=out)
        if inplace:
            ctx.mark_dirty(x)
            return x
        return _tensor(y)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        return _ReLUBackward.apply(grad_output, *ctx.saved_tensors), None, None


class _ReLUBackward(torch.autograd.Function):
    """Linear in the gradient, and so its own derivative."""

    @staticmethod
    def forward(ctx: Any, grad_output: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(mask)
        return _tensor(relu_simd.relu_backward_from_mask(_array(grad_output), mask.numpy()))

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        return _ReLUBackward.apply(grad_output, *ctx.saved_tensors), None


class _LeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, slope: float, inplace: bool, grad_mode: bool) -> torch.Tensor:
        array = _array(x)
        if grad_mode and ctx.needs_input_grad[0]:
            # Not the mask of relu_with_mask, which counts a NaN as active.
            ctx.save_for_backward(_tensor(np.packbits(array > 0, bitorder="little")))
            ctx.slope = slope
        y = relu_simd.leaky_relu(array, slope, out=array if inplace else None)
        if inplace:
            ctx.mark_dirty(x)
            return x
        return _tensor(y)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        return _LeakyReLUBackward.apply(grad_output, *ctx.saved_tensors, ctx.slope), None, None, None


class _LeakyReLUBackward(torch.autograd.Function):
    """As _ReLUBackward."""

    @staticmethod
    def forward(ctx: Any, grad_output: torch.Tensor, mask: torch.Tensor, slope: float) -> torch.Tensor:
        ctx.save_for_backward(mask)
        ctx.slope = slope
        array = _array(grad_output)
        # 1 where active, 0 elsewhere, made of the bits: all that leaky_relu_backward asks of x.
        active = np.ones(array.shape, array.dtype)
        active = relu_simd.relu_backward_from_mask(active, mask.numpy(), out=active)
        return _tensor(relu_simd.leaky_relu_backward(array, active, slope, out=active))

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        return _LeakyReLUBackward.apply(grad_output, *ctx.saved_tensors, ctx.slope), None, None
