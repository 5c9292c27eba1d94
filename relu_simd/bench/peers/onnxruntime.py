# SPDX-License-Identifier: BSD-3-Clause
"""The functions as ONNX graphs.

ONNX has no operator for the gradients, and LeakyRelu's slope is a float32 whatever the data are:
those are put together from others.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np

from relu_simd._rows import Way
from relu_simd.bench.functions import Function
from relu_simd.bench.ways import Library, Names

TYPES = {"float32": "float", "float64": "double", "float16": "float16"}

# {t} is the type of the data; zero, one, six and slope are constants of it.
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
    "sigmoid": "result = Sigmoid(x)",
    "sigmoid_backward": "rest = Sub(one, y)  slope_there = Mul(y, rest)  result = Mul(g, slope_there)",
    "tanh": "result = Tanh(x)",
    "tanh_backward": "square = Mul(y, y)  slope_there = Sub(one, square)  result = Mul(g, slope_there)",
}


def load_onnxruntime(threads: int) -> Library:
    """Load onnxruntime: a session for each cell; `out` is bound to it once."""
    helper, parser, onnxruntime = (import_module(name) for name in ("onnx.helper", "onnx.parser", "onnxruntime"))

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads

    def model(function: Function, names: Names) -> bytes:
        first = names[function.inputs[0]]
        t, slope = TYPES[first.dtype.name], names.get("slope")
        dims = ["rows", "channels"][: first.ndim]
        inputs = ", ".join(
            f"{t}[{', '.join(dims[-names[name].ndim :])}] {name}" for name in function.inputs if name != "slope"
        )
        nodes = NODES.get(f"{function.name} {t}", NODES[function.name]).format(slope=slope)
        graph = f"{function.name} ({inputs}) => ({t}[{', '.join(dims)}] result) {{ {nodes} }}"
        made = parser.parse_model(f'<ir_version: 9, opset_import: ["": 17]> {graph}')
        numbers = {"zero": 0, "one": 1, "six": 6} | ({} if slope is None else {"slope": slope})
        for name, value in numbers.items():
            if any(name in node.input for node in made.graph.node):
                raw = np.array(value, first.dtype).tobytes()
                kind = helper.np_dtype_to_tensor_dtype(first.dtype)
                made.graph.initializer.append(helper.make_tensor(name, kind, [], raw, raw=True))
        serialized: bytes = made.SerializeToString()
        return serialized

    def prepare(function: Function, names: Names) -> Names:
        session = onnxruntime.InferenceSession(model(function, names), options, providers=["CPUExecutionProvider"])
        feed = {name: names[name] for name in function.inputs if name != "slope"}
        binding = session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, array)
        binding.bind_ortvalue_output("result", onnxruntime.OrtValue.ortvalue_from_numpy(names["out"]))
        return {"session": session, "feed": feed, "binding": binding}

    way = Way("session.run(None, feed)[0]", out="session.run_with_iobinding(binding)")
    ways = dict.fromkeys((key for key in NODES if " " not in key), (way,))
    return Library("onnxruntime", ways, prepare, tuple(TYPES))
