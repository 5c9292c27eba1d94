# SPDX-License-Identifier: BSD-3-Clause
"""Libraries that have a few of the functions, on one thread."""

from __future__ import annotations

from importlib import import_module

from relu_simd._rows import Way
from relu_simd.bench.ways import Library


def load_scipy(threads: int) -> Library:
    """Load SciPy, which has three of the functions and gelu's factor, on one thread."""
    special = import_module("scipy.special")
    names = {"sigmoid": "expit", "logsigmoid": "log_expit", "softplus": "softplus"}
    ways = {
        name: (Way(f"{each}(x)", out=f"{each}(x, out=out)", inplace=f"{each}(x, out=x)"),)
        for name, each in names.items()
        if hasattr(special, each)
    }
    return Library("scipy", ways | {"gelu": (Way("x * ndtr(x)"),)}, lambda function, names: vars(special))


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
