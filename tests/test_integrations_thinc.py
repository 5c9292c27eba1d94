# SPDX-License-Identifier: BSD-3-Clause
"""thinc: our backend against NumpyOps, function by function and in training, and found by its name."""

import doctest
import inspect
import math
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("thinc")
from cases import run
from thinc.api import (
    Adam,
    ClippedLinear,
    NumpyOps,
    Ops,
    Relu,
    ReluK,
    Softmax,
    chain,
    fix_random_seed,
    get_current_ops,
    get_ops,
    use_ops,
)

import relu_simd
from relu_simd.integrations import thinc as ours

OURS, STOCK = ours.ReluSimdOps(), NumpyOps()
FLOATS = ["float16", "float32", "float64"]
# Arguments of a method, and the functions that it calls forwards and backwards.
METHODS = [
    ("relu", (), "relu", "relu_backward"),
    ("relu_k", (), "hardtanh", "hardtanh_backward"),
    ("relu_k", (4.0,), "hardtanh", "hardtanh_backward"),
    ("clipped_linear", (), "hardtanh", "hardtanh_backward"),
    ("clipped_linear", (1.0, 0.0, 0.0, 6.0), "hardtanh", "hardtanh_backward"),
    ("clipped_linear", (0.3, -1.5, -2.0, 1), "hardtanh", "hardtanh_backward"),
    ("clipped_linear", (0.3, -1.5), "hardtanh", "hardtanh_backward"),
    ("hard_sigmoid", (), "hardtanh", "hardtanh_backward"),
    ("hard_tanh", (), "hardtanh", "hardtanh_backward"),
    ("hard_swish", (), "hardtanh", "hardswish_backward"),
    ("hard_swish_mobilenet", (), "hardswish", "hardswish_backward"),
    ("sigmoid", (), "sigmoid", "sigmoid_backward"),
    ("swish", (), "silu", "silu_backward"),
    ("gelu", (), "gelu", "gelu_backward"),
    ("gelu_approx", (), "gelu_tanh", "gelu_tanh_backward"),
    ("mish", (), "mish", "mish_backward"),
    ("mish", (25.0,), "mish", "mish_backward"),
    ("dish", (), None, "hardtanh"),
]
NEVER_IN_PLACE = {"hard_sigmoid", "hard_tanh"}  # these gradients ignore `inplace`, in thinc, too
EACH = pytest.mark.parametrize(("method", "arguments", "forward", "backward"), METHODS, ids=str)


def some(dtype, seed=0, shape=(13, 7)):
    x = np.random.default_rng(seed).uniform(-9, 9, shape).astype(dtype)
    x.flat[:3] = 0, 6, -0.0
    return x


@pytest.fixture
def spy(monkeypatch):
    called = []

    def watched(name, function):
        return lambda *args, **keywords: called.append(name) or function(*args, **keywords)

    for op in relu_simd._core.OPS:
        monkeypatch.setattr(relu_simd, op.name, watched(op.name, getattr(relu_simd, op.name)))
    return called


def close(got, want, method, dtype):
    """To the last digits of the dtype or, where thinc approximates or has constants of six digits, those."""
    digits = {"float16": 2e-3, "float32": 5e-7, "float64": 1e-14}[dtype]
    rough = {"gelu": 1e-6, "gelu_approx": 2e-5, "sigmoid": 3e-9, "swish": 2e-8}.get(method, 0)
    assert got.dtype == dtype
    np.testing.assert_allclose(got.astype("f8"), want, rtol=digits, atol=max(digits, rough))


@EACH
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("inplace", [False, True])
def test_forward(method, arguments, forward, backward, dtype, inplace, spy):
    x = some(dtype)
    want = getattr(STOCK, method)(x.astype("f8"), *arguments)
    got = getattr(OURS, method)(x, *arguments, inplace=inplace)
    close(got, want, method, dtype)
    assert (got is x) == inplace
    if not inplace:
        np.testing.assert_array_equal(x, some(dtype))
    assert spy == ([forward] if forward else [])


@EACH
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("inplace", [False, True])
def test_backward(method, arguments, forward, backward, dtype, inplace, spy):
    dy, x = some(dtype, 1), some(dtype)
    if method == "sigmoid":
        x = STOCK.sigmoid(x)  # of whose output it is the gradient
    inputs = (dy, x, STOCK.swish(x)) if method == "swish" else (dy, x)
    stock_code = (method, dtype) == ("dish", "float16")
    wide = [each.astype(dtype if stock_code else "f8") for each in inputs]
    want = getattr(STOCK, "backprop_" + method)(*wide, *arguments)
    before = [each.copy() for each in inputs]
    with np.errstate(all="ignore"):
        stock = getattr(STOCK, "backprop_" + method)(*(each.copy() for each in inputs), *arguments, inplace=inplace)
    got = getattr(OURS, "backprop_" + method)(*inputs, *arguments, inplace=inplace)
    close(got, want, method, stock.dtype.name)  # thinc's gelu_approx of float16 has a gradient in float32
    changed = inplace and method not in NEVER_IN_PLACE
    for k, (each, was) in enumerate(zip(inputs, before, strict=True)):
        if changed and k == (method == "sigmoid"):
            assert got is each
        else:
            assert got is not each
            np.testing.assert_array_equal(each, was)
    assert spy == ([] if stock_code else [backward])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize(("method", "row"), [("dsigmoid", "sigmoid_backward"), ("dtanh", "tanh_backward")])
def test_derivatives_of_outputs(method, row, dtype, inplace, spy):
    y = np.tanh(some(dtype))
    want = getattr(STOCK, method)(y.astype("f8"))
    got = getattr(OURS, method)(y, inplace=inplace)
    close(got, want, method, dtype)
    assert (got is y) == inplace
    assert spy == [row]


def test_ends_and_infinities():
    """Beyond the ends of a line the slope is that at them; thinc's sums of infinities are NaN, ours the limits."""
    g, ends = np.ones(2, "f4"), np.array([-3, 3], "f4")
    assert OURS.backprop_hard_swish_mobilenet(g, ends).tolist() == [0, 1]
    assert OURS.backprop_hard_swish(g, ends / np.float32(1.2)).tolist() == [0, 1]
    infinite = np.array([-np.inf, np.inf], "f4")
    for method in ("swish", "gelu", "gelu_approx", "mish", "hard_swish_mobilenet"):
        assert getattr(OURS, method)(infinite).tolist() == [0, np.inf]
    for method in ("gelu", "gelu_approx", "mish", "dish", "hard_swish", "hard_swish_mobilenet"):
        assert getattr(OURS, "backprop_" + method)(g, infinite).tolist() == [0, 1], method
    assert OURS.backprop_swish(g, infinite, infinite).tolist() == [0, 1]


def test_where_thincs_are_off():
    x = np.array([-40.0, -6.0])
    np.testing.assert_allclose(OURS.sigmoid(x), 1 / (1 + np.exp(-x)), rtol=1e-14)
    np.testing.assert_allclose(OURS.mish(x)[0], -40 * np.exp(-40), rtol=1e-14)
    np.testing.assert_allclose(OURS.gelu(x)[1], -3 * math.erfc(6 / math.sqrt(2)), rtol=1e-14)
    assert STOCK.sigmoid(x)[0] > 2e-9
    assert STOCK.mish(x)[0] == 0
    assert abs(STOCK.gelu(x)[1] / OURS.gelu(x)[1] - 1) > 0.003


@pytest.mark.parametrize("inplace", [False, True])
def test_a_lower_threshold_is_thincs(inplace, spy):
    x, dy = some("f4"), some("f4", 1)
    want = STOCK.mish(x, 2.0), STOCK.backprop_mish(dy, x, 2.0)
    np.testing.assert_array_equal(OURS.backprop_mish(dy, x, 2.0, inplace), want[1])
    np.testing.assert_array_equal(OURS.mish(x, 2.0, inplace), want[0])
    assert spy == []


@pytest.mark.parametrize(
    "arguments",
    [(-2.0, 0.0, 0.0, 6.0), (1.0, 0.0, 6.0, 0.0), (1.0, 0.0, np.nan, 6.0), (np.float64(2), 0.0, 0.0, 6.0)],
    ids=str,
)
@pytest.mark.parametrize("inplace", [False, True])
def test_other_clips_are_thincs(arguments, inplace, spy):
    x, dy = some("f4"), some("f4", 1)
    got, want = (
        OURS.backprop_clipped_linear(dy.copy(), x, *arguments, inplace=inplace),
        STOCK.backprop_clipped_linear(dy, x, *arguments, inplace=False),
    )
    np.testing.assert_array_equal(got, want)
    if arguments[0] != -2:
        got = OURS.clipped_linear(x.copy(), *arguments, inplace=inplace)
        want = STOCK.clipped_linear(x.copy(), *arguments, inplace=inplace)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)
    assert spy == []


@pytest.mark.parametrize(("dy", "y"), [("f4", "f8"), ("f8", "f4"), ("i4", "i4")])
def test_other_dtypes_are_thincs(dy, y):
    dy, y = some(dy, 1), some(y)
    got, want = OURS.backprop_relu(dy, y), STOCK.backprop_relu(dy, y)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(OURS.relu(y), STOCK.relu(y))


@EACH
@pytest.mark.parametrize(("dtype", "shape"), [("i4", (5,)), ("f4", ())], ids=str)
def test_integers_and_numbers_are_thincs(method, arguments, forward, backward, dtype, shape, spy):
    x, dy = np.asarray(np.ones(shape, dtype)), np.asarray(np.full(shape, 2, dtype))
    if method != "dish":  # thinc's own fails there
        got, want = (getattr(each, method)(x, *arguments) for each in (OURS, STOCK))
        np.testing.assert_array_equal(got, want)
        assert np.asarray(got).dtype == np.asarray(want).dtype
    if method != "mish" and (shape or "hard_swish" not in method):  # thinc's own fail there
        inputs = (dy, x, x) if method == "swish" else (dy, x)
        got, want = (getattr(each, "backprop_" + method)(*inputs, *arguments) for each in (OURS, STOCK))
        np.testing.assert_array_equal(got, want)
        assert np.asarray(got).dtype == np.asarray(want).dtype
    assert spy == []


@pytest.mark.parametrize("method", ["relu", "mish"])
def test_shapes_that_differ(method):
    with pytest.raises(ValueError, match="incompatible shapes"):
        getattr(OURS, "backprop_" + method)(some("f4"), some("f4")[:1])


def test_an_output_of_another_shape():
    """backprop_swish does not need it, and yet says so."""
    with pytest.raises(ValueError, match="broadcast"):
        OURS.backprop_swish(some("f4"), some("f4"), some("f4")[:5])


def test_signatures():
    """Arguments are called and have defaults as in thinc, by which its own tests call them."""
    for name, method in vars(ours.ReluSimdOps).items():
        if not name.startswith("_") and callable(method):
            got, want = (inspect.signature(each).parameters.values() for each in (method, getattr(Ops, name)))
            assert [(p.name, p.kind, p.default) for p in got] == [(p.name, p.kind, p.default) for p in want]


@pytest.mark.parametrize("method", ["gelu", "gelu_approx", "hard_tanh", "hard_swish", "hard_swish_mobilenet", "dish"])
def test_shapes_that_broadcast(method):
    dy, x = some("f8"), some("f8", 1)[:1]
    got, want = (getattr(each, "backprop_" + method)(dy, x) for each in (OURS, STOCK))
    close(got, want, method, "float64")


def test_layouts():
    """Strided arrays, which thinc's own relu reads as if they were contiguous."""
    x = some("f4")
    np.testing.assert_array_equal(OURS.relu(x.T[::2]), np.maximum(x.T[::2], 0))


def test_infinite_gradients_are_selected():
    dy = np.array([np.inf, 1], "f8")
    assert OURS.backprop_relu(dy, np.array([-1.0, 1.0])).tolist() == [0, 1]
    assert OURS.backprop_relu_k(dy, np.array([-1.0, 1.0])).tolist() == [0, 1]


def train(name):
    fix_random_seed(0)
    x = np.random.default_rng(0).standard_normal((50, 5)).astype("f")
    y = np.eye(2, dtype="f")[(x[:, 0] * x[:, 1] > 0).astype(int)]
    with use_ops(name):
        model = chain(Relu(16), ReluK(16), ClippedLinear(8), Softmax(2)).initialize(x, y)
        optimiser, losses = Adam(0.01), []
        for _ in range(10):
            guess, back = model.begin_update(x)
            back(guess - y)
            model.finish_update(optimiser)
            losses.append(float(abs(guess - y).sum()))
    assert {layer.ops.name for layer in model.walk()} == {name}
    return losses, model.predict(x)


def test_training(spy):
    """The same losses and predictions, step by step."""
    got = train("relu_simd")
    assert {"relu", "relu_backward", "hardtanh", "hardtanh_backward"} <= set(spy)
    want = train("numpy")
    assert got[0] == want[0]
    np.testing.assert_array_equal(got[1], want[1])
    assert got[0][-1] < got[0][0]


def test_by_name():
    assert isinstance(get_ops("relu_simd"), ours.ReluSimdOps)
    before = get_current_ops()
    with use_ops("relu_simd"):
        assert isinstance(get_current_ops(), ours.ReluSimdOps)
    assert get_current_ops() is before
    assert get_ops("cpu").name != "relu_simd"  # only who asks for it


def test_by_entry_point():
    """An installed package need not be imported first."""
    code = "from thinc.api import get_ops; print(type(get_ops('relu_simd')).__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "relu_simd.integrations.thinc\n"


ALL_BACKENDS = "from thinc.api import get_ops, registry; registry.ops.get_all(); "
BLANK = ALL_BACKENDS + "o = get_ops('cpu'); import numpy; print(o.name, o.relu(numpy.array([[-1, 2]], 'f')).tolist())"
BROKEN = {
    "instruction set": ("", {"RELU_SIMD_ISA": "junk"}, "RELU_SIMD_ISA: instruction set 'junk' is not available here"),
    "threads": ("", {"RELU_SIMD_NUM_THREADS": "many"}, "RELU_SIMD_NUM_THREADS: expected a number of threads"),
    "memory": ("", {"RELU_SIMD_POOL_LIMIT": "-1"}, "RELU_SIMD_POOL_LIMIT: expected a number of bytes"),
    "no compiled module": (
        "import sys; sys.modules['relu_simd._core'] = None; ",
        {},
        "ImportError|ModuleNotFoundError",
    ),
    "no package": ("import sys; sys.modules['relu_simd'] = None; ", {}, "ModuleNotFoundError"),
    "no integration": ("import sys; sys.modules['relu_simd.integrations'] = None; ", {}, "ModuleNotFoundError"),
    "a module that raises": (
        "import sys; find = staticmethod(lambda name, *_: 1 / 0 if name == 'relu_simd' else None); "
        "sys.meta_path.insert(0, type('Finder', (), {'find_spec': find})); ",
        {},
        "ZeroDivisionError",
    ),
}


@pytest.mark.wide  # each takes two processes that import thinc
@pytest.mark.parametrize(("before", "variables", "reason"), BROKEN.values(), ids=BROKEN)
def test_others_go_on_whatever_is_wrong_here(before, variables, reason):
    """thinc imports every entry point, also for people who never asked for this one. One warning, stock operators."""
    done = run("-c", before + BLANK, **variables)
    assert (done.returncode, done.stdout) == (0, "numpy [[0.0, 2.0]]\n"), done.stderr
    assert done.stderr.count("relu_simd cannot be used, and thinc goes on without it") == 1
    assert re.search(reason, done.stderr)
    strict = run("-W", "error", "-c", before + BLANK, **variables)
    assert (strict.returncode, strict.stdout) == (0, "numpy [[0.0, 2.0]]\n"), strict.stderr
    assert "relu_simd cannot be used" in strict.stderr


@pytest.mark.wide
def test_the_name_is_thincs_own_backend_then():
    code = ALL_BACKENDS + "o = get_ops('relu_simd'); print(o.name, type(o).__mro__[1].__name__, type(o.relu).__name__)"
    done = run("-c", code, RELU_SIMD_ISA="junk")
    assert done.stdout.split()[:2] == ["relu_simd", "NumpyOps"]


def test_nothing_is_said_where_nothing_is_wrong():
    done = run("-W", "error", "-c", BLANK)
    assert (done.returncode, done.stdout, done.stderr) == (0, "numpy [[0.0, 2.0]]\n", "")


def test_example():
    results = doctest.testmod(ours)
    assert results.attempted == 6
    assert results.failed == 0


def test_without_thinc_it_says_what_to_install():
    code = "import sys; sys.modules['thinc'] = None; import relu_simd.integrations.thinc"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'ImportError: thinc is not installed: pip install "relu-simd[thinc]"' in done.stderr
