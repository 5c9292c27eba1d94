# SPDX-License-Identifier: BSD-3-Clause
"""What `relu_simd.reference` says of a row of ops.def besides its definition: its idioms and its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

SHORT = {"grad_output": "g", "negative_slope": "slope"}
"""Inputs as people call them in a line of NumPy; those not listed keep their names."""


@dataclass(frozen=True)
class Way:
    """One way to compute a function: a statement for each mode that it has.

    `new` is an expression, a tuple where there are several results; `out` writes to the outputs, `inplace` to
    the first input and to the outputs but the first. `without` are dtypes for which it fails or goes wrong.
    """

    new: str | None = None
    out: str | None = None
    inplace: str | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """The idioms of a row, the usual one first, and its derivatives by the inputs that it depends on."""

    idioms: tuple[Way, ...]
    gradient: Mapping[str, str]


class _Rows(dict[str, Row]):
    def __missing__(self, name: str) -> Row:
        raise LookupError(f"{name} has no definition, marked by @row, in relu_simd/reference.py")


ROWS = _Rows()

_Definition = TypeVar("_Definition", bound=Callable[..., Any])


def row(*idioms: Way, gradient: Mapping[str, str] | None = None) -> Callable[[_Definition], _Definition]:
    """Make a function the definition of the row of its name.

    Parameters
    ----------
    *idioms : Way
        What people write in NumPy, the usual first. Besides `np` and the inputs, which have the names in `SHORT`,
        there are `out`, the array for the result, and `zeros`, an array of zeros of the first input's shape.
    gradient : mapping, optional
        For each input, an expression for the derivative by it times `v`: the gradient that comes in or, forwards,
        the tangent. It may use `np`, the functions of relu_simd, the inputs by the names in `SHORT` and, unless an
        input is called so, the result `y`. By an input that is absent the derivative is 0. The one by `grad_output`
        needs no words: every function that has such an input is linear in it.
    """

    def register(definition: _Definition) -> _Definition:
        ROWS[definition.__name__] = Row(idioms, gradient or {})
        return definition

    return register
