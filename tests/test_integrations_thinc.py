# SPDX-License-Identifier: BSD-3-Clause
"""thinc: our backend against NumpyOps, function by function and in training, and found by its name."""

import doctest
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
FLOATS = ["float32", "float64"]
METHODS = [("relu", ()), ("clipped_linear", (1.0, 0.0, 0.0, 6.0)), ("relu_k", ())]


def some(dtype, seed=0, shape=(13, 7)):
    x = np.random.default_rng(seed).uniform(-9, 9, shape).astype(dtype)
    x.flat[:3] = 0, 6, -0.0
    return x


@pytest.fixture
def spy(monkeypatch):
    called = []

    def watched(name, function):
        return lambda *args, **keywords: called.append(name) or function(*args, **keywords)

    for name in ("relu", "relu_backward", "relu6", "relu6_backward"):
        monkeypatch.setattr(relu_simd, name, watched(name, getattr(relu_simd, name)))
    return called


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize(("method", "arguments"), METHODS)
def test_forward(method, arguments, dtype, inplace, spy):
    x = some(dtype)
    want = getattr(STOCK, method)(x.copy(), *arguments)
    got = getattr(OURS, method)(x, *arguments, inplace=inplace)
    np.testing.assert_array_equal(got, want)
    assert got.dtype == dtype
    assert (got is x) == inplace
    assert len(spy) == 1


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize(("method", "arguments"), METHODS)
def test_backward(method, arguments, dtype, inplace, spy):
    dy, x = some(dtype, 1), some(dtype)
    want = getattr(STOCK, "backprop_" + method)(dy.copy(), x.copy(), *arguments)
    got = getattr(OURS, "backprop_" + method)(dy, x, *arguments, **{} if method == "relu_k" else {"inplace": inplace})
    np.testing.assert_array_equal(got, want)
    assert got.dtype == dtype
    assert (got is dy) == (inplace and method != "relu_k")
    np.testing.assert_array_equal(x, some(dtype))
    assert len(spy) == 1


@pytest.mark.parametrize(
    "arguments", [(), (2.0, 0.0, 0.0, 6.0), (1.0, 1.0, 0.0, 6.0), (1.0, 0.0, -1.0, 6.0), (1.0, 0.0, 0.0, 5.0)], ids=str
)
@pytest.mark.parametrize("inplace", [False, True])
def test_other_clips_are_thincs(arguments, inplace, spy):
    x, dy = some("f4"), some("f4", 1)
    np.testing.assert_array_equal(
        OURS.backprop_clipped_linear(dy.copy(), x, *arguments, inplace=inplace),
        STOCK.backprop_clipped_linear(dy, x, *arguments),
    )
    np.testing.assert_array_equal(
        OURS.clipped_linear(x.copy(), *arguments, inplace=inplace), STOCK.clipped_linear(x, *arguments)
    )
    assert spy == []


@pytest.mark.parametrize(("dy", "y"), [("f4", "f8"), ("f8", "f4"), ("i4", "i4")])
def test_other_dtypes_are_thincs(dy, y):
    dy, y = some(dy, 1), some(y)
    got, want = OURS.backprop_relu(dy, y), STOCK.backprop_relu(dy, y)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(OURS.relu(y), STOCK.relu(y))


def test_shapes_that_differ():
    with pytest.raises(ValueError, match="incompatible shapes"):
        OURS.backprop_relu(some("f4"), some("f4")[:1])


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
    assert {"relu", "relu_backward", "relu6", "relu6_backward"} <= set(spy)
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


OFTEN = ("instruction set", "no compiled module")  # each takes two processes that import thinc


@pytest.mark.parametrize(
    ("before", "variables", "reason"),
    [pytest.param(*BROKEN[name], id=name, marks=[] if name in OFTEN else [pytest.mark.wide]) for name in BROKEN],
)
def test_others_go_on_whatever_is_wrong_here(before, variables, reason):
    """thinc imports every entry point, also for people who never asked for this one. One warning, stock operators."""
    done = run("-c", before + BLANK, **variables)
    assert (done.returncode, done.stdout) == (0, "numpy [[0.0, 2.0]]\n"), done.stderr
    assert done.stderr.count("relu_simd cannot be used, and thinc goes on without it") == 1
    assert re.search(reason, done.stderr)
    strict = run("-W", "error", "-c", before + BLANK, **variables)
    assert (strict.returncode, strict.stdout) == (0, "numpy [[0.0, 2.0]]\n"), strict.stderr
    assert "relu_simd cannot be used" in strict.stderr


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
