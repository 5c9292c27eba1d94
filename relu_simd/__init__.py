# SPDX-License-Identifier: BSD-3-Clause
"""The ReLU family for NumPy arrays, forward and backward, at the speed of memory."""

import sys

from relu_simd import _core, settings, ufuncs
from relu_simd._core import *
from relu_simd.settings import *

__version__ = "0.1.0"

from relu_simd._config import get_include, show_config  # reports __version__

if hasattr(sys.modules.get("threadpoolctl"), "register"):  # older ones take no other libraries
    from relu_simd.integrations import threadpoolctl as _  # noqa: F401

__all__ = [*_core.__all__, *settings.__all__, "get_include", "show_config", "ufuncs"]
