# SPDX-License-Identifier: BSD-3-Clause
"""The semantics table of the README, row by row, in literal values: what PyTorch's CPU kernels give."""

import math

import numpy as np
import pytest
from cases import OPS, expected, faces, operands, same, specials

import relu_simd
from relu_simd import leaky_relu, leaky_relu_backward, relu, relu_backward

pytestmark = pytest.mark.usefixtures("isa")


def bits(value):
    return value.view(f"u{value.dtype.itemsize}").tolist()


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


def test_relu_keeps_a_nan_bit_for_bit(dtype):
    nans = specials(dtype)[-5:]
    assert np.isnan(nans).all()
    assert bits(relu(nans)) == bits(nans)


def test_relu_keeps_denormals(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    same(relu(array(dtype, tiny, -tiny)), array(dtype, tiny, 0.0))


@pytest.mark.parametrize("g", [3.0, np.inf, -np.inf, np.nan, -0.0])
def test_relu_backward(dtype, g):
    """The gradient passes for x > 0 and for NaN; elsewhere it is 0 whatever it was: selected, not multiplied."""
    x = array(dtype, -1.0, -np.inf, -0.0, 0.0, 1.0, np.inf, np.nan)
    grad_output = np.full_like(x, g)
    want = np.where([True, True, True, True, False, False, False] * 3, 0, grad_output)
    same(relu_backward(grad_output, x), want)
    same(relu_backward(grad_output, relu(x)), want)


@pytest.mark.parametrize("a", [0.01, 0.25, -1.5, 0.0])
def test_leaky_relu(dtype, a):
    a = float(np.dtype(dtype).type(a))
    x = [-2.0, 3.0, 0.0, -0.0, np.inf]
    want = [-2.0 * a, 3.0, 0.0 * a, -0.0 * a, np.inf]
    same(leaky_relu(array(dtype, *x), a), array(dtype, *want))
    minus_inf = leaky_relu(array(dtype, -np.inf), a)
    same(minus_inf, array(dtype, -math.inf * a) if a else minus_inf)
    assert np.isnan(minus_inf).all() == (a == 0)
    assert np.isnan(leaky_relu(array(dtype, np.nan), a)).all()


def test_leaky_relu_backward_uses_the_slope_at_zero_and_at_nan(dtype):
    g = array(dtype, 8.0, 8.0, 8.0, 8.0, 8.0)
    x = array(dtype, 0.0, -0.0, np.nan, -1.0, 1.0)
    same(leaky_relu_backward(g, x, 0.5), array(dtype, 4.0, 4.0, 4.0, 4.0, 8.0))
    assert np.isinf(leaky_relu_backward(np.full_like(x, np.inf), x, 0.5)).all()


def test_no_floating_point_warning(op, dtype):
    """Not even as an error state: a NaN or an infinity is data here. NumPy's own casts still report."""
    inputs = operands(op, dtype, 300)
    with np.errstate(all="raise"):
        for stride in (1, 2):
            getattr(relu_simd.ufuncs, op.name)(*(value[::stride] for value in inputs))
        with pytest.raises(FloatingPointError):
            relu(np.array([1e300] * 4), out=np.zeros(4, np.float32))


def test_results_are_the_same_as_on_every_other_isa(op, dtype, isa):
    inputs = operands(op, dtype, 4099)
    got = getattr(relu_simd, op.name)(*inputs)
    relu_simd.set_isa("scalar")
    same(got, getattr(relu_simd, op.name)(*inputs))


def test_integers_promote_as_numpys_float_ufuncs_do(op):
    for code, want in {"i4": "f8", "u4": "f8", "i8": "f8", "i2": "f4", "u1": "f4"}.items():
        inputs = [np.arange(-3, 4).astype(code)] * len(op.inputs)
        got = getattr(relu_simd, op.name)(*inputs)
        assert got.dtype == want
        same(got, expected(op, [value.astype(want) for value in inputs]))
        if op.default is not None:
            for slope in (0.5, 2, np.float64(0.5)):
                got = getattr(relu_simd, op.name)(*inputs[:-1], slope)
                same(got, expected(op, [*(value.astype(want) for value in inputs[:-1]), float(slope)]))


def test_mixed_dtypes_promote(op):
    inputs = [np.linspace(-1, 1, 20) for _ in op.inputs]
    inputs[0] = inputs[0].astype("f4")
    want = "f4" if len(inputs) == 1 else "f8"
    same(getattr(relu_simd, op.name)(*inputs), expected(op, [value.astype(want) for value in inputs]))


def test_a_slope_beyond_float32_is_reported_alike_on_every_path():
    x = np.linspace(-1, 1, 50, dtype=np.float32)
    for given_x in (x, x[::2], x.reshape(5, 10)[:, :7]):
        for slope in (1e300, -1e39, np.float64(1e300)):
            with pytest.warns(RuntimeWarning, match="overflow"):
                leaky_relu(given_x, slope)
        assert np.isneginf(leaky_relu(given_x, np.inf)[0, ...]).all()


@pytest.mark.parametrize("slope", [2, 0.1, np.float64(0.1), np.float32(0.1), np.int64(2), np.float16(0.5)])
def test_a_number_as_slope_never_changes_the_dtype(dtype, slope):
    for op in OPS.values():
        if op.default is not None:
            inputs = operands(op, dtype, 9, slope)
            got = getattr(relu_simd, op.name)(*inputs)
            assert got.dtype == dtype
            same(got, expected(op, [*inputs[:-1], float(slope)]))


def test_a_numpy_scalar_that_is_no_slope_promotes():
    g = np.ones(20, np.float32)
    for face in faces(OPS["relu_backward"]):
        assert face(g, np.float64(1)).dtype == np.float64
        assert face(g, 1.0).dtype == np.float32


def test_an_array_slope_promotes_and_broadcasts():
    x = np.array([[-1.0, 2.0], [-3.0, -4.0]], np.float32)
    same(leaky_relu(x, np.array([0.5, 0.25], np.float32)), np.array([[-0.5, 2.0], [-1.5, -1.0]], np.float32))
    assert leaky_relu(x, np.array([0.5, 0.25])).dtype == np.float64


def test_default_slope(dtype):
    x = array(dtype, -3.0, 3.0)
    same(leaky_relu(x), leaky_relu(x, 0.01))
    same(leaky_relu_backward(x, x), leaky_relu_backward(x, x, negative_slope=0.01))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("op", [op for op in OPS.values() if op.name.endswith("_backward")], ids=lambda op: op.name)
def test_gradients_against_finite_differences(op, seed):
    """Each backward is the slope of its forward, away from the kink."""
    forward = getattr(relu_simd, op.name.removesuffix("_backward"))
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(500)
    x = x[np.abs(x) > 0.01]
    extra = [0.3] if op.default is not None else []
    g, h = rng.standard_normal(x.size), 1e-3
    slope = (forward(x + h, *extra) - forward(x - h, *extra)) / (2 * h)
    np.testing.assert_allclose(getattr(relu_simd, op.name)(g, x, *extra), g * slope, rtol=1e-9, atol=1e-12)
