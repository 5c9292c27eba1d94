# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: every row of ops.def, and what is no ufunc or is often called in another way."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from relu_simd import _core
from relu_simd._rows import SHORT, Way
from relu_simd.reference import ROWS

ON_INTEGERS = ("relu", "relu_backward", "relu6")
"""Rows that are measured on integers, too: those that the libraries beside us have for them."""


@dataclass(frozen=True)
class Function:
    """A call as people write it, `relu_backward(g, x)`, of a function that relu_simd and its reference have.

    `idioms` are what they write in NumPy in its place, the usual first. `outputs` are the arrays that its `out` takes,
    the first shaped like the first input; none: it has no `out`. `params` are the inputs that are numbers.
    Results are within `max_ulp` of the reference's, or if that is None, they are as close as roundings allow.
    """

    name: str
    call: str
    dtypes: tuple[str, ...]
    idioms: tuple[Way, ...]
    outputs: tuple[str, ...] = ("out",)
    params: tuple[tuple[str, float], ...] = ()
    max_ulp: int | None = 0

    @property
    def inputs(self) -> list[str]:
        """Names of the arrays and the parameters, in order."""
        words = self.call[self.call.index("(") + 1 : -1].split(", ")
        return [word for word in words if "=" not in word]

    @property
    def by_channel(self) -> bool:
        """Whether the data are samples by channels, not one long array."""
        return "axis=" in self.call or not {"weight", "bias"}.isdisjoint(self.inputs)


def _row(op: _core.Op) -> Function:
    inputs = [SHORT.get(name, name) for name in op.inputs]
    params = () if op.weight else zip(inputs[len(op.arrays) :], _numbers(op), strict=True)
    return Function(
        op.name,
        f"{op.name}({', '.join(inputs)})",
        op.dtypes if op.name in ON_INTEGERS else tuple(name for name in op.dtypes if "int" not in name),
        ROWS[op.name].idioms,
        params=tuple(params),
        max_ulp=None if op.accuracy.crosses else op.accuracy.max_ulp,
    )


def _numbers(op: _core.Op) -> list[float]:
    """Find a number for each parameter: its default or, if one has none, the number in the example of ops.def."""
    if None not in op.defaults:
        return [number for number in op.defaults if number is not None]
    example = ast.parse(op.example, mode="eval").body
    assert isinstance(example, ast.Call)
    return [float(ast.literal_eval(argument)) for argument in example.args[len(op.arrays) :]]


_ROWS = {op.name: _row(op) for op in _core.OPS}
_NUMBERS, _FLOATS = _ROWS["relu"].dtypes, _ROWS["prelu"].dtypes
_HALF = ("float16", "bfloat16")

# `mask` is an array of bools, and `bits` what np.packbits makes of it.
_BESIDE = (
    Function(
        "add_relu_bias",
        "add_relu(a, bias)",
        _FLOATS,
        idioms=(
            Way(
                "np.maximum(a + bias, 0)",
                out="np.maximum(np.add(a, bias, out=out), 0, out=out)",
                inplace="np.maximum(np.add(a, bias, out=a), 0, out=a)",
            ),
            Way(
                "np.maximum(a + bias, zeros)",
                out="np.maximum(np.add(a, bias, out=out), zeros, out=out)",
                inplace="np.maximum(np.add(a, bias, out=a), zeros, out=a)",
            ),
        ),
    ),
    Function(
        "relu_with_mask",
        "relu_with_mask(x)",
        _NUMBERS,
        outputs=("out", "mask"),
        idioms=(
            Way(
                "((m := x > 0) * x, m)",
                out="np.multiply(x, np.greater(x, 0, out=mask), out=out)",
                inplace="np.multiply(x, np.greater(x, 0, out=mask), out=x)",
            ),
            Way("(np.maximum(x, zeros), np.packbits(x > 0, bitorder='little'))"),
        ),
    ),
    Function(
        "relu_backward_from_mask",
        "relu_backward_from_mask(g, mask)",
        _NUMBERS,
        idioms=(
            Way("g * mask", out="np.multiply(g, mask, out=out)", inplace="np.multiply(g, mask, out=g)"),
            Way("np.where(mask, g, 0)", inplace="g[~mask] = 0"),
            Way("np.where(np.unpackbits(bits, count=g.size, bitorder='little'), g, 0)"),
        ),
    ),
    Function(
        "prelu_backward",
        "prelu_backward(g, x, weight)",
        _FLOATS,
        outputs=("out", "grad_weight"),
        idioms=(
            Way(
                "(np.where(x > 0, g, weight * g), np.where(x > 0, 0, g * x).sum(axis=0))",
                out="np.sum(np.where(x > 0, 0, g * x), axis=0, out=grad_weight);"
                " np.multiply(g, np.where(x > 0, x.dtype.type(1), weight), out=out)",
                inplace="np.sum(np.where(x > 0, 0, g * x), axis=0, out=grad_weight);"
                " np.multiply(g, weight, out=g, where=x <= 0)",
                without=_HALF,  # a sum of many rounds them away
            ),
            Way("(np.where(x > 0, g, weight * g), np.einsum('ij,ij->j', g, np.minimum(x, 0)))", without=_HALF),
            Way("(np.where(x > 0, g, weight * g), np.where(x > 0, 0, g * x).sum(axis=0, dtype='f8').astype(x.dtype))"),
        ),
    ),
    Function(
        "count_active",
        "count_active(x)",
        _NUMBERS,
        outputs=(),
        idioms=(
            Way("np.count_nonzero(x > 0)"),
            Way("(x > 0).sum()"),
        ),
    ),
    Function(
        "count_active_axis0",
        "count_active(x, axis=0)",
        _NUMBERS,
        outputs=(),
        idioms=(
            Way("np.count_nonzero(x > 0, axis=0)"),
            Way("(x > 0).sum(axis=0)"),
        ),
    ),
)

FUNCTIONS = _ROWS | {function.name: function for function in _BESIDE}
