# SPDX-License-Identifier: BSD-3-Clause
"""PyTorch's tensors as arrays, and what a tensor may be besides: for `relu_simd.integrations.torch`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from relu_simd.integrations import _needs

with _needs("torch", "torch"):
    import torch
    from torch._C import _get_dispatch_mode
    from torch._C._functorch import is_functorch_wrapped_tensor, is_legacy_batchedtensor
    from torch.autograd import forward_ad

FLOATS = {torch.bfloat16, torch.float16, torch.float32, torch.float64}
INTEGERS = {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}

_STOCK = "use the function of torch.nn.functional"

# From here on a result gets memory of PyTorch's: what a layer has just left, and the cache still has. That takes some
# microseconds.
_LARGE = 1 << 20

_PROXY = torch._C._TorchDispatchModeKey.PROXY


def check(name: str, x: Any, dtypes: Any, inplace: bool) -> None:
    """Refuse what is no tensor that can be computed in its own memory."""
    if not isinstance(x, torch.Tensor):
        kind = type(x)
        what = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        raise TypeError(f"{name}: x must be a torch.Tensor, not {what}; relu_simd.{name} takes arrays")
    stock = f"torch.nn.functional.{name}"
    _no_tracing(name)
    check_transforms(name, x)
    if x.device.type != "cpu" or x.layout != torch.strided or x.is_nested:
        where = f"on {x.device}" if x.device.type != "cpu" else "nested" if x.is_nested else f"of layout {x.layout}"
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


def check_transforms(name: str, x: torch.Tensor) -> None:
    """Refuse a tensor, the input or a gradient, that stands for others in one of PyTorch's transforms."""
    if is_functorch_wrapped_tensor(x):
        raise RuntimeError(f"{name}: torch.func (vmap, grad, jvp and others) is not supported; {_STOCK}")
    if is_legacy_batchedtensor(x):
        raise RuntimeError(f"{name}: batched gradients are not supported; {_STOCK}")
    if forward_ad._current_level >= 0 and forward_ad.unpack_dual(x).tangent is not None:
        raise RuntimeError(f"{name}: forward-mode derivatives are not supported; {_STOCK}")


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
    if any(stride == 0 and extent > 1 for stride, extent in zip(x.stride(), x.shape, strict=True)):
        raise RuntimeError(
            f"{name}: x was expanded, so that several of its elements are one number in memory; use inplace=False"
        )
    if x.is_inference() and not torch.is_inference_mode_enabled():
        raise RuntimeError(
            f"{name}: x is an inference tensor, which cannot be changed outside inference mode; use inplace=False"
        )


def number(function: str, name: str, value: Any, learned: str = "") -> float:
    """Return a parameter as a number; `learned` says what to do where it is to be learned."""
    if isinstance(value, torch.Tensor):
        if value.requires_grad and torch.is_grad_enabled():
            raise TypeError(f"{function}: {name} requires a gradient, and would get none; {learned}give a number")
        if value.numel() == 1:
            return float(value)
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{function}: {name} must be a number, not {type(value).__name__}")
    return float(value)


def _bfloat16() -> Any:
    try:
        return importlib.import_module("ml_dtypes").bfloat16
    except ModuleNotFoundError as error:
        raise TypeError("x has dtype torch.bfloat16, which needs ml_dtypes: pip install ml_dtypes") from error


def to_array(x: torch.Tensor) -> Any:
    """The same memory as an array; a copy where the tensor is something to be computed yet (a negation, zeros)."""
    x = x.detach()
    if is_functorch_wrapped_tensor(x):  # as every tensor is once detached, within torch.func.grad
        raise RuntimeError(f"within torch.func (vmap, grad, jvp and others) this is not supported; {_STOCK}")
    if x.layout != torch.strided:
        x = x.to_dense()  # a sparse gradient
    if x._is_zerotensor():
        x = x.clone()
    x = x.resolve_neg()
    return x.view(torch.int16).numpy().view(_bfloat16()) if x.dtype == torch.bfloat16 else x.numpy()


def to_tensor(array: Any) -> torch.Tensor:
    """The same memory as a tensor."""
    array = np.asarray(array)  # of 0-d, NumPy makes a scalar
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def filled(function: Any, array: Any, *others: Any) -> torch.Tensor:
    """`function` of the arrays, as a tensor of the first one's shape, dtype and layout in memory."""
    if array.nbytes < _LARGE and array.flags.c_contiguous:
        return to_tensor(function(array, *others))
    y = torch.empty_like(to_tensor(array))
    function(array, *others, out=to_array(y))
    return y


def applied(function: Any, x: torch.Tensor, inplace: bool) -> torch.Tensor:
    """`function` of the tensor's array, with ``out``."""
    array = to_array(x)
    if not inplace:
        return filled(function, array)
    if x.is_neg() or x._is_zerotensor():
        with torch.no_grad():
            return x.copy_(to_tensor(function(array)))
    function(array, out=array)
    return x


def without_gradient(function: Any, x: torch.Tensor, inplace: bool) -> torch.Tensor:
    """As `applied`, and autograd is told of a change."""
    y = applied(function, x, inplace)
    if inplace and not x.is_inference():
        torch.autograd.graph.increment_version(x)  # for whoever saved x
    return y
