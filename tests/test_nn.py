# SPDX-License-Identifier: BSD-3-Clause
"""Layers: the functions' values, the gradient against finite differences, what is kept, what is refused."""

import copy
import dataclasses
import doctest
import gc
import importlib
import inspect
import weakref

import numpy as np
import pytest
from cases import isnan, noting, same, sample

import relu_simd
from relu_simd import nn

LAYERS = [
    nn.ReLU(),
    nn.ReLU(inplace=True),
    nn.LeakyReLU(0.1),
    nn.LeakyReLU(0.1, inplace=True),
    nn.LeakyReLU(0.0, inplace=True),
    nn.LeakyReLU(-0.5),
    nn.PReLU(),
    nn.PReLU(3, init=0.7),
    nn.ReLU6(),
    nn.ReLU6(inplace=True),
    nn.RReLU(rng=0),
    nn.RReLU(inplace=True, rng=0),
    nn.RReLU(-0.5, 0.5, rng=0),
    nn.RReLU().eval(),
    nn.ELU(0.5),
    nn.CELU(2.0),
    nn.SELU(),
    nn.GELU(),
    nn.GELU("tanh"),
    nn.SiLU(),
    nn.Mish(),
    nn.Softplus(2.0),
    nn.Sigmoid(),
    nn.LogSigmoid(),
    nn.Tanh(),
    nn.Softsign(),
    nn.Hardtanh(-0.5, 2.0),
    nn.Hardsigmoid(),
    nn.Hardswish(),
    nn.Hardshrink(0.25),
    nn.Softshrink(0.25),
    nn.Tanhshrink(),
    nn.Threshold(0.5, -1.0),
    *(layer(inplace=True) for layer in (nn.ELU, nn.CELU, nn.SELU, nn.SiLU, nn.Mish, nn.Hardtanh, nn.Hardsigmoid)),
    nn.Hardswish(inplace=True),
    nn.Threshold(0.5, -1.0, inplace=True),
]


@pytest.fixture(params=LAYERS, ids=repr)
def layer(request):
    return copy.deepcopy(request.param)


def function_and_backward(layer, x):
    """Of the same name in relu_simd, as functions of x and of (g, x)."""
    name = type(layer).__name__.lower() + ("_tanh" if getattr(layer, "approximate", "none") == "tanh" else "")
    name = {"leakyrelu": "leaky_relu", "rrelu": "leaky_relu"}.get(name, name)
    parameters = {
        "LeakyReLU": lambda: [layer.negative_slope],
        "PReLU": lambda: [layer.weight.reshape(-1, *[1] * (x.ndim - 2))],
        "RReLU": lambda: [relu_simd.rrelu(x, layer.lower, layer.upper, 0)[1] if layer.training else 11 / 48],
        "ELU": lambda: [layer.alpha],
        "CELU": lambda: [layer.alpha],
        "Softplus": lambda: [layer.beta],
        "Hardtanh": lambda: [layer.min_val, layer.max_val],
        "Hardshrink": lambda: [layer.lambd],
        "Softshrink": lambda: [layer.lambd],
        "Threshold": lambda: [layer.threshold, layer.value],
    }.get(type(layer).__name__, list)()
    forward, backward = getattr(relu_simd, name), getattr(relu_simd, f"{name}_backward")
    if name in ("sigmoid", "tanh"):
        return forward, lambda g, x: backward(g, forward(x))
    if name == "prelu":
        return lambda x: forward(x, *parameters), lambda g, x: backward(g, x, *parameters)[0]
    return lambda x: forward(x, *parameters), lambda g, x: backward(g, x, *parameters)


def test_values_of_the_functions(layer, float_dtype):
    """Bit for bit, NaN, infinities and zeros among them: what is kept serves backward as x itself would."""
    for shape in ((4, 3), (2, 3, 5), (2, 3, 4, 5), (0, 3), (5, 3, 0)):
        with noting(shape):
            check_values(copy.deepcopy(layer), float_dtype, shape)


def check_values(layer, float_dtype, shape):
    n = int(np.prod(shape))
    x, g = sample(float_dtype, n).reshape(shape), sample(float_dtype, n, seed=1).reshape(shape)
    g[isnan(x)] = 2  # of two NaNs the hardware chooses
    forward, backward = function_and_backward(layer, x)
    with np.errstate(all="ignore"):
        want_y, want_grad = forward(x.copy()), backward(g, x.copy())
        given, g_given = x.copy(), g.copy()
        y = layer(given)
        same(y, want_y)
        same(layer.backward(g_given), want_grad)
    same(g_given, g)
    if getattr(layer, "inplace", False):
        assert y is given
    else:
        same(given, x)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("of", [lambda x: x.T, lambda x: x[::2, ::-1], lambda x: x.astype(">f8")], ids="TSB")
def test_layouts(inplace, of):
    x, g = np.random.default_rng(0).standard_normal((2, 6, 6))
    x, g = of(x), of(g)
    for layer in (nn.ReLU(inplace), nn.LeakyReLU(0.1, inplace), nn.ReLU6(inplace)):
        forward, backward = function_and_backward(layer, x)
        want = np.array(forward(x), float), np.array(backward(g, x), float)
        y = layer(x.copy() if not inplace else (given := x.copy(order="K")))
        np.testing.assert_array_equal(y, want[0])
        np.testing.assert_array_equal(layer.backward(g), want[1])
        assert not inplace or y is given


def test_gradient_by_differences(layer):
    x = np.random.default_rng(0).uniform(-8, 8, (5, 3, 4))
    g = np.random.default_rng(1).standard_normal(x.shape)
    step = 1e-6
    up, down = (copy.deepcopy(layer)(x + sign * step) for sign in (1, -1))  # the same random numbers
    layer(x.copy())
    np.testing.assert_allclose(layer.backward(g), g * (up - down) / (2 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4), (2, 3, 4, 5)], ids=str)
def test_gradient_of_weights(count, shape):
    layer = nn.PReLU(count, dtype=np.float64)
    x, g = np.random.default_rng(0).standard_normal((2, *shape))
    layer(x)
    layer.backward(g)
    assert layer.grad_weight.shape == (count,)
    assert layer.grad_weight.dtype == np.float64
    for k in range(count):
        moved = nn.PReLU(count, dtype=np.float64)
        moved.weight[k] += 0.5  # linear in it
        change = np.sum(g * (moved(x) - layer(x)))
        assert layer.grad_weight[k] == pytest.approx(change / 0.5)


@pytest.mark.parametrize("x", [np.float32(-2), np.full(4, -2.0)], ids=["scalar", "vector"])
def test_one_weight_serves_any_shape(x):
    layer = nn.PReLU(init=0.5)
    np.testing.assert_array_equal(layer(x), np.full_like(x, -1))
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)), np.full_like(x, 0.5))
    assert layer.grad_weight.tolist() == [-2.0 * np.size(x)]


@pytest.mark.parametrize("shape", [(), (3,), (2, 4), (3, 2)], ids=str)
def test_channels_that_do_not_fit(shape):
    channels = shape[1] if len(shape) > 1 else 1
    with pytest.raises(ValueError, match=rf"PReLU.forward: x has shape .*use PReLU\({channels}\) or PReLU\(1\)"):
        nn.PReLU(3)(np.ones(shape))


def test_weights_beside_narrow_floats():
    assert nn.PReLU()(np.ones((2, 2), np.float16)).dtype == np.float16
    assert nn.PReLU()(np.ones((2, 2), np.float32)).dtype == np.float32


def test_relu_keeps_the_bits_alone():
    """One byte for eight elements; x and the output are free to go, or to be written to."""
    layer, x = nn.ReLU(), np.random.default_rng(0).standard_normal((100, 80), np.float32)
    y, want = layer(x), x > 0
    kept = layer._memory[1]
    assert kept.nbytes * 32 == x.nbytes
    references = [weakref.ref(x), weakref.ref(y)]
    y[:] = np.nan
    x[:] = np.nan
    del x, y
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    np.testing.assert_array_equal(layer.backward(np.ones((100, 80), np.float32)), want)


@pytest.mark.parametrize("layer", [nn.LeakyReLU(), nn.ReLU6(), nn.Sigmoid(), nn.Tanh()], ids=repr)
def test_input_is_free_to_go(layer):
    x = np.ones(100)
    reference = weakref.ref(x)
    layer(x)
    del x
    gc.collect()
    assert reference() is None


def test_inplace_in_a_network():
    """The same gradients as without, layer after layer."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((8, 8)) for _ in range(3)]
    x = rng.standard_normal((20, 8))
    grads = []
    for inplace in (False, True):
        layers = [nn.ReLU(inplace), nn.LeakyReLU(0.2, inplace), nn.ReLU6(inplace)]
        y = x
        for weight, layer in zip(weights, layers, strict=True):
            y = layer(y @ weight)
        g = np.ones_like(y)
        for weight, layer in zip(weights[::-1], layers[::-1], strict=True):
            g = layer.backward(g) @ weight.T
        grads.append(g)
    same(*grads)


def test_inplace_of_what_is_no_array():
    for layer in (nn.ReLU(inplace=True), nn.LeakyReLU(inplace=True), nn.ReLU6(inplace=True)):
        with pytest.raises(TypeError, match=r"x must be a NumPy array to be changed in place, not list; use inplace="):
            layer([1.0, -2.0])
    np.testing.assert_array_equal(nn.ReLU()([1.0, -2.0]), [1, 0])


def test_inplace_with_a_negative_slope():
    with pytest.raises(ValueError, match=r"negative_slope=-0.5.*use inplace=False"):
        nn.LeakyReLU(-0.5, inplace=True)


def test_backward_first(layer):
    name = type(layer).__name__
    with pytest.raises(RuntimeError, match=rf"{name}.backward: .*call {name}.forward\(x\) first"):
        layer.backward(np.ones(3))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (4, 1), (3, 4), (12,), (4, 3, 1)], ids=str)
def test_gradient_of_a_wrong_shape(layer, shape):
    layer(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"grad_output has shape .*, but the last forward's output \(4, 3\)"):
        layer.backward(np.ones(shape))


def test_the_last_forward_counts(layer):
    layer(np.full((4, 3), -0.25))
    layer(np.full((4, 3), 3.0))
    at_three = layer.backward(np.ones((4, 3)))
    layer(np.full((2, 3), 3.0))
    layer(np.full((4, 3), -0.25))
    grad = layer.backward(np.ones((4, 3)))
    assert not np.array_equal(grad, at_three)
    with pytest.raises(TypeError):
        layer(np.ones((2, 3), complex))
    np.testing.assert_array_equal(layer.backward(np.ones((4, 3))), grad)


def test_refused_dtypes(layer):
    for dtype in (bool, complex, object):
        with pytest.raises(TypeError, match="dtype"):
            layer(np.ones((2, 3), dtype))


@pytest.mark.parametrize("count", [0, -1])
def test_number_of_parameters(count):
    with pytest.raises(ValueError, match="num_parameters must be 1 or more"):
        nn.PReLU(count)


def test_arguments_are_shown():
    assert repr(nn.LeakyReLU(0.2)) == "LeakyReLU(negative_slope=0.2, inplace=False)"


def test_hooks():
    layer, seen = nn.ReLU(), []
    first = layer.register_forward_hook(lambda *call: seen.append(call))
    second = layer.register_forward_hook(lambda *call: seen.append("second"))
    x = np.array([1.0, -1.0])
    y = layer(x)
    assert seen[0][0] is layer
    assert seen[0][1][0] is x
    assert seen[0][2] is y
    first.remove()
    first.remove()
    layer.forward(x)
    assert seen[1:] == ["second", "second"]
    second.remove()
    assert nn.ReLU().__dict__.get("_hooks") is None


def test_against_torch(layer):
    """The constructors' arguments, values and gradients of torch's layers of the same name."""
    torch = pytest.importorskip("torch")
    x, g = np.random.default_rng(0).uniform(-8, 8, (2, 5, 3, 4)).astype(np.float32)
    arguments = {each.name: getattr(layer, each.name) for each in dataclasses.fields(layer) if each.init}
    theirs = getattr(torch.nn, type(layer).__name__)(
        **{name: value for name, value in arguments.items() if name not in ("inplace", "rng", "dtype")}
    )
    if isinstance(layer, nn.RReLU):  # the random numbers are others
        layer, theirs = layer.eval(), theirs.eval()
    exact = isinstance(layer, nn.ReLU | nn.LeakyReLU | nn.PReLU | nn.ReLU6 | nn.Hardtanh | nn.Hardshrink | nn.Threshold)
    from_output = isinstance(layer, nn.Sigmoid | nn.Tanh)  # of which both libraries make the gradient
    away = 0 if exact else 1e-6 if from_output else 1e-9
    wide = np.float32 if exact or from_output else np.float64  # torch's float32 is wrong in the tails
    leaf = torch.tensor(x.astype(wide), requires_grad=True)
    y = theirs(leaf)
    y.backward(torch.tensor(g.astype(wide)))
    for ours, right in ((layer(x.copy()), y.detach()), (layer.backward(g), leaf.grad)):
        np.testing.assert_allclose(ours, right.numpy(), rtol=0 if exact else 1e-6, atol=away)
    if isinstance(layer, nn.PReLU):
        np.testing.assert_allclose(layer.grad_weight, theirs.weight.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", nn.__all__)
def test_constructors_of_torch(name):
    """The same arguments in the same order with the same defaults; ours may have more after them."""
    torch = pytest.importorskip("torch")
    if name in ("HookHandle", "Layer"):
        return
    theirs = [
        (each.name, each.default)
        for each in inspect.signature(getattr(torch.nn, name)).parameters.values()
        # device and what takes anything mean nothing here, and the last two are old names that it warns of
        if each.name not in ("device", "dtype", "args", "kwargs", "min_value", "max_value")
    ]
    ours = [(each.name, each.default) for each in inspect.signature(getattr(nn, name)).parameters.values()]
    assert ours[: len(theirs)] == theirs


def test_random_slopes():
    """One for each element, uniform between the bounds; the gradient of the next backward has the same ones."""
    x = np.full(100_000, -1.0, np.float32)
    y, slopes = relu_simd.rrelu(x, 0.25, 0.75, np.random.default_rng(3))
    assert slopes.dtype == np.float32
    same(y, -slopes)
    assert 0.25 <= slopes.min() < 0.251 < 0.749 < slopes.max() <= 0.75
    assert np.mean(slopes) == pytest.approx(0.5, abs=0.003)
    assert np.var(slopes) == pytest.approx(0.25 / 12, rel=0.02)
    same(relu_simd.rrelu(x, 0.25, 0.75, 3)[0], relu_simd.rrelu(x, 0.25, 0.75, rng=3)[0])
    assert not np.array_equal(relu_simd.rrelu(x)[0], relu_simd.rrelu(x)[0])
    layer = nn.RReLU(0.25, 0.75)
    for _ in range(2):  # other slopes each time
        y = layer(x)
        same(layer.backward(np.ones_like(x)), -y)
    same(layer.eval()(x), np.full_like(x, -0.5))
    assert layer.train() is layer
    assert np.ptp(layer(x)) > 0.4


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4"])
def test_dtypes_of_random_slopes(dtype):
    x = np.array([-3, 5]).astype(dtype)
    y, slopes = relu_simd.rrelu(x)
    assert y.dtype == relu_simd.leaky_relu(x).dtype
    assert slopes.dtype == (np.float64 if y.dtype == np.float64 else np.float32)
    same(y, relu_simd.leaky_relu(x, slopes))
    out = np.empty_like(y)
    assert relu_simd.rrelu(x, out=out)[0] is out


@pytest.mark.parametrize("bounds", [(0.5, 0.25), (0, np.inf), (np.nan, 1)], ids=str)
def test_bounds_of_random_slopes(bounds):
    for name, function in {"RReLU": nn.RReLU, "rrelu": lambda *given: relu_simd.rrelu([1.0], *given)}.items():
        with pytest.raises(ValueError, match=rf"{name}: lower=.* must be finite, and lower not above upper"):
            function(*bounds)
    with pytest.raises(ValueError, match=r"RReLU: with lower=-1 .* use inplace=False"):
        nn.RReLU(-1, 1, inplace=True)


def test_approximations_of_gelu():
    with pytest.raises(ValueError, match=r'GELU: approximate must be "none" or "tanh", not \'erf\''):
        nn.GELU("erf")


@pytest.mark.parametrize("inplace", [False, True])
def test_masked_arrays_stay_masked(inplace):
    """As in the functions, both ways."""
    x = np.ma.array([[-1.0, 2.0], [3.0, np.nan]], mask=[[False, True], [False, False]])
    g = np.ma.array(np.full((2, 2), 5.0), mask=[[True, False], [False, False]])
    for layer in (nn.ReLU(inplace), nn.LeakyReLU(0.0, inplace), nn.ReLU6(inplace)):
        y = layer(x.copy())
        assert isinstance(y, np.ma.MaskedArray)
        assert y.mask.tolist() == [[False, True], [False, False]]
        assert y.tolist()[0] == [0, None]
        grad = layer.backward(g)
        assert isinstance(grad, np.ma.MaskedArray)
        assert grad.mask.tolist() == [[True, True], [False, False]]


def test_prelu_leaves_masked_elements_out():
    """They count for nothing in the gradient of the weights, whatever lies under the mask."""
    x = np.ma.array([[-2.0, np.nan, 3.0], [1.0, -0.5, -7.0]], mask=[[False, True, False], [False, False, True]])
    layer = nn.PReLU(3)
    y, grad = layer(x), layer.backward(np.ones((2, 3)))
    assert y.tolist() == [[-0.5, None, 3.0], [1.0, -0.125, None]]
    assert grad.tolist() == [[0.25, None, 1.0], [1.0, 0.25, None]]
    assert layer.grad_weight.tolist() == [-2.0, -0.5, 0.0]
    g = np.ma.array(np.ones((2, 3)), mask=[[True, False, False], [False, False, False]])
    layer(x.filled(-1.0))
    assert layer.backward(g).tolist()[0] == [None, 0.25, 1.0]
    assert layer.grad_weight.tolist() == [0.0, -1.5, -1.0]


def test_a_gradient_that_is_a_container():
    """It stays one, though the input was an array."""
    x = np.array([[-1.0, 2.0], [3.0, np.nan]])
    g = np.ma.array(np.full((2, 2), 5.0), mask=[[False, True], [False, False]])
    for layer in (nn.ReLU(), nn.LeakyReLU(0.0), nn.PReLU(init=0.0), nn.GELU()):
        layer(x)
        grad = layer.backward(g)
        assert isinstance(grad, np.ma.MaskedArray)
        assert grad.mask.tolist() == [[False, True], [False, False]]
    layer = nn.ReLU()
    layer(x)
    assert layer.backward(g).tolist() == [[0, None], [5, 5]]


def test_data_arrays_keep_their_coordinates():
    xarray = pytest.importorskip("xarray")
    x = xarray.DataArray([[-1.0, 2.0], [3.0, -4.0]], dims=("day", "unit"), coords={"day": [3, 4]})
    for layer in (nn.ReLU(), nn.LeakyReLU(0.0), nn.PReLU(init=0.0)):
        y, grad = layer(x), layer.backward(xarray.ones_like(x))
        for got, want in ((y, [[0, 2], [3, 0]]), (grad, [[0, 1], [1, 0]])):
            assert got.dims == ("day", "unit")
            assert got.day.values.tolist() == [3, 4]
            assert got.values.tolist() == want


def test_random_slopes_of_what_is_no_array():
    """A DataFrame stays one, and PyTorch's dtypes are none of NumPy's."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [-1.0, 2.0]})
    y, slopes = relu_simd.rrelu(frame, rng=0)
    assert isinstance(y, pandas.DataFrame)
    assert slopes.dtype == np.float64
    assert y["a"].tolist() == [-slopes[0, 0], 2]

    class Tensor:
        dtype = "float32 of another library"

        def __array__(self, dtype=None, copy=None):
            return np.array([-1.0, 2.0], np.float32)

    y, slopes = relu_simd.rrelu(Tensor(), rng=0)
    assert slopes.dtype == np.float32
    assert y.tolist() == [-slopes[0], 2]


def test_memmaps_are_arrays(tmp_path):
    x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(4, 8))
    x[:] = np.arange(32).reshape(4, 8) - 9
    layer = nn.ReLU()
    np.testing.assert_array_equal(layer(x), np.maximum(x, 0))
    assert layer._memory[1].nbytes == 4


def test_examples():
    results = doctest.testmod(importlib.import_module("relu_simd.nn"))
    assert results.attempted >= 53
    assert results.failed == 0


def test_the_gradient_of_weights_is_that_of_the_last_backward():
    """It replaces the one before: it is not added to it."""
    layer, x = nn.PReLU(), np.array([[-2.0, 3.0], [-4.0, -1.0]])
    for factor in (1, 10):
        layer(x)
        layer.backward(np.full_like(x, factor))
        assert layer.grad_weight.tolist() == [-7 * factor]


def test_subclasses_keep_their_parameters():
    class Own(nn.ELU):
        pass

    class OfARow(nn.ELU, function="elu"):
        pass

    for layer in (Own(alpha=2.0), OfARow(alpha=2.0)):
        assert layer(np.array([-np.inf]))[0] == -2
        assert layer.backward(np.ones(1))[0] == 0
