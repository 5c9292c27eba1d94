# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's MLPClassifier and MLPRegressor with the functions of this package.

Patching changes the two tables in `sklearn.neural_network._base` from which every MLP of this process takes its
activations and derivatives, including models that were made before. relu and identity give identical weights. tanh and
logistic differ in the last bit or so, because their derivatives round in another order.

Worker processes of joblib import scikit-learn for themselves, so call `patch_sklearn` in them as well.

Examples
--------
>>> from sklearn.neural_network import MLPClassifier
>>> from relu_simd.integrations.sklearn import patched_sklearn
>>> with patched_sklearn():
...     model = MLPClassifier(max_iter=1000, random_state=0).fit([[0.0], [1.0]], ["no", "yes"])
>>> print(model.predict([[1.0]])[0])
yes
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import relu_simd
from relu_simd.integrations import _needs

with _needs("sklearn", "sklearn"):
    from sklearn.neural_network._base import ACTIVATIONS, DERIVATIVES

__all__ = ["is_patched", "patch_sklearn", "patched_sklearn", "unpatch_sklearn"]

_OURS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid"}


def _in_place(function: Any, x: Any) -> None:
    function(x, out=x)


def _gradient_in_place(function: Any, y: Any, delta: Any) -> None:
    # MLPRegressor's delta is float64 even where the activations are float32; out keeps delta's dtype.
    function(delta, y, out=delta)


# Each table, and what stands there while patched.
_PATCHES = (
    (ACTIVATIONS, {k: partial(_in_place, getattr(relu_simd, name)) for k, name in _OURS.items()}),
    (
        DERIVATIVES,
        {k: partial(_gradient_in_place, getattr(relu_simd, name + "_backward")) for k, name in _OURS.items()},
    ),
)
_before: list[dict[str, Any]] = []
_patching = threading.Lock()


def is_patched() -> bool:
    """Return whether the MLPs of this process now use the functions of this package."""
    return bool(_before)


def patch_sklearn() -> None:
    """Let every MLP of this process use the functions of this package, until `unpatch_sklearn`.

    A second call changes nothing.
    """
    with _patching:
        if not is_patched():
            _before.extend(dict(table) for table, _ in _PATCHES)
            for table, ours in _PATCHES:
                table.update(ours)


def unpatch_sklearn() -> None:
    """Put back, object for object, what was there before `patch_sklearn`; if nothing is patched, do nothing."""
    with _patching:
        for (table, ours), before in zip(_PATCHES, _before, strict=False):
            table.update({name: before[name] for name in ours})
        _before.clear()


@contextmanager
def patched_sklearn() -> Iterator[None]:
    """Patch within a ``with`` block; at its end, also after an error, all is as it was before, patched or not."""
    was_patched = is_patched()
    patch_sklearn()
    try:
        yield
    finally:
        if not was_patched:
            unpatch_sklearn()
