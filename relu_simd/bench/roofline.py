# SPDX-License-Identifier: BSD-3-Clause
"""The limit that memory sets: a plain C copy that moves as many bytes, on the same threads, in the same run."""

from __future__ import annotations

import numpy as np

from relu_simd import _core
from relu_simd._rows import Way
from relu_simd.bench.functions import FUNCTIONS, Function
from relu_simd.bench.ways import Library, Names

# Bytes below which the call itself, not memory, is what is timed.
MEANINGFUL_FROM = 400_000


def _prepare(function: Function, names: Names) -> Names:
    """Make the arrays to copy between: a copy of m bytes moves 2 m."""
    arrays = (names[name] for name in {*function.inputs, *function.outputs})
    moved = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))  # parameters are numbers
    return {"copy": _core._copy, "source": np.ones(moved // 2, np.uint8), "copied": np.empty(moved // 2, np.uint8)}


# Through the cache and past it: the better one counts. Functions with an error bound compute more than they move.
_WAYS = (Way("copy(copied, source, False)"), Way("copy(copied, source, True)"))
COPY = Library("C copy", {name: _WAYS for name, each in FUNCTIONS.items() if each.max_ulp == 0}, _prepare, _core.DTYPES)
