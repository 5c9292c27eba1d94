# SPDX-License-Identifier: BSD-3-Clause
"""Inputs and comparisons shared by the tests. Everything is derived from the operation table."""

import os
import subprocess
import sys

import numpy as np
import pytest

import relu_simd
from relu_simd import _core, reference, ufuncs

OPS = {op.name: op for op in _core.OPS}
DTYPES = [dtype.name for dtype in _core.DTYPES]
ISAS = relu_simd.available_isas()
EMULATED = os.environ.get("RELU_SIMD_TEST_PROFILE") == "emulated"


# Around every multiple of every lane count (16 at most), of the unrolled step and of the step's
# alignment prologue; then one that is shared among threads, and not evenly.
SIZES = [
    *range(68),
    127,
    128,
    129,
    191,
    193,
    255,
    256,
    257,
    258,
    319,
    320,
    321,
    1000,
    100_003 if EMULATED else 1_000_003,
]


def run(*words, **environment):
    """A Python process with these arguments and variables, and no RELU_SIMD_* that this one may have."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELU_SIMD_")}
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env=inherited | environment,
        check=False,
        timeout=300,
    )


def same(got, want):
    """Equal dtype, shape and bytes: NaN payloads and the sign of zero count."""
    want = np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    got_bits, want_bits = got.tobytes(), want.tobytes()
    if got_bits != want_bits:
        kind = f"u{want.dtype.itemsize}"
        differ = np.flatnonzero(np.ravel(got).view(kind) != np.ravel(want).view(kind))
        where = differ[0]
        raise AssertionError(f"{differ.size} differ, first at {where}: {got.flat[where]!r}, not {want.flat[where]!r}")


def specials(dtype):
    """Both zeros, infinities, denormals, extremes, quiet and signalling NaNs with payloads."""
    info = np.finfo(dtype)
    numbers = [0.0, info.smallest_subnormal, info.smallest_normal, info.eps, 0.5, 1.0, 6.0, info.max, np.inf]
    values = np.array([sign * number for number in numbers for sign in (1, -1)], dtype)
    kind = np.dtype(f"u{info.bits // 8}")
    quiet = int(np.array(np.inf, dtype).view(kind)) | 1 << info.nmant - 1
    sign = 1 << info.bits - 1
    signalling = int(np.array(np.inf, dtype).view(kind)) | 5
    nans = np.array([quiet, quiet | 12345, sign | quiet | 77, signalling, sign | signalling], kind).view(dtype)
    return np.concatenate([values, nans])


def sample(dtype, n, seed=0):
    """n values, mostly ordinary, with the special ones strewn in."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n).astype(dtype)
    special = specials(dtype)
    where = rng.random(n) < 0.3
    x[where] = special[rng.integers(special.size, size=np.count_nonzero(where))]
    return x


def operands(op, dtype, n, slope=None, seed=0):
    """Arrays for each input of an operation, in order; the default operand as the number `slope`, or an array.

    An array slope holds no NaN: of two NaNs the hardware chooses the payload.
    """
    arrays = [sample(dtype, n, seed + k) for k, _ in enumerate(op.inputs)]
    if op.default is not None:
        arrays[-1] = slope if slope is not None else np.nan_to_num(arrays[-1], nan=0.25, posinf=np.inf, neginf=-np.inf)
    return arrays


def expected(op, inputs):
    with np.errstate(all="ignore"):
        return getattr(reference, op.name)(*inputs)


def with_operand(first=0):
    """Each operation with the number of each of its inputs from `first` on: parameters for a test."""
    pairs = [(op, k) for op in OPS.values() for k in range(first, len(op.inputs))]
    return pytest.mark.parametrize(("op", "which"), pairs, ids=[f"{op.name}-{op.inputs[k]}" for op, k in pairs])


def faces(op):
    """The public function and the ufunc."""
    return getattr(relu_simd, op.name), getattr(ufuncs, op.name)
