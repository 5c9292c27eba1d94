# SPDX-License-Identifier: BSD-3-Clause
"""How a library computes an operation, as source code.

Statements are strings because `timeit` compiles them into its loop: wrapped in a function, a call
of 30 ns would be mostly wrapper. They also tell the reader exactly what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relu_simd import _core

MODES = ("new", "out", "inplace")
"""Result in a new array, in another array that exists, or in the operation's first input."""

SHORT = {"grad_output": "g", "negative_slope": "a"}
"""Inputs go by the names that people write; those not listed keep theirs."""

Names = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """One way to compute an operation: a statement for each mode that it has.

    `new` is an expression; `out` writes to `out` and `inplace` to the first input.
    """

    new: str | None = None
    out: str | None = None
    inplace: str | None = None


def _as_they_are(op: str, names: Names) -> Names:
    return {}


@dataclass(frozen=True)
class Library:
    """Who takes part: the ways for each operation that it has, the most usual first.

    `prepare` takes an operation and the names of a cell, and returns those that its statements use
    besides or instead; what it makes of `out` and of the first input must share their memory.
    `exact` demands the reference's very bytes; without it rounding may differ.
    """

    name: str
    ways: Mapping[str, Sequence[Way]]
    prepare: Callable[[str, Names], Names] = _as_they_are
    dtypes: Sequence[str] = ("float32", "float64")
    exact: bool = False


def short_inputs(op: _core.Op) -> list[str]:
    """Return the names of an operation's inputs as the statements have them."""
    return [SHORT.get(name, name) for name in op.inputs]


def ours(op: _core.Op) -> Way:
    """Return how our own function is called in each mode."""
    inputs = short_inputs(op)
    call = f"relu_simd.{op.name}({', '.join(inputs)}"
    return Way(f"{call})", out=f"{call}, out=out)", inplace=f"{call}, out={inputs[0]})")


RELU_SIMD = Library(
    "relu_simd",
    {op.name: (ours(op),) for op in _core.OPS},
    dtypes=[dtype.name for dtype in _core.DTYPES],
    exact=True,
)
