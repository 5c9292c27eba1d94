# SPDX-License-Identifier: BSD-3-Clause
"""The ReLU family for NumPy arrays, forward and backward, at the speed of memory."""

from relu_simd import _core, settings, ufuncs
from relu_simd._core import *
from relu_simd.settings import *

__version__ = "0.1.0"

from relu_simd._config import get_include, show_config  # reports __version__

__all__ = [*_core.__all__, *settings.__all__, "get_include", "show_config", "ufuncs"]
