# SPDX-License-Identifier: BSD-3-Clause
"""The functions as people write them for numba: as a ufunc for one thread, as a loop for all."""

from __future__ import annotations

from importlib import import_module

from relu_simd._rows import Way
from relu_simd.bench.functions import FUNCTIONS, Function
from relu_simd.bench.ways import Library, Names

# A literal beside a float32 would make it a float64.
SCALARS = {
    "relu": "x if x > 0 else type(x)(0)",
    "relu_backward": "g if x > 0 else type(g)(0)",
    "leaky_relu": "x if x > 0 else x * slope",
    "leaky_relu_backward": "g if x > 0 else g * slope",
    "prelu": "x if x > 0 else x * weight",
    "relu6": "type(x)(0) if x < 0 else type(x)(6) if x > 6 else x",
    "relu6_backward": "g if (x > 0) & (x < 6) else type(g)(0)",
    "add_relu": "a + b if a + b > 0 else type(a)(0)",
    "add_relu_bias": "a + bias if a + bias > 0 else type(a)(0)",
    "sigmoid": "type(x)(1) / (type(x)(1) + math.exp(-x))",
    "sigmoid_backward": "g * y * (type(y)(1) - y)",
    "tanh": "math.tanh(x)",
    "tanh_backward": "g * (type(y)(1) - y * y)",
}

# Source code: numba is imported only when it takes part.
UFUNC = """
@numba.vectorize
def {name}({inputs}):
    return {scalar}
"""
LOOP = """
@numba.njit(parallel=True)
def {name}_loop({parameters}, out):
    for i in numba.prange(out.shape[0]):
        {elements}
        out[i] = {scalar}
    return out
"""
LOOP_BY_CHANNEL = """
@numba.njit(parallel=True)
def {name}_loop({parameters}, out):
    for i in numba.prange(out.shape[0]):
        for j in range(out.shape[1]):
            {elements}
            out[i, j] = {scalar}
    return out
"""
COUNT = """
@numba.njit(parallel=True)
def count_active_loop(x):
    count = 0
    for i in numba.prange(x.size):
        count += x[i] > 0
    return count
"""


def load_numba(threads: int) -> Library:
    """Load numba and declare the functions; each is compiled at its first call."""
    numba = import_module("numba")

    numba.set_num_threads(threads)
    functions: Names = {"numba": numba, "math": import_module("math")}
    for name, scalar in SCALARS.items():
        exec(_source(FUNCTIONS[name], scalar), functions)
    exec(COUNT, functions)

    def prepare(function: Function, names: Names) -> Names:
        slope = {"slope": names["x"].dtype.type(names["slope"])} if "slope" in names else {}
        return functions | slope

    ways = {name: _ways(FUNCTIONS[name]) for name in SCALARS} | {"count_active": (Way("count_active_loop(x)"),)}
    return Library("numba", ways, prepare)


def _source(function: Function, scalar: str) -> str:
    loop, index = (LOOP_BY_CHANNEL, "i, j") if function.by_channel else (LOOP, "i")
    elements, parameters = [], []
    for each in function.inputs:
        parameters.append("slope" if each == "slope" else f"{each}_")
        if each != "slope":
            elements.append(f"{each} = {each}_[{'j' if each in ('weight', 'bias') else index}]")
    words = {"name": function.name, "inputs": ", ".join(function.inputs), "scalar": scalar}
    return UFUNC.format(**words) + loop.format(**words, parameters=", ".join(parameters), elements="; ".join(elements))


def _ways(function: Function) -> tuple[Way, Way]:
    name, first, inputs = function.name, function.inputs[0], ", ".join(function.inputs)
    return (
        Way(f"{name}({inputs})", out=f"{name}({inputs}, out)", inplace=f"{name}({inputs}, {first})"),
        Way(
            f"{name}_loop({inputs}, np.empty_like({first}))",
            out=f"{name}_loop({inputs}, out)",
            inplace=f"{name}_loop({inputs}, {first})",
        ),
    )
