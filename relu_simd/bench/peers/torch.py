# SPDX-License-Identifier: BSD-3-Clause
"""The functions as torch's CPU operators, gradients as its autograd calls them."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relu_simd._rows import Way
from relu_simd.bench.functions import Function
from relu_simd.bench.ways import Library, Names, booleans

DTYPES = ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64")

# Names in the statements for what torch.ops.aten has.
ATEN = {
    "relu_out": "relu.out",
    "threshold_backward": "threshold_backward.default",
    "threshold_backward_out": "threshold_backward.grad_input",
    "leaky_relu": "leaky_relu.default",
    "leaky_relu_": "leaky_relu_.default",
    "leaky_relu_out": "leaky_relu.out",
    "leaky_relu_backward": "leaky_relu_backward.default",
    "leaky_relu_backward_out": "leaky_relu_backward.grad_input",
    "prelu_backward": "_prelu_kernel_backward.default",
    "hardtanh": "hardtanh.default",
    "hardtanh_": "hardtanh_.default",
    "hardtanh_out": "hardtanh.out",
    "hardtanh_backward": "hardtanh_backward.default",
    "hardtanh_backward_out": "hardtanh_backward.grad_input",
    "add_relu": "_add_relu.Tensor",
    "add_relu_out": "_add_relu.out",
    "sigmoid_backward": "sigmoid_backward.default",
    "sigmoid_backward_out": "sigmoid_backward.grad_input",
    "tanh_backward": "tanh_backward.default",
    "tanh_backward_out": "tanh_backward.grad_input",
}


def _gradient(operator: str, arguments: str) -> Way:
    call = f"_out({arguments}, grad_input="
    return Way(f"{operator}({arguments})", out=f"{operator}{call}out)", inplace=f"{operator}{call}g)")


def _sum(b: str) -> tuple[Way, Way]:
    return (
        Way(
            f"torch.add(a, {b}).relu_()",
            out=f"torch.add(a, {b}, out=out).relu_()",
            inplace=f"a.add_({b}).relu_()",
        ),
        Way(
            f"add_relu(a, {b})",
            out=f"add_relu_out(a, {b}, out=out)",
            inplace=f"add_relu_out(a, {b}, out=a)",
            without=("float16", "bfloat16"),
        ),
    )


WAYS = {
    "relu": (
        Way("torch.relu(x)", out="relu_out(x, out=out)", inplace="torch.relu_(x)"),
        Way("torch.clamp_min(x, 0)", out="torch.clamp_min(x, 0, out=out)", inplace="torch.clamp_min_(x, 0)"),
    ),
    "relu_backward": (_gradient("threshold_backward", "g, x, 0"),),
    "leaky_relu": (
        Way("leaky_relu(x, slope)", out="leaky_relu_out(x, slope, out=out)", inplace="leaky_relu_(x, slope)"),
    ),
    "leaky_relu_backward": (_gradient("leaky_relu_backward", "g, x, slope, False"),),
    "prelu": (Way("torch.prelu(x, weight)"),),
    "prelu_backward": (Way("((each := prelu_backward(g, x, weight))[0], each[1].sum(0))"),),
    "relu6": (
        Way("hardtanh(x, 0, 6)", out="hardtanh_out(x, 0, 6, out=out)", inplace="hardtanh_(x, 0, 6)"),
        Way("torch.clamp(x, 0, 6)", out="torch.clamp(x, 0, 6, out=out)", inplace="torch.clamp_(x, 0, 6)"),
    ),
    "relu6_backward": (_gradient("hardtanh_backward", "g, x, 0, 6"),),
    "add_relu": _sum("b"),
    "add_relu_bias": _sum("bias"),
    "sigmoid": (Way("torch.sigmoid(x)", out="torch.sigmoid(x, out=out)", inplace="torch.sigmoid_(x)"),),
    "sigmoid_backward": (_gradient("sigmoid_backward", "g, y"),),
    "tanh": (Way("torch.tanh(x)", out="torch.tanh(x, out=out)", inplace="torch.tanh_(x)"),),
    "tanh_backward": (_gradient("tanh_backward", "g, y"),),
    "relu_with_mask": (
        Way(
            "(torch.relu(x), x > 0)",
            out="torch.gt(x, 0, out=mask); relu_out(x, out=out)",
            inplace="torch.gt(x, 0, out=mask); torch.relu_(x)",
        ),
    ),
    "relu_backward_from_mask": (
        Way("g * mask", out="torch.mul(g, mask, out=out)", inplace="g.mul_(mask)"),
        Way("torch.where(mask, g, 0)"),
    ),
    "count_active": (Way("torch.count_nonzero(x > 0)"), Way("(x > 0).sum()")),
    "count_active_axis0": (Way("torch.count_nonzero(x > 0, 0)"), Way("(x > 0).sum(0)")),
}


def load_torch(threads: int) -> Library:
    """Load torch: its operators, on tensors that share the arrays' memory."""
    torch = import_module("torch")

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    operators = {name: attrgetter(path)(torch.ops.aten) for name, path in ATEN.items()}

    def tensor(array: NDArray[Any]) -> Any:
        if array.dtype.name != "bfloat16":
            return torch.from_numpy(array)
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)

    def to_numpy(result: Any) -> NDArray[Any]:
        if result.dtype != torch.bfloat16:
            return np.asarray(result)
        return np.asarray(result.view(torch.int16)).view("bfloat16")

    def prepare(function: Function, names: Names) -> Names:
        arrays = {name: value for name, value in (names | booleans(names)).items() if isinstance(value, np.ndarray)}
        return {"torch": torch} | operators | {name: tensor(value) for name, value in arrays.items()}

    return Library("torch", WAYS, prepare, DTYPES, to_numpy)
