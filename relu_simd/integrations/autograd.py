# SPDX-License-Identifier: BSD-3-Clause
"""Gradients for autograd (HIPS), reverse and forward, to second order and beyond where they exist.

Importing this module is enough: from then on the ufuncs of `relu_simd` are primitives of autograd, and
``relu_simd.relu`` of a traced array is traced. This module has all functions under the same names. The functions that
are not ufuncs are traced only if they are called from here.

Derivatives are the ones that the ``*_backward`` functions define: that of relu is 0 at 0 and 1 at a NaN, and does not
itself change with x. As with autograd's own ufuncs, ``out``, ``where`` and ``dtype`` are a TypeError in a trace.

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
from relu_simd import (
    add_relu,
    elu,
    elu_backward,
    hardtanh,
    hardtanh_backward,
    leaky_relu,
    leaky_relu_backward,
    prelu,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
    threshold,
    threshold_backward,
    ufuncs,
)
from relu_simd.integrations import _needs

with _needs("autograd", "autograd"):
    import autograd.numpy as anp
    from autograd.builtins import tuple as boxed_tuple
    from autograd.extend import JVPNode, VJPNode, defjvp, defvjp, primitive, register_notrace
    from autograd.numpy.numpy_vjps import unbroadcast_f

__all__ = [
    "add_relu",
    "count_active",
    "elu",
    "elu_backward",
    "hardtanh",
    "hardtanh_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "prelu",
    "prelu_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "relu_backward_from_mask",
    "relu_with_mask",
    "sigmoid",
    "sigmoid_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
    "threshold",
    "threshold_backward",
]


def _unary(name: str, derivative: Any) -> None:
    """The derivative as a function of what comes in, forward or backward, and of the output."""
    function = primitive(getattr(ufuncs, name))
    defvjp(function, lambda y, x: lambda g: derivative(g, y))
    defjvp(function, lambda t, y, x: derivative(t, y))


# The output serves all of them: no input is kept alive for the way back.
_unary("relu", relu_backward)
_unary("relu6", relu6_backward)
_unary("sigmoid", sigmoid_backward)
_unary("tanh", tanh_backward)

_add_relu = primitive(ufuncs.add_relu)
defvjp(
    _add_relu,
    lambda y, a, b: unbroadcast_f(a, lambda g: relu_backward(g, y)),
    lambda y, a, b: unbroadcast_f(b, lambda g: relu_backward(g, y)),
)
defjvp(_add_relu, lambda t, y, a, b: relu_backward(t, y), lambda t, y, a, b: relu_backward(t, y))

# Linear in the gradient, and flat in x wherever they are differentiable in it.
for _name in ("relu_backward", "relu6_backward"):
    _function = primitive(getattr(ufuncs, _name))
    defvjp(
        _function,
        lambda ans, g, x, _again=_function: unbroadcast_f(g, lambda v: _again(v, x)),
        None,
    )
    defjvp(_function, "same", None)

# What the derivative by y takes the place of: (1 - y) y becomes 1 - 2 y, and 1 - y y becomes -2 y.
for _name, _slope in (("sigmoid_backward", lambda y: 1 - 2 * y), ("tanh_backward", lambda y: -2 * y)):
    _function = primitive(getattr(ufuncs, _name))
    defvjp(
        _function,
        lambda ans, g, y, _again=_function: unbroadcast_f(g, lambda v: _again(v, y)),
        lambda ans, g, y, _slope=_slope: unbroadcast_f(y, lambda v: v * g * _slope(y)),
    )
    defjvp(_function, "same", lambda t, ans, g, y, _slope=_slope: t * g * _slope(y))


def _with_params(name: str, second: Any, *by_params: Any) -> None:
    """An operation on x with parameters, and its gradient, which takes the same ones.

    `second` is the derivative of f' by x, as a function of x and the parameters, or None where that is 0; each of
    `by_params` is a pair: the derivatives of f and of f' by one parameter, likewise.
    """
    function, of_gradient = primitive(getattr(ufuncs, name)), primitive(getattr(ufuncs, f"{name}_backward"))
    gradient = getattr(relu_simd, f"{name}_backward")

    def times(k: int, factor: Any, before: int) -> Any:
        if factor is None:
            return None
        return lambda ans, *args: unbroadcast_f(
            args[k], lambda v: v * (args[0] if before else 1) * factor(*args[before:])
        )

    defvjp(
        function,
        lambda ans, x, *params: unbroadcast_f(x, lambda g: gradient(g, x, *params)),
        *(times(k, factor, 0) for k, (factor, _) in enumerate(by_params, start=1)),
    )
    defvjp(
        of_gradient,
        lambda ans, g, x, *params: unbroadcast_f(g, lambda v: gradient(v, x, *params)),
        times(1, second, 1),
        *(times(k, factor, 1) for k, (_, factor) in enumerate(by_params, start=2)),
    )
    along = [None if second is None else lambda t, ans, g, x, *params: t * g * second(x, *params)]
    for _, factor in by_params:
        along.append(
            None if factor is None else lambda t, ans, g, x, *params, factor=factor: t * g * factor(x, *params)
        )
    defjvp(of_gradient, "same", *along)
    defjvp(
        function,
        lambda t, ans, x, *params: gradient(t, x, *params),
        *(
            None if factor is None else lambda t, ans, *args, factor=factor: t * factor(*args)
            for factor, _ in by_params
        ),
    )


def _softplus_slope(x: Any, beta: Any) -> Any:
    """The derivative of sigmoid(beta * x) by beta * x."""
    s = sigmoid(beta * x)
    return s * (1 - s)


_with_params(
    "elu",
    lambda x, alpha: anp.where(x > 0, 0.0, alpha * anp.exp(anp.minimum(x, 0))),
    (
        lambda x, alpha: anp.where(x > 0, 0.0, anp.expm1(anp.minimum(x, 0))),
        lambda x, alpha: anp.where(x > 0, 0.0, anp.exp(anp.minimum(x, 0))),
    ),
)
_with_params(
    "hardtanh",
    None,
    (lambda x, low, high: anp.where((x < low) & (low <= high), 1.0, 0.0), None),
    (lambda x, low, high: anp.where((x > high) | (low > high), 1.0, 0.0), None),
)
_with_params("threshold", None, (None, None), (lambda x, level, value: anp.where(x <= level, 1.0, 0.0), None))
_with_params(
    "softplus",
    lambda x, beta: beta * _softplus_slope(x, beta),
    (
        lambda x, beta: (x * sigmoid(beta * x) - softplus(x, beta)) / beta,
        lambda x, beta: x * _softplus_slope(x, beta),
    ),
)


def _where_scaled(x: Any, value: Any) -> Any:
    """`value` where leaky_relu multiplies by its slope, 0 elsewhere: selected, as a product would make NaN of inf."""
    return anp.where(x > 0, 0.0, value)


@primitive
def _weight_gradient(grad_output: Any, x: Any, weight: Any) -> Any:
    """The sum of ``x > 0 ? 0 : grad_output * x``, in the shape of weight."""
    return relu_simd.prelu_backward(grad_output, x, weight)[1]


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

for _name in ("leaky_relu", "prelu"):
    _function = primitive(getattr(ufuncs, _name))
    defvjp(
        _function,
        lambda y, x, w: unbroadcast_f(x, lambda g: leaky_relu_backward(g, x, w)),
        lambda y, x, w: lambda g: _weight_gradient(g, x, w),
    )
    defjvp(
        _function,
        lambda t, y, x, w: leaky_relu_backward(t, x, w),
        lambda t, y, x, w: _where_scaled(x, t * x),
    )

_leaky_relu_backward = primitive(ufuncs.leaky_relu_backward)
defvjp(
    _leaky_relu_backward,
    lambda ans, g, x, w: unbroadcast_f(g, lambda v: leaky_relu_backward(v, x, w)),
    None,
    lambda ans, g, x, w: unbroadcast_f(w, lambda v: _where_scaled(x, v * g)),
)
defjvp(_leaky_relu_backward, "same", None, lambda t, ans, g, x, w: _where_scaled(x, t * g))


def prelu_backward(grad_output: Any, x: Any, weight: Any) -> Any:
    """See `relu_simd.prelu_backward`; here without `out`, and traced."""
    return boxed_tuple((leaky_relu_backward(grad_output, x, weight), _weight_gradient(grad_output, x, weight)))


@primitive
def relu_backward_from_mask(grad_output: Any, mask: Any) -> Any:
    """See `relu_simd.relu_backward_from_mask`; here without `out`, and traced."""
    return relu_simd.relu_backward_from_mask(grad_output, mask)


defvjp(relu_backward_from_mask, lambda ans, g, mask: lambda v: relu_backward_from_mask(v, mask), None)
defjvp(relu_backward_from_mask, "same", None)


@primitive
def _mask(x: Any) -> Any:
    return relu_simd.relu_with_mask(x)[1]


def relu_with_mask(x: Any) -> Any:
    """See `relu_simd.relu_with_mask`; here without `out`, and traced, the mask as a constant."""
    return relu(x), _mask(x)


@primitive
def count_active(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """See `relu_simd.count_active`; a constant to autograd."""
    return relu_simd.count_active(x, axis, keepdims=keepdims)


for _constant in (_mask, count_active):
    register_notrace(VJPNode, _constant)
    register_notrace(JVPNode, _constant)
