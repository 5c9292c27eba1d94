# SPDX-License-Identifier: BSD-3-Clause
"""The functions as ONNX graphs.

ONNX has no operator for the gradients, and LeakyRelu's slope is a float32 whatever the data are:
those are put together from others.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np

from relu_simd._rows import Way
from relu_simd.bench.functions import Function
from relu_simd.bench.ways import Library, Names

TYPES = {"float32": "float", "float64": "double", "float16": "float16"}

# {t} is the type of the data; zero, one, six and the function's parameters are constants of it.
SELECT = "active = Greater(x, zero)  scaled = Mul({v}, slope)  result = Where(active, {v}, scaled)"
NODES = {
    "relu": "result = Relu(x)",
    "relu_backward": "active = Greater(x, zero)  result = Where(active, g, zero)",
    "leaky_relu": SELECT.format(v="x"),
    "leaky_relu float": "result = LeakyRelu<alpha = {slope}>(x)",
    "leaky_relu_backward": SELECT.format(v="g"),
    "prelu": "result = PRelu(x, weight)",
    "relu6": "result = Clip(x, zero, six)",
    "relu6_backward": "low = Greater(x, zero)  high = Less(x, six)  active = And(low, high)"
    "  result = Where(active, g, zero)",
    "add_relu": "sum = Add(a, b)  result = Relu(sum)",
    "add_relu_bias": "sum = Add(a, bias)  result = Relu(sum)",
    "hardtanh": "result = Clip(x, min_val, max_val)",
    "hardshrink": "result = Shrink<bias = 0.0, lambd = {lambd}>(x)",
    "softshrink": "result = Shrink<bias = {lambd}, lambd = {lambd}>(x)",
    "relu_squared": "positive = Relu(x)  result = Mul(positive, positive)",
    "hardsigmoid": "result = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x)",
    "hardswish": "result = HardSwish(x)",
    "softsign": "result = Softsign(x)",
    "elu": "result = Elu<alpha = {alpha}>(x)",
    "celu": "result = Celu<alpha = {alpha}>(x)",
    "selu": "result = Selu(x)",
    "silu": "scaled = Mul(x, beta)  s = Sigmoid(scaled)  result = Mul(x, s)",
    "gelu": "result = Gelu(x)",
    "gelu_tanh": 'result = Gelu<approximate = "tanh">(x)',
    "mish": "result = Mish(x)",
    "softplus": "scaled = Mul(x, beta)  y = Softplus(scaled)  result = Div(y, beta)",
    "logsigmoid": "negative = Neg(x)  y = Softplus(negative)  result = Neg(y)",
    "tanhshrink": "t = Tanh(x)  result = Sub(x, t)",
    "sigmoid": "result = Sigmoid(x)",
    "sigmoid_backward": "rest = Sub(one, y)  slope_there = Mul(y, rest)  result = Mul(g, slope_there)",
    "tanh": "result = Tanh(x)",
    "tanh_backward": "square = Mul(y, y)  slope_there = Sub(one, square)  result = Mul(g, slope_there)",
}

# It has no kernel for these in float64, or computes them with constants of float32.
_NO_DOUBLE = ("float64",)
WITHOUT = {
    "prelu": _NO_DOUBLE,
    "hardshrink": _NO_DOUBLE,
    "softshrink": _NO_DOUBLE,
    "hardsigmoid": _NO_DOUBLE,
    "hardswish": _NO_DOUBLE,
    "softsign": _NO_DOUBLE,
    "elu": _NO_DOUBLE,
    "celu": ("float64", "float16"),
    "selu": _NO_DOUBLE,
    "gelu": _NO_DOUBLE,
    "gelu_tanh": _NO_DOUBLE,
    "mish": _NO_DOUBLE,
    "softplus": _NO_DOUBLE,
    "logsigmoid": _NO_DOUBLE,
}


def load_onnxruntime(threads: int) -> Library:
    """Load onnxruntime: a session for each cell; `out` is bound to it once."""
    helper, parser, onnxruntime = (import_module(name) for name in ("onnx.helper", "onnx.parser", "onnxruntime"))

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads

    def model(function: Function, names: Names) -> bytes:
        first = names[function.inputs[0]]
        t, params = TYPES[first.dtype.name], {name: names[name] for name, _ in function.params}
        dims = ["rows", "channels"][: first.ndim]
        inputs = ", ".join(
            f"{t}[{', '.join(dims[-names[name].ndim :])}] {name}" for name in function.inputs if name not in params
        )
        nodes = NODES.get(f"{function.name} {t}", NODES[function.name]).format(**params)
        graph = f"{function.name} ({inputs}) => ({t}[{', '.join(dims)}] result) {{ {nodes} }}"
        made = parser.parse_model(f'<ir_version: 9, opset_import: ["": 20]> {graph}')
        numbers = {"zero": 0, "one": 1, "six": 6} | params
        for name, value in numbers.items():
            if any(name in node.input for node in made.graph.node):
                raw = np.array(value, first.dtype).tobytes()
                kind = helper.np_dtype_to_tensor_dtype(first.dtype)
                made.graph.initializer.append(helper.make_tensor(name, kind, [], raw, raw=True))
        serialized: bytes = made.SerializeToString()
        return serialized

    def prepare(function: Function, names: Names) -> Names:
        session = onnxruntime.InferenceSession(model(function, names), options, providers=["CPUExecutionProvider"])
        feed = {name: names[name] for name in function.inputs if name not in dict(function.params)}
        binding = session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, array)
        binding.bind_ortvalue_output("result", onnxruntime.OrtValue.ortvalue_from_numpy(names["out"]))
        return {"session": session, "feed": feed, "binding": binding}

    way = Way("session.run(None, feed)[0]", out="session.run_with_iobinding(binding)")
    ways = {name: (replace(way, without=WITHOUT.get(name, ())),) for name in NODES if " " not in name}
    return Library("onnxruntime", ways, prepare, tuple(TYPES))
