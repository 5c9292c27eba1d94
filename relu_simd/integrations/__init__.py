# SPDX-License-Identifier: BSD-3-Clause
"""The functions plugged into libraries that NumPy users already run, one module per library.

A library is needed only by its own module: `relu_simd.integrations.onnx` needs onnx, and no other module does.
Containers that NumPy's own ufuncs serve (dask, xarray, pandas, sparse, masked arrays, memmaps) need no module:
`relu_simd.relu` accepts them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _needs(library: str, extra: str) -> Iterator[None]:
    """Say how to install what the imports within need, if it is `library` that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        # A library that is there but broken has its own story to tell.
        if error.name is None or error.name.partition(".")[0] != library:
            raise
        raise ImportError(f'{library} is not installed: pip install "relu-simd[{extra}]"', name=library) from error
