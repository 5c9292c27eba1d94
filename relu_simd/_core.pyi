# SPDX-License-Identifier: BSD-3-Clause
# One line for each row of ops.def: the function's name and how many arrays it takes.
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["leaky_relu", "leaky_relu_backward", "relu", "relu_backward"]

class _Unary(Protocol):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None, **ufunc_keywords: Any) -> Any: ...

class _Backward(Protocol):
    def __call__(
        self, grad_output: ArrayLike, x: ArrayLike, out: NDArray[Any] | None = None, **ufunc_keywords: Any
    ) -> Any: ...

class _Leaky(Protocol):
    def __call__(
        self,
        x: ArrayLike,
        negative_slope: ArrayLike = 0.01,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

class _LeakyBackward(Protocol):
    def __call__(
        self,
        grad_output: ArrayLike,
        x: ArrayLike,
        negative_slope: ArrayLike = 0.01,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

relu: _Unary
relu_backward: _Backward
leaky_relu: _Leaky
leaky_relu_backward: _LeakyBackward

class Op(NamedTuple):
    name: str
    inputs: tuple[str, ...]
    default: float | None
    definition: str
    max_ulp: int
    summary: str
    example: str
    result: str

OPS: tuple[Op, ...]
DTYPES: tuple[np.dtype[Any], ...]
UFUNCS: dict[str, np.ufunc]

def _isas() -> tuple[tuple[str, bool], ...]: ...
def _active_isa() -> str: ...
def _activate_isa(row: int) -> None: ...
def _cpu_count() -> int: ...
def _has_openmp() -> bool: ...
def _assume_cache(nbytes: int) -> int: ...
def _num_threads() -> int: ...
def _use_threads(n: int) -> None: ...
def _pool_info() -> dict[str, int]: ...
def _limit_pool(nbytes: int) -> None: ...
def _trim_pool() -> None: ...
def _cache_bytes(level: int) -> int: ...
def _copy(out: NDArray[Any], source: NDArray[Any], stream: bool) -> None: ...
