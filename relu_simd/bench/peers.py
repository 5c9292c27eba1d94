# SPDX-License-Identifier: BSD-3-Clause
"""Other libraries that compute the same, each as well as it can be asked to: `bench --peers`.

A loader imports its library, sets its threads and returns its row. Work that its users do once
(compiling, making sessions, wrapping arrays without a copy) is done in `prepare`, not timed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from relu_simd._rows import Way
from relu_simd.bench.functions import FUNCTIONS, Function
from relu_simd.bench.peer_jax import load_jax
from relu_simd.bench.peer_numba import load_numba
from relu_simd.bench.peer_onnxruntime import load_onnxruntime
from relu_simd.bench.peer_torch import load_torch
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


def load_scipy(threads: int) -> Library:
    """Load SciPy, whose expit is the sigmoid, on one thread."""
    expit = import_module("scipy.special").expit
    way = Way("expit(x)", out="expit(x, out=out)", inplace="expit(x, out=x)")
    return Library("scipy", {"sigmoid": (way,)}, lambda function, names: {"expit": expit})


def load_thinc(threads: int) -> Library:
    """Load thinc, which has relu and the sigmoid, on one thread."""
    ops = import_module("thinc.api").NumpyOps()
    return Library(
        "thinc",
        {
            "relu": (Way("ops.relu(x)", inplace="ops.relu(x, inplace=True)"),),
            "relu_backward": (Way("ops.backprop_relu(g, x)", inplace="ops.backprop_relu(g, x, inplace=True)"),),
            "relu6": (Way("ops.relu_k(x)", inplace="ops.relu_k(x, inplace=True)"),),
            "relu6_backward": (Way("ops.backprop_relu_k(g, x)"),),
            "sigmoid": (Way("ops.sigmoid(x)", inplace="ops.sigmoid(x, inplace=True)"),),
            "sigmoid_backward": (Way("ops.backprop_sigmoid(g, y)"),),
            "tanh_backward": (Way("g * ops.dtanh(y)"),),
        },
        lambda function, names: {"ops": ops},
    )


def load_simd_ml_kernels(threads: int) -> Library:
    """Load simd-ml-kernels, which has relu in float32 alone; its threads are for matrix products."""
    simd_ml_kernels = import_module("simd_ml_kernels")

    return Library(
        "simd-ml-kernels",
        {"relu": (Way("simd_ml_kernels.relu(x)"),)},
        lambda function, names: {"simd_ml_kernels": simd_ml_kernels},
        dtypes=("float32",),
    )


LOADERS: dict[str, Callable[[int], Library]] = {
    "torch": load_torch,
    "jax": load_jax,
    "numba": load_numba,
    "numexpr": load_numexpr,
    "onnxruntime": load_onnxruntime,
    "scipy": load_scipy,
    "thinc": load_thinc,
    "simd-ml-kernels": load_simd_ml_kernels,
}


def installed(names: Sequence[str], threads: int) -> tuple[list[Library], list[str]]:
    """Return those of the named libraries that could be loaded, with `threads` threads each, and the other names."""
    libraries, missing = [], []
    for name in names:
        try:
            libraries.append(LOADERS[name](threads))
        except Exception:  # not there, or not able to start: a broken peer must not end the benchmark
            missing.append(name)
    return libraries, missing
