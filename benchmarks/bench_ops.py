# SPDX-License-Identifier: BSD-3-Clause
"""For developers: each operation in each mode, with pytest-benchmark's statistics and comparison of runs.

    make perf PERF_ARGS="-k relu --benchmark-autosave --benchmark-compare"

What users see is `python -m relu_simd bench`; this one answers "did my change cost anything?".
"""

import numpy as np
import pytest

import relu_simd
from relu_simd import _core
from relu_simd.bench import data


@pytest.fixture(params=_core.OPS, ids=lambda op: op.name)
def op(request):
    return request.param


@pytest.mark.parametrize("n", [16, 1_000, 100_000, 10_000_000])
@pytest.mark.parametrize("dtype", [dtype.name for dtype in _core.DTYPES])
@pytest.mark.parametrize("mode", ["new", "out", "in place", "every second", "transposed"])
def test_op(benchmark, op, dtype, n, mode):
    function = getattr(relu_simd, op.name)
    inputs = data.inputs(op, dtype, 2 * n if mode == "every second" else n)
    keywords = {}
    if mode == "out":
        keywords = {"out": np.empty(n, dtype)}
    elif mode == "in place":
        inputs[0] = inputs[0].copy()
        keywords = {"out": inputs[0]}
    elif mode == "every second":
        inputs = [value[::2] if isinstance(value, np.ndarray) else value for value in inputs]
    elif mode == "transposed":
        inputs = [value.reshape(2, -1).T if isinstance(value, np.ndarray) else value for value in inputs]
    benchmark.group = f"{op.name} {dtype} {mode}"
    benchmark.extra_info["isa"] = relu_simd.isa()
    benchmark(function, *inputs, **keywords)
