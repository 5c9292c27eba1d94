# SPDX-License-Identifier: BSD-3-Clause
"""The operations as people write them for numba: as a ufunc for one thread, as a loop for all."""

from __future__ import annotations

from importlib import import_module

from relu_simd.bench.ways import Library, Names, Way

INPUTS = {
    "relu": "x",
    "relu_backward": "g, x",
    "leaky_relu": "x, a",
    "leaky_relu_backward": "g, x, a",
}

# Source code: numba is imported only when it takes part.
UFUNC = """
@numba.vectorize
def {op}({inputs}):
    return {scalar}
"""
LOOP = """
@numba.njit(parallel=True)
def {op}_loop({inputs}, out):
    for i in numba.prange(x.size):
        out[i] = {element}
    return out
"""
SCALARS = {
    "relu": "x if x > 0 else type(x)(0)",
    "relu_backward": "g if x > 0 else type(g)(0)",
    "leaky_relu": "x if x > 0 else x * a",
    "leaky_relu_backward": "g if x > 0 else g * a",
}
ELEMENTS = {
    "relu": "x[i] if x[i] > 0 else 0",
    "relu_backward": "g[i] if x[i] > 0 else 0",
    "leaky_relu": "x[i] if x[i] > 0 else x[i] * a",
    "leaky_relu_backward": "g[i] if x[i] > 0 else g[i] * a",
}


def load_numba(threads: int) -> Library:
    """Load numba and declare the functions; each is compiled at its first call."""
    numba = import_module("numba")

    numba.set_num_threads(threads)
    functions: Names = {"numba": numba}
    for op, inputs in INPUTS.items():
        exec(UFUNC.format(op=op, inputs=inputs, scalar=SCALARS[op]), functions)
        exec(LOOP.format(op=op, inputs=inputs, element=ELEMENTS[op]), functions)

    def prepare(op: str, names: Names) -> Names:
        # A Python float would be a float64, and make the result one.
        return functions | ({"a": names["x"].dtype.type(names["a"])} if "a" in names else {})

    return Library("numba", {op: _ways(op, inputs) for op, inputs in INPUTS.items()}, prepare)


def _ways(op: str, inputs: str) -> tuple[Way, Way]:
    first = inputs[0]
    return (
        Way(
            f"{op}({inputs})",
            out=f"{op}({inputs}, out)",
            inplace=f"{op}({inputs}, {first})",
        ),
        Way(
            f"{op}_loop({inputs}, np.empty_like(x))",
            out=f"{op}_loop({inputs}, out)",
            inplace=f"{op}_loop({inputs}, {first})",
        ),
    )
