# SPDX-License-Identifier: BSD-3-Clause
"""The ReLU family for NumPy arrays, forward and backward, at the speed of memory."""

from importlib.util import find_spec

if find_spec("relu_simd._core") is None:  # the import would speak of a circular one
    raise ImportError(
        f"relu_simd is not compiled for this Python in {__path__[0]}: run `make test` or `pip install .` in the folder"
        " above it, or start Python elsewhere to use an installed relu_simd"
    )

from relu_simd import _core, settings, ufuncs
from relu_simd._core import *
from relu_simd.settings import *

__version__ = "0.1.0"

from relu_simd._config import get_include, show_config  # reports __version__

__all__ = [*_core.__all__, *settings.__all__, "get_include", "show_config", "ufuncs"]
