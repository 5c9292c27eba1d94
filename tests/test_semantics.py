# SPDX-License-Identifier: BSD-3-Clause
"""The semantics table of the README, row by row, in literal values: what PyTorch's CPU kernels give."""

import math
from itertools import product

import numpy as np
import pytest
from cases import (
    FLOATS,
    INTEGERS,
    ISAS,
    OPS,
    dtypes,
    expected,
    faces,
    finfo,
    here,
    is_float,
    isnan,
    nans,
    noting,
    numbers,
    operand_dtypes,
    operands,
    pairs,
    param_dtype,
    plain_operands,
    same,
    sample,
    using_isa,
)

import relu_simd
from relu_simd import (
    _core,
    add_relu,
    leaky_relu,
    leaky_relu_backward,
    prelu,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)

pytestmark = pytest.mark.usefixtures("isa")


def array(dtype, *values):
    return np.array(values * 3, dtype)  # longer than a scalar, shorter than a vector


@pytest.mark.parametrize(
    ("x", "want"),
    [
        (-1.0, 0.0),
        (2.5, 2.5),
        (0.0, 0.0),
        (-0.0, -0.0),
        (np.inf, np.inf),
        (-np.inf, 0.0),
        (-1e-310, 0.0),
        (1e-310, 1e-310),
    ],
)
def test_relu(x, want):
    same(relu(array("f8", x)), array("f8", want))


def test_selected_nans_are_kept_bit_for_bit(float_dtype):
    """Signalling ones too: they are moved, not computed with."""
    x = nans(float_dtype)
    assert isnan(x).all()
    ones = np.ones_like(x)
    same(relu(x), x)
    same(relu6(x), x)
    same(relu_backward(x, ones), x)
    same(relu_backward(x, x), x)
    same(relu6_backward(x, ones), x)
    same(relu6_backward(x, x), x)
    same(leaky_relu_backward(x, ones), x)


def test_computed_nans_stay_nans(op):
    """Whatever operand it is in that the definition computes with."""
    for dtype in here(FLOATS):
        with noting(dtype):
            for bad in nans(dtype):
                inputs = [np.full(9, 0.5, dtype) for _ in op.arrays] + [0.0, 5.0][: len(op.params)]
                inputs[0][:] = bad
                assert isnan(faces(op)[0](*inputs)).all()


def test_denormals_are_kept(float_dtype):
    tiny = finfo(float_dtype).smallest_subnormal
    x, zero, one = array(float_dtype, tiny, -tiny), array(float_dtype, 0, 0), array(float_dtype, 1, 1)
    same(relu(x), array(float_dtype, tiny, 0.0))
    same(relu6(x), array(float_dtype, tiny, 0.0))
    same(relu_backward(x, one), x)
    same(relu6_backward(one, x), array(float_dtype, 1.0, 0.0))
    same(leaky_relu(x, 1.0), x)
    same(leaky_relu(x, 3.0), array(float_dtype, tiny, -3 * tiny))
    same(add_relu(x, zero), array(float_dtype, tiny, 0.0))
    same(tanh(x), x)


@pytest.mark.parametrize("g", [3.0, np.inf, -np.inf, np.nan, -0.0])
def test_relu_backward(float_dtype, g):
    """The gradient passes for x > 0 and for NaN; elsewhere it is 0 whatever it was: selected, not multiplied."""
    x = array(float_dtype, -1.0, -np.inf, -0.0, 0.0, 1.0, np.inf, np.nan)
    grad_output = np.full_like(x, g)
    want = np.where([True, True, True, True, False, False, False] * 3, float_dtype.type(0), grad_output)
    same(relu_backward(grad_output, x), want)
    same(relu_backward(grad_output, relu(x)), want)


def test_relu6(float_dtype):
    x = [-np.inf, -1.0, -0.0, 0.0, 0.5, 6.0, 6.5, np.inf]
    same(relu6(array(float_dtype, *x)), array(float_dtype, 0.0, 0.0, -0.0, 0.0, 0.5, 6.0, 6.0, 6.0))
    just = [np.nextafter(float_dtype.type(6), float_dtype.type(to)) for to in (0, 9)]
    same(relu6(array(float_dtype, *just)), array(float_dtype, just[0], 6.0))


@pytest.mark.parametrize("g", [3.0, np.inf, -np.inf, np.nan, -0.0])
def test_relu6_backward(float_dtype, g):
    """It passes for 0 < x < 6 and for NaN, as PyTorch's scalar path has it."""
    below = np.nextafter(float_dtype.type(6), float_dtype.type(0))
    x = array(float_dtype, -1.0, -np.inf, -0.0, 0.0, 6.0, 7.0, np.inf, 1.0, below, np.nan)
    grad_output = np.full_like(x, g)
    same(relu6_backward(grad_output, x), np.where([*[True] * 7, *[False] * 3] * 3, float_dtype.type(0), grad_output))


@pytest.mark.parametrize("name", ["relu", "relu6"])
@pytest.mark.parametrize("dtype", dtypes(INTEGERS))
def test_integers(dtype, name):
    info = np.iinfo(dtype)
    top = info.max if name == "relu" else 6
    function = getattr(relu_simd, name)
    same(function(array(dtype, info.min, 0, 1, 5, 6, info.max)), array(dtype, 0, 0, 1, 5, 6, top))
    same(function(array(dtype, 7, info.max // 2 + 1)), array(dtype, min(7, top), min(info.max // 2 + 1, top)))
    if dtype.kind == "i":
        same(function(array(dtype, -1, -2)), array(dtype, 0, 0))
        g = array(dtype, info.min, -1, 3, info.max)
        same(relu_backward(g, array(dtype, 1, 1, 1, 1)), g)
        same(relu_backward(g, array(dtype, -1, 0, info.min, info.max)), array(dtype, 0, 0, 0, info.max))
    same(relu_backward(array(dtype, 3, 3, 3), array(dtype, 0, 1, info.max)), array(dtype, 0, 3, 3))


def test_add_relu(float_dtype):
    a = array(float_dtype, 1.0, -3.0, -0.0, -0.0, np.inf, -np.inf, 2.0)
    b = array(float_dtype, 2.0, 1.0, -0.0, 0.0, 1.0, 1.0, -2.0)
    same(add_relu(a, b), array(float_dtype, 3.0, 0.0, -0.0, 0.0, np.inf, 0.0, 0.0))
    assert np.isnan(add_relu(array(float_dtype, np.inf), array(float_dtype, -np.inf))).all()
    largest = finfo(float_dtype).max
    assert np.isinf(add_relu(array(float_dtype, largest), array(float_dtype, largest))).all()


def test_a_sum_of_16_bit_floats_is_rounded_once():
    """Ties go to even."""

    def sum_of(a, b):
        return add_relu(array("f2", a), array("f2", b))

    same(sum_of(1, 2**-11), array("f2", 1.0))  # a tie
    same(sum_of(1 + 2**-10, 2**-11), array("f2", 1 + 2**-9))
    same(sum_of(1, 2**-11 * 1.001), array("f2", 1 + 2**-10))
    same(sum_of(65504, 16), array("f2", np.inf))
    same(sum_of(65504, 15.99), array("f2", 65504.0))


@pytest.mark.parametrize("function", [leaky_relu, prelu])
def test_the_slope_of_16_bit_floats_is_not_rounded_to_16_bits(function):
    x = -np.arange(1, 2**10).astype(np.float16)
    want = (x.astype(np.float64) * np.float64(np.float32(0.01))).astype(np.float16)
    same(function(x, np.float32(0.01)), want)
    assert (function(x, np.float32(np.float16(0.01))) != want).any()


def test_sigmoid_and_tanh_at_their_fixed_points(float_dtype):
    same(sigmoid(array(float_dtype, -np.inf, -0.0, 0.0, np.inf)), array(float_dtype, 0.0, 0.5, 0.5, 1.0))
    same(tanh(array(float_dtype, -np.inf, -0.0, 0.0, np.inf)), array(float_dtype, -1.0, -0.0, 0.0, 1.0))


def test_sigmoid_and_tanh_backward(float_dtype):
    g = array(float_dtype, 8.0, 8.0, 8.0, -2.0, 0.0)
    same(sigmoid_backward(g, array(float_dtype, 0.0, 0.5, 1.0, 0.25, 0.5)), array(float_dtype, 0, 2, 0, -0.375, 0))
    same(tanh_backward(g, array(float_dtype, 0.0, 0.5, 1.0, -0.5, 0.5)), array(float_dtype, 8.0, 6.0, 0.0, -1.5, 0))


@pytest.mark.parametrize("function", [leaky_relu, prelu])
@pytest.mark.parametrize("a", [0.25, -1.5, 0.0, 0.01])
def test_leaky_relu(float_dtype, function, a):
    a = float(param_dtype(float_dtype).type(a))
    x = [-2.0, 3.0, 0.0, -0.0, np.inf]
    want = [-2.0 * a, 3.0, 0.0 * a, -0.0 * a, np.inf]
    same(function(array(float_dtype, *x), a), array(float_dtype, *want))
    minus_inf = function(array(float_dtype, -np.inf), a)
    same(minus_inf, array(float_dtype, -math.inf * a) if a else minus_inf)
    assert np.isnan(minus_inf).all() == (a == 0)
    assert np.isnan(function(array(float_dtype, np.nan), a)).all()


def test_leaky_relu_backward_uses_the_slope_at_zero_and_at_nan(float_dtype):
    g = array(float_dtype, 8.0, 8.0, 8.0, 8.0, 8.0)
    x = array(float_dtype, 0.0, -0.0, np.nan, -1.0, 1.0)
    same(leaky_relu_backward(g, x, 0.5), array(float_dtype, 4.0, 4.0, 4.0, 4.0, 8.0))
    assert np.isinf(leaky_relu_backward(np.full_like(x, np.inf), x, 0.5)).all()


def test_no_floating_point_warning(op):
    """Not even as an error state: a NaN or an infinity is data here. NumPy's own casts still report."""
    with np.errstate(all="raise"):
        for dtype, stride, face in product(here(FLOATS), (1, 2), faces(op)):
            with noting(f"{dtype}, stride {stride}"):
                face(*(value[::stride] for value in operands(op, dtype, 300)))
        with pytest.raises(FloatingPointError):
            relu(np.array([1e300] * 4), out=np.zeros(4, np.float32))


@pytest.mark.parametrize("isa", [name for name in ISAS if name != "scalar"], indirect=True)
def test_results_are_the_same_as_on_every_other_isa(op, dtype, isa):
    inputs = operands(op, dtype, 4099)
    got = getattr(relu_simd, op.name)(*inputs)
    with using_isa("scalar"):
        same(got, getattr(relu_simd, op.name)(*inputs))


@pytest.mark.parametrize("code", INTEGERS)
@pytest.mark.parametrize(
    "op", [op for op in OPS.values() if op.takes_integers and len(op.arrays) > 1], ids=lambda op: op.name
)
def test_an_int_in_an_arrays_place_leaves_the_dtype_of_the_others(op, code):
    x = np.arange(7).astype(code)
    for inputs in ([x, 3], [3, x]):
        for face in faces(op):
            got = face(*inputs, *(numbers(op, x.dtype) or ()))
            filled = [np.broadcast_to(np.asarray(each, code), x.shape) for each in inputs]
            same(got, expected(op, [*filled, *(numbers(op, x.dtype) or ())]))


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.takes_integers and op.params], ids=lambda op: op.name)
def test_lists_of_integers_stay_integers_beside_parameters(op):
    x, params = [-3, 0, 2, 7], numbers(op, np.dtype("i8"))
    for face in faces(op):
        got = face(*[x] * len(op.arrays), *params)
        same(got, expected(op, [*[np.array(x)] * len(op.arrays), *params]))


PROMOTED = {"int8": "f2", "uint8": "f2", "int16": "f4", "uint16": "f4"}


@pytest.mark.above_the_row
@pytest.mark.parametrize("code", INTEGERS)
def test_integers_promote_as_numpys_float_ufuncs_do(op, code):
    x = np.arange(-3, 4).astype(code)
    inputs = [x] * len(op.inputs)
    want = np.dtype(code) if op.takes_integers else np.sqrt(x[-3:]).dtype
    if not op.takes_integers:
        assert want == PROMOTED.get(code, "f8")
    for face in faces(op):
        got = face(*inputs)
        assert got.dtype == want
        same(got, expected(op, [value.astype(want) for value in inputs]))
    if op.params and not op.weight:
        for number in (2, 2.0, np.int8(2)) if op.takes_integers else (0.5, 2, np.float64(0.5), np.float32(0.1)):
            arrays = [value.astype(want) for value in inputs[: len(op.arrays)]]
            got = faces(op)[0](*arrays, *[number] * len(op.params))
            same(got, expected(op, [*arrays, *[param_dtype(want).type(number)] * len(op.params)]))


def test_every_kind_of_integer_that_numpy_has(dtype):
    """NumPy has two types of one width (long and long long here); both are at home."""
    if not is_float(dtype):
        for code in "bBhHiIlLqQ":
            if np.dtype(code) == dtype:
                same(relu(array(dtype, 1, 0, 7).astype(code)), array(dtype, 1, 0, 7))


@pytest.mark.parametrize("other", [*FLOATS, *INTEGERS])
def test_mixed_dtypes_promote(float_dtype, other):
    """As in NumPy's own sum; beside bfloat16 that is what ml_dtypes has told NumPy."""
    if other not in here_names():
        pytest.skip("bfloat16 needs ml_dtypes, which is not installed")
    x, y = np.arange(20).astype(float_dtype), np.arange(20)[::-1].astype(other)
    for given_x, given_y in ((x, y), (y, x)):
        common = np.add(given_x, given_y).dtype
        for op in OPS.values():
            if len(op.inputs) == 2 and not op.params:
                for face in faces(op):
                    got = face(given_x, given_y)
                    assert got.dtype == common, op.name
                    same(got, expected(op, [given_x.astype(common), given_y.astype(common)]))


def here_names():
    return [dtype.name for dtype in here(_core.DTYPES)]


def test_integers_mixed_promote():
    for a in INTEGERS:
        for b in INTEGERS:
            assert relu_backward(np.ones(3, a), np.ones(3, b)).dtype == np.result_type(a, b), (a, b)


@pytest.mark.above_the_row
@pytest.mark.parametrize(("op", "dtype"), pairs(lambda op: op.params, FLOATS))
def test_dtype_of_an_array_slope(op, dtype):
    """Up to float32 it never widens 16-bit data; float64 widens all."""
    for slope in here(FLOATS):
        inputs = plain_operands(op, dtype, 60)
        inputs[-1] = np.linspace(-1, 1, 60).astype(slope)
        common = np.dtype("f8" if slope == "float64" else dtype)
        takes = operand_dtypes(op, common)
        want = expected(op, [value.astype(each) for value, each in zip(inputs, takes, strict=True)])
        for face, step in product(faces(op), (1, 2)):
            with noting(f"slopes of {slope}, step {step}"):
                same(face(*(value[::step] for value in inputs)), want[::step])


def test_a_slope_beyond_float32_is_reported_alike_on_every_path():
    x = np.linspace(-1, 1, 50, dtype=np.float32)
    for given_x in (x, x[::2], x.reshape(5, 10)[:, :7]):
        for slope in (1e300, -1e39, np.float64(1e300)):
            with pytest.warns(RuntimeWarning, match="overflow"):
                leaky_relu(given_x, slope)
        assert np.isneginf(leaky_relu(given_x, np.inf)[0, ...]).all()


@pytest.mark.parametrize("slope", [2, 0.1, np.float64(0.1), np.float32(0.1), np.int64(2), np.float16(0.5)])
def test_a_number_as_slope_never_changes_the_dtype(float_dtype, slope):
    for op in OPS.values():
        if op.params and not op.weight:
            arrays = operands(op, float_dtype, 9)[: len(op.arrays)]
            for step in (1, 2):
                strided = [value[::step] for value in arrays]
                got = getattr(relu_simd, op.name)(*strided, *[slope] * len(op.params))
                assert got.dtype == float_dtype
                same(got, expected(op, [*strided, *[float(slope)] * len(op.params)]))


def test_a_numpy_scalar_that_is_no_slope_promotes():
    g = np.ones(20, np.float32)
    for op in (op for op in OPS.values() if len(op.arrays) == 2 and not op.params):
        for face in faces(op):
            assert face(g, np.float64(1)).dtype == np.float64
            assert face(g, 1.0).dtype == np.float32
    for face in faces(OPS["prelu"]):  # a weight has a dtype
        assert face(g, np.float64(1)).dtype == np.float64


def test_an_array_slope_promotes_and_broadcasts():
    x = np.array([[-1.0, 2.0], [-3.0, -4.0]], np.float32)
    for function in (leaky_relu, prelu):
        same(function(x, np.array([0.5, 0.25], np.float32)), np.array([[-0.5, 2.0], [-1.5, -1.0]], np.float32))
        assert function(x, np.array([0.5, 0.25])).dtype == np.float64


@pytest.mark.parametrize("code", INTEGERS)
def test_parameters_that_integers_cannot_hold(code):
    """They are compared exactly; what cannot be stored is an error, and writes nothing."""
    info = np.iinfo(code)
    x = np.array([info.min, 0, 1, 2, info.max], code)
    for low, high in ((info.min - 1, 1), (0, info.max + 1), (info.min - 1.0, 2.0 * info.max), (-(10**30), 10**30)):
        inside = [min(max(int(value), int(low)), int(high)) for value in x]
        same(relu_simd.hardtanh(x, low, high), np.array(inside, code))
        passed = [int(low) < int(value) < int(high) for value in x]
        same(relu_simd.hardtanh_backward(x, x, low, high), np.where(passed, x, x.dtype.type(0)))
    same(relu_simd.hardtanh(x), np.clip(x, max(info.min, -1), 1))  # NumPy 2.0 refuses -1 for unsigned ones
    same(relu_simd.threshold(x, info.max, 3), np.full(5, 3, code))
    same(relu_simd.threshold(x, info.min - 1, info.max + 1), x)
    out = x.copy()
    with pytest.raises(OverflowError, match=rf"{info.max + 1} is out of bounds for {code}.*threshold\(x: {code}"):
        relu_simd.threshold(x, 1, info.max + 1, out=out)
    same(out, x)
    with pytest.raises(TypeError, match=r"max_val=2\.5 is no whole number"):
        relu_simd.hardtanh(x, 0, 2.5)


def test_bounds_that_cross(float_dtype):
    """As np.clip: the upper one everywhere; and a bound that is NaN bounds nothing."""
    x = array(float_dtype, -5.0, 0.0, 2.0, 5.0)
    same(relu_simd.hardtanh(x, 3.0, 1.0), array(float_dtype, 1.0, 1.0, 1.0, 1.0))
    same(relu_simd.hardtanh(x, np.nan, 1.0), array(float_dtype, -5.0, 0.0, 1.0, 1.0))
    same(relu_simd.hardtanh_backward(x, x, 3.0, 1.0), array(float_dtype, 0.0, 0.0, 0.0, 0.0))


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.params and op.computes], ids=lambda op: op.name)
def test_parameters_at_their_limits(op, isa):
    """Infinite ones, zeros, NaN, the smallest and the largest, with such an x: the reference's values and signs."""
    for dtype in (np.float32, np.float64):
        info = np.finfo(dtype)
        special = [np.inf, 0.0, 1.5, np.nan, info.smallest_subnormal, info.max]
        special = np.array([sign * number for number in special for sign in (1, -1)], dtype)
        x, param = (each.ravel() for each in np.meshgrid(special, special))
        inputs = [*[np.ones_like(x)] * (len(op.arrays) - 1), x, param]
        for face in faces(op):
            with np.errstate(all="ignore"):
                got, want = face(*inputs), expected(op, inputs)
                near = np.abs(got - want) <= op.accuracy.max_ulp * np.spacing(np.abs(want))
            right = (np.isnan(got) & np.isnan(want)) | (near | (got == want)) & (np.signbit(got) == np.signbit(want))
            assert right.all(), (x[~right], param[~right], got[~right], want[~right])


@pytest.mark.parametrize("code", INTEGERS)
def test_sums_of_integers_wrap(code):
    a, b = sample(np.dtype(code), 300), sample(np.dtype(code), 300, seed=1)
    same(add_relu(a, b), np.maximum(np.add(a, b), 0).astype(code))


def test_default_slope(float_dtype):
    x = array(float_dtype, -3.0, 3.0)
    same(leaky_relu(x), leaky_relu(x, 0.01))
    same(leaky_relu_backward(x, x), leaky_relu_backward(x, x, negative_slope=0.01))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("op", [op for op in OPS.values() if op.name.endswith("_backward")], ids=lambda op: op.name)
def test_gradients_against_finite_differences(op, seed):
    """Each backward is the slope of its forward, away from the kink."""
    forward = getattr(relu_simd, op.name.removesuffix("_backward"))
    rng = np.random.default_rng(seed)
    x = 4 * rng.standard_normal(500)
    extra = [0.3, 1.7][: len(op.params)]
    x = x[np.min([np.abs(x - kink) for kink in (0, 6, *extra)], axis=0) > 0.01]
    g, h = rng.standard_normal(x.size), 1e-5 if op.widens else 1e-3
    slope = (forward(x + h, *extra) - forward(x - h, *extra)) / (2 * h)
    given = forward(x) if "y" in op.inputs else x
    rtol, atol = (1e-6, 1e-9) if op.widens else (1e-9, 1e-12)
    np.testing.assert_allclose(getattr(relu_simd, op.name)(g, given, *extra), g * slope, rtol=rtol, atol=atol)
