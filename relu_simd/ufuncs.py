# SPDX-License-Identifier: BSD-3-Clause
"""The `numpy.ufunc` objects behind the functions of `relu_simd`, under the same names.

NumPy pickles a ufunc by its name, and other processes import it from this module.
"""

from relu_simd import _core

globals().update(_core.UFUNCS)
__all__ = list(_core.UFUNCS)
