# SPDX-License-Identifier: BSD-3-Clause
"""The contestants of one cell (function, dtype, size), and the check of what they compute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import relu_simd
from relu_simd import reference
from relu_simd.bench import check, data
from relu_simd.bench.functions import Function
from relu_simd.bench.roofline import COPY
from relu_simd.bench.ways import Library, Names


class WrongResult(Exception):
    """A contestant computes something else than the function's reference."""


@dataclass(frozen=True)
class Contestant:
    """A statement to run, with the names it uses."""

    library: Library
    mode: str
    statement: str
    names: Names


class Cell:
    """The inputs of a function, and all that compute on them."""

    def __init__(self, function: Function, dtype: str, n: int, libraries: Iterable[Library]) -> None:
        self.function, self.dtype, self.n = function, dtype, n
        self.inputs = data.inputs(function, dtype, n)
        self.outputs = data.outputs(function, self.inputs)
        self.target = function.inputs[0]
        self.zeros = np.zeros_like(self.inputs[self.target])
        self.modes = data.modes(function)
        self.names = {mode: self._names(mode) for mode in self.modes}
        self.contestants = [
            contestant for library in libraries for mode in self.modes for contestant in self._enter(library, mode)
        ]

    @property
    def bytes_moved(self) -> int:
        """What has to be read and written, once each."""
        moved = [*self.inputs.values(), *self.outputs.values()]
        return sum(each.nbytes for each in moved if isinstance(each, np.ndarray))

    def _enter(self, library: Library, mode: str) -> Iterator[Contestant]:
        ways = library.ways_for(self.function, self.dtype)
        statements = [statement for way in ways if (statement := getattr(way, mode)) is not None]
        if statements:
            names = self.names[mode] | library.prepare(self.function, self.names[mode])
            for statement in statements:
                yield Contestant(library, mode, statement, names)

    def _names(self, mode: str) -> Names:
        names = {"np": np, "relu_simd": relu_simd, "zeros": self.zeros} | self.outputs | self.inputs
        if mode == "inplace":
            names |= data.neutral(self.inputs, self.target)
        return names

    def check(self) -> None:
        """Run every contestant once and compare its results with the reference."""
        for mode in self.modes:
            names = self.names[mode] | {self.target: self.inputs[self.target]}
            if mode != "out":  # which has the inputs of "new"
                expected = eval(f"reference.{self.function.call}", names | {"reference": reference})
            for contestant in self.contestants:
                if contestant.mode == mode and contestant.library is not COPY:
                    self._compare(contestant, _arrays(expected, np.asarray))

    def _compare(self, contestant: Contestant, expected: list[NDArray[Any]]) -> None:
        library, first = contestant.library, self.inputs[self.target]
        if self.function.max_ulp != 0 and not library.exact:
            first = np.abs(first) + 1  # others subtract what is about 1, such as an exponential: they lose as much
        for got, want in zip(self._execute(contestant), expected, strict=True):
            wrong = check.problem(got, want, first, self.function.max_ulp if library.exact else None)
            if wrong:
                raise WrongResult(
                    f"{contestant.statement} ({library.name}) on {self.n} {self.dtype} differs from "
                    f"relu_simd.reference.{self.function.call}: {wrong}"
                )

    def _execute(self, contestant: Contestant) -> list[NDArray[Any]]:
        code, mode, to_numpy = contestant.statement, contestant.mode, contestant.library.to_numpy
        if mode == "new":
            return _arrays(eval(code, dict(contestant.names)), to_numpy)
        for each in self.outputs.values():
            each.fill(77)  # which no function gives here
        result = self.names[mode]["out" if mode == "out" else self.target]
        if mode == "inplace":
            np.copyto(result, self.inputs[self.target])
        exec(code, dict(contestant.names))
        return [result, *(to_numpy(contestant.names[name]) for name in self.function.outputs[1:])]


def _arrays(results: Any, to_numpy: Any) -> list[NDArray[Any]]:
    return [to_numpy(each) for each in (results if isinstance(results, tuple) else (results,))]
