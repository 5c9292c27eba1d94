# SPDX-License-Identifier: BSD-3-Clause
"""First weights: gains, spread and shape of the distributions, errors."""

import doctest
import importlib
import math

import numpy as np
import pytest
from cases import dtypes

from relu_simd import init

BOTH = pytest.mark.parametrize("kaiming", [init.kaiming_normal, init.kaiming_uniform])


@pytest.mark.parametrize(
    ("arguments", "gain"),
    [
        (("linear",), 1),
        (("conv_transpose2d",), 1),
        (("sigmoid",), 1),
        (("tanh",), 5 / 3),
        (("relu",), math.sqrt(2)),
        (("relu", 7.0), math.sqrt(2)),
        (("selu",), 0.75),
        (("leaky_relu",), math.sqrt(2 / 1.0001)),
        (("leaky_relu", 0), math.sqrt(2)),
        (("leaky_relu", 0.2), math.sqrt(2 / 1.04)),
        (("leaky_relu", np.float32(0.5)), math.sqrt(1.6)),
    ],
    ids=str,
)
def test_gain(arguments, gain):
    assert init.calculate_gain(*arguments) == gain


@pytest.mark.parametrize("param", [True, "0.1", 1j, [0.1]])
def test_slope_that_is_no_number(param):
    with pytest.raises(ValueError, match="param must be the slope of leaky_relu"):
        init.calculate_gain("leaky_relu", param)


@pytest.mark.parametrize("name", ["RELU", "gelu", ""])
def test_unknown_nonlinearity(name):
    with pytest.raises(ValueError, match=r"nonlinearity .* is not known: choose one of linear, .*relu"):
        init.calculate_gain(name)


@BOTH
@pytest.mark.parametrize(
    ("shape", "mode", "fan"),
    [
        ((300, 500), "fan_in", 500),
        ((300, 500), "fan_out", 300),
        ((300, 500), "FAN_OUT", 300),
        ((300, 500), "FAN_IN", 500),
        ((64, 32, 7, 5), "fan_in", 32 * 35),
        ((64, 32, 7, 5), "fan_out", 64 * 35),
        ((64, 32, 40), "fan_in", 32 * 40),
    ],
    ids=str,
)
@pytest.mark.parametrize(("a", "nonlinearity"), [(0, "leaky_relu"), (0.5, "leaky_relu"), (0.5, "relu"), (0, "tanh")])
def test_distribution(kaiming, shape, mode, fan, a, nonlinearity):
    weight = kaiming(shape, a, mode, nonlinearity, np.random.default_rng(0), np.float64)
    std = init.calculate_gain(nonlinearity, a) / math.sqrt(fan)
    n = weight.size
    assert weight.shape == shape
    assert abs(weight.mean()) < 5 * std / math.sqrt(n)
    assert weight.std() == pytest.approx(std, rel=5 / math.sqrt(2 * n))
    kurtosis = np.mean(weight**4) / std**4
    if kaiming is init.kaiming_normal:
        assert kurtosis == pytest.approx(3, abs=0.15)
    else:
        assert kurtosis == pytest.approx(1.8, abs=0.05)
        assert abs(weight).max() <= math.sqrt(3) * std


@BOTH
@pytest.mark.parametrize("dtype", dtypes(["float16", "bfloat16", "float32", "float64"]))
def test_dtypes(kaiming, dtype):
    weight = kaiming((50, 40), rng=np.random.default_rng(0), dtype=dtype)
    assert weight.dtype == dtype
    assert weight.astype(np.float64).std() == pytest.approx(math.sqrt(2 / 40), rel=0.1)


@BOTH
def test_float64_is_drawn_in_float64(kaiming):
    """Not in float32 and widened."""
    weight = kaiming((50, 40), rng=np.random.default_rng(0), dtype=np.float64)
    narrow = weight / np.float32(abs(weight).max())
    assert (narrow.astype(np.float32) != narrow).mean() > 0.9
    assert not np.array_equal(weight, kaiming((50, 40), rng=np.random.default_rng(0), dtype=np.float32))


@BOTH
@pytest.mark.parametrize("dtype", [int, bool, complex, object, np.longdouble])
def test_refused_dtypes(kaiming, dtype):
    with pytest.raises(TypeError, match="dtype must be a float of 16, 32 or 64 bits"):
        kaiming((2, 2), dtype=dtype)


@BOTH
def test_rng(kaiming):
    """The generator is used and moves on; a seed is one, too; no argument is another matrix each time."""
    rng = np.random.default_rng(3)
    first, second = kaiming((4, 4), rng=rng), kaiming((4, 4), rng=rng)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, kaiming((4, 4), rng=3))
    assert not np.array_equal(kaiming((4, 4)), kaiming((4, 4)))


@BOTH
@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
def test_too_few_axes(kaiming, shape):
    with pytest.raises(ValueError, match=r"has no fan_in and fan_out: give two axes or more"):
        kaiming(shape)


@BOTH
def test_unknown_mode(kaiming):
    with pytest.raises(ValueError, match=r"mode 3 is not known: choose fan_in or fan_out"):
        kaiming((2, 2), mode=3)
    with pytest.raises(ValueError, match=r"mode 'fan_avg' is not known: choose fan_in or fan_out"):
        kaiming((2, 2), mode="fan_avg")


@BOTH
def test_unknown_nonlinearity_of_weights(kaiming):
    with pytest.raises(ValueError, match="nonlinearity 'gelu' is not known"):
        kaiming((2, 2), nonlinearity="gelu")


@BOTH
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)], ids=str)
def test_no_elements(kaiming, shape):
    with pytest.warns(UserWarning, match="has no elements") as caught:
        assert kaiming(shape).shape == shape
    assert caught[0].filename == __file__


def test_against_torch():
    """Gains, fans and bounds, and which arguments are refused."""
    torch_init = pytest.importorskip("torch").nn.init
    import torch

    for arguments in [("linear",), ("conv3d",), ("sigmoid",), ("tanh",), ("relu",), ("selu",), ("leaky_relu", 0.3)]:
        assert init.calculate_gain(*arguments) == torch_init.calculate_gain(*arguments)
    for arguments in [("gelu",), ("leaky_relu", True), ("leaky_relu", "x")]:
        for function in (init.calculate_gain, torch_init.calculate_gain):
            with pytest.raises(ValueError, match=r"[a-z]"):
                function(*arguments)
    for mode in ("fan_in", "fan_out"):
        for shape in [(500, 300), (40, 30, 5, 5)]:
            theirs = torch_init.kaiming_uniform_(torch.empty(shape), 0.2, mode)
            ours = init.kaiming_uniform(shape, 0.2, mode, rng=0)
            assert abs(ours).max() == pytest.approx(float(theirs.abs().max()), rel=1e-3)
            theirs = torch_init.kaiming_normal_(torch.empty(shape), 0.2, mode)
            assert init.kaiming_normal(shape, 0.2, mode, rng=0).std() == pytest.approx(float(theirs.std()), rel=0.05)


def test_examples():
    results = doctest.testmod(importlib.import_module("relu_simd.init"))
    assert results.attempted >= 8
    assert results.failed == 0


@pytest.mark.parametrize("draw", [init.kaiming_normal, init.kaiming_uniform])
def test_shapes_that_are_none(draw):
    for shape in (10, (10,), (), np.int64(3)):
        with pytest.raises(ValueError, match="has no fan_in and fan_out: give two axes or more"):
            draw(shape)
    for shape in ("ab", 3.5, (3.0, 4), None, {"a": 1}):
        with pytest.raises(TypeError, match="shape must be a tuple of integers"):
            draw(shape)
    assert draw([3, 4]).shape == draw(np.array([3, 4])).shape == (3, 4)
