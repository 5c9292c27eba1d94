# SPDX-License-Identifier: BSD-3-Clause
"""Other libraries that compute the same, each as well as it can be asked to: `bench --peers`.

A loader imports its library, sets its threads and returns its row. Work that its users do once
(compiling, making sessions, wrapping arrays without a copy) is done in `prepare`, not timed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module

import numpy as np

from relu_simd.bench.peer_numba import load_numba
from relu_simd.bench.peer_onnxruntime import load_onnxruntime
from relu_simd.bench.ways import Library, Names, Way

TORCH_WAYS = {
    "relu": (
        Way("torch.relu(x)", out="relu_out(x, out=out)", inplace="torch.relu_(x)"),
        Way(
            "torch.clamp_min(x, 0)",
            out="torch.clamp_min(x, 0, out=out)",
            inplace="torch.clamp_min_(x, 0)",
        ),
    ),
    "relu_backward": (
        Way(
            "threshold_backward(g, x, 0)",
            out="threshold_backward_out(g, x, 0, grad_input=out)",
            inplace="threshold_backward_out(g, x, 0, grad_input=g)",
        ),
    ),
    "leaky_relu": (
        Way(
            "leaky_relu(x, a)",
            out="leaky_relu_out(x, a, out=out)",
            inplace="leaky_relu_(x, a)",
        ),
    ),
    "leaky_relu_backward": (
        Way(
            "leaky_relu_backward(g, x, a, False)",
            out="leaky_relu_backward_out(g, x, a, False, grad_input=out)",
            inplace="leaky_relu_backward_out(g, x, a, False, grad_input=g)",
        ),
    ),
}


def load_torch(threads: int) -> Library:
    """Load torch: its operators, on tensors that share the arrays' memory."""
    torch = import_module("torch")

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    aten = torch.ops.aten
    functions = {
        "torch": torch,
        "relu_out": aten.relu.out,
        "threshold_backward": aten.threshold_backward.default,
        "threshold_backward_out": aten.threshold_backward.grad_input,
        "leaky_relu": aten.leaky_relu.default,
        "leaky_relu_": aten.leaky_relu_.default,
        "leaky_relu_out": aten.leaky_relu.out,
        "leaky_relu_backward": aten.leaky_relu_backward.default,
        "leaky_relu_backward_out": aten.leaky_relu_backward.grad_input,
    }

    def prepare(op: str, names: Names) -> Names:
        return functions | {k: torch.from_numpy(v) for k, v in names.items() if isinstance(v, np.ndarray)}

    return Library("torch", TORCH_WAYS, prepare)


def load_jax(threads: int) -> Library:
    """Load jax: compiled functions; its arrays cannot be written to, so there is no `out`."""
    os.environ["PJRT_NPROC"] = str(threads)  # read when the first array is made
    jax, jnp = import_module("jax"), import_module("jax.numpy")

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")

    def prepare(op: str, names: Names) -> Names:
        a = names.get("a")
        functions = {
            "relu": jax.nn.relu,
            "relu_backward": lambda g, x: jnp.where(x > 0, g, 0),
            "leaky_relu": lambda x: jax.nn.leaky_relu(x, a),
            "leaky_relu_backward": lambda g, x: jnp.where(x > 0, g, g * a),
        }
        return {op: jax.jit(functions[op])} | {k: jnp.asarray(names[k]) for k in ("x", "g") if k in names}

    return Library(
        "jax",
        {
            "relu": (Way("relu(x).block_until_ready()"),),
            "relu_backward": (Way("relu_backward(g, x).block_until_ready()"),),
            "leaky_relu": (Way("leaky_relu(x).block_until_ready()"),),
            "leaky_relu_backward": (Way("leaky_relu_backward(g, x).block_until_ready()"),),
        },
        prepare,
    )


def load_numexpr(threads: int) -> Library:
    """Load numexpr, which threads the expressions itself."""
    numexpr = import_module("numexpr")

    numexpr.set_num_threads(threads)

    def prepare(op: str, names: Names) -> Names:
        scalar = names["x"].dtype.type
        return {"evaluate": numexpr.evaluate, "zero": scalar(0)} | ({"a": scalar(names["a"])} if "a" in names else {})

    def way(expression: str, target: str) -> tuple[Way]:
        call = f"evaluate({expression!r}"
        return (Way(f"{call})", out=f"{call}, out=out)", inplace=f"{call}, out={target})"),)

    return Library(
        "numexpr",
        {
            "relu": way("where(x > zero, x, zero)", "x"),
            "relu_backward": way("where(x > zero, g, zero)", "g"),
            "leaky_relu": way("where(x > zero, x, x * a)", "x"),
            "leaky_relu_backward": way("where(x > zero, g, g * a)", "g"),
        },
        prepare,
    )


def load_thinc(threads: int) -> Library:
    """Load thinc, which has relu alone, on one thread."""
    ops = import_module("thinc.api").NumpyOps()
    return Library(
        "thinc",
        {
            "relu": (Way("ops.relu(x)", inplace="ops.relu(x, inplace=True)"),),
            "relu_backward": (
                Way(
                    "ops.backprop_relu(g, x)",
                    inplace="ops.backprop_relu(g, x, inplace=True)",
                ),
            ),
        },
        lambda op, names: {"ops": ops},
    )


def load_simd_ml_kernels(threads: int) -> Library:
    """Load simd-ml-kernels, which has relu in float32 alone; its threads are for matrix products."""
    simd_ml_kernels = import_module("simd_ml_kernels")

    return Library(
        "simd-ml-kernels",
        {"relu": (Way("simd_ml_kernels.relu(x)"),)},
        lambda op, names: {"simd_ml_kernels": simd_ml_kernels},
        dtypes=("float32",),
    )


LOADERS: dict[str, Callable[[int], Library]] = {
    "torch": load_torch,
    "jax": load_jax,
    "numba": load_numba,
    "numexpr": load_numexpr,
    "onnxruntime": load_onnxruntime,
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
