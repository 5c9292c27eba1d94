# SPDX-License-Identifier: BSD-3-Clause
"""The ReLU family for NumPy arrays, forward and backward, at the speed of memory."""

from relu_simd import ufuncs
from relu_simd._core import *
from relu_simd._core import __all__ as _core_names

__version__ = "0.1.0"
__all__ = [*_core_names, "ufuncs"]
