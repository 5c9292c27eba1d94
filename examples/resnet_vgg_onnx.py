# SPDX-License-Identifier: BSD-3-Clause
"""Run ResNet-50 and VGG-19 in ONNX's reference evaluator, with its own operators and with those of relu_simd.

The graphs are the ones that the onnx package ships. They come without trained weights, so convolutions and
dense layers get Kaiming weights, and normalisations do nothing: the classes mean nothing, the work is real.
Every tensor in the network is compared, and the time in each node is measured, in turns; once more with one
thread in relu_simd, for after a matrix product the threads of NumPy's BLAS may still hold the CPUs.
"""

import argparse
import time
from collections import Counter
from pathlib import Path

import matplotlib.style
import numpy as np
import onnx.backend.test
from matplotlib.figure import Figure
from onnx.numpy_helper import to_array
from onnx.reference import ReferenceEvaluator
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.datasets import load_sample_image

import relu_simd
from relu_simd.init import kaiming_normal
from relu_simd.integrations.onnx import new_ops

GRAPHS = Path(onnx.backend.test.__file__).parent / "data" / "light"
MODELS = {"resnet50": "ResNet-50", "vgg19": "VGG-19", "squeezenet": "SqueezeNet"}
THREADS = relu_simd.get_num_threads()
SIDES = {"stock": ([], THREADS), "relu_simd": (new_ops, THREADS), "relu_simd, 1 thread": (new_ops, 1)}


def photograph():
    """Return the middle of a photograph in the shape and range the networks take."""
    image = load_sample_image("china.jpg")[100:324, 200:424].astype("f4")
    return ((image - image.mean()) / image.std()).transpose(2, 0, 1)[None]


def load(name):
    """Return the graph, freed of its constant weights, and what to feed in their place."""
    model = onnx.load(GRAPHS / f"light_{name}.onnx")
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    feeds = {value.name: photograph() for value in model.graph.input if value.name not in constants}
    nodes = [node for node in model.graph.node if node.op_type != "ConstantOfShape"]
    ones = {node.input[k] for node in nodes if node.op_type == "BatchNormalization" for k in (1, 4)}
    rng = np.random.default_rng(0)
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            (weight,) = node.output
            shape = to_array(constants[node.input[0]])
            if len(shape) > 1:
                feeds[weight] = kaiming_normal(tuple(shape), rng=rng)
            else:
                feeds[weight] = np.full(shape, weight in ones, "f4")
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model, feeds


def stopwatch(session):
    """Return a counter to which every node of the session adds its seconds, under its operator's name."""
    seconds = Counter()
    for node in session.rt_nodes_:

        def run(*arguments, inner=node.run, kind=node.onnx_node.op_type, **keywords):
            start = time.perf_counter()
            result = inner(*arguments, **keywords)
            seconds[kind] += time.perf_counter() - start
            return result

        node.run = run
    return seconds


def measure(name, repeats, console):
    """Return whether all tensors are equal, the number of ReLUs, and for each side seconds in ReLU and in all."""
    model, feeds = load(name)
    sessions = {side: ReferenceEvaluator(model, new_ops=ops) for side, (ops, _) in SIDES.items()}
    stock, ours = (sessions[side].run(None, feeds, intermediate=True) for side in ("stock", "relu_simd"))
    equal = all(np.array_equal(value, ours[tensor]) for tensor, value in stock.items() if tensor)
    del stock, ours
    clocks = {side: stopwatch(session) for side, session in sessions.items()}
    times = {side: [] for side in SIDES}
    for _ in track(range(repeats), f"{MODELS[name]:10}", console=console, transient=True):
        for side, session in sessions.items():
            clocks[side].clear()
            relu_simd.set_num_threads(SIDES[side][1])
            session.run(None, feeds)
            times[side].append((clocks[side]["Relu"], clocks[side].total()))
    relus = sum(node.op_type == "Relu" for node in model.graph.node)
    return equal, relus, {side: tuple(np.median(rounds, axis=0)) for side, rounds in times.items()}


def tabulate(results):
    table = Table("model", "ReLUs", "all tensors equal", "operators", "in ReLU", "share", "in all nodes")
    for name, (equal, relus, times) in results.items():
        for side, (relu, total) in times.items():
            first = [MODELS[name], str(relus), "yes" if equal else "NO"] if side == "stock" else [""] * 3
            table.add_row(*first, side, f"{1e3 * relu:.1f} ms", f"{relu / total:.1%}", f"{1e3 * total:.0f} ms")
    return table


def draw(results, path):
    matplotlib.style.use("petroff10")
    figure = Figure(figsize=(10, 0.9 + 1.3 * len(results)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, column, title in zip(panels, (0, 1), ("ReLU nodes", "all nodes"), strict=True):
        for k, side in enumerate(SIDES):
            milliseconds = [1e3 * times[side][column] for _, _, times in results.values()]
            bars = panel.barh(np.arange(len(results)) + 0.3 * (k - 1), milliseconds, height=0.26, label=side)
            panel.bar_label(bars, [f"{ms:.0f}" if ms > 100 else f"{ms:.1f}" for ms in milliseconds], padding=3)
        panel.set(title=title, xlabel="milliseconds, median")
        panel.margins(x=0.15)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(results)), [MODELS[name] for name in results])
    panels[0].invert_yaxis()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(SIDES))
    figure.savefig(path, dpi=100)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["resnet50", "vgg19"], metavar="MODEL",
                        help=f"of {', '.join(MODELS)} (default: the first two)")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=3, help="timed runs, of which the median counts (default 3)")
    parser.add_argument("--picture", type=Path, default="resnet_vgg.png", help="where to draw (default resnet_vgg.png)")
    options = parser.parse_args(argv)
    console = Console()
    try:
        results = {name: measure(name, options.repeats, console) for name in options.models}
    finally:
        relu_simd.set_num_threads(THREADS)
    console.print(tabulate(results))
    draw(results, options.picture)
    console.print(f"picture: {options.picture}")
    return results


if __name__ == "__main__":
    main()
