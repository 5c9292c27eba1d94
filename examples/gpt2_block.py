# SPDX-License-Identifier: BSD-3-Clause
"""Run blocks of the shape of GPT-2's, forward and backward, in NumPy, and measure how much of it is gelu.

Each block is layer normalisation, causal self-attention, layer normalisation and a network of one hidden layer
with gelu (its tanh form, which GPT-2 has), in float32 and with random weights. The gradients are written by hand.
The same step is taken with four gelus, in turns:

1. as written: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), what people write in NumPy.
   np.sqrt(2 / np.pi) is a NumPy float64, which under NumPy 2 makes the result float64. From there on the whole
   network computes in float64, and each matrix product first converts its float32 weights.
2. float32 kept: the same, but with a Python float, math.sqrt(2 / math.pi), which leaves float32 what it is.
3. x * x * x: besides, without the power x**3, which takes most of the line's time.
4. relu_simd: relu_simd.gelu_tanh and gelu_tanh_backward.

Where PyTorch is installed, the output and all gradients are compared with its own.
"""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

import relu_simd

HEAD = 64  # numbers of a head of attention, as in GPT-2


class Layer(NamedTuple):
    """The parameters of a block, or their gradients."""

    gain1: np.ndarray
    shift1: np.ndarray
    attend: np.ndarray
    attend_bias: np.ndarray
    merge: np.ndarray
    merge_bias: np.ndarray
    gain2: np.ndarray
    shift2: np.ndarray
    up: np.ndarray
    up_bias: np.ndarray
    down: np.ndarray
    down_bias: np.ndarray


class Gelu(NamedTuple):
    forward: Callable
    backward: Callable


def written(root, cube):
    """Gelu as people write it, and its gradient, with this root of 2 / pi."""

    def forward(x):
        return 0.5 * x * (1 + np.tanh(root * (x + 0.044715 * cube(x))))

    def backward(grad, x):
        t = np.tanh(root * (x + 0.044715 * cube(x)))
        return grad * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * root * (1 + 3 * 0.044715 * x**2))

    return Gelu(forward, backward)


GELUS = {
    "as written": written(np.sqrt(2 / np.pi), lambda x: x**3),
    "float32 kept": written(math.sqrt(2 / math.pi), lambda x: x**3),
    "x * x * x": written(math.sqrt(2 / math.pi), lambda x: x * x * x),
    "relu_simd": Gelu(relu_simd.gelu_tanh, relu_simd.gelu_tanh_backward),
}


def random_layers(n_layers, width, rng):
    def normal(*shape):
        return rng.normal(0, 0.02, shape).astype(np.float32) * np.float32(math.sqrt(768 / width))

    def ones(n):
        return np.ones(n, np.float32)

    def zeros(n):
        return np.zeros(n, np.float32)

    return [
        Layer(
            *(
                ones(width),
                zeros(width),
                normal(width, 3 * width),
                zeros(3 * width),
                normal(width, width),
                zeros(width),
            ),
            *(ones(width), zeros(width), normal(width, 4 * width), zeros(4 * width), normal(4 * width, width)),
            zeros(width),
        )
        for _ in range(n_layers)
    ]


def normalise(x, gain, shift):
    """Layer normalisation, and what its gradient needs."""
    scale = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    unit = (x - x.mean(axis=-1, keepdims=True)) * scale
    return unit * gain + shift, (unit, scale)


def normalise_backward(grad, gain, kept):
    unit, scale = kept
    inner = grad * gain
    along = inner - inner.mean(axis=-1, keepdims=True) - unit * (inner * unit).mean(axis=-1, keepdims=True)
    return along * scale, (grad * unit).sum(axis=0), grad.sum(axis=0)


def by_head(x):
    return x.reshape(len(x), -1, HEAD).swapaxes(0, 1)


def joined(heads):
    return heads.swapaxes(0, 1).reshape(heads.shape[1], -1)


def attention(qkv):
    """Causal self-attention, and what its gradient needs."""
    q, k, v = (by_head(part) for part in np.split(qkv, 3, axis=1))
    scores = q @ k.swapaxes(1, 2) / math.sqrt(HEAD)
    later = np.triu(np.ones(scores.shape[1:], bool), 1)
    scores[:, later] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return joined(weights @ v), (q, k, v, weights)


def attention_backward(grad, kept):
    q, k, v, weights = kept
    grad = by_head(grad)
    grad_weights = grad @ v.swapaxes(1, 2)
    grad_scores = weights * (grad_weights - (grad_weights * weights).sum(axis=-1, keepdims=True)) / math.sqrt(HEAD)
    parts = grad_scores @ k, grad_scores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ grad
    return np.concatenate([joined(part) for part in parts], axis=1)


def block(x, layer, gelu):
    """One block forward, and what its gradient needs."""
    a, kept1 = normalise(x, layer.gain1, layer.shift1)
    b, kept2 = attention(a @ layer.attend + layer.attend_bias)
    x = x + (b @ layer.merge + layer.merge_bias)
    c, kept3 = normalise(x, layer.gain2, layer.shift2)
    hidden = c @ layer.up + layer.up_bias
    d = gelu.forward(hidden)
    return x + (d @ layer.down + layer.down_bias), (a, kept1, b, kept2, c, kept3, hidden, d)


def block_backward(grad, layer, gelu, kept):
    """The gradients of a block by its input and by its parameters."""
    a, kept1, b, kept2, c, kept3, hidden, d = kept
    inner = gelu.backward(grad @ layer.down.T, hidden)
    back, gain2, shift2 = normalise_backward(inner @ layer.up.T, layer.gain2, kept3)
    middle = grad + back
    qkv = attention_backward(middle @ layer.merge.T, kept2)
    back, gain1, shift1 = normalise_backward(qkv @ layer.attend.T, layer.gain1, kept1)
    return middle + back, Layer(
        *(gain1, shift1, a.T @ qkv, qkv.sum(axis=0), b.T @ middle, middle.sum(axis=0)),
        *(gain2, shift2, c.T @ inner, inner.sum(axis=0), d.T @ grad, grad.sum(axis=0)),
    )


def step(layers, x, grad, gelu):
    """All blocks forward and backward: the output, the gradient by the input and those by the parameters."""
    kept, grads = [], []
    for layer in layers:
        x, each = block(x, layer, gelu)
        kept.append(each)
    for layer, each in zip(reversed(layers), reversed(kept), strict=True):
        grad, by_layer = block_backward(grad, layer, gelu, each)
        grads.append(by_layer)
    return x, grad, grads[::-1]


def timed(gelu, seconds):
    """The same, which adds the time that it takes to a list of one number."""

    def stopwatch(function):
        def run(*arguments):
            start = time.perf_counter()
            result = function(*arguments)
            seconds[0] += time.perf_counter() - start
            return result

        return run

    return Gelu(*map(stopwatch, gelu))


class Measured(NamedTuple):
    output: np.ndarray
    in_gelu: float  # seconds, medians
    in_all: float


def measure(layers, x, grad, repeats, console):
    """Take the step with each gelu, in turns."""
    times, outputs = {name: [] for name in GELUS}, {}
    for k in track(range(repeats + 1), "steps", console=console, transient=True):
        for name, gelu in GELUS.items():
            seconds = [0.0]
            start = time.perf_counter()
            outputs[name], *_ = step(layers, x, grad, timed(gelu, seconds))
            if k > 0:  # the first step meets cold memory
                times[name].append((seconds[0], time.perf_counter() - start))
    return {name: Measured(outputs[name], *np.median(times[name], axis=0)) for name in GELUS}


def by_torch(layers, x, grad):
    """The same step by PyTorch; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    from torch.nn import functional

    def leaf(array):
        return torch.from_numpy(array).requires_grad_()

    width = x.shape[1]
    x = first = leaf(x)
    leaves = [Layer(*map(leaf, layer)) for layer in layers]
    for p in leaves:
        a = functional.layer_norm(x, (width,), p.gain1, p.shift1)
        parts = (a @ p.attend + p.attend_bias).split(width, dim=1)
        heads = (part.reshape(len(x), -1, HEAD).transpose(0, 1) for part in parts)
        b = functional.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + b.transpose(0, 1).reshape(len(x), width) @ p.merge + p.merge_bias
        c = functional.layer_norm(x, (width,), p.gain2, p.shift2)
        x = x + functional.gelu(c @ p.up + p.up_bias, approximate="tanh") @ p.down + p.down_bias
    x.backward(torch.from_numpy(grad))
    return x.detach().numpy(), first.grad.numpy(), [Layer(*(each.grad.numpy() for each in p)) for p in leaves]


def apart(ours, theirs):
    """The largest difference of two results of `step`, each array's relative to its largest number."""
    pairs = [(ours[0], theirs[0]), (ours[1], theirs[1])]
    pairs += [pair for layers in zip(ours[2], theirs[2], strict=True) for pair in zip(*layers, strict=True)]
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def table(found):
    shown = Table("gelu", "output", "in gelu", "share", "all", "times as fast")
    slowest = found["as written"].in_all
    for name, (output, in_gelu, in_all) in found.items():
        shown.add_row(
            name,
            output.dtype.name,
            f"{in_gelu * 1e3:.1f} ms",
            f"{in_gelu / in_all:.1%}",
            f"{in_all * 1e3:.1f} ms",
            f"{slowest / in_all:.2f}",
        )
    return shown


def draw(found, shape, path):
    matplotlib.style.use("petroff10")
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    panel = figure.subplots()
    names = list(found)[::-1]
    gelu = np.array([found[name].in_gelu for name in names]) * 1e3
    rest = np.array([found[name].in_all for name in names]) * 1e3 - gelu
    panel.barh(names, gelu, label="gelu and its gradient")
    panel.barh(names, rest, left=gelu, label="all else", color="#C8C8C8")
    for k, name in enumerate(names):
        text = f" {gelu[k] / (gelu[k] + rest[k]):.0%} gelu,\n {found[name].output.dtype.name}"
        panel.text(gelu[k] + rest[k], k, text, va="center", fontsize=12)
    panel.set_xlim(0, (gelu + rest).max() * 1.35)
    panel.set_xlabel(f"ms for a step forward and backward\n{shape}", fontsize=12)
    panel.tick_params(labelsize=12)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    figure.legend(loc="outside upper right", ncols=2, frameon=False, fontsize=12)
    figure.savefig(path, dpi=120)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=2, help="blocks (default 2; GPT-2 has 12)")
    parser.add_argument("--tokens", type=int, default=256, help="length of the text (default 256; GPT-2 has 1024)")
    parser.add_argument("--width", type=int, default=256, help="numbers a token, in 64s (default 256; GPT-2 has 768)")
    parser.add_argument("--threads", type=int, default=1, help="of matrix products and of relu_simd (default 1)")
    parser.add_argument("--repeats", type=int, default=7, help="steps to take the median of (default 7)")
    parser.add_argument("--picture", type=Path, default="gpt2_block.png", help="where to draw (default gpt2_block.png)")
    options = parser.parse_args(argv)
    if options.width % HEAD:
        parser.error(f"--width should be a multiple of {HEAD}, not {options.width}")
    console, rng = Console(), np.random.default_rng(0)
    layers = random_layers(options.layers, options.width, rng)
    x, grad = rng.standard_normal((2, options.tokens, options.width), np.float32)
    theirs = by_torch(layers, x, grad)
    differ = None if theirs is None else apart(step(layers, x, grad, GELUS["relu_simd"]), theirs)
    before = relu_simd.get_num_threads()
    try:
        relu_simd.set_num_threads(options.threads)
        with threadpool_limits(options.threads, "blas"):
            found = measure(layers, x, grad, options.repeats, console)
    finally:
        relu_simd.set_num_threads(before)
    shape = f"{options.layers} blocks, {options.tokens} tokens, width {options.width}"
    console.print(shape)
    console.print(table(found))
    if differ is None:
        console.print("PyTorch is not installed, so its gradients were not compared.")
    else:
        console.print(
            f"Output and gradients differ from PyTorch's by {differ:.1e} of an array's largest number at most."
        )
    draw(found, shape, options.picture)
    console.print(f"picture: {options.picture}")
    return found, differ


if __name__ == "__main__":
    main()
