# SPDX-License-Identifier: BSD-3-Clause
"""Activation functions for NumPy arrays, from ReLU to GELU and Mish, forward and backward."""

import importlib.util
import sys
from typing import TYPE_CHECKING

if importlib.util.find_spec("relu_simd._core") is None:  # the import would speak of a circular one
    raise ImportError(
        f"relu_simd is not compiled for this Python in {__path__[0]}: run `make test` or `pip install .` in the folder"
        " above it, or start Python elsewhere to use an installed relu_simd"
    )

from relu_simd import _core, settings, ufuncs
from relu_simd._core import *
from relu_simd._lazy import LazyModule
from relu_simd._random import rrelu
from relu_simd.settings import *

__version__ = "0.1.0"

from relu_simd._config import get_include, show_config  # reports __version__

if hasattr(sys.modules.get("threadpoolctl"), "register"):  # older ones take no other libraries
    from relu_simd.integrations import threadpoolctl as _  # noqa: F401

if TYPE_CHECKING:
    from relu_simd import diagnostics as diagnostics
    from relu_simd import init as init
    from relu_simd import nn as nn
else:
    for _name in ("diagnostics", "init", "nn"):
        # Importing the module itself puts it in this place.
        globals()[_name] = sys.modules.get(f"{__name__}.{_name}") or LazyModule(f"{__name__}.{_name}")

__all__ = [*_core.__all__, *settings.__all__, "get_include", "rrelu", "show_config", "ufuncs"]
