# SPDX-License-Identifier: BSD-3-Clause
"""For developers: each function in each mode, with pytest-benchmark's statistics and comparison of runs.

    make perf PERF_ARGS="-k 'relu and float32' --benchmark-autosave --benchmark-compare"

What users see is `python -m relu_simd bench`; this one answers "did my change cost anything?".
"""

import numpy as np
import pytest

import relu_simd
from relu_simd.bench import data
from relu_simd.bench.functions import FUNCTIONS
from relu_simd.bench.ways import ours

CASES = [
    pytest.param(function, dtype, mode, id=f"{function.name}-{dtype}-{mode}")
    for function in FUNCTIONS.values()
    for dtype in function.dtypes
    for mode in (*data.modes(function), "every second", "transposed")
]


@pytest.mark.benchmark(max_time=0.2, min_rounds=3)
@pytest.mark.parametrize("n", [16, 1_000, 100_000, 10_000_000])
@pytest.mark.parametrize(("function", "dtype", "mode"), CASES)
def test_function(benchmark, function, dtype, mode, n):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    names = data.inputs(function, dtype, 2 * n if mode == "every second" else n)
    names |= {
        name: laid_out(value, mode, function.by_channel)
        for name, value in names.items()
        if name not in ("mask", *dict(function.params))
    }
    if "mask" in names:
        names["mask"] = names["mask"][: (n + 7) // 8]
    statement = getattr(ours(function), mode if mode in data.modes(function) else "new")
    benchmark.group = f"{function.name} {dtype} {mode}"
    benchmark.extra_info["isa"] = relu_simd.isa()
    call = eval(f"lambda: {statement}", names | data.outputs(function, names) | {"relu_simd": relu_simd})
    benchmark(call)


def laid_out(value, mode, by_channel):
    if mode == "every second":
        return value[..., ::2]
    if mode == "transposed":
        return np.asfortranarray(value) if by_channel else value.reshape(2, -1).T
    return value
