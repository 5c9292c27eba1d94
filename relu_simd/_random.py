# SPDX-License-Identifier: BSD-3-Clause
"""leaky_relu with slopes that are drawn at random."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from relu_simd import _core, _foreign

if TYPE_CHECKING:  # its import takes as long as half of the package's
    from numpy.typing import ArrayLike, NDArray


def check_bounds(name: str, lower: float, upper: float) -> None:
    """Raise a ValueError that names the function or layer if slopes cannot be drawn between these."""
    if not (math.isfinite(lower) and math.isfinite(upper) and lower <= upper):
        raise ValueError(f"{name}: lower={lower} and upper={upper} must be finite, and lower not above upper")


def rrelu(
    x: ArrayLike,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    rng: np.random.Generator | int | None = None,
    *,
    out: NDArray[Any] | None = None,
) -> tuple[Any, Any]:
    """Randomized leaky ReLU: x where it is positive, x times a random slope elsewhere.

    Parameters
    ----------
    x : array_like
        Input of any shape; the dtypes are those of `leaky_relu`. For a pyopencl array, both results are pyopencl
        arrays; NumPy draws the slopes, the same as for a NumPy array, and they are copied to the device.
    lower, upper : float
        One slope is drawn for each element, positive or not, uniformly from `lower` to `upper`.
    rng : numpy.random.Generator or int, optional
        The generator that draws the slopes, or a seed for one: whatever `numpy.random.default_rng` takes.
    out : ndarray, optional
        Where the result goes, as for `leaky_relu`; it may be `x`.

    Returns
    -------
    y : ndarray or scalar
        ``leaky_relu(x, slopes)``.
    slopes : ndarray or scalar
        The slopes, in float64 if `y` is float64 and else in float32. The gradient is
        ``leaky_relu_backward(grad_output, x, slopes)``.

    Raises
    ------
    TypeError
        A dtype that `leaky_relu` refuses.
    ValueError
        Bounds that are not finite, or `lower` above `upper`.

    Notes
    -----
    A NaN stays a NaN. In evaluation, networks use the mean: ``leaky_relu(x, (lower + upper) / 2)``; see `nn.RReLU`. The
    definition is that of PyTorch (Xu et al. 2015, arXiv:1505.00853); the random numbers are NumPy's.

    Examples
    --------
    >>> import numpy as np
    >>> from relu_simd import rrelu
    >>> x = np.array([-1.0, 2.0])
    >>> y, slopes = rrelu(x, rng=0)
    >>> bool(y[0] == -slopes[0]), float(y[1])
    (True, 2.0)
    """
    check_bounds("rrelu", lower, upper)
    device = _foreign.on_device(x)
    if not device:
        _foreign.refuse("rrelu", "x", x)  # the slopes would be refused first
    dtype = getattr(x, "dtype", None)
    if not isinstance(dtype, np.dtype):  # a list, a tensor of PyTorch, a DataFrame
        plain = np.asarray(x)
        dtype, x = plain.dtype, x if hasattr(type(x), "__array_ufunc__") else plain
    width = np.float64 if np.result_type(dtype, np.float32) == np.float64 else np.float32
    slopes = np.random.default_rng(rng).random(np.shape(x), width)
    slopes = width(lower) + width(upper - lower) * slopes
    if device:
        from relu_simd import opencl

        slopes = opencl.beside(x, slopes)
    return _core.leaky_relu(x, slopes, out=out), slopes
