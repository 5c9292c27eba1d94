# SPDX-License-Identifier: BSD-3-Clause
"""Other libraries that compute the same, each as well as it can be asked to: `bench --peers`.

A loader imports its library, sets its threads and returns its row. Work that its users do once
(compiling, making sessions, wrapping arrays without a copy) is done in `prepare`, not timed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from relu_simd.bench.peers.jax import load_jax
from relu_simd.bench.peers.numba import load_numba
from relu_simd.bench.peers.numexpr import load_numexpr
from relu_simd.bench.peers.onnxruntime import load_onnxruntime
from relu_simd.bench.peers.others import load_scipy, load_simd_ml_kernels, load_thinc
from relu_simd.bench.peers.torch import load_torch
from relu_simd.bench.ways import Library

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
