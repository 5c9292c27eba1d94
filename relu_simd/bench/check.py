# SPDX-License-Identifier: BSD-3-Clause
"""Whether a result is what the reference says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Libraries that round after each step, or start from a rounded slope, are off by a few.
ROUNDINGS = 8


def problem(got: NDArray[Any], want: NDArray[Any], first: NDArray[Any], max_ulp: int | None) -> str | None:
    """Say what is wrong with a result, None if nothing is.

    `first` is the first input. With `max_ulp` the result must be so close, 0 demanding the very bytes. With None,
    and for sums, whose order is free, rounding may differ: relative to the result and to that input, because
    `g * (1 - y)` loses where y is close to 1.
    """
    if got.dtype == bool:  # says the same as the reference's bits
        got = np.packbits(got, bitorder="little")
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{list(got.shape)}, not {want.dtype}{list(want.shape)}"
    got, want = got.reshape(-1), want.reshape(-1)
    differ = _bits(got) != _bits(want)
    if differ.any() and want.dtype.kind not in "iu":
        a, b = got[differ], want[differ]
        if want.size != first.size:
            differ[differ] = _rounded_otherwise(a, b, np.abs(want).max() * np.sqrt(first.size / want.size))
        elif max_ulp is None:
            differ[differ] = _rounded_otherwise(a, b, first.reshape(-1)[differ])
        elif max_ulp:
            differ[differ] = _ulps(a, b) > max_ulp
    if not differ.any():
        return None
    k = int(np.argmax(differ))
    return f"element {k} is {got[k]!r}, not {want[k]!r}"


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    return values.view(f"i{values.itemsize}")


def _ulps(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Count the floats from a to b."""
    ordered = [np.where(_bits(each) < 0, np.iinfo(_bits(each).dtype).min - _bits(each), _bits(each)) for each in (a, b)]
    distance: NDArray[Any] = np.abs(ordered[0] - ordered[1])
    return distance


def _rounded_otherwise(a: NDArray[Any], b: NDArray[Any], scale: Any) -> NDArray[Any]:
    """Find what is not explained by rounding; a NaN, which no comparison admits, is not."""
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    largest = np.abs(wide_b) + np.abs(np.asarray(scale).astype(np.float64))
    bound = ROUNDINGS * (_step_from(b.dtype.type(1)) * largest + _step_from(b.dtype.type(0)))
    beyond: NDArray[Any] = ~(np.abs(wide_a - wide_b) <= bound)
    return beyond


def _step_from(value: Any) -> float:
    return float(np.nextafter(value, value.dtype.type(2))) - float(value)
