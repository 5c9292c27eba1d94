# SPDX-License-Identifier: BSD-3-Clause
"""Functions with an exponential: how far from the truth, monotone, quiet. Every float32: tests/tools/exhaustive.py."""

import inspect

import cases
import numpy as np
import pytest
from cases import (
    EMULATED,
    FLOATS,
    HALVES,
    ISAS,
    OPS,
    WIDE,
    bits,
    by_array_and_number,
    by_definition,
    dtypes,
    expected,
    faces,
    finfo,
    floats_between,
    isnan,
    operands,
    order,
    pairs,
    reference,
    same,
    slopes,
    ulps,
    using_isa,
)
from definition import precisely

import relu_simd
from relu_simd import sigmoid, tanh

FUNCTIONS = [op.name for op in OPS.values() if op.accuracy.max_ulp and len(op.arrays) == 1]
by_name = pytest.mark.parametrize("name", FUNCTIONS)
# The largest error that was found in all float32, and in 46 million float64, in ULP, and a little more: a coefficient
# that is off by its last bits stays within 1 ULP. See csrc/vmath.h. Every function has one for float32: test_table.py.
FOUND = {("sigmoid", 4): 0.80, ("sigmoid", 8): 0.80, ("tanh", 4): 0.95, ("tanh", 8): 0.86}
FOUND |= {("selu", 4): 0.95, ("silu", 4): 0.83, ("gelu", 4): 0.83, ("tanhshrink", 4): 0.98, ("softsign", 4): 0.51}
FOUND |= {("elu", 4): 0.80, ("elu", 8): 0.80, ("softplus", 4): 0.80, ("softplus", 8): 0.80}
FOUND |= {("hardsigmoid", 4): 0.51, ("hardswish", 4): 0.51, ("celu", 4): 0.84, ("logsigmoid", 4): 0.80}
FOUND |= {("gelu_tanh", 4): 0.84, ("mish", 4): 1.00}

# Where one is right, all are: tests/test_digests.py compares their bytes.
pytestmark = [pytest.mark.usefixtures("isa"), pytest.mark.above_the_isa]


def truth(name, wide):
    """The reference before it is rounded, in whatever wider type it is given."""
    with np.errstate(all="ignore"):
        return inspect.unwrap(getattr(reference, name))(wide)


def stratified(dtype, each):
    """Of each sign and exponent, denormals too, `each` values: its ends and random ones between."""
    info = np.finfo(dtype)
    exponents = np.arange((1 << info.bits - 1 - info.nmant) - 1, dtype=np.uint64)
    rng = np.random.default_rng(0)
    low = rng.integers(0, 1 << info.nmant, (exponents.size, each), np.uint64)
    low[:, 0], low[:, 1] = 0, (1 << info.nmant) - 1
    positive = (exponents[:, None] << np.uint64(info.nmant)) | low
    patterns = np.concatenate([positive.ravel(), positive.ravel() | np.uint64(1 << info.bits - 1)])
    return patterns.astype(f"u{info.bits // 8}").view(dtype)


def where_it_bends(dtype, n):
    """Evenly spread over where the result is neither its argument nor its limit."""
    reach = {2: 12, 4: 110, 8: 760}[np.dtype(dtype).itemsize]
    rng = np.random.default_rng(1)
    return np.concatenate([rng.uniform(-reach, reach, n), rng.uniform(-20, 20, n), rng.uniform(-1, 1, n)]).astype(dtype)


def bound(name, dtype):
    return FOUND.get((name, np.dtype(dtype).itemsize), OPS[name].accuracy.max_ulp)


def assert_as_exact_as_found(name, x, got, exact):
    away = ulps(got, exact)
    worst = int(np.argmax(away))
    assert away[worst] <= bound(name, x.dtype), (name, float(x[worst]).hex(), float(away[worst]))


@by_name
def test_float32_on_every_exponent(name):
    each, bends = (200, 20_000) if EMULATED else (2000, 300_000)
    x = np.concatenate([stratified("f4", each), where_it_bends("f4", bends)])
    assert_as_exact_as_found(name, x, getattr(relu_simd, name)(x), truth(name, x.astype("f8")))


@by_name
@pytest.mark.skipif(not WIDE, reason="long double is not wider than double here; test_float64_against_mpmath stands")
def test_float64_on_every_exponent(name):
    """Judged by long double, whose own error is far below the one in question."""
    x = np.concatenate([stratified("f8", 20 if EMULATED else 100), where_it_bends("f8", 5000 if EMULATED else 100_000)])
    assert_as_exact_as_found(name, x, getattr(relu_simd, name)(x), truth(name, x.astype(np.longdouble)))


@by_name
@pytest.mark.parametrize("steps", [500, pytest.param(4000, marks=pytest.mark.drawn)])
def test_float64_against_mpmath(name, steps):
    """A walk through the bit space in even steps, and through where the function bends: with 40 digits."""
    mpmath = pytest.importorskip("mpmath", reason="mpmath, of the extra `test`, is not installed")
    walk = np.linspace(0, np.float64(800).view(np.uint64), steps).astype(np.uint64).view(np.float64)
    x = np.concatenate([walk, -walk, where_it_bends("f8", steps)])
    x = x[x != 0]
    got = getattr(relu_simd, name)(x)
    with mpmath.workdps(40):
        for number, have in zip(x.tolist(), got.tolist(), strict=True):
            exact = precisely(OPS[name], [number], mpmath)
            unit = float(np.spacing(abs(float(exact))))
            assert abs(mpmath.mpf(have) - exact) <= bound(name, "f8") * mpmath.mpf(unit), (name, number.hex())


@by_name
@pytest.mark.parametrize("dtype", dtypes(HALVES))
def test_halves_are_correctly_rounded(name, dtype):
    """Every 16-bit float, by the function in float64 rounded once; a NaN as the float32 function has it."""
    x = np.arange(2**16, dtype=np.uint16).view(dtype)
    with np.errstate(all="ignore"):
        of_nan = reference.narrow(getattr(relu_simd, name)(reference.widen(x)), dtype)
        want = np.where(isnan(x), bits(of_nan), bits(getattr(reference, name)(x)))
        same(bits(getattr(relu_simd, name)(x)), want)


def assert_monotone(name, x):
    """Along the last axis, on which x rises from 0, and for the negatives."""
    function, op = getattr(relu_simd, name), OPS[name]
    assert (np.diff(order(function(x))) * slopes(op, x[..., 1:]) >= 0).all()
    assert (np.diff(order(function(-x))) * slopes(op, -x[..., 1:]) <= 0).all()


@by_name
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_monotone_from_each_float_to_the_next(name, dtype):
    """Windows of consecutive floats in every binade, and around each place where a formula may change."""
    info = np.finfo(dtype)
    kind = f"u{np.dtype(dtype).itemsize}"
    starts = [stratified(dtype, 3), where_it_bends(dtype, 20 if EMULATED else 300)]
    numbers = [0.0, 0.25, 0.5, 0.55, 0.625, 1, 2, 8, 9.0102, 16, 17, 18.0, 19.0625, 20, 22, 88.7, 103.9, 709.8, 745.1]
    starts.append(np.array([sign * number for number in numbers for sign in (1, -1)], dtype))
    patterns = np.concatenate(starts).view(kind) & np.array((1 << info.bits - 1) - 1, kind)
    width = 64
    patterns = patterns[:, None].astype(np.int64) + np.arange(-width // 2, width // 2)
    x = np.clip(patterns, 0, int(np.array(np.inf, dtype).view(kind))).astype(kind).view(dtype)
    assert_monotone(name, x)


@by_name
@pytest.mark.parametrize("dtype", dtypes(HALVES))
def test_monotone_over_all_16_bit_floats(name, dtype):
    infinity = int(np.array([np.inf]).astype(dtype).view(np.uint16)[0])
    x = np.arange(infinity + 1, dtype=np.uint16).view(dtype)
    assert_monotone(name, x)


def test_tanh_is_odd(float_dtype):
    x = operands(OPS["tanh"], float_dtype, 30_000)[0]
    x[isnan(x)] = 1
    same(tanh(-x), -tanh(x))


def test_between_the_limits(float_dtype):
    """Never beyond 0 and 1, or -1 and 1; exact where the truth is nearer to a limit than to any other number."""
    with np.errstate(all="ignore"):
        x = np.concatenate([np.linspace(-120, 120, 5001), np.linspace(-800, 800, 5001)]).astype(float_dtype)
    y = sigmoid(x).astype("f8")
    assert (y >= 0).all()
    assert (y <= 1).all()
    assert (np.abs(tanh(x).astype("f8")) <= 1).all()
    one = float_dtype.type(1)
    beyond = {2: 20, 4: 20, 8: 40}[float_dtype.itemsize]
    far = np.array([beyond, 200, float(finfo(float_dtype).max), np.inf]).astype(float_dtype)
    same(sigmoid(far), np.full(4, one))
    same(tanh(far), np.full(4, one))
    same(tanh(-far), np.full(4, -one))
    deep = np.array([-800, float(finfo(float_dtype).min), -np.inf]).astype(float_dtype)
    same(sigmoid(deep), np.zeros(3, float_dtype))


def test_small_results_are_denormals_not_zero():
    x = np.array([-88.0, -95.0, -103.0], np.float32)
    assert (sigmoid(x) > 0).all()
    assert (sigmoid(np.array([-709.0, -730.0, -744.0])) > 0).all()
    for dtype in ("f4", "f8"):
        tiny = np.array([1, 2, 3, 1000], f"u{np.dtype(dtype).itemsize}").view(dtype)
        same(tanh(tiny), tiny)
        same(sigmoid(tiny), np.full(4, 0.5, dtype))


@pytest.mark.parametrize("alpha", [0.0, -0.0, 2.0, -2.0])
def test_the_sign_of_elu(alpha, float_dtype):
    """A zero has it, too: alpha * (exp(-infinity) - 1) is 0 for an alpha of 0, not the NaN of 0 * -infinity."""
    x = np.array([-np.inf, -3.0, -0.0, 0.0], float_dtype)
    for face in faces(OPS["elu"]):
        assert np.array_equal(np.signbit(face(x, alpha)), np.signbit(alpha) != np.array([True, True, True, False]))


@pytest.mark.parametrize(("op", "dtype"), pairs(lambda op: op.accuracy.max_ulp, FLOATS))
def test_a_nan_stays_the_same(op, dtype):
    """Its sign and its payload; made quiet. A gradient may be none at a NaN."""
    info, infinity = finfo(dtype), bits(np.array([np.inf], dtype))
    quiet = infinity | 1 << info.nmant - 1
    positive = np.concatenate([quiet, quiet + 5, infinity + 3])
    patterns = np.concatenate([positive, positive | 1 << info.bits - 1])
    x = np.tile(patterns, 11).view(dtype)  # in a vector and at the end
    with np.errstate(all="ignore"):
        got = getattr(relu_simd, op.name)(*[np.ones_like(x)] * (len(op.arrays) - 1), x)
    kept = isnan(got)
    assert kept.all() or len(op.arrays) > 1
    same(bits(got)[kept], (bits(x) | (1 << info.nmant - 1))[kept])


@by_name
@pytest.mark.parametrize("step", [1, 2])
def test_no_warning(name, float_dtype, step):
    """Overflow within, underflow of the result: nobody's business, not even of those who ask to hear of all."""
    for value in (-np.inf, -1e30, -745.0, -104.0, -88.0, -1e-30, -0.0, 1e-40, 0.5, 40.0, 1e4, np.inf, np.nan):
        with np.errstate(all="ignore"):
            x = np.full(70, value).astype(float_dtype)[::step]
        with np.errstate(all="raise"):
            for face in faces(OPS[name]):
                face(x, *OPS[name].defaults)


@pytest.mark.parametrize("name", ["sigmoid_backward", "tanh_backward"])
def test_backward_is_the_reference_bit_for_bit(name, float_dtype):
    """Gradients of every kind against outputs of every kind."""
    op = OPS[name]
    forward = faces(OPS[name.removesuffix("_backward")])[0]
    g, x = operands(op, float_dtype, 40_000)
    with np.errstate(all="ignore"):
        y = forward(x)
        y[isnan(g)] = 0.5
    for given in ([g, y], [g[::2], y[::2]]):
        for face in faces(op):
            same(face(*given), expected(op, given))


@by_name
def test_every_isa_has_the_same_bytes(name, float_dtype):
    dtype = float_dtype
    x = np.concatenate([operands(OPS[name], dtype, 20_000)[0], where_it_bends(dtype, 20_000)])
    results = set()
    for isa_name in ISAS:
        with using_isa(isa_name):
            results.add(getattr(relu_simd, name)(x).tobytes())
    assert len(results) == 1


@pytest.mark.drawn
@pytest.mark.parametrize("isa", ISAS[:1], indirect=True)
@pytest.mark.skipif(not WIDE, reason="long double is not wider than double here, and judges nothing")
@pytest.mark.parametrize("op", [op for op in OPS.values() if op.computes], ids=lambda op: op.name)
def test_the_definition_in_many_digits_is_what_the_reference_computes(op, isa):
    """By it `expected` judges float64 where the reference has no wider type: on Windows, and on macOS on ARM."""
    for params in by_array_and_number(op, "f8"):
        inputs = operands(op, np.dtype("f8"), 400, params)
        with np.errstate(all="ignore"):
            want = getattr(reference, op.name)(*inputs)
        which = np.isfinite(want)  # of infinities a definition may have a limit alone
        for value in inputs:
            which &= np.isfinite(value)
        got = np.array(by_definition(op, inputs, which))
        assert (floats_between(got, want[which]) <= 1).all()


def test_expected_without_a_wider_type(monkeypatch):
    """A right result passes, even where the reference is the wrong one, and a wrong result does not."""
    op, inputs = OPS["softplus"], operands(OPS["softplus"], np.dtype("f8"), 400)
    monkeypatch.setattr(cases, "WIDE", False)
    monkeypatch.setattr(reference, "_wider", lambda x: np.asarray(x, np.float64))
    with np.errstate(all="ignore"):
        want = reference.softplus(*inputs)
    assert floats_between(expected(op, inputs), want).max() > op.accuracy.max_ulp
    right = relu_simd.ufuncs.softplus
    monkeypatch.setattr(relu_simd.ufuncs, "softplus", lambda *given: right(*given) * (1 - 4 * np.finfo("f8").eps))
    with pytest.raises(AssertionError, match="ULP"):
        expected(op, inputs)
