# SPDX-License-Identifier: BSD-3-Clause
"""The functions as numexpr's expressions."""

from __future__ import annotations

from importlib import import_module

from relu_simd._rows import Way
from relu_simd.bench.functions import FUNCTIONS, Function
from relu_simd.bench.ways import Library, Names

NUMEXPR = {
    "relu": "where(x > zero, x, zero)",
    "relu_backward": "where(x > zero, g, zero)",
    "leaky_relu": "where(x > zero, x, x * slope)",
    "leaky_relu_backward": "where(x > zero, g, g * slope)",
    "prelu": "where(x > zero, x, x * weight)",
    "relu6": "where(x > zero, where(x < six, x, six), zero)",
    "relu6_backward": "where((x > zero) & (x < six), g, zero)",
    "add_relu": "where(a + b > zero, a + b, zero)",
    "add_relu_bias": "where(a + bias > zero, a + bias, zero)",
    "sigmoid": "one / (one + exp(-x))",
    "sigmoid_backward": "g * y * (one - y)",
    "tanh": "tanh(x)",
    "tanh_backward": "g * (one - y * y)",
}


def load_numexpr(threads: int) -> Library:
    """Load numexpr, which threads the expressions itself."""
    numexpr = import_module("numexpr")

    numexpr.set_num_threads(threads)

    def prepare(function: Function, names: Names) -> Names:
        scalar = names[function.inputs[0]].dtype.type
        numbers = {"zero": 0, "one": 1, "six": 6} | ({"slope": names["slope"]} if "slope" in names else {})
        return {"evaluate": numexpr.evaluate} | {name: scalar(value) for name, value in numbers.items()}

    def way(name: str, expression: str) -> Way:
        call = f"evaluate({expression!r}"
        return Way(f"{call})", out=f"{call}, out=out)", inplace=f"{call}, out={FUNCTIONS[name].inputs[0]})")

    return Library("numexpr", {name: (way(name, each),) for name, each in NUMEXPR.items()}, prepare)
