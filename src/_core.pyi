# SPDX-License-Identifier: BSD-3-Clause
# The types of the compiled module, but for the functions that ops.def makes: make_c_api.py writes those and __all__
# into relu_simd/_core.pyi, after this text.
from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Pair = tuple[NDArray[Any] | None, NDArray[Any] | None]

def relu_with_mask(x: ArrayLike, *, out: _Pair | None = None) -> tuple[Any, NDArray[np.uint8]]: ...
def relu_backward_from_mask(
    grad_output: ArrayLike, mask: NDArray[np.uint8], out: NDArray[Any] | None = None
) -> Any: ...
def count_active(
    x: ArrayLike, axis: SupportsIndex | tuple[SupportsIndex, ...] | None = None, *, keepdims: bool = False
) -> Any: ...
def prelu_backward(
    grad_output: ArrayLike, x: ArrayLike, weight: ArrayLike, *, out: _Pair | None = None
) -> tuple[Any, Any]: ...

class Accuracy(NamedTuple):
    max_ulp: int
    steps: bool
    crosses: bool

class Op(NamedTuple):
    name: str
    arrays: tuple[str, ...]
    params: tuple[str, ...]
    defaults: tuple[float | None, ...]
    weight: bool
    takes_integers: bool
    arithmetic: bool
    widens: bool
    computes: bool
    accuracy: Accuracy
    dtypes: tuple[str, ...]
    definition: str
    summary: str
    example: str
    result: str

    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def required(self) -> tuple[str, ...]: ...

OPS: tuple[Op, ...]
ROWS: dict[str, int]
DTYPES: tuple[str, ...]
MAX_THREADS: int
UFUNCS: dict[str, np.ufunc]

def _c_api() -> list[tuple[str, str, Any, int]]: ...

ISAS: tuple[tuple[str, bool], ...]

def _active_isa() -> str: ...
def _activate_isa(row: int) -> None: ...
def _assume_cache(nbytes: int) -> int: ...
def _num_threads() -> int: ...
def _use_threads(n: int, follow: bool = False) -> None: ...
def _pool_info() -> dict[str, int]: ...
def _limit_pool(nbytes: int) -> None: ...
def _trim_pool() -> None: ...
def _cache_share(levels: Sequence[int], cpus: int) -> int: ...
def _counted_cache() -> int: ...
def _cache_bytes(level: int) -> int: ...

class _Plan:
    def __init__(
        self,
        enqueue: Any,
        launch: tuple[Any, ...],
        inputs: tuple[Any, ...],
        out: Any,
        references: list[Any],
    ) -> None: ...

def _plan_key(op: Any, inputs: tuple[Any, ...], out: Any) -> tuple[Any, ...]: ...
def _again(plans: dict[Any, _Plan], op: Any, inputs: tuple[Any, ...], out: Any, wait_for: Any) -> bool: ...
def _histories(arrays: Sequence[Any], wait_for: Any) -> tuple[list[tuple[list[Any], list[Any]]], list[Any]]: ...
def _record(histories: list[tuple[list[Any], list[Any]]], event: Any) -> None: ...
def _copy(out: NDArray[Any], source: NDArray[Any], stream: bool) -> None: ...
