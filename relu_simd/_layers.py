# SPDX-License-Identifier: BSD-3-Clause
"""What the layers of `relu_simd.nn` share, and how a row of the table of operations becomes a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np
from numpy.typing import ArrayLike, NDArray

import relu_simd as rs
from relu_simd import _core, _docs, _foreign

Hook = Callable[[Any, tuple[Any, ...], Any], object]


@dataclass(frozen=True)
class HookHandle:
    """What `register_forward_hook` returns: its `remove` ends the calls of the hook."""

    hooks: list[Hook] = field(repr=False)
    hook: Hook

    def remove(self) -> None:
        """Stop calling the hook. A second call does nothing."""
        if self.hook in self.hooks:
            self.hooks.remove(self.hook)


class Layer:
    """Base class of the layers: a subclass computes the output and the gradient, and keeps what the gradient needs."""

    training = True
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
            Input of any shape; the dtypes are those of the function of the same name in `relu_simd`. For a pyopencl
            array, the output and the gradient are pyopencl arrays, too.

        Returns
        -------
        ndarray or scalar
            Output of x's shape; `x` itself if the layer works in place.

        Raises
        ------
        TypeError
            A dtype that is refused, or `inplace` with an `x` that is not an array or cannot hold the result.
        """
        y, kept = self._forward(x)
        self._memory = y.shape, kept
        for hook in self.__dict__.get("_hooks", ()):
            hook(self, (x,), y)
        return y

    def backward(self, grad_output: ArrayLike) -> Any:
        """Gradient of the loss with respect to the input of the last `forward`.

        Parameters
        ----------
        grad_output : array_like
            Gradient of the loss with respect to the output of the last `forward`, in the same shape. It is not changed.

        Returns
        -------
        ndarray or scalar
            New array of the same shape.

        Raises
        ------
        RuntimeError
            `forward` has not been called yet.
        ValueError
            `grad_output` does not have the shape of the output.
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
        """Call ``hook(layer, (x,), y)`` after every `forward`, as `torch.nn.Module` does.

        Parameters
        ----------
        hook : callable
            Its return value is ignored.

        Returns
        -------
        HookHandle
            Its ``remove()`` removes the hook.
        """
        hooks = self.__dict__.setdefault("_hooks", [])
        hooks.append(hook)
        return HookHandle(hooks, hook)

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode or, with False, to evaluation mode: only `RReLU` differs. Returns the layer."""
        self.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation mode: ``train(False)``."""
        return self.train(False)

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        """Return the output, and what backward needs of it all."""
        raise NotImplementedError

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        raise NotImplementedError

    def _out(self, x: ArrayLike) -> NDArray[Any] | None:
        """Where the output goes: None is a new array."""
        if not getattr(self, "inplace", False):
            return None
        if not isinstance(x, np.ndarray) and not _foreign.on_device(x):
            raise TypeError(
                f"{type(self).__name__}: x must be a NumPy array to be changed in place, not {type(x).__name__}; "
                "use inplace=False"
            )
        return x  # type: ignore[return-value]  # or an array of pyopencl


_DOC = """{summary}

Keeps its {kept}. A NaN stays a NaN. Definition, accuracy and gradient are those of `relu_simd.{function}`.
{parameters}
Examples
--------
>>> layer = {layer}({arguments})
>>> layer({x})
{result}
"""

_FIELDS = {
    "inplace": "Write the output over `x`: see `ReLU`. The layer then keeps a copy of `x` for the gradient.",
    "approximate": """"none", or "tanh" for the approximation `relu_simd.gelu_tanh`. Anything else is a ValueError.""",
    "threshold": "Not used. PyTorch returns `x` where `beta * x` is above it, which is up to 2e-9 off.",
}


@cache
def _row(function: str, fields: tuple[str, ...]) -> tuple[Any, Any, Callable[[Any], tuple[Any, ...]], bool]:
    """The function, its gradient, what takes its parameters from a layer, and whether the gradient needs the output.

    `fields` are the layer's. A parameter that is none of them has its default: PyTorch's SiLU has no beta.
    """
    op, gradient = (_core.OPS[_core.ROWS[name]] for name in (function, f"{function}_backward"))
    parameters = _getter([name for name in op.params if name in fields])
    return getattr(rs, op.name), getattr(rs, gradient.name), parameters, gradient.arrays[1] == "y"


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Make what takes these attributes of an object, at the least cost."""
    if len(names) > 1:
        return attrgetter(*names)
    if names:
        only = attrgetter(*names)
        return lambda layer: (only(layer),)
    return lambda layer: ()


def _copied(x: Any) -> Any:
    """A copy which a later write to `x` waits for; that to an array of pyopencl does not wait for its method `copy`."""
    return rs.hardshrink(x, -1.0) if _foreign.on_device(x) else x.copy()


@dataclass_transform(eq_default=False)
class Elementwise(Layer):
    """A layer made of a row: the fields of a subclass are the row's parameters, and what else PyTorch's layer takes.

    It keeps the output if the row's gradient is made of that, otherwise the input.
    """

    _function = ""  # the row; of an instance, which may choose another
    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, function: str = "") -> None:
        """Name the row; a class that names none is a layer of its parent's."""
        if not function:
            return
        cls._function = function
        dataclass(eq=False)(cls)
        cls._fields = tuple(field.name for field in fields(cls))  # type: ignore[arg-type]  # it is a dataclass by now
        cls.__doc__ = cls._doc()

    @classmethod
    def _doc(cls) -> str:
        op = _core.OPS[_core.ROWS[cls._function]]
        texts = _FIELDS | {name: _docs.of_input(op, name) for name in op.params}
        parameters = [f"{name} : {kind}\n    {texts[name]}" for name, kind in cls.__annotations__.items()]
        array, end, arguments = op.example.removeprefix(f"{op.name}(").removesuffix(")").partition("])")
        return _DOC.format(
            summary=cls.__doc__,
            kept="output" if _row(op.name, cls._fields)[3] else "input",
            function=op.name,
            parameters="\n".join(["", "Parameters", "----------", *parameters, ""]) if parameters else "",
            layer=cls.__name__,
            arguments=arguments.removeprefix(", "),
            x=array + end,
            result=op.result,
        )

    def _forward(self, x: ArrayLike) -> tuple[Any, Any]:
        function, _, parameters, from_output = _row(self._function, self._fields)
        out = self._out(x)
        kept = x if out is None else _copied(out)
        y = function(x, *parameters(self), out=out)
        return y, y if from_output else kept

    def _backward(self, grad_output: ArrayLike, kept: Any) -> Any:
        _, gradient, parameters, _ = _row(self._function, self._fields)
        return gradient(grad_output, kept, *parameters(self))
