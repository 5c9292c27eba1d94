# SPDX-License-Identifier: BSD-3-Clause
"""The curve of a function and of its gradient, drawn from what the table of operations and the reference know."""

import numpy as np
from matplotlib import rcParams
from matplotlib.figure import Figure

import relu_simd
from relu_simd.bench.functions import FUNCTIONS
from relu_simd.reference import ROWS

WEIGHT = 0.25  # where an array has to be given: what PReLU starts from
NARROW, WIDE = 4, 8


def has_curve(op):
    """Whether an operation is a function of one number, and no gradient."""
    return len(op.arrays) == 1


def parameters(op):
    """The numbers that a curve is drawn for: the defaults, or those of the example in ops.def."""
    return dict.fromkeys(op.params, WEIGHT) if op.weight else dict(FUNCTIONS[op.name].params)


def call(op):
    return f"{op.name}({', '.join(['x', *map(str, parameters(op).values())])})"


def caption(op):
    return f"Curves of {call(op)} and of its gradient"


def values(op, x):
    """The function and its derivative there."""
    params = parameters(op)
    words = dict(vars(relu_simd)) | params | {"np": np, "v": np.ones_like(x), "x": x}
    y = getattr(relu_simd, op.name)(x, *params.values())
    with np.errstate(all="ignore"):
        return y, np.broadcast_to(eval(ROWS[op.name].gradient["x"], words | {"y": y}), x.shape)


def without_jumps(x, y):
    """The values, and a gap where the curve jumps, or a line would join what is apart."""
    y = np.array(y)
    y[1:][np.abs(np.diff(y)) > 25 * np.diff(x)] = np.nan
    return y


def draw(op, path):
    """Write the picture of an operation as an SVG."""
    x = np.linspace(-WIDE, WIDE, 4001)
    slope = values(op, x)[1]
    near = np.abs(x) <= NARROW
    if np.ptp(slope[x > NARROW]) < 0.1 and np.ptp(slope[x < -NARROW]) < 0.1:  # nothing happens further out
        x = x[near]
    y, slope = values(op, x)
    rcParams["svg.hashsalt"] = op.name  # the same file each time, and its names differ from the others'
    rcParams["svg.fonttype"] = "none"  # text stays text
    figure = Figure(figsize=(4.8, 2.7), facecolor="white", layout="constrained")
    axes = figure.subplots()
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.axvline(0, color="#888888", linewidth=0.8)
    # Okabe and Ito's palette; the dashes repeat it for those who see no colours.
    axes.plot(x, without_jumps(x, y), color="#0072B2", linewidth=2.5, label=call(op))
    axes.plot(x, without_jumps(x, slope), color="#D55E00", linewidth=2, linestyle="--", label="its gradient")
    axes.grid(color="#E3E3E3")
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=10)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.legend(frameon=False, fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
