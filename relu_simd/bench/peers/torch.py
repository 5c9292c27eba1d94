# SPDX-License-Identifier: BSD-3-Clause
"""The functions as torch's CPU operators, gradients as its autograd calls them."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relu_simd._rows import Way
from relu_simd.bench.functions import Function
from relu_simd.bench.ways import Library, Names, booleans

DTYPES = ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64")

# Operators of one tensor and its parameters, and gradients, which have a variant that writes to a given tensor.
FORWARD = ("gelu", "silu", "mish", "elu", "softplus", "hardsigmoid", "hardswish", "hardshrink", "softshrink")
BACKWARD = ("gelu", "silu", "elu", "softplus", "hardsigmoid", "hardshrink", "softshrink")

# Names in the statements for what torch.ops.aten has.
ATEN = {
    **{name: f"{name}.default" for name in FORWARD},
    **{f"{name}_out": f"{name}.out" for name in FORWARD},
    **{f"{name}_backward": f"{name}_backward.default" for name in BACKWARD},
    **{f"{name}_backward_out": f"{name}_backward.grad_input" for name in BACKWARD},
    "mish_backward": "mish_backward.default",
    "hardswish_backward": "hardswish_backward.default",
    "log_sigmoid_backward": "log_sigmoid_backward.default",
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


def _forward(operator: str, arguments: str = "x") -> Way:
    call = f"{operator}_out({arguments}, out="
    return Way(f"{operator}({arguments})", out=f"{call}out)", inplace=f"{call}x)")


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
    "hardtanh": (_forward("hardtanh", "x, min_val, max_val"),),
    "hardtanh_backward": (_gradient("hardtanh_backward", "g, x, min_val, max_val"),),
    "threshold": (Way("torch.threshold(x, threshold, value)", inplace="torch.threshold_(x, threshold, value)"),),
    "threshold_backward": (_gradient("threshold_backward", "g, x, threshold"),),
    "hardshrink": (_forward("hardshrink", "x, lambd"),),
    "hardshrink_backward": (_gradient("hardshrink_backward", "g, x, lambd"),),
    "softshrink": (_forward("softshrink", "x, lambd"),),
    "softshrink_backward": (_gradient("softshrink_backward", "g, x, lambd"),),
    "relu_squared": (Way("torch.relu(x).square_()", inplace="torch.relu_(x).square_()"),),
    "hardsigmoid": (_forward("hardsigmoid"),),
    "hardsigmoid_backward": (  # in float64 its sixth is a float32
        replace(_gradient("hardsigmoid_backward", "g, x"), without=("float64",)),
    ),
    "hardswish": (_forward("hardswish"),),
    "hardswish_backward": (Way("hardswish_backward(g, x)"),),
    "softsign": (Way("torch.nn.functional.softsign(x)"),),
    "elu": (_forward("elu", "x, alpha"),),
    "elu_backward": (_gradient("elu_backward", "g, alpha, 1, 1, False, x"),),
    "celu": (Way("torch.celu(x, alpha)", inplace="torch.celu_(x, alpha)"),),
    "celu_backward": (_gradient("elu_backward", "g, alpha, 1, 1 / alpha, False, x"),),
    "selu": (Way("torch.selu(x)", inplace="torch.selu_(x)"),),
    "selu_backward": (_gradient("elu_backward", "g, 1.6732632423543772, 1.0507009873554805, 1, False, x"),),
    "silu": (_forward("silu"),),
    "silu_backward": (_gradient("silu_backward", "g, x"),),
    "gelu": (_forward("gelu"),),
    "gelu_backward": (_gradient("gelu_backward", "g, x"),),
    "gelu_tanh": (_forward("gelu", "x, approximate='tanh'"),),
    "gelu_tanh_backward": (_gradient("gelu_backward", "g, x, approximate='tanh'"),),
    "mish": (_forward("mish"),),
    "mish_backward": (Way("mish_backward(g, x)"),),
    "softplus": (_forward("softplus", "x, beta"),),
    "softplus_backward": (_gradient("softplus_backward", "g, x, beta, 20"),),
    "logsigmoid": (Way("torch.nn.functional.logsigmoid(x)"),),
    "logsigmoid_backward": (Way("log_sigmoid_backward(g, x, buffer)"),),
    "tanhshrink": (Way("torch.nn.functional.tanhshrink(x)"),),
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
        tensors = {name: tensor(value) for name, value in arrays.items()}
        if function.name == "logsigmoid_backward":  # what the forward keeps for it
            tensors["buffer"] = torch.ops.aten.log_sigmoid_forward(tensors["x"])[1]
        return {"torch": torch} | operators | tensors

    return Library("torch", WAYS, prepare, DTYPES, to_numpy)
