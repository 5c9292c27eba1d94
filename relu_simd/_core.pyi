# SPDX-License-Identifier: BSD-3-Clause
# One line for each row of ops.def: the function's name and how many arrays it takes.
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "add_relu",
    "celu",
    "celu_backward",
    "count_active",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "gelu_tanh",
    "gelu_tanh_backward",
    "hardshrink",
    "hardshrink_backward",
    "hardsigmoid",
    "hardsigmoid_backward",
    "hardswish",
    "hardswish_backward",
    "hardtanh",
    "hardtanh_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "logsigmoid",
    "logsigmoid_backward",
    "mish",
    "mish_backward",
    "prelu",
    "prelu_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "relu_backward_from_mask",
    "relu_squared",
    "relu_squared_backward",
    "relu_with_mask",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softplus",
    "softplus_backward",
    "softshrink",
    "softshrink_backward",
    "softsign",
    "softsign_backward",
    "tanh",
    "tanh_backward",
    "tanhshrink",
    "tanhshrink_backward",
    "threshold",
    "threshold_backward",
]

class _Unary(Protocol):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None, **ufunc_keywords: Any) -> Any: ...

class _Backward(Protocol):
    def __call__(
        self, grad_output: ArrayLike, x: ArrayLike, out: NDArray[Any] | None = None, **ufunc_keywords: Any
    ) -> Any: ...

class _BackwardFromOutput(Protocol):
    def __call__(
        self, grad_output: ArrayLike, y: ArrayLike, out: NDArray[Any] | None = None, **ufunc_keywords: Any
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

class _Elu(Protocol):
    def __call__(
        self, x: ArrayLike, alpha: ArrayLike = 1.0, out: NDArray[Any] | None = None, **ufunc_keywords: Any
    ) -> Any: ...

class _EluBackward(Protocol):
    def __call__(
        self,
        grad_output: ArrayLike,
        x: ArrayLike,
        alpha: ArrayLike = 1.0,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

class _Softplus(Protocol):
    def __call__(
        self, x: ArrayLike, beta: ArrayLike = 1.0, out: NDArray[Any] | None = None, **ufunc_keywords: Any
    ) -> Any: ...

class _SoftplusBackward(Protocol):
    def __call__(
        self,
        grad_output: ArrayLike,
        x: ArrayLike,
        beta: ArrayLike = 1.0,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

class _Shrink(Protocol):
    def __call__(
        self, x: ArrayLike, lambd: ArrayLike = 0.5, out: NDArray[Any] | None = None, **ufunc_keywords: Any
    ) -> Any: ...

class _ShrinkBackward(Protocol):
    def __call__(
        self,
        grad_output: ArrayLike,
        x: ArrayLike,
        lambd: ArrayLike = 0.5,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

class _Hardtanh(Protocol):
    def __call__(
        self,
        x: ArrayLike,
        min_val: ArrayLike = -1.0,
        max_val: ArrayLike = 1.0,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

class _HardtanhBackward(Protocol):
    def __call__(
        self,
        grad_output: ArrayLike,
        x: ArrayLike,
        min_val: ArrayLike = -1.0,
        max_val: ArrayLike = 1.0,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

class _Threshold(Protocol):
    def __call__(
        self,
        x: ArrayLike,
        threshold: ArrayLike,
        value: ArrayLike,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

class _ThresholdBackward(Protocol):
    def __call__(
        self,
        grad_output: ArrayLike,
        x: ArrayLike,
        threshold: ArrayLike,
        value: ArrayLike,
        out: NDArray[Any] | None = None,
        **ufunc_keywords: Any,
    ) -> Any: ...

class _Weighted(Protocol):
    def __call__(
        self, x: ArrayLike, weight: ArrayLike, out: NDArray[Any] | None = None, **ufunc_keywords: Any
    ) -> Any: ...

class _Sum(Protocol):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None, **ufunc_keywords: Any) -> Any: ...

relu: _Unary
relu_backward: _Backward
leaky_relu: _Leaky
leaky_relu_backward: _LeakyBackward
prelu: _Weighted
relu6: _Unary
relu6_backward: _Backward
hardtanh: _Hardtanh
hardtanh_backward: _HardtanhBackward
threshold: _Threshold
threshold_backward: _ThresholdBackward
add_relu: _Sum
relu_squared: _Unary
relu_squared_backward: _Backward
hardshrink: _Shrink
hardshrink_backward: _ShrinkBackward
softshrink: _Shrink
softshrink_backward: _ShrinkBackward
hardsigmoid: _Unary
hardsigmoid_backward: _Backward
hardswish: _Unary
hardswish_backward: _Backward
softsign: _Unary
softsign_backward: _Backward
elu: _Elu
elu_backward: _EluBackward
celu: _Elu
celu_backward: _EluBackward
selu: _Unary
selu_backward: _Backward
softplus: _Softplus
softplus_backward: _SoftplusBackward
gelu: _Unary
gelu_backward: _Backward
gelu_tanh: _Unary
gelu_tanh_backward: _Backward
mish: _Unary
mish_backward: _Backward
tanhshrink: _Unary
tanhshrink_backward: _Backward
silu: _Softplus
silu_backward: _SoftplusBackward
logsigmoid: _Unary
logsigmoid_backward: _Backward
sigmoid: _Unary
sigmoid_backward: _BackwardFromOutput
tanh: _Unary
tanh_backward: _BackwardFromOutput

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
DTYPES: tuple[str, ...]
MAX_THREADS: int
UFUNCS: dict[str, np.ufunc]

def _c_api() -> list[tuple[str, str, Any, int]]: ...
def _isas() -> tuple[tuple[str, bool], ...]: ...
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
def _copy(out: NDArray[Any], source: NDArray[Any], stream: bool) -> None: ...
