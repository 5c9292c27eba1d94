# SPDX-License-Identifier: BSD-3-Clause
"""The kernels for other compiled code: C, Cython, numba, ctypes and cffi.

There is a function for each operation and dtype, for example ``relu_f32`` or ``leaky_relu_backward_bf16``, and for
each mask function and dtype. C code includes ``relu_simd.h`` from `relu_simd.get_include`, Cython code writes
``from relu_simd.c_api cimport relu_f32``; this module is for the others. ``relu_simd.h`` says what each function takes
and promises, and docs/howto/c-api.md has examples.
"""

from __future__ import annotations

import ctypes
from typing import Any

from relu_simd import _core

__all__ = ["ABI", "address", "as_ctypes", "signatures"]

# Of the contract that names and signatures do not tell. C code that was compiled for another is refused.
ABI = 1

_FUNCTIONS = {name: (signature, capsule, address) for name, signature, capsule, address in _core._c_api()}

# Where Cython's cimport and numba's get_cython_function_address look.
__pyx_capi__ = {name: capsule for name, (_, capsule, _) in _FUNCTIONS.items()}

_CTYPES: dict[str, Any] = {"float": ctypes.c_float, "double": ctypes.c_double, "Py_ssize_t": ctypes.c_ssize_t}
_CTYPES |= {f"{kind}_t": getattr(ctypes, f"c_{kind}") for kind in _core.DTYPES if "int" in kind}


def signatures() -> dict[str, str]:
    """Return the C signature of each function, by name.

    Examples
    --------
    >>> from relu_simd.c_api import signatures
    >>> signatures()["leaky_relu_f32"]
    'void (float const *, float, float *, Py_ssize_t)'
    """
    return {name: signature for name, (signature, _, _) in _FUNCTIONS.items()}


def _find(name: str) -> tuple[str, Any, int]:
    try:
        return _FUNCTIONS[name]
    except KeyError:
        raise ValueError(f"no function {str(name)[:80]!r}: relu_simd.c_api.signatures() has them all") from None


def address(name: str) -> int:
    """Return the address of a function as an integer, for example for cffi to cast.

    Parameters
    ----------
    name : str
        A name in `signatures`.

    Raises
    ------
    ValueError
        If there is no function of this name.

    Examples
    --------
    >>> from relu_simd.c_api import address
    >>> address("relu_f32") != 0
    True
    """
    return _find(name)[2]


def as_ctypes(name: str) -> Any:
    """Return a function that ctypes and numba's nopython mode can call.

    Parameters
    ----------
    name : str
        A name in `signatures`. The function's pointers are ``c_void_p``: pass ``array.ctypes.data``.

    Returns
    -------
    ctypes function
        It releases the GIL. It checks nothing: the caller must see to contiguity, dtype and length.

    Raises
    ------
    ValueError
        If there is no function of this name.

    Examples
    --------
    >>> import numpy as np
    >>> from relu_simd.c_api import as_ctypes
    >>> relu_f32 = as_ctypes("relu_f32")
    >>> x = np.array([-1, 2], np.float32)
    >>> relu_f32(x.ctypes.data, x.ctypes.data, x.size)
    >>> x
    array([0., 2.], dtype=float32)
    """
    signature, _, where = _find(name)
    kinds = signature.removeprefix("void (").removesuffix(")").split(", ")
    arguments: list[Any] = [ctypes.c_void_p if kind.endswith("*") else _CTYPES[kind] for kind in kinds]
    return ctypes.CFUNCTYPE(None, *arguments)(where)
