# SPDX-License-Identifier: BSD-3-Clause
"""What `relu_simd.integrations.torch` tells PyTorch's autograd of its functions."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

import relu_simd
from relu_simd import _core
from relu_simd._rows import SHORT
from relu_simd.integrations import _needs
from relu_simd.integrations._tensors import applied, check_transforms, filled, to_array, to_tensor
from relu_simd.reference import ROWS

with _needs("torch", "torch"):
    import torch


def link(x: torch.Tensor) -> torch.Tensor:
    """Nothing of x's elements, but of its graph: second derivatives are zeros as PyTorch's, and not an error."""
    return torch.narrow_copy(x if x.ndim else x.reshape(1), 0, 0, 0)


def with_gradient(function: Any, x: torch.Tensor, inplace: bool, *args: Any) -> torch.Tensor:
    """Apply `ReLU` or `LeakyReLU`.

    Not every view may be changed in place. PyTorch looks at what a Function has changed when it is done; its own copy
    is refused before it begins.
    """
    y: torch.Tensor
    if inplace and x._is_view():
        y = function.apply(x, link(x), False, *args)
        return x.copy_(y)
    y = function.apply(x, link(x), inplace, *args)
    return y


class ReLU(torch.autograd.Function):
    """relu, of whose input it keeps a bit per element."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, link: torch.Tensor, inplace: bool) -> torch.Tensor:
        ctx.link = link

        def function(array: Any, out: Any = None) -> Any:
            y, mask = relu_simd.relu_with_mask(array, out=(out, None))
            ctx.save_for_backward(to_tensor(mask))
            return y

        if inplace:
            ctx.mark_dirty(x)
        return applied(function, x, inplace)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        check_transforms("relu", grad_output)
        return _ReLUBackward.apply(grad_output, ctx.link, *ctx.saved_tensors), None, None


class _ReLUBackward(torch.autograd.Function):
    """Linear in the gradient, and so its own derivative."""

    @staticmethod
    def forward(ctx: Any, grad_output: torch.Tensor, link: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        ctx.link = link
        ctx.save_for_backward(mask)
        return filled(relu_simd.relu_backward_from_mask, to_array(grad_output), mask.numpy())

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        (mask,) = ctx.saved_tensors
        check_transforms("relu", grad_output)
        return _ReLUBackward.apply(grad_output, ctx.link, mask), torch.zeros_like(ctx.link), None


class LeakyReLU(torch.autograd.Function):
    """As ReLU."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, link: torch.Tensor, inplace: bool, slope: float) -> torch.Tensor:
        ctx.link, ctx.slope = link, slope

        def function(array: Any, out: Any = None) -> Any:
            # Not the mask of relu_with_mask, which counts a NaN as active.
            one = np.ones((), array.dtype)
            active = np.asarray(relu_simd.leaky_relu_backward(one, array, 0.0))
            ctx.save_for_backward(to_tensor(relu_simd.relu_with_mask(active, out=(active, None))[1]))
            return relu_simd.leaky_relu(array, slope, out=out)

        if inplace:
            ctx.mark_dirty(x)
        return applied(function, x, inplace)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        check_transforms("leaky_relu", grad_output)
        return _LeakyReLUBackward.apply(grad_output, ctx.link, *ctx.saved_tensors, ctx.slope), None, None, None


class _LeakyReLUBackward(torch.autograd.Function):
    """As _ReLUBackward."""

    @staticmethod
    def forward(
        ctx: Any, grad_output: torch.Tensor, link: torch.Tensor, mask: torch.Tensor, slope: float
    ) -> torch.Tensor:
        ctx.link, ctx.slope = link, slope
        ctx.save_for_backward(mask)
        array = to_array(grad_output)
        # 1 where active, 0 elsewhere, made of the bits: all that leaky_relu_backward asks of x.
        active = np.ones_like(array)
        active = relu_simd.relu_backward_from_mask(active, mask.numpy(), out=active)
        return to_tensor(relu_simd.leaky_relu_backward(array, active, slope, out=active))

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        (mask,) = ctx.saved_tensors
        check_transforms("leaky_relu", grad_output)
        return _LeakyReLUBackward.apply(grad_output, ctx.link, mask, ctx.slope), torch.zeros_like(ctx.link), None, None


class Smooth(torch.autograd.Function):
    """A row of the table, with numbers as its parameters: its gradient is the row of the gradient, from the input."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, row: str, params: tuple[float, ...]) -> torch.Tensor:
        ctx.row, ctx.params = row, params
        ctx.save_for_backward(x)
        return filled(getattr(relu_simd, row), to_array(x), *params)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        check_transforms(ctx.row, grad_output)
        return _SmoothBackward.apply(grad_output, *ctx.saved_tensors, ctx.row, ctx.params), None, None


class _SmoothBackward(torch.autograd.Function):
    """Linear in the gradient; how it changes with the input, the reference says."""

    @staticmethod
    def forward(
        ctx: Any, grad_output: torch.Tensor, x: torch.Tensor, row: str, params: tuple[float, ...]
    ) -> torch.Tensor:
        ctx.row, ctx.params = row, params
        ctx.save_for_backward(grad_output, x)
        return filled(getattr(relu_simd, f"{row}_backward"), to_array(grad_output), to_array(x), *params)

    @staticmethod
    def backward(ctx: Any, v: torch.Tensor) -> tuple[Any, ...]:
        grad_output, x = ctx.saved_tensors
        of_gradient, of_x = ctx.needs_input_grad[:2]
        check_transforms(ctx.row, v)
        return (
            _SmoothBackward.apply(v, x, ctx.row, ctx.params) if of_gradient else None,
            _second(ctx.row, v, grad_output, x, ctx.params) if of_x else None,
            None,
            None,
        )


def _second(row: str, v: torch.Tensor, grad_output: torch.Tensor, x: torch.Tensor, params: Any) -> torch.Tensor:
    """The second derivative, of PyTorch's own operations, which have all others: 16-bit floats in float32."""
    wide = [each.float() if each.dtype.itemsize == 2 else each for each in (v, grad_output, x)]
    y: torch.Tensor = _second_derivative(row)(*wide, *params)
    return y.to(x.dtype)


@cache
def _second_derivative(row: str) -> Any:
    """Compile what the reference says of a row's gradient: a function of v, the gradient, x and parameters."""
    op = next(op for op in _core.OPS if op.name == f"{row}_backward")
    names = [SHORT.get(name, name) for name in op.arrays]
    names += [f"{name}={default!r}" for name, default in zip(op.params, op.defaults, strict=True)]
    return eval(f"lambda v, {', '.join(names)}: {ROWS[op.name].gradient['x']}", _WORDS)


# The words of these expressions, for tensors.
_WORDS = {
    "np": SimpleNamespace(
        abs=torch.abs,
        clip=torch.clip,
        exp=torch.exp,
        minimum=lambda x, limit: torch.clip(x, max=limit),
        sign=torch.sign,
        where=torch.where,
    ),
    "sigmoid": torch.sigmoid,
    "sigmoid_backward": lambda g, y: g * (1 - y) * y,
    "softplus": lambda x: torch.nn.functional.softplus(x, threshold=40),
    "tanh": torch.tanh,
    "tanh_backward": lambda g, y: g * (1 - y * y),
}
