# SPDX-License-Identifier: BSD-3-Clause
"""The operations as ONNX graphs.

ONNX has no operator for the gradients, and LeakyRelu's slope is a float32 whatever the data are:
those are put together from Where.
"""

from __future__ import annotations

from importlib import import_module

from relu_simd.bench.ways import Library, Names, Way

SELECT = """zero = Constant<value = {t} {{0.0}}>()  active = Greater(x, zero)
    slope = Constant<value = {t} {{{a}}}>()  scaled = Mul({v}, slope)  y = Where(active, {v}, scaled)"""
NODES = {
    "relu": "y = Relu(x)",
    "relu_backward": "zero = Constant<value = {t} {{0.0}}>()  active = Greater(x, zero)  y = Where(active, g, zero)",
    "leaky_relu": SELECT,
    "leaky_relu float": "y = LeakyRelu<alpha = {a}>(x)",
    "leaky_relu_backward": SELECT,
}


def load_onnxruntime(threads: int) -> Library:
    """Load onnxruntime: a session for each cell; `out` is bound to it once."""
    parser, onnxruntime = import_module("onnx.parser"), import_module("onnxruntime")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads

    def prepare(op: str, names: Names) -> Names:
        t = {"float32": "float", "float64": "double"}[names["x"].dtype.name]
        feed = {name: names[name] for name in ("g", "x") if name in names}
        nodes = NODES.get(f"{op} {t}", NODES[op]).format(t=t, a=names.get("a"), v=next(iter(feed)))
        inputs = ", ".join(f"{t}[n] {name}" for name in feed)
        model = parser.parse_model(
            f'<ir_version: 9, opset_import: ["": 17]> {op} ({inputs}) => ({t}[n] y) {{ {nodes} }}'
        )
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, array)
        if "out" in names:
            binding.bind_ortvalue_output("y", onnxruntime.OrtValue.ortvalue_from_numpy(names["out"]))
        return {"session": session, "feed": feed, "binding": binding}

    way = Way("session.run(None, feed)[0]", out="session.run_with_iobinding(binding)")
    return Library("onnxruntime", dict.fromkeys((key for key in NODES if " " not in key), (way,)), prepare)
