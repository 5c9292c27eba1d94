# SPDX-License-Identifier: BSD-3-Clause
"""The limit that memory sets: a plain C copy that moves as many bytes, on the same threads, in the same run."""

from __future__ import annotations

import numpy as np

from relu_simd import _core
from relu_simd.bench.ways import Library, Names, Way

# Elements below which the call itself, not memory, is what is timed.
MEANINGFUL_FROM = 100_000


def _prepare(op: str, names: Names) -> Names:
    """Make the arrays to copy between: a copy of m bytes moves 2 m."""
    moved = names["out"].nbytes + sum(names[name].nbytes for name in ("x", "g") if name in names)
    return {"copy": _core._copy, "source": np.ones(moved // 2, np.uint8), "copied": np.empty(moved // 2, np.uint8)}


# Through the cache and past it: the better one counts.
_WAYS = (Way(out="copy(copied, source, False)"), Way(out="copy(copied, source, True)"))
COPY = Library("C copy", {op.name: _WAYS for op in _core.OPS}, _prepare)
