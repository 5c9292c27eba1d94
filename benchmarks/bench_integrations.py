# SPDX-License-Identifier: BSD-3-Clause
"""What whole jobs gain: the same job with a library's own activations, with ours, and with none.

The share of the activations is what the job without them saves. All three take turns; figures are medians.
With --activations it measures a library's activations one by one instead, on 100,000 float32.
ONNX has examples/resnet_vgg_onnx.py, too.
"""

import argparse
import ctypes
import time
import warnings
from functools import partial

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.datasets import load_digits

import relu_simd


def sklearn_job(shape, hidden):
    from sklearn.neural_network import MLPClassifier, _base

    from relu_simd.integrations.sklearn import patched_sklearn

    x, y = load_digits(return_X_y=True) if shape is None else (np.random.default_rng(0).standard_normal(shape), None)
    y = np.arange(len(x)) % 10 if y is None else y

    def fit(activation):
        MLPClassifier(hidden, activation=activation, max_iter=3, random_state=0).fit(x.astype("f4"), y)

    def ours():
        with patched_sklearn():
            fit("relu")

    assert "identity" in _base.ACTIVATIONS
    return {"stock": partial(fit, "relu"), "relu_simd": ours, "none": partial(fit, "identity")}


def autograd_job():
    import autograd.numpy as anp
    from autograd import grad

    from relu_simd.init import kaiming_normal
    from relu_simd.integrations.autograd import relu

    x, y = load_digits(return_X_y=True)
    x, wanted = (x / 16).astype("f4"), np.eye(10, dtype="f4")[y]
    weights = [kaiming_normal(shape, rng=0).T for shape in ((256, 64), (256, 256), (10, 256))]

    def loss(weights, activation):
        h = x
        for weight in weights[:-1]:
            h = activation(h @ weight)
        return anp.mean((h @ weights[-1] - wanted) ** 2)

    step = grad(loss)
    activations = {"stock": lambda h: anp.maximum(h, 0), "relu_simd": relu, "none": lambda h: h}
    return {side: lambda f=f: [step(weights, f) for _ in range(5)] for side, f in activations.items()}


def thinc_job(activation):
    import thinc.api
    from thinc.api import Adam, Linear, NumpyOps, Softmax, chain, use_ops

    import relu_simd.integrations.thinc  # noqa: F401  registers the backend

    x, y = load_digits(return_X_y=True)
    x, wanted = (x / 16).astype("f4"), np.eye(10, dtype="f4")[y]

    def train(name, layer):
        with use_ops(name):
            model = chain(layer(256), layer(256), Softmax()).initialize(x, wanted)
            assert isinstance(model.ops, NumpyOps)
        optimiser = Adam(0.001)
        for _ in range(5):
            guess, back = model.begin_update(x)
            back(guess - wanted)
            model.finish_update(optimiser)

    layer = getattr(thinc.api, activation)
    return {
        "stock": partial(train, "numpy", layer),
        "relu_simd": partial(train, "relu_simd", layer),
        "none": partial(train, "numpy", Linear),
    }


def spacy_job(trains):
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example
    from thinc.api import NumpyOps, get_ops, set_current_ops

    class WithoutMish(NumpyOps):
        def mish(self, X, threshold=20.0, inplace=False):
            return X

        def backprop_mish(self, dY, X, threshold=20.0, inplace=False):
            return dY

    embed = {"@architectures": "spacy.MultiHashEmbed.v2", "width": 256, "attrs": ["NORM", "SHAPE"],
             "rows": [5000, 2500], "include_static_vectors": False}  # fmt: skip
    encode = {"@architectures": "spacy.MishWindowEncoder.v2", "width": 256, "depth": 4, "window_size": 1}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    texts = [[f"w{k}" for k in line] for line in np.random.default_rng(0).integers(3000, size=(100, 25))]

    def job(ops):
        set_current_ops(ops)
        nlp = spacy.blank("en")
        nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}})
        examples = [Example.from_dict(Doc(nlp.vocab, words), {"tags": [each[-1] for each in words]}) for words in texts]
        optimiser = nlp.initialize(lambda: examples)
        set_current_ops(NumpyOps())

        def predict():
            for _ in nlp.pipe([Doc(nlp.vocab, words) for words in texts], batch_size=100):
                pass

        return partial(nlp.update, examples, sgd=optimiser) if trains else predict

    sides = {"stock": NumpyOps(), "relu_simd": get_ops("relu_simd"), "none": WithoutMish()}
    return {side: job(ops) for side, ops in sides.items()}


def keep_memory():
    """Have the C library keep freed memory, where it is glibc.

    Otherwise it gives large blocks back to the system and takes them again, or not, as addresses fall: page faults
    were a quarter of the PyTorch job's time in one process and none in the next, and hid what activations take.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    trim_threshold, mmap_threshold = -1, -3
    if mallopt is not None:
        mallopt(mmap_threshold, 1 << 30)
        mallopt(trim_threshold, (1 << 31) - 1)


def torch_job():
    import torch

    keep_memory()

    from relu_simd.integrations.torch import ReLU

    images = torch.randn(16, 3, 64, 64)

    def train(activation):
        layers = [torch.nn.Conv2d(3, 32, 3), activation(), torch.nn.Conv2d(32, 32, 3), activation(), torch.nn.Flatten()]
        net = torch.nn.Sequential(*layers, torch.nn.Linear(32 * 60 * 60, 10))
        for _ in range(3):
            net(images).square().mean().backward()

    return {side: partial(train, f) for side, f in
            (("stock", torch.nn.ReLU), ("relu_simd", ReLU), ("none", torch.nn.Identity))}  # fmt: skip


JOBS = {
    "sklearn: digits, 100 hidden": partial(sklearn_job, None, (100,)),
    "sklearn: 10 inputs, 4096 hidden": partial(sklearn_job, (2000, 10), (4096,)),
    "autograd: digits, 256, 256": autograd_job,
    **{f"thinc: digits, 256, 256, {name}": partial(thinc_job, name) for name in ("Relu", "Gelu", "Mish")},
    "spacy: tagger with Mish, prediction": partial(spacy_job, False),
    "spacy: tagger with Mish, training": partial(spacy_job, True),
    "torch: two convolutions": torch_job,
}


def some(seed):
    return np.random.default_rng(seed).standard_normal((100, 1000), "f4")


def thinc_activations():
    """Each method and its gradient."""
    from thinc.api import NumpyOps

    from relu_simd.integrations.thinc import ReluSimdOps

    x, g = some(0), some(1)
    sides = {"stock": NumpyOps(), "relu_simd": ReluSimdOps()}
    names = "relu relu_k clipped_linear hard_sigmoid hard_tanh hard_swish hard_swish_mobilenet sigmoid swish gelu"
    for name in [*names.split(), "gelu_approx", "mish", "dish"]:
        y = getattr(sides["stock"], name)(x)
        inputs = (g, x, y) if name == "swish" else (g, y) if name in ("relu", "sigmoid") else (g, x)
        for method, arguments in ((name, (x,)), (f"backprop_{name}", inputs)):
            yield method, {side: partial(getattr(ops, method), *arguments) for side, ops in sides.items()}


def onnx_activations():
    """A model of one node each."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    from relu_simd.integrations.onnx import new_ops

    inputs = {"x": some(0), "slope": np.float32([0.25]), "low": np.array(-1, "f4"), "high": np.array(1, "f4")}
    more = {"PRelu": ["slope"], "Clip": ["low", "high"]}
    for operator in sorted(each.__name__ for each in new_ops):
        names = ["x", *more.get(operator, [])]
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, inputs[name].shape) for name in names]
        result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph([helper.make_node(operator, names, ["y"])], "one", values, [result])
        feed = {name: inputs[name] for name in names}
        yield (
            operator,
            {
                side: partial(ReferenceEvaluator(helper.make_model(graph), new_ops=ops).run, None, feed)
                for side, ops in (("stock", None), ("relu_simd", new_ops))
            },
        )


def torch_activations():
    """Each layer forwards, and forwards and back."""
    import torch

    from relu_simd.integrations import torch as ours

    torch.set_num_threads(relu_simd.get_num_threads())
    x, g = torch.from_numpy(some(0)), torch.from_numpy(some(1))

    def both_ways(layer):
        layer(x.detach().requires_grad_()).backward(g)

    names = [name for name in ours.__all__ if name[0].isupper()]
    for name, options in [*((name, {}) for name in names), ("GELU", {"approximate": "tanh"})]:
        sides = {side: getattr(layers, name)(**options) for side, layers in (("stock", torch.nn), ("relu_simd", ours))}
        label = " ".join([name, *options.values()])
        yield label, {side: partial(layer, x) for side, layer in sides.items()}
        yield f"{label}, with its gradient", {side: partial(both_ways, layer) for side, layer in sides.items()}


ACTIVATIONS = {"thinc": thinc_activations, "onnx": onnx_activations, "torch": torch_activations}


def measure(sides, rounds, title, console):
    seconds = {side: [] for side in sides}
    for k in track(range(rounds + 1), title, console=console, transient=True):
        for side, job in sides.items():
            start = time.perf_counter()
            job()
            if k:  # the first round warms up
                seconds[side].append(time.perf_counter() - start)
    return {side: np.median(each) for side, each in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", help="beginnings of names, such as sklearn (default: all that is installed)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--activations", choices=ACTIVATIONS, help="measure the activations of this library")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of fits that stop early
    console = Console()
    if options.activations:
        table = Table("ns per element", "stock", "relu_simd")
        for name, sides in ACTIVATIONS[options.activations]():
            stock, ours = (1e9 * each / some(0).size for each in measure(sides, options.rounds, name, console).values())
            table.add_row(name, f"{stock:.2f}", f"{ours:.2f}")
        console.print(table)
        return
    table = Table("job", "stock", "relu_simd", "share of activations", "time saved")
    for name, make in JOBS.items():
        if options.jobs and not name.startswith(tuple(options.jobs)):
            continue
        try:
            sides = make()
        except ImportError as error:
            console.print(f"{name}: {error}")
            continue
        stock, ours, none = measure(sides, options.rounds, name, console).values()
        table.add_row(name, f"{1e3 * stock:.0f} ms", f"{1e3 * ours:.0f} ms", f"{1 - none / stock:.0%}",
                      f"{1 - ours / stock:.0%}")  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main()
