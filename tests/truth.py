# SPDX-License-Identifier: BSD-3-Clause
"""What the approximations approximate, for test_accuracy.py and tools/exhaustive.py, and how far off a result is."""

from unittest.mock import patch

import numpy as np

from relu_simd import reference

# Where a function turns from falling to rising; the others rise everywhere.
TURNS = {"hardswish": -1.5, "silu": -1.2784645427610738, "gelu": -0.7517915246935645}
TURNS |= {"gelu_tanh": -0.7524614220710163, "mish": -1.1924312145154953}
# So near to that, the function changes less from one float to the next than rounding changes the result.
FLAT = 0.125


def slopes(name, x):
    """The sign of the function's derivative, and 0 where it is flat."""
    if name not in TURNS:
        return np.ones(x.shape, int)
    from_turn = x.astype(np.float64) - TURNS[name]
    return np.where(np.abs(from_turn) < FLAT, 0, np.sign(from_turn)).astype(int)


def truth(name, x):
    """The reference before it is rounded: float64 for float32, long double for float64."""
    with np.errstate(all="ignore"), patch.object(reference, "_rounded", lambda wide, x: wide):
        return getattr(reference, name)(x)


def precise(mpmath, name, x):
    """The definition, written down once more."""
    match name:
        case "sigmoid":
            return 1 / (1 + mpmath.exp(-x))
        case "tanh":
            return mpmath.tanh(x)
        case "elu":
            return x if x > 0 else mpmath.expm1(x)
        case "celu":
            return precise(mpmath, "elu", x)
        case "selu":
            scale, alpha = mpmath.mpf(1.0507009873554805), mpmath.mpf(1.6732632423543772)
            return scale * x if x > 0 else scale * alpha * mpmath.expm1(x)
        case "silu":
            return x / (1 + mpmath.exp(-x))
        case "gelu":
            return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2
        case "gelu_tanh":
            return x / (1 + mpmath.exp(-mpmath.sqrt(8 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)))
        case "mish":
            return x * mpmath.tanh(mpmath.log1p(mpmath.exp(x)))
        case "tanhshrink":
            return x - mpmath.tanh(x)
        case "logsigmoid":
            return -precise(mpmath, "softplus", -x)
        case "softplus":
            return mpmath.log1p(mpmath.exp(x)) if x < 0 else x + mpmath.log1p(mpmath.exp(-x))
        case "hardsigmoid":
            return min(max(x + 3, 0), 6) / 6
        case "hardswish":
            return x * min(max(x + 3, 0), 6) / 6 if x < 3 else x
        case "softsign":
            return x / (1 + abs(x))
    raise AssertionError(f"{name}: give tests/truth.py its truth")


def ulps(got, exact):
    """Distance from the exact value in units of the last place there, which does not shrink below the denormals'."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        away = np.abs(got.astype(exact.dtype) - exact) / np.spacing(np.abs(rounded)).astype(exact.dtype)
    return np.where(np.isinf(rounded), np.where(got == rounded, 0, np.inf), away)
