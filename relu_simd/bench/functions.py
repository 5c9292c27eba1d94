# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: every row of ops.def, and what is no ufunc or is often called in another way."""

from __future__ import annotations

from dataclasses import dataclass

from relu_simd import _core

SHORT = {"grad_output": "g", "negative_slope": "slope"}
"""Inputs go by the names that people write; those not listed keep theirs."""


EXAMPLES = {"threshold": 1.0, "value": 20.0}
"""Numbers for the parameters that have no default."""


ON_INTEGERS = ("relu", "relu_backward", "relu6")
"""Rows that are measured on integers, too: those that the libraries beside us have for them."""


@dataclass(frozen=True)
class Function:
    """A call as people write it, `relu_backward(g, x)`, of a function that relu_simd and its reference have.

    `outputs` are the arrays that its `out` takes, the first shaped like the first input; none: it has no `out`.
    Unless it `repeats`, calls in place would let the data grow, or shrink to denormals, and are not measured.
    """

    name: str
    call: str
    dtypes: tuple[str, ...]
    outputs: tuple[str, ...] = ("out",)
    params: tuple[tuple[str, float], ...] = ()
    max_ulp: int = 0
    repeats: bool = True

    @property
    def inputs(self) -> list[str]:
        """Names of the arrays and the parameters, in order."""
        words = self.call[self.call.index("(") + 1 : -1].split(", ")
        return [word for word in words if "=" not in word]

    @property
    def modes(self) -> tuple[str, ...]:
        """Where the result can go: a new array, others that exist, the first input."""
        modes = ("new", "out", "inplace") if self.repeats else ("new", "out")
        return modes if self.outputs else ("new",)

    @property
    def by_channel(self) -> bool:
        """Whether the data are samples by channels, not one long array."""
        return "axis=" in self.call or not {"weight", "bias"}.isdisjoint(self.inputs)


def _row(op: _core.Op) -> Function:
    inputs = ", ".join(SHORT.get(name, name) for name in op.inputs)
    params = () if op.weight else zip(op.params, op.defaults, strict=True)
    numbers = tuple((SHORT.get(name, name), EXAMPLES[name] if number is None else number) for name, number in params)
    dtypes = op.dtypes if op.name in ON_INTEGERS else tuple(name for name in op.dtypes if "int" not in name)
    return Function(
        op.name,
        f"{op.name}({inputs})",
        dtypes,
        params=numbers,
        max_ulp=op.accuracy.max_ulp,
        repeats=not (op.computes and op.params),
    )


_ROWS = {op.name: _row(op) for op in _core.OPS}
_NUMBERS, _FLOATS = _ROWS["relu"].dtypes, _ROWS["prelu"].dtypes
_BESIDE = (
    Function("add_relu_bias", "add_relu(a, bias)", _FLOATS),
    Function("relu_with_mask", "relu_with_mask(x)", _NUMBERS, outputs=("out", "mask")),
    Function("relu_backward_from_mask", "relu_backward_from_mask(g, mask)", _NUMBERS),
    Function("prelu_backward", "prelu_backward(g, x, weight)", _FLOATS, outputs=("out", "grad_weight")),
    Function("count_active", "count_active(x)", _NUMBERS, outputs=()),
    Function("count_active_axis0", "count_active(x, axis=0)", _NUMBERS, outputs=()),
)

FUNCTIONS = _ROWS | {function.name: function for function in _BESIDE}
