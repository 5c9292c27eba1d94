# SPDX-License-Identifier: BSD-3-Clause
"""Drop-ins for PyTorch's activations on CPU tensors.

`relu` and `leaky_relu` keep one bit per element for the backward pass, while PyTorch keeps the whole output, 32 times
as much in float32. This saves memory only if nothing else keeps the output: a convolution or a Linear layer that
follows the activation keeps it. Values and gradients are the same as PyTorch's, NaN included.

The smooth functions keep their input, as PyTorch's do. They are within 1 ULP of the exact value everywhere. Their
gradients are within a few ULP, except near the points where they cross zero. PyTorch's own functions are not so
exact: its gelu of a float32 is wrong by 57 % at -5.5 and is 0 at -6 and below, and its silu is 0 where the right
result is still a normal number.

The tensors' memory is used as it is, without a copy, if they are contiguous. Gradients can be differentiated again,
any number of times. Tensor subclasses that define ``__torch_function__`` and ``torch.fx.symbolic_trace`` see a call of
these functions. Forward-mode derivatives and ``torch.func`` are not supported, nor are ``torch.jit.trace``,
``torch.export`` and ``make_fx``, which would record the result as a constant; all of them raise a RuntimeError that
says so. ``torch.compile`` leaves calls of these functions as they are.

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

from functools import partial
from typing import Any

import relu_simd
from relu_simd.integrations import _needs, _torch_gradients
from relu_simd.integrations._tensors import FLOATS, INTEGERS, check, number, without_gradient

with _needs("torch", "torch"):
    import torch
    from torch.overrides import handle_torch_function, has_torch_function_unary

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "LeakyReLU",
    "LogSigmoid",
    "Mish",
    "ReLU",
    "SiLU",
    "Softsign",
    "Tanhshrink",
    "celu",
    "elu",
    "gelu",
    "gelu_tanh",
    "leaky_relu",
    "logsigmoid",
    "mish",
    "relu",
    "selu",
    "silu",
    "softsign",
    "tanhshrink",
]


def relu(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """Rectified linear unit, 0 where x is negative: a drop-in for `torch.nn.functional.relu`.

    Parameters
    ----------
    x : Tensor
        A dense CPU tensor of any shape: bfloat16 (which needs ml_dtypes), float16, float32, float64 or an integer.
    inplace : bool
        Write the result over `x`; autograd takes note of it.

    Returns
    -------
    Tensor
        Of the shape and dtype of `x`; `x` itself if in place.

    Raises
    ------
    TypeError
        An `x` that is not a tensor, or is on another device, sparse, nested or of another dtype, or is of a subclass
        that has no memory of its own.
    RuntimeError
        In place on a leaf that requires a gradient, on an expanded tensor, or on an inference tensor outside inference
        mode, as in PyTorch; and in what is not supported (see the documentation of the module).

    Notes
    -----
    A NaN stays a NaN and lets the gradient through; the gradient at 0 is 0.

    Examples
    --------
    >>> relu(torch.tensor([-2.0, 3.0]))
    tensor([0., 3.])
    """
    if has_torch_function_unary(x):
        return handle_torch_function(relu, (x,), x, inplace=inplace)
    check("relu", x, FLOATS | INTEGERS, inplace)
    if not (x.requires_grad and torch.is_grad_enabled()):
        return without_gradient(relu_simd.relu, x, inplace)
    return _torch_gradients.with_gradient(_torch_gradients.ReLU, x, inplace)


def leaky_relu(x: torch.Tensor, negative_slope: float = 0.01, inplace: bool = False) -> torch.Tensor:
    """Leaky ReLU, x times a slope where x is not positive: a drop-in for `torch.nn.functional.leaky_relu`.

    Parameters, results and errors are those of `relu`, with two differences: `negative_slope` is a number, which may be
    negative even in place, and integers raise a TypeError. At a NaN and at 0 the gradient is scaled.

    Examples
    --------
    >>> leaky_relu(torch.tensor([-2.0, 3.0]), 0.5)
    tensor([-1.,  3.])
    """
    if has_torch_function_unary(x):
        return handle_torch_function(leaky_relu, (x,), x, negative_slope=negative_slope, inplace=inplace)
    check("leaky_relu", x, FLOATS, inplace)
    slope = number("leaky_relu", "negative_slope", negative_slope, "use torch.nn.functional.prelu, or ")
    if not (x.requires_grad and torch.is_grad_enabled()):
        return without_gradient(partial(relu_simd.leaky_relu, negative_slope=slope), x, inplace)
    return _torch_gradients.with_gradient(_torch_gradients.LeakyReLU, x, inplace, slope)


def gelu(x: torch.Tensor, approximate: str = "none") -> torch.Tensor:
    """``x * Phi(x)``, where Phi is the normal distribution function: a drop-in for `torch.nn.functional.gelu`.

    Parameters
    ----------
    x : Tensor
        A dense CPU tensor of any shape: bfloat16 (which needs ml_dtypes), float16, float32 or float64.
    approximate : "none" or "tanh"
        With "tanh", the approximation that some networks were trained with.

    Returns
    -------
    Tensor
        Of the shape and dtype of `x`.

    Raises
    ------
    TypeError, RuntimeError
        As for `relu`.
    ValueError
        Another `approximate`.

    Examples
    --------
    >>> gelu(torch.tensor([-6.0, 3.0]))
    tensor([-5.9195e-09,  2.9960e+00])
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', not {approximate!r}")
    return _smooth(gelu, "gelu_tanh" if approximate == "tanh" else "gelu", x, approximate=approximate)


def gelu_tanh(x: torch.Tensor) -> torch.Tensor:
    """`gelu` with ``approximate="tanh"``."""
    return gelu(x, "tanh")


def silu(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """``x * sigmoid(x)``: a drop-in for `torch.nn.functional.silu`. Types and errors are those of `gelu`.

    With `inplace`, it raises the errors that `relu` raises for that, too, and copies the input if a gradient needs it.
    """
    return _smooth(silu, "silu", x, inplace=inplace)


def mish(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """``x * tanh(softplus(x))``: a drop-in for `torch.nn.functional.mish`, as `silu`."""
    return _smooth(mish, "mish", x, inplace=inplace)


def elu(x: torch.Tensor, alpha: float = 1.0, inplace: bool = False) -> torch.Tensor:
    """``x > 0 ? x : alpha * (exp(x) - 1)``: a drop-in for `torch.nn.functional.elu`, as `silu`; `alpha` is a number."""
    return _smooth(elu, "elu", x, inplace=inplace, alpha=alpha)


def celu(x: torch.Tensor, alpha: float = 1.0, inplace: bool = False) -> torch.Tensor:
    """``x >= 0 ? x : alpha * (exp(x / alpha) - 1)``: a drop-in for `torch.nn.functional.celu`, as `elu`."""
    return _smooth(celu, "celu", x, inplace=inplace, alpha=alpha)


def selu(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """``1.0507... * elu(x, 1.6732...)``: a drop-in for `torch.nn.functional.selu`, as `silu`."""
    return _smooth(selu, "selu", x, inplace=inplace)


def softsign(x: torch.Tensor) -> torch.Tensor:
    """``x / (1 + abs(x))``: a drop-in for `torch.nn.functional.softsign`, as `gelu`."""
    return _smooth(softsign, "softsign", x)


def tanhshrink(x: torch.Tensor) -> torch.Tensor:
    """``x - tanh(x)``: a drop-in for `torch.nn.functional.tanhshrink`, as `gelu`."""
    return _smooth(tanhshrink, "tanhshrink", x)


def logsigmoid(x: torch.Tensor) -> torch.Tensor:
    """``log(sigmoid(x))``: a drop-in for `torch.nn.functional.logsigmoid`, as `gelu`."""
    return _smooth(logsigmoid, "logsigmoid", x)


def _smooth(function: Any, row: str, x: torch.Tensor, **keywords: Any) -> torch.Tensor:
    """Compute a row of the table for `function`, which was called with x and these keywords."""
    if has_torch_function_unary(x):
        y: torch.Tensor = handle_torch_function(function, (x,), x, **keywords)
        return y
    name, inplace = function.__name__, keywords.get("inplace", False)
    check(name, x, FLOATS, inplace)
    params = [number(name, key, keywords[key]) for key in ("alpha",) if key in keywords]
    if not (x.requires_grad and torch.is_grad_enabled()):
        return without_gradient(lambda array, out=None: getattr(relu_simd, row)(array, *params, out=out), x, inplace)
    # The way back needs the input, so that in place it is a copy that is kept.
    y = _torch_gradients.Smooth.apply(x.clone() if inplace else x, row, tuple(params))
    return x.copy_(y) if inplace else y


def _layer(name: str, function: Any, *attributes: str) -> Any:
    """Make PyTorch's layer of that name anew, with a function of ours, which is given these attributes of the layer."""

    class Layer(getattr(torch.nn, name)):  # type: ignore[misc]
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """See the function."""
            y: torch.Tensor = function(input, *(getattr(self, each) for each in attributes))
            return y

    Layer.__name__ = Layer.__qualname__ = name
    Layer.__doc__ = f"`torch.nn.{name}`, computed by `{function.__name__}`."
    return Layer


ReLU = _layer("ReLU", relu, "inplace")
LeakyReLU = _layer("LeakyReLU", leaky_relu, "negative_slope", "inplace")
GELU = _layer("GELU", gelu, "approximate")
SiLU = _layer("SiLU", silu, "inplace")
Mish = _layer("Mish", mish, "inplace")
ELU = _layer("ELU", elu, "alpha", "inplace")
CELU = _layer("CELU", celu, "alpha", "inplace")
SELU = _layer("SELU", selu, "inplace")
Softsign = _layer("Softsign", softsign)
Tanhshrink = _layer("Tanhshrink", tanhshrink)
LogSigmoid = _layer("LogSigmoid", logsigmoid)
