# SPDX-License-Identifier: BSD-3-Clause
"""Train networks on scikit-learn's handwritten digits, in NumPy, and measure what tutorials say of ReLU.

Gradients come from autograd (HIPS), activations and their derivatives from relu_simd.

1. accuracy: a ReLU network with batch normalisation.
2. convergence: ReLU, LeakyReLU, Sigmoid and Tanh, with 2 and with 10 hidden layers, from Kaiming
   initialisation with the gain of each, the same data, order, learning rate and momentum; beside the loss,
   the gradient of each layer before the first step.
3. dying units: how many units are positive for no training image, by learning rate; with ReLU, with
   LeakyReLU, and with ReLU behind batch normalisation.

Figures of 2 and 3 are means over the seeds.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import autograd.numpy as np
import matplotlib.style
from autograd import value_and_grad
from autograd.scipy.special import logsumexp
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from relu_simd import count_active
from relu_simd.init import kaiming_normal
from relu_simd.integrations import autograd as activations

NAMES = ("relu", "leaky_relu", "sigmoid", "tanh")
DEPTHS = {"shallow": (128, 128), "deep": (64,) * 10}
RATES = (0.05, 0.1, 0.2, 0.3, 0.5)
CURES = {"relu": ("relu", False), "leaky_relu": ("leaky_relu", False), "relu, batch norm": ("relu", True)}
LINES = ("o-", "s--", "^-", "D-")
BATCH, MOMENTUM = 64, 0.9


class Net(NamedTuple):
    hidden: tuple[int, ...]
    activation: str = "relu"
    batch_norm: bool = False

    def initial(self, rng):
        """Return a weight, a shift and a scale for each layer."""
        sizes = (64, *self.hidden, 10)
        kinds = [self.activation] * len(self.hidden) + ["linear"]
        return [
            (kaiming_normal((n_out, n_in), nonlinearity=kind, rng=rng).T, np.zeros(n_out, "f4"), np.ones(n_out, "f4"))
            for kind, n_in, n_out in zip(kinds, sizes, sizes[1:], strict=False)
        ]

    def forward(self, params, x, moments=None):
        """Return the logits, what each activation was given, and the moments of each layer."""
        given, used = [], []
        for k, (weight, shift, scale) in enumerate(params[:-1]):
            x = x @ weight
            if self.batch_norm:
                mean, variance = moments[k] if moments else (np.mean(x, axis=0), np.var(x, axis=0))
                used.append((mean, variance))
                x = (x - mean) / np.sqrt(variance + 1e-5) * scale
            given.append(x + shift)
            x = getattr(activations, self.activation)(given[-1])
        weight, shift, _ = params[-1]
        return x @ weight + shift, given, used


class Trained(NamedTuple):
    loss: list[float]  # of each epoch
    gradient: list[float]  # norm for each layer's weight before the first step
    inactive: float  # share of hidden units that are positive for no training image
    accuracy: float  # on the test images


def digits():
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype("f4")
    return train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)


def train(net, data, rate, epochs, seed):
    x, x_test, y, y_test = data
    rng = np.random.default_rng(seed)
    params, wanted = net.initial(rng), np.eye(10, dtype="f4")[y]

    def loss(params, rows):
        logits = net.forward(params, x[rows])[0]
        return np.mean(logsumexp(logits, axis=1) - np.sum(wanted[rows] * logits, axis=1))

    loss_and_gradient = value_and_grad(loss)
    _, first = loss_and_gradient(params, slice(None))
    velocity, curve = [[0 * p for p in layer] for layer in params], []
    for _ in range(epochs):
        order, losses = rng.permutation(len(x)), []
        for start in range(0, len(x) - BATCH + 1, BATCH):
            value, gradient = loss_and_gradient(params, order[start : start + BATCH])
            velocity = update(velocity, gradient, lambda v, g: MOMENTUM * v - rate * g)
            params = update(params, velocity, lambda p, v: p + v)
            losses.append(value)
        curve.append(float(np.mean(losses)))
    _, given, moments = net.forward(params, x)
    inactive = np.concatenate([count_active(z, axis=0) == 0 for z in given])
    guess = np.argmax(net.forward(params, x_test, moments)[0], axis=1)
    return Trained(curve, [np.linalg.norm(g[0]) for g in first], inactive.mean(), np.mean(guess == y_test))


def update(layers, others, step):
    return [tuple(step(*pair) for pair in zip(*pairs, strict=True)) for pairs in zip(layers, others, strict=True)]


def mean(runs):
    """Average over the seeds, field by field."""
    return Trained(*(np.mean(np.array(field), axis=0) for field in zip(*runs, strict=True)))


def measure(options, console):
    """Train everything; return the runs of part 1, and means over seeds for parts 2 and 3."""
    data, seeds = digits(), range(options.seeds)
    jobs = len(seeds) * (1 + len(NAMES) * len(DEPTHS) + len(CURES) * len(RATES))
    with Progress(console=console, transient=True) as progress, np.errstate(all="ignore"):  # some are meant to diverge
        task = progress.add_task("", total=jobs)

        def each_seed(what, *arguments):
            runs = []
            for seed in seeds:
                progress.update(task, description=what)
                runs.append(train(*arguments, seed))
                progress.advance(task)
            return runs

        start = time.perf_counter()
        best = each_seed("batch norm", Net((256, 128), "relu", True), data, 0.2, options.epochs)
        seconds = (time.perf_counter() - start) / len(seeds)
        curves = {
            (depth, name): mean(each_seed(f"{depth} {name}", Net(hidden, name), data, options.rate, options.epochs))
            for depth, hidden in DEPTHS.items()
            for name in NAMES
        }
        dying = {
            (cure, rate): mean(each_seed(f"{cure}, rate {rate}", Net((128, 128), *net), data, rate, options.epochs))
            for cure, net in CURES.items()
            for rate in RATES
        }
    return best, seconds, curves, dying


def tables(best, seconds, curves, dying):
    accuracies = " ".join(f"{run.accuracy:.1%}" for run in best)
    yield f"ReLU and batch normalisation: {accuracies} of the test images right, {seconds:.1f} s a network"
    table = Table("net", "activation", "loss < 0.1", "last loss", "test", "gradient", "inactive")
    table.caption = "loss < 0.1: after which epoch; gradient: norm in the first and in the last layer, untrained"
    for (depth, name), run in curves.items():
        below = np.flatnonzero(np.array(run.loss) < 0.1)
        table.add_row(
            depth,
            name,
            f"{below[0] + 1}" if len(below) else "never",
            f"{run.loss[-1]:.4f}",
            f"{run.accuracy:.1%}",
            f"{run.gradient[0]:.1g}, {run.gradient[-1]:.1g}",
            f"{run.inactive:.1%}",
        )
    yield table
    table = Table("learning rate", *map(str, RATES), caption="inactive units (test accuracy)")
    for cure in CURES:
        table.add_row(cure, *(verdict(dying[cure, rate]) for rate in RATES))
    yield table


def verdict(run):
    return f"{run.inactive:.1%} ({run.accuracy:.0%})" if np.isfinite(run.loss[-1]) else "diverged"


def draw(best, curves, dying, path):
    matplotlib.style.use("petroff10")
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    (shallow, deep), (gradient, units) = figure.subplots(2, 2)
    for panel, depth in ((shallow, "shallow"), (deep, "deep")):
        for name, line in zip(NAMES, LINES, strict=True):
            loss = curves[depth, name].loss
            panel.semilogy(range(1, len(loss) + 1), loss, line, markersize=4, label=name)
        panel.set(title=f"{depth}: {len(DEPTHS[depth])} hidden layers", xlabel="epoch", ylabel="training loss")
    for name, line in zip(NAMES, LINES, strict=True):
        norms = curves["deep", name].gradient
        gradient.semilogy(range(1, len(norms) + 1), norms, line, markersize=4, label=name)
    gradient.set(title="deep: gradient before the first step", xlabel="layer", ylabel="norm")
    for cure, line in zip(CURES, LINES, strict=False):
        runs = {rate: dying[cure, rate] for rate in RATES}
        finite = [rate for rate, run in runs.items() if np.isfinite(run.loss[-1])]
        label = cure if len(finite) == len(RATES) else f"{cure} (diverged at the other rates)"
        units.semilogx(finite, [100 * runs[rate].inactive for rate in finite], line, label=label)
    units.set(title="units positive for no training image", xlabel="learning rate", ylabel="%", xticks=RATES)
    units.set_xticklabels(map(str, RATES))
    units.minorticks_off()
    for panel in (shallow, deep, gradient, units):
        panel.grid(alpha=0.3)
        panel.legend()
    figure.suptitle(f"Digits: {np.mean([run.accuracy for run in best]):.1%} with ReLU and batch normalisation")
    figure.savefig(path, dpi=100)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=15, help="passes over the training images (default 15)")
    parser.add_argument("--seeds", type=int, default=3, help="networks to average over (default 3)")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate of part 2 (default 0.01)")
    parser.add_argument("--picture", type=Path, default="digits.png", help="where to draw (default digits.png)")
    options = parser.parse_args(argv)
    console = Console()
    with threadpool_limits(1, "blas"):  # on matrices so small, BLAS threads only wait for each other
        best, seconds, curves, dying = measure(options, console)
    for table in tables(best, seconds, curves, dying):
        console.print(table)
    draw(best, curves, dying, options.picture)
    console.print(f"picture: {options.picture}")
    return best, curves, dying


if __name__ == "__main__":
    main()
