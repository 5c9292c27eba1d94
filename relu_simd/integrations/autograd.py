# SPDX-License-Identifier: BSD-3-Clause
"""Gradients for autograd (HIPS), reverse and forward, to second order and beyond where they exist.

Importing this module is enough: from then on the ufuncs of `relu_simd` are primitives of autograd, and
``relu_simd.relu`` of a traced array is traced. This module has all functions under the same names. The functions that
are not ufuncs are traced only if you call them from this module.

Derivatives are the ones that the ``*_backward`` functions define: the derivative of relu is 0 at 0 and 1 at a NaN, and
its own derivative is 0. As with autograd's own ufuncs, ``out``, ``where`` and ``dtype`` raise a TypeError in a trace.

Examples
--------
>>> import autograd.numpy as np
>>> from autograd import grad
>>> from relu_simd.integrations.autograd import leaky_relu
>>> grad(lambda x: np.sum(leaky_relu(x, 0.5) ** 2))(np.array([-2.0, 3.0]))
array([-1.,  6.])
"""

from __future__ import annotations

from typing import Any

import relu_simd
from relu_simd import _core, ufuncs
from relu_simd._core import *
from relu_simd._rows import SHORT
from relu_simd.integrations import _needs
from relu_simd.reference import ROWS

with _needs("autograd", "autograd"):
    import autograd.numpy as anp
    from autograd.builtins import tuple as boxed_tuple
    from autograd.extend import JVPNode, VJPNode, defjvp, defvjp, primitive, register_notrace
    from autograd.numpy.numpy_vjps import unbroadcast_f

__all__ = list(_core.__all__)

_NAMES = {"np": anp} | {op.name: getattr(relu_simd, op.name) for op in _core.OPS}


class _Derivative:
    """An expression of `reference.py`, by which autograd's two modes go from an input to the result or back."""

    def __init__(self, expression: str, inputs: list[str], k: int) -> None:
        names = ["_" if "y" in inputs else "y", *inputs]  # the result, and what it was made of
        self.k = k
        self.function = eval(f"lambda v, {', '.join(names)}: {expression}", _NAMES)
        used = compile(expression, "reference.py", "eval").co_names
        self.needs = [name in used for name in names]

    def backwards(self, y: Any, *args: Any) -> Any:
        """Take the gradient that comes in to that of the input. What is not needed for it is not kept alive."""
        kept = [value if needed else None for value, needed in zip((y, *args), self.needs, strict=True)]
        return unbroadcast_f(args[self.k], lambda v: self.function(v, *kept))

    def forwards(self, v: Any, y: Any, *args: Any) -> Any:
        """Take the tangent of the input to that of the result."""
        # An input may be broadcast, and an expression select from its tangent alone.
        return self.function(v if anp.shape(v) == anp.shape(y) else v + anp.zeros_like(y), y, *args)


def _trace(op: _core.Op, **special: Any) -> None:
    """Make a row's ufunc a primitive with the derivatives that the reference states, or `special` ones backwards."""
    inputs = [SHORT.get(name, name) for name in op.inputs]
    gradient = dict(ROWS[op.name].gradient)
    if inputs[0] == "g":
        gradient["g"] = f"{op.name}({', '.join(['v', *inputs[1:]])})"
    by = [_Derivative(gradient[name], inputs, k) if name in gradient else None for k, name in enumerate(inputs)]
    function = primitive(getattr(ufuncs, op.name))
    defvjp(function, *(special.get(name, each and each.backwards) for name, each in zip(inputs, by, strict=True)))
    defjvp(function, *(each and each.forwards for each in by))


@primitive
def _weight_gradient(grad_output: Any, x: Any, weight: Any) -> Any:
    """The sum of ``x > 0 ? 0 : grad_output * x``, in the shape of weight."""
    return relu_simd.prelu_backward(grad_output, x, weight)[1]


def _where_scaled(x: Any, value: Any) -> Any:
    """`value` where leaky_relu multiplies by its slope, 0 elsewhere: selected, as a product would make NaN of inf."""
    return anp.where(x > 0, 0, value)


defvjp(
    _weight_gradient,
    lambda ans, g, x, w: unbroadcast_f(g, lambda v: _where_scaled(x, v * x)),
    lambda ans, g, x, w: unbroadcast_f(x, lambda v: _where_scaled(x, v * g)),
    None,
)
defjvp(
    _weight_gradient,
    "same",
    lambda t, ans, g, x, w: unbroadcast_f(w, lambda t: _where_scaled(x, t * g))(t),
    None,
)


def _summed(y: Any, x: Any, weight: Any) -> Any:
    return lambda v: _weight_gradient(v, x, weight)


for _op in _core.OPS:
    _trace(_op, **{"leaky_relu": {"slope": _summed}, "prelu": {"weight": _summed}}.get(_op.name, {}))


def prelu_backward(grad_output: Any, x: Any, weight: Any) -> Any:  # type: ignore[no-redef]
    """See `relu_simd.prelu_backward`; here without `out`, and traced."""
    return boxed_tuple((leaky_relu_backward(grad_output, x, weight), _weight_gradient(grad_output, x, weight)))


@primitive  # type: ignore[no-redef]
def relu_backward_from_mask(grad_output: Any, mask: Any) -> Any:
    """See `relu_simd.relu_backward_from_mask`; here without `out`, and traced."""
    return relu_simd.relu_backward_from_mask(grad_output, mask)


defvjp(relu_backward_from_mask, lambda ans, g, mask: lambda v: relu_backward_from_mask(v, mask), None)
defjvp(relu_backward_from_mask, "same", None)


@primitive
def _mask(x: Any) -> Any:
    return relu_simd.relu_with_mask(x)[1]


def relu_with_mask(x: Any) -> Any:  # type: ignore[no-redef]
    """See `relu_simd.relu_with_mask`; here without `out`, and traced. The mask is a constant to autograd."""
    return relu(x), _mask(x)


@primitive  # type: ignore[no-redef]
def count_active(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """See `relu_simd.count_active`; a constant to autograd."""
    return relu_simd.count_active(x, axis, keepdims=keepdims)


for _constant in (_mask, count_active):
    register_notrace(VJPNode, _constant)
    register_notrace(JVPNode, _constant)
