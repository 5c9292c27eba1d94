# SPDX-License-Identifier: BSD-3-Clause
"""What the documentation calls the definition of each function is what it computes."""

import numpy as np
import pytest
from cases import OPS, operands, same
from definition import as_python, evaluate

import relu_simd


@pytest.mark.parametrize("op", [op for op in OPS.values() if not op.accuracy.max_ulp], ids=lambda op: op.name)
def test_bit_for_bit(op):
    """Python's floats follow IEEE 754: of each element the definition gives the very bits."""
    inputs = operands(op, np.float64, 500)
    got = getattr(relu_simd, op.name)(*inputs)
    want = [evaluate(op, [array[k].item() for array in inputs]) for k in range(500)]
    same(np.where(np.isnan(got), np.nan, got), np.where(np.isnan(want), np.nan, want))


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.accuracy.max_ulp], ids=lambda op: op.name)
def test_within_the_error_bound(op):
    """Of ordinary numbers; with 40 digits."""
    mpmath = pytest.importorskip("mpmath", reason="mpmath, of the extra `test`, is not installed")
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(-30, 30, 500) for _ in op.arrays]
    params = [rng.uniform(0.1, 3, 500) for _ in op.params]
    got = getattr(relu_simd, op.name)(*arrays, *params)
    with mpmath.workdps(40):
        for k in range(500):
            exact = evaluate(op, [mpmath.mpf(array[k].item()) for array in (*arrays, *params)], vars(mpmath))
            bound = op.accuracy.max_ulp * mpmath.mpf(np.spacing(abs(float(exact))).item())
            if op.accuracy.crosses:
                bound = max(bound, mpmath.mpf(2) ** -55 * abs(mpmath.mpf(arrays[0][k].item())))
            assert abs(mpmath.mpf(got[k].item()) - exact) <= bound, (k, float(exact), got[k])


WITH_A_NUMBER = [op for op in OPS.values() if op.accuracy.max_ulp and len(op.params) == 1]
# x for which the exponential in a definition is that of q; of others x is q / parameter.
WHERE_IT_BENDS = {"elu": lambda q, _: q, "celu": np.multiply}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", WITH_A_NUMBER, ids=lambda op: op.name)
def test_any_parameter(op, dtype):
    """From the smallest denormal to the largest number, of both signs, at every exponent that matters."""
    mpmath = pytest.importorskip("mpmath", reason="mpmath, of the extra `test`, is not installed")
    rng, info, n = np.random.default_rng(4), np.finfo(dtype), 3000
    digits, exponents = rng.uniform(1, 2, n), rng.integers(info.minexp - info.nmant, info.maxexp, n)
    param = (np.ldexp(digits, exponents) * rng.choice([-1, 1], n)).astype(dtype)
    q = 10.0 ** rng.uniform(-8, 3.2, n) * rng.choice([-1, 1], n)
    with np.errstate(all="ignore"):
        x = WHERE_IT_BENDS.get(op.name.removesuffix("_backward"), np.divide)(q, param.astype(float)).astype(dtype)
    ordinary = np.isfinite(x) & (x != 0) & (param != 0)
    x, param = x[ordinary], param[ordinary]
    got = getattr(relu_simd, op.name)(*[np.ones_like(x)] * (len(op.arrays) - 1), x, param)
    near_zero = mpmath.mpf(2) ** (-26 if dtype == np.float32 else -55) if op.accuracy.crosses else 0
    with mpmath.workdps(40):
        largest, below = (mpmath.mpf(number.item()) for number in (info.max, np.nextafter(info.max, dtype(0))))
        for k in range(len(x)):
            inputs = [mpmath.mpf(number.item()) for number in (x[k], param[k])]
            exact = evaluate(op, [1] * (len(op.arrays) - 1) + inputs, vars(mpmath))
            unit = mpmath.mpf(np.spacing(dtype(float(min(abs(exact), below)))).item())
            have = mpmath.mpf(got[k].item())
            if abs(exact) + op.accuracy.max_ulp * unit > largest and abs(have) == mpmath.inf:
                have = mpmath.sign(have) * (largest + unit)
                exact = mpmath.sign(exact) * min(abs(exact), largest + unit)
            away = abs(have - exact)
            assert away <= max(near_zero, op.accuracy.max_ulp * unit), (x[k], param[k], got[k], float(exact))


@pytest.mark.parametrize(
    ("c", "python"),
    [
        ("x * (1 - y)", "x * (1 - y)"),
        ("x <= 0 || x >= 6 ? 0 : g", "(0 if x <= 0 or x >= 6 else g)"),
        ("a ? b ? 1 : 2 : 3", "((1 if b else 2) if a else 3)"),
        ("a ? 1 : b ? 2 : 3", "(1 if a else (2 if b else 3))"),
        ("(x < l ? l : x) > h ? h : x", "(h if ((l if x < l else x)) > h else x)"),
        ("2 * (x > 0 ? x : f(x - 1))", "2 * ((x if x > 0 else f(x - 1)))"),
        ("g * s, s = 1 / x", "(lambda s: g * s)(1 / x)"),
    ],
)
def test_reading_c(c, python):
    assert as_python(c) == python
