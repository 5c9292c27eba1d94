# SPDX-License-Identifier: BSD-3-Clause
"""The contestants of one cell (operation, dtype, size), and the check of what they compute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import relu_simd
from relu_simd import _core, reference
from relu_simd.bench import data
from relu_simd.bench.roofline import COPY
from relu_simd.bench.ways import MODES, Library, Names, short_inputs


class WrongResult(Exception):
    """A contestant computes something else than the operation's reference."""


@dataclass(frozen=True)
class Contestant:
    """A statement to run, with the names it uses."""

    library: Library
    mode: str
    statement: str
    names: Names


class Cell:
    """The inputs of an operation, and all that compute on them."""

    def __init__(self, op: _core.Op, dtype: str, n: int, libraries: Iterable[Library]) -> None:
        self.op, self.dtype, self.n = op, dtype, n
        self.inputs = dict(zip(short_inputs(op), data.inputs(op, dtype, n), strict=True))
        self.target = short_inputs(op)[0]
        self.zeros = np.zeros_like(self.inputs[self.target])
        self.names = {mode: self._names(mode) for mode in MODES}
        self.contestants = [
            contestant for library in libraries for mode in MODES for contestant in self._enter(library, mode)
        ]

    def _enter(self, library: Library, mode: str) -> Iterator[Contestant]:
        ways = library.ways.get(self.op.name, ()) if self.dtype in library.dtypes else ()
        statements = [statement for way in ways if (statement := getattr(way, mode)) is not None]
        if statements:
            names = self.names[mode] | library.prepare(self.op.name, self.names[mode])
            for statement in statements:
                yield Contestant(library, mode, statement, names)

    def _names(self, mode: str) -> Names:
        names = {"np": np, "relu_simd": relu_simd, "zeros": self.zeros} | self.inputs
        if mode == "out":
            names["out"] = np.empty_like(self.zeros)
        elif mode == "inplace":
            names[self.target] = self.inputs[self.target].copy()
            if self.op.default is not None:
                # Repeated calls would shrink the data to denormals, which some CPUs are slow with;
                # times 1 is the same work and leaves it as it is.
                names[short_inputs(self.op)[-1]] = 1.0
        return names

    def check(self) -> None:
        """Run every contestant once and compare its result with the reference."""
        for mode in MODES:
            names = self.names[mode]
            arguments = names | {self.target: self.inputs[self.target]}
            expected = getattr(reference, self.op.name)(*(arguments[name] for name in self.inputs))
            for contestant in self.contestants:
                if contestant.mode == mode and contestant.library is not COPY:
                    self._compare(contestant, self._execute(contestant, names), expected)

    def _execute(self, contestant: Contestant, names: Names) -> NDArray[Any]:
        code = contestant.statement
        if contestant.mode == "new":
            return np.asarray(eval(code, dict(contestant.names)))
        if contestant.mode == "out":
            result: NDArray[Any] = names["out"]
            result.fill(np.nan)
        else:
            result = names[self.target]
            np.copyto(result, self.inputs[self.target])
        exec(code, dict(contestant.names))
        return result

    def _compare(self, contestant: Contestant, got: NDArray[Any], want: NDArray[Any]) -> None:
        if got.dtype == want.dtype and got.shape == want.shape:
            if contestant.library.exact:
                bits = f"u{want.itemsize}"
                differ = got.view(bits) != want.view(bits)
            else:
                differ = got != want
                # Other libraries may round otherwise; NaN, which no comparison admits, is wrong here.
                differ[differ] = ~np.isclose(got[differ], want[differ], rtol=8 * np.finfo(want.dtype).eps, atol=0)
            if not differ.any():
                return
            k = int(np.argmax(differ))
            what = f"element {k} is {got[k]!r}, not {want[k]!r}"
        else:
            what = f"{got.dtype}{list(got.shape)}, not {want.dtype}{list(want.shape)}"
        raise WrongResult(
            f"{contestant.statement} ({contestant.library.name}) on {self.n} {self.dtype} differs from "
            f"relu_simd.reference.{self.op.name}: {what}"
        )
