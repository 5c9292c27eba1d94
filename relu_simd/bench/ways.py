# SPDX-License-Identifier: BSD-3-Clause
"""How a library computes a function, as source code; ourselves and NumPy.

Statements are strings because `timeit` compiles them into its loop: wrapped in a function, a call
of 30 ns would be mostly wrapper. They also tell the reader exactly what was measured.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relu_simd import _core
from relu_simd._rows import Way
from relu_simd.bench.functions import FUNCTIONS, Function

Names = dict[str, Any]


def _as_they_are(function: Function, names: Names) -> Names:
    return {}


@dataclass(frozen=True)
class Library:
    """Who takes part: the ways for each function that it has, the most usual first.

    `prepare` takes a function and the names of a cell, and returns those that its statements use
    besides or instead; what it makes of `out` and of the first input must share their memory.
    `to_numpy` makes an array of a result. `exact` demands the reference's very bytes, or those within
    the function's error bound; without it rounding may differ.
    """

    name: str
    ways: Mapping[str, Sequence[Way]]
    prepare: Callable[[Function, Names], Names] = _as_they_are
    dtypes: Sequence[str] = ("float32", "float64")
    to_numpy: Callable[[Any], NDArray[Any]] = np.asarray
    exact: bool = False

    def ways_for(self, function: Function, dtype: str) -> list[Way]:
        """Return the ways to compute a function of this dtype."""
        ways = self.ways.get(function.name, ()) if dtype in self.dtypes else ()
        return [way for way in ways if dtype not in way.without]


def booleans(names: Names) -> Names:
    """Make the mask of bools that everyone else keeps, in the place of the bits, which are then `bits`."""
    if "mask" not in names:
        return {}
    like, bits = names["out"], names["mask"]
    unpacked = np.unpackbits(bits, count=like.size, bitorder="little")
    return {"mask": unpacked.view(bool).reshape(like.shape), "bits": bits}


def ours(function: Function) -> Way:
    """Return how our own function is called in each mode."""
    call = f"relu_simd.{function.call}"
    if not function.outputs:
        return Way(call)

    def with_out(*outputs: str) -> str:
        target = outputs[0] if len(outputs) == 1 else f"({', '.join(outputs)})"
        return f"{call[:-1]}, out={target})"

    return Way(call, out=with_out(*function.outputs), inplace=with_out(function.inputs[0], *function.outputs[1:]))


RELU_SIMD = Library(
    "relu_simd", {name: (ours(each),) for name, each in FUNCTIONS.items()}, dtypes=_core.DTYPES, exact=True
)


def _erf(x: NDArray[Any]) -> NDArray[Any]:
    """SciPy's, as people take it, or where that is not installed Python's for each element: NumPy has none."""
    try:
        from scipy.special import erf
    except ImportError:
        erf = np.vectorize(math.erf, otypes="d")
    result: NDArray[Any] = erf(x.astype(np.result_type(x, np.float32))).astype(x.dtype)
    return result


def _in_numpy(function: Function, names: Names) -> Names:
    """Bools for the bits, and an erf; a Python float beside bfloat16 would make the result float32."""
    first = names[function.inputs[0]]
    added = booleans(names) | {"erf": _erf}
    if first.dtype.name != "bfloat16":
        return added
    return added | {name: first.dtype.type(names[name]) for name, _ in function.params}


class _NumPy(Library):
    def ways_for(self, function: Function, dtype: str) -> list[Way]:
        """Return the idioms; one with a decimal makes float32 of bfloat16, and is cast back, as people have to do."""
        ways = super().ways_for(function, dtype)
        if dtype != "bfloat16":
            return ways
        cast = f"({{}}).astype({function.inputs[0]}.dtype)"
        return [replace(way, new=cast.format(way.new)) if re.search(r"\d\.\d", way.new or "") else way for way in ways]


NUMPY = _NumPy("numpy", {name: each.idioms for name, each in FUNCTIONS.items()}, _in_numpy, _core.DTYPES)
