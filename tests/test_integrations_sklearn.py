# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn: the same weights patched and not, and nothing left behind."""

import doctest
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor, _base

from relu_simd.integrations import sklearn as ours

TABLES = {"activation": _base.ACTIVATIONS, "derivative": _base.DERIVATIVES}
STOCK = {name: dict(table) for name, table in TABLES.items()}


@pytest.fixture(autouse=True)
def stock():
    """Each test starts with scikit-learn's own functions, and must leave them there."""
    assert TABLES == STOCK
    yield
    ours.unpatch_sklearn()
    assert TABLES == STOCK


def data(dtype=np.float64):
    x, y = load_digits(return_X_y=True)
    return (x[:400] / 16).astype(dtype), y[:400]


def fitted(kind, activation, dtype=np.float64, y_dtype=np.float64, **options):
    x, y = data(dtype)
    model = kind(hidden_layer_sizes=(20, 15), activation=activation, random_state=0, max_iter=5, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y.astype(y_dtype) if kind is MLPRegressor else y)


CASES = [
    pytest.param(kind, dtype, options, id=f"{kind.__name__}-{np.dtype(dtype)}-{options or 'adam'}")
    for kind in (MLPClassifier, MLPRegressor)
    for dtype in (np.float32, np.float64)
    for options in ({}, {"solver": "lbfgs"}, {"solver": "sgd", "learning_rate_init": 1e-3})
]


@pytest.mark.parametrize(("kind", "dtype", "options"), CASES)
def test_relu_gives_identical_weights(kind, dtype, options):
    want = fitted(kind, "relu", dtype, **options)
    with ours.patched_sklearn():
        got = fitted(kind, "relu", dtype, **options)
    for mine, theirs in zip(got.coefs_ + got.intercepts_, want.coefs_ + want.intercepts_, strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    assert got.loss_ == want.loss_
    np.testing.assert_array_equal(got.predict(data(dtype)[0]), want.predict(data(dtype)[0]))


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize(("kind", "dtype"), [(MLPClassifier, np.float64), (MLPRegressor, np.float32)])
def test_the_others_agree_closely(kind, dtype, activation):
    want = fitted(kind, activation, dtype)
    with ours.patched_sklearn():
        got = fitted(kind, activation, dtype)
    tolerance = 1e-9 if dtype is np.float64 else 2e-3
    for mine, theirs in zip(got.coefs_, want.coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, tolerance, tolerance)


@pytest.mark.parametrize("name", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize(("y_dtype", "delta_dtype"), [("f4", "f4"), ("f8", "f8"), ("f4", "f8")])
def test_functions_one_by_one(name, y_dtype, delta_dtype):
    """Float64 deltas beside float32 activations among them, as MLPRegressor has."""
    rng = np.random.default_rng(0)
    x, delta = rng.standard_normal((40, 30)).astype(y_dtype), rng.standard_normal((40, 30)).astype(delta_dtype)
    want_y, want_delta = x.copy(), delta.copy()
    STOCK["activation"][name](want_y)
    STOCK["derivative"][name](want_y, want_delta)
    ours.patch_sklearn()
    y = x.copy()
    assert TABLES["activation"][name](y) is None
    assert TABLES["derivative"][name](want_y, delta) is None
    tolerance = 0 if name == "relu" else 4 * np.finfo(y_dtype).eps
    np.testing.assert_allclose(y, want_y, rtol=tolerance)
    np.testing.assert_allclose(delta, want_delta, rtol=0, atol=tolerance)


def test_every_activation_is_replaced(monkeypatch):
    """The patch reaches the fit: with an activation that fails, the fit fails."""
    ours.patch_sklearn()
    changed = {k for name, table in TABLES.items() for k in table if table[k] is not STOCK[name][k]}
    assert changed == {"relu", "tanh", "logistic"}

    def broken(*arrays):
        raise RuntimeError("reached")

    monkeypatch.setitem(TABLES["derivative"], "relu", broken)
    with pytest.raises(RuntimeError, match="reached"):
        fitted(MLPClassifier, "relu")


def test_the_switch():
    assert not ours.is_patched()
    ours.unpatch_sklearn()  # harmless
    ours.patch_sklearn()
    ours.patch_sklearn()
    assert ours.is_patched()
    assert TABLES != STOCK
    ours.unpatch_sklearn()
    assert not ours.is_patched()
    assert all(TABLES[name][k] is function for name, table in STOCK.items() for k, function in table.items())


def test_what_others_add_meanwhile_stays():
    ours.patch_sklearn()
    TABLES["activation"]["other"] = print
    ours.unpatch_sklearn()
    assert TABLES["activation"].pop("other") is print


def test_the_context():
    with pytest.raises(KeyError, match="within"), ours.patched_sklearn():
        raise KeyError("within" if ours.is_patched() else "not patched")
    assert not ours.is_patched()
    with ours.patched_sklearn():
        with ours.patched_sklearn():
            pass
        assert ours.is_patched()
    ours.patch_sklearn()
    with ours.patched_sklearn():
        pass
    assert ours.is_patched()


def test_example():
    results = doctest.testmod(ours)
    assert results.attempted == 4
    assert results.failed == 0


def test_without_sklearn_it_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None; import relu_simd.integrations.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'ImportError: sklearn is not installed: pip install "relu-simd[sklearn]"' in done.stderr
