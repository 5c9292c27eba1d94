# SPDX-License-Identifier: BSD-3-Clause
"""Drop-ins for PyTorch's ReLU and LeakyReLU on CPU tensors, which keep one bit per element for the way back.

PyTorch keeps the whole output, 32 times as much in float32. The saving counts only where nothing else keeps the
output: a convolution or a Linear behind the activation does. The tensors' memory is used as it is, without a copy, if
they are contiguous; others are copied, and the result is contiguous.

Values and gradients are PyTorch's, NaN and all, and a gradient can be differentiated again. Tensor subclasses that
define ``__torch_function__`` and ``torch.fx.symbolic_trace`` see a call of these functions. A clear error tells of
what is not supported: forward-mode derivatives, ``torch.func``, ``torch.jit.trace``, ``torch.export`` and
``make_fx``, which would take the result for a constant. ``torch.compile`` leaves these calls as they are.

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

import importlib
from functools import partial
from typing import Any

import numpy as np

import relu_simd
from relu_simd.integrations import _needs

with _needs("torch", "torch"):
    import torch
    from torch._C import _get_dispatch_mode
    from torch._C._functorch import is_functorch_wrapped_tensor, is_legacy_batchedtensor
    from torch.autograd import forward_ad
    from torch.overrides import handle_torch_function, has_torch_function_unary

__all__ = ["LeakyReLU", "ReLU", "leaky_relu", "relu"]

_PROXY = torch._C._TorchDispatchModeKey.PROXY
_FLOATS = {torch.bfloat16, torch.float16, torch.float32, torch.float64}
_INTEGERS = {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


def relu(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """Zero where x is negative: a drop-in for `torch.nn.functional.relu`.

    Parameters
    ----------
    x : Tensor
        A dense CPU tensor of any shape: bfloat16 (which needs ml_dtypes), float16, float32, float64 or an integer.
    inplace : bool
        Write the result over `x`; autograd is told.

    Returns
    -------
    Tensor
        Of x's shape and dtype; `x` itself if in place.

    Raises
    ------
    TypeError
        No tensor, or one on another device, sparse, or of another dtype, or a subclass that has no memory of its own.
    RuntimeError
        In place on a leaf that requires a gradient, as PyTorch; and within what is not supported (see above).

    Notes
    -----
    A NaN stays and lets the gradient through; the gradient at 0 is 0.

    Examples
    --------
    >>> relu(torch.tensor([-2.0, 3.0]))
    tensor([0., 3.])
    """
    if has_torch_function_unary(x):
        return handle_torch_function(relu, (x,), x, inplace=inplace)
    _check("relu", x, _FLOATS | _INTEGERS, inplace)
    if not (x.requires_grad and torch.is_grad_enabled()):
        return _without_gradient(relu_simd.relu, x, inplace)
    y: torch.Tensor = _ReLU.apply(x, _link(x), inplace)
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
    if has_torch_function_unary(x):
        return handle_torch_function(leaky_relu, (x,), x, negative_slope=negative_slope, inplace=inplace)
    _check("leaky_relu", x, _FLOATS, inplace)
    slope = _number(negative_slope)
    if not (x.requires_grad and torch.is_grad_enabled()):
        return _without_gradient(partial(relu_simd.leaky_relu, negative_slope=slope), x, inplace)
    y: torch.Tensor = _LeakyReLU.apply(x, _link(x), slope, inplace)
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


def _check(name: str, x: Any, dtypes: Any, inplace: bool) -> None:
    if not isinstance(x, torch.Tensor):
        kind = type(x)
        what = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        raise TypeError(f"{name}: x must be a torch.Tensor, not {what}; relu_simd.{name} takes arrays")
    stock = f"torch.nn.functional.{name}"
    _no_tracing(name)
    if is_functorch_wrapped_tensor(x):
        raise RuntimeError(f"{name}: torch.func (vmap, grad, jvp and others) is not supported; use {stock}")
    if forward_ad._current_level >= 0 and forward_ad.unpack_dual(x).tangent is not None:
        raise RuntimeError(f"{name}: forward-mode derivatives are not supported; use {stock}")
    if x.device.type != "cpu" or x.layout != torch.strided:
        where = f"on {x.device}" if x.device.type != "cpu" else f"of layout {x.layout}"
        raise TypeError(f"{name}: x is {where}; give a dense CPU tensor, or use {stock}")
    if type(x).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        raise TypeError(f"{name}: x is a {type(x).__qualname__}, which has no memory of its own; use {stock}")
    if x.dtype not in dtypes:
        supported = ", ".join(sorted(str(dtype) for dtype in dtypes))
        raise TypeError(f"{name}: x has dtype {x.dtype}; use one of {supported}, for example x.float()")
    if x.dtype == torch.bfloat16:
        _bfloat16()
    if inplace:
        _check_inplace(name, x)


def _no_tracing(name: str) -> None:
    """What records PyTorch's operations does not see ours: it would keep the result as a constant."""
    # The last one is of make_fx, which may trace with true tensors.
    if torch.jit.is_tracing() or torch.compiler.is_exporting() or _get_dispatch_mode(_PROXY) is not None:
        raise RuntimeError(
            f"{name}: tracing (torch.jit.trace, torch.export, torch.onnx.export, make_fx) is not supported, for its "
            f"result would be a constant in the model; use torch.nn.functional.{name} in a model to be exported"
        )


def _check_inplace(name: str, x: torch.Tensor) -> None:
    """PyTorch's own checks come after the fact, when the values are lost."""
    if x.requires_grad and torch.is_grad_enabled():
        of_leaf = x._is_view() and x._base.is_leaf and x._base.requires_grad
        if x.is_leaf or of_leaf:
            what = "a leaf" if x.is_leaf else "a view of a leaf"
            raise RuntimeError(f"{name}: x is {what} that requires a gradient and cannot be changed; use inplace=False")
    if x.is_inference() and not torch.is_inference_mode_enabled():
        raise RuntimeError(
            f"{name}: x is an inference tensor, which cannot be changed outside inference mode; use inplace=False"
        )


def _number(slope: Any) -> float:
    if isinstance(slope, torch.Tensor):
        if slope.requires_grad and torch.is_grad_enabled():
            raise TypeError(
                "leaky_relu: negative_slope requires a gradient, and would get none; use torch.nn.functional.prelu, "
                "or give a number"
            )
        if slope.numel() == 1:
            return float(slope)
    if not isinstance(slope, (int, float, np.integer, np.floating)):
        raise TypeError(f"leaky_relu: negative_slope must be a number, not {type(slope).__name__}")
    return float(slope)


def _bfloat16() -> Any:
    try:
        return importlib.import_module("ml_dtypes").bfloat16
    except ModuleNotFoundError as error:
        raise TypeError("x has dtype torch.bfloat16, which needs ml_dtypes: pip install ml_dtypes") from error


def _array(x: torch.Tensor) -> Any:
    """The same memory as an array; a copy where the tensor is something to be computed yet (a negation, zeros)."""
    if is_functorch_wrapped_tensor(x) or is_legacy_batchedtensor(x):
        raise RuntimeError("torch.func, vmap and batched gradients are not supported: use torch.nn.functional's")
    x = x.detach()
    if x._is_zerotensor():
        x = x.clone()
    x = x.resolve_neg()
    return x.view(torch.int16).numpy().view(_bfloat16()) if x.dtype == torch.bfloat16 else x.numpy()


def _tensor(array: Any) -> torch.Tensor:
    array = np.asarray(array)  # of 0-d, NumPy makes a scalar
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _applied(function: Any, x: torch.Tensor, inplace: bool) -> torch.Tensor:
    """`function` of the tensor's array, with ``out``."""
    array = _array(x)
    if not inplace:
        return _tensor(function(array))
    if x.is_neg() or x._is_zerotensor():
        with torch.no_grad():
            return x.copy_(_tensor(function(array)))
    function(array, out=array)
    return x


def _without_gradient(function: Any, x: torch.Tensor, inplace: bool) -> torch.Tensor:
    y = _applied(function, x, inplace)
    if inplace and not x.is_inference():
        torch.autograd.graph.increment_version(x)  # for whoever saved x
    return y


def _link(x: torch.Tensor) -> torch.Tensor:
    """Nothing of x's elements, but of its graph: second derivatives are zeros as PyTorch's, and not an error."""
    return torch.narrow_copy(x if x.ndim else x.reshape(1), 0, 0, 0)


class _ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, link: torch.Tensor, inplace: bool) -> torch.Tensor:
        ctx.link = link

        def function(array: Any, out: Any = None) -> Any:
            y, mask = relu_simd.relu_with_mask(array, out=(out, None))
            ctx.save_for_backward(_tensor(mask))
            return y

        if inplace:
            ctx.mark_dirty(x)
        return _applied(function, x, inplace)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        return _ReLUBackward.apply(grad_output, ctx.link, *ctx.saved_tensors), None, None


class _ReLUBackward(torch.autograd.Function):
    """Linear in the gradient, and so its own derivative."""

    @staticmethod
    def forward(ctx: Any, grad_output: torch.Tensor, link: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        ctx.link = link
        ctx.save_for_backward(mask)
        return _tensor(relu_simd.relu_backward_from_mask(_array(grad_output), mask.numpy()))

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        (mask,) = ctx.saved_tensors
        return _ReLUBackward.apply(grad_output, ctx.link, mask), torch.zeros_like(ctx.link), None


class _LeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, link: torch.Tensor, slope: float, inplace: bool) -> torch.Tensor:
        ctx.link, ctx.slope = link, slope

        def function(array: Any, out: Any = None) -> Any:
            # Not the mask of relu_with_mask, which counts a NaN as active.
            one = np.ones((), array.dtype)
            active = np.asarray(relu_simd.leaky_relu_backward(one, array, 0.0))
            ctx.save_for_backward(_tensor(relu_simd.relu_with_mask(active, out=(active, None))[1]))
            return relu_simd.leaky_relu(array, slope, out=out)

        if inplace:
            ctx.mark_dirty(x)
        return _applied(function, x, inplace)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        return _LeakyReLUBackward.apply(grad_output, ctx.link, *ctx.saved_tensors, ctx.slope), None, None, None


class _LeakyReLUBackward(torch.autograd.Function):
    """As _ReLUBackward."""

    @staticmethod
    def forward(
        ctx: Any, grad_output: torch.Tensor, link: torch.Tensor, mask: torch.Tensor, slope: float
    ) -> torch.Tensor:
        ctx.link, ctx.slope = link, slope
        ctx.save_for_backward(mask)
        array = _array(grad_output)
        # 1 where active, 0 elsewhere, made of the bits: all that leaky_relu_backward asks of x.
        active = np.ones(array.shape, array.dtype)
        active = relu_simd.relu_backward_from_mask(active, mask.numpy(), out=active)
        return _tensor(relu_simd.leaky_relu_backward(array, active, slope, out=active))

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        (mask,) = ctx.saved_tensors
        return _LeakyReLUBackward.apply(grad_output, ctx.link, mask, ctx.slope), torch.zeros_like(ctx.link), None, None
