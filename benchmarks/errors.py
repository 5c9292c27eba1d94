# SPDX-License-Identifier: BSD-3-Clause
"""How wrong activations are: the largest error of each function, in ULP, ours beside that of other libraries.

An ULP, a unit in the last place, is the distance from one number of the type to the next. A result that is rounded
correctly is off by half an ULP at most. With an error of 1000 ULP a float32 has lost three of its seven digits.

  python benchmarks/errors.py                                  every function and type: several minutes
  python benchmarks/errors.py --ops gelu,silu --dtypes float32     a few seconds
  python benchmarks/errors.py --step 1 --ops tanh --dtypes float32 every float32: 20 GB of memory
  python benchmarks/errors.py --markdown docs/errors.md --picture docs/errors.svg      what the documentation shows

It takes part who is installed: torch, jax, onnxruntime and SciPy, and NumPy with the line that people write there.
The other libraries are called as `python -m relu_simd bench --peers` calls them.

Inputs: all 16-bit floats; every 1009th float32, counted by bit patterns; a million float64, evenly by bit patterns.
To these come 600,000 numbers of where functions bend, and thousands around each place where a result turns, changes
its sign, becomes a denormal, a zero or an infinity. Parameters have their defaults, gradients a grad_output of 1.
Infinities and NaNs are left out, and gradients at 0 and next to 3 and -3, where some functions have a kink.

The judge is relu_simd.reference in a wider type. Its own error is below 1e-6 ULP of float32, and below 0.5 ULP of
float64: there the 400 largest errors of a library are computed once more, from the definition in 40 digits.

"all digits" is said of a result that is off by half its value or more, where the type could have held half of the
digits at least, such as a 0 in place of 1e-9; of the places where this happens the one nearest to 1 or -1 is given.
Where a gradient crosses zero, between its lowest value and 0, the unit is an ULP of 1/8 at least.
"""

import argparse
import inspect
import platform
import sys
from pathlib import Path
from typing import NamedTuple

import mpmath
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from cases import WIDE, finfo, order, ulps
from definition import precisely

import relu_simd
from relu_simd import _core, reference
from relu_simd.bench import results
from relu_simd.bench.functions import FUNCTIONS
from relu_simd.bench.peers import installed
from relu_simd.bench.results import config
from relu_simd.bench.ways import NUMPY, RELU_SIMD

OPS = {op.name: op for op in _core.OPS if op.accuracy.max_ulp}
DTYPES = tuple(name for name in _core.DTYPES if "int" not in name)
PEERS = ("torch", "jax", "onnxruntime", "scipy")
TITLES = {"numpy": "NumPy", "scipy": "SciPy", "onnxruntime": "ONNX Runtime", "jax": "JAX", "torch": "PyTorch"}
KINKS = (-3, 0, 3)  # of functions; what a gradient is there is a convention
DOUBTFUL = 100  # ULP, below which the error of the judge of float64 may count
CHUNK = 1 << 17  # of which the judge's many steps stay in the cache

# The picture: where each function has something to show.
SHOWN = {"gelu": (-16, 4), "silu": (-108, 12), "softplus": (-108, 24)}
# Okabe and Ito's palette, which colour-blind readers can tell apart; the widths and dashes repeat it.
STYLES = {
    "relu_simd": ("#000000", 3, "-"),
    "torch": ("#D55E00", 2, "-"),
    "jax": ("#0072B2", 2, "--"),
    "onnxruntime": ("#009E73", 2, "-."),
    "scipy": ("#CC79A7", 2, (0, (5, 1, 1, 1))),
    "numpy": ("#E69F00", 2, ":"),
}


class Worst(NamedTuple):
    """The largest error of a library, and the input where it is."""

    ulp: float
    x: float
    all_digits: bool

    def __str__(self):
        size = "all digits" if self.all_digits else f"{self.ulp:.2f}" if self.ulp < 9.995 else f"{self.ulp:.3g}"
        return f"{size} at {self.x:.3g}"


def truth(op, x):
    """The function's value, or its derivative, in a wider type."""
    wide = x.astype(np.longdouble if x.dtype == np.float64 else np.float64)
    definition = getattr(reference, op.name)
    exact = np.empty_like(wide)
    with np.errstate(all="ignore"):
        for start in range(0, x.size, CHUNK):
            part = wide[start : start + CHUNK]
            is_gradient = len(op.arrays) == 2
            exact[start : start + CHUNK] = (
                definition(np.ones_like(part), part) if is_gradient else inspect.unwrap(definition)(part)
            )
    return exact


def from_order(ranks, dtype):
    """The floats of these ranks: what `cases.order` gives for them."""
    sign = np.where(ranks < 0, 1, 0).astype(np.uint64) << np.uint64(8 * dtype.itemsize - 1)
    return (np.abs(ranks).astype(np.uint64) | sign).astype(f"u{dtype.itemsize}").view(dtype)


def last(dtype):
    """The rank of the largest float."""
    return int(order(np.array([finfo(dtype).max], dtype))[0])


def spread(dtype, step):
    """Inputs over the whole range, rising."""
    largest = last(dtype)
    if dtype.itemsize != 4:
        step = 1 if dtype.itemsize == 2 else largest // 500_000
    positive = np.append(np.arange(0, largest, step), largest)
    return from_order(np.concatenate([-positive[:0:-1], positive]), dtype)


def bends(dtype):
    """Numbers from where a result is neither its argument nor a limit."""
    reach = 110 if dtype.itemsize == 4 else 760
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(-limit, limit, 200_000) for limit in (reach, 20, 1)]).astype(dtype)


def around_turns(x, exact):
    """Numbers around each place where the result turns, changes its sign, becomes a denormal, a zero, an infinity."""
    dtype = x.dtype
    with np.errstate(all="ignore"):
        rounded = exact.astype(dtype)
    size = np.abs(rounded)
    kind = np.sign(rounded) * ((size > 0).astype(int) + (size >= finfo(dtype).smallest_normal) + np.isinf(size))
    where = {*np.flatnonzero(np.diff(kind)).tolist(), int(np.argmin(exact)), int(np.argmax(exact))}
    ranks, limit, near = order(x), last(dtype), []
    for k in where:
        low, high = (int(ranks[min(max(j, 0), x.size - 1)]) for j in (k - 1, k + 2))
        low, high = max(low - 1000, -limit), min(high + 1000, limit)
        near.append(low + np.arange(4000) * (high - low) // 3999)
    return from_order(np.unique(np.concatenate(near)), dtype)


def inputs(op, dtype, step):
    """All inputs of a function, and what it is there."""
    x = spread(dtype, step)
    parts = [(x, truth(op, x))]
    if dtype.itemsize > 2:
        for _ in range(5):  # ever closer: at last they are consecutive, in float64, too
            x = around_turns(*parts[-1])
            parts.append((x, truth(op, x)))
        x = bends(dtype)
        parts.append((x, truth(op, x)))
    x, exact = map(np.concatenate, zip(*parts, strict=True))
    if len(op.arrays) == 2:
        steps = 4 * float(finfo(dtype).eps)  # in which libraries round to the kink or away from it
        judged = ~np.any([np.abs(x.astype(exact.dtype) - kink) <= steps * abs(kink) for kink in KINKS], axis=0)
        x, exact = x[judged], exact[judged]
    return x, exact


def compute(library, op, x):
    """What a library makes of the inputs; None where it does not have the function in this type."""
    function, dtype = FUNCTIONS[op.name], x.dtype.name
    if dtype not in library.dtypes:
        return None
    ways = library.ways_for(function, dtype) or library.ways.get(op.name)
    if not ways:
        return None
    given = {"g": np.ones_like(x), "x": x} | dict(function.params)
    names = {"np": np, "relu_simd": relu_simd, "out": np.empty_like(x)} | {
        each: given[each] for each in function.inputs
    }
    with np.errstate(all="ignore"):
        try:
            names |= library.prepare(function, names)
        except Exception as error:  # onnxruntime has no other name for an operator that is not there in this type
            if "NOT_IMPLEMENTED" in str(error) or "INVALID_GRAPH" in str(error):
                return None
            raise
        got = np.array(library.to_numpy(eval(ways[0].new, names)))
    assert got.dtype == x.dtype, (library.name, op.name, got.dtype)
    return got


def worst(op, x, got, exact):
    """The largest error, counted as the help says."""
    info = finfo(x.dtype)
    eps, smallest = float(info.eps), float(info.smallest_normal)
    with np.errstate(all="ignore"):
        away, off = ulps(got, exact), np.abs(got.astype(exact.dtype) - exact)
        away = np.where(np.isnan(away), np.inf, away)
        if len(op.arrays) == 2 and exact.min() < 0:
            lowest = float(x[np.argmin(exact)])
            near = (x.astype(exact.dtype) > lowest) & (x < 0)
            away = np.where(near, np.minimum(away, off / (eps / 8)), away)
        half = (np.abs(exact) >= smallest * eps * 2.0 ** (info.nmant / 2)) & ~(off < np.abs(exact) / 2)
        half &= away >= 2.0 ** (info.nmant / 2)
    if half.any():
        with np.errstate(divide="ignore"):
            k = np.flatnonzero(half)[np.argmin(np.abs(np.log(np.abs(x[half].astype(float)))))]
        return Worst(float(away[k]), float(x[k]), True)
    k = int(np.argmax(away))
    if x.dtype == np.float64 and away[k] < DOUBTFUL:
        candidates = np.argsort(away)[-400:]
        precise = [in_many_digits(op, x[j], got[j], off[j] / away[j]) if away[j] else 0 for j in candidates]
        return Worst(max(precise), float(x[candidates[np.argmax(precise)]]), False)
    return Worst(float(away[k]), float(x[k]), False)


def in_many_digits(op, x, got, unit):
    """The error of one result in this unit, by the definition in 40 digits."""
    with mpmath.workdps(40):
        exact = precisely(op, [1.0, float(x)] if len(op.arrays) == 2 else [float(x)], mpmath)
        return float(abs(mpmath.mpf(float(got)) - exact) / mpmath.mpf(float(unit)))


def measure(names, dtypes, libraries, step, console):
    """For each dtype and function the worst result of each library."""
    found = {}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(names) * len(dtypes))
        for dtype in map(np.dtype, dtypes):
            for name in names:
                progress.update(task, description=f"{name} {dtype.name}")
                x, exact = inputs(OPS[name], dtype, step)
                for library in libraries:
                    got = compute(library, OPS[name], x)
                    if got is not None:
                        found[dtype.name, name, library.name] = worst(OPS[name], x, got, exact)
                progress.advance(task)
    return found


def rows(found, names, dtype, libraries):
    """A row for each function of a table, as texts."""
    for name in names:
        yield [name, *(str(found.get((dtype, name, each.name), "")) for each in libraries)]


def title(library):
    return TITLES.get(library.name, library.name)


def versions(libraries):
    """Whom and what was measured, as one line."""
    machine = config()
    others = [
        f"{title(each)} {results.version(each.name)}" for each in libraries if each.name not in ("relu_simd", "numpy")
    ]
    return (
        f"{machine['CPU']}, {machine['instruction set']}, {platform.system()}, Python {platform.python_version()},"
        f" NumPy {np.__version__}{''.join(f', {each}' for each in others)}"
    )


def markdown(found, names, dtypes, libraries, step):
    """The tables as a part of a page."""
    lines = [f"{versions(libraries)}; float32 in steps of {step} bit patterns."]
    for dtype in dtypes:
        lines += ["", f"### {dtype}", "", f"| function | {' | '.join(map(title, libraries))} |"]
        lines += ["|" + "---|" * (len(libraries) + 1)]
        lines += [f"| `{name}` | {' | '.join(cells)} |" for name, *cells in rows(found, names, dtype, libraries)]
    return "\n".join(lines) + "\n"


def errors_over_x(op, libraries, low, high, n_bins=160, each=2000):
    """Middles of the bins, and the largest float32 error in each of them for every library."""
    rng = np.random.default_rng(0)
    edges = np.linspace(low, high, n_bins + 1)
    x = np.sort(rng.uniform(edges[:-1, None], edges[1:, None], (n_bins, each)), axis=1).astype(np.float32).ravel()
    exact, found = truth(op, x), {}
    for library in libraries:
        got = compute(library, op, x)
        if got is not None:
            away = ulps(got, exact)
            away[np.isnan(away)] = np.inf
            found[library.name] = away.reshape(n_bins, each).max(axis=1)
    return (edges[:-1] + edges[1:]) / 2, found


def draw(libraries, path):
    """The error of three functions over x, one under the other, so that a phone shows them large enough."""
    from matplotlib import rcParams
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rcParams["svg.hashsalt"] = "relu-simd"  # the same file each time
    rcParams["svg.fonttype"] = "none"  # text stays text: it can be searched, and takes the reader's size
    figure = Figure(figsize=(5.2, 9), facecolor="white", layout="constrained")
    panels = figure.subplots(len(SHOWN))
    for panel, (name, (low, high)) in zip(panels, SHOWN.items(), strict=True):
        middles, found = errors_over_x(OPS[name], libraries, low, high)
        for library, error in reversed(found.items()):  # ours on top
            colour, width, dashes = STYLES[library]
            label = TITLES.get(library, library)
            error = np.clip(error, 0.25, 2**24)
            panel.semilogy(middles, error, color=colour, linewidth=width, linestyle=dashes, label=label)
        panel.axhline(1, color="#888888", linewidth=1)
        panel.set_title(f"{name}, float32", loc="left", fontsize=15, fontweight="bold")
        panel.set(xlim=(low, high), ylim=(0.2, 1e8), yticks=[1, 1e3, 2**24])
        panel.set_yticklabels(["1 ULP", "1000 ULP", "all digits"])
        panel.minorticks_off()
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.tick_params(labelsize=13, length=0)
        panel.grid(color="#E3E3E3")
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    panels[-1].set_xlabel("x", fontsize=13)
    lines = {label: line for panel in panels for line, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    order_shown = [label for library in libraries if (label := title(library)) in lines]
    figure.legend(
        [lines[label] for label in order_shown],
        order_shown,
        loc="outside upper center",
        ncols=2,
        frameon=False,
        fontsize=13,
    )
    figure.savefig(path, metadata={"Date": None})


def choose(text, known, what):
    names = list(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"errors: unknown {what} {', '.join(map(repr, unknown))}: choose from {', '.join(known)}")
    return names


def main(argv=None):
    first, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ops", default=",".join(OPS), metavar="LIST", help="functions (default: %(default)s)")
    parser.add_argument("--dtypes", default=",".join(DTYPES), metavar="LIST", help="types (default: %(default)s)")
    parser.add_argument(
        "--libraries", default=",".join(PEERS), metavar="LIST", help="beside NumPy (default: %(default)s)"
    )
    parser.add_argument("--step", type=int, default=1009, help="of float32 bit patterns (default: %(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the tables for the documentation")
    parser.add_argument("--picture", type=Path, metavar="PATH", help="draw the error over x: an SVG")
    options = parser.parse_args(argv)
    names = choose(options.ops, OPS, "function")
    dtypes = choose(options.dtypes, DTYPES, "type")
    console = Console()
    if not console.is_terminal:
        console.width = 160
    if "bfloat16" in dtypes:
        try:
            import ml_dtypes  # noqa: F401
        except ImportError:
            dtypes.remove("bfloat16")
            console.print("left out: bfloat16, which needs ml_dtypes")
    if "float64" in dtypes and not WIDE:
        dtypes.remove("float64")
        console.print("left out: float64, because long double, which would judge it, is not wider here")
    peers, missing = installed(choose(options.libraries, PEERS, "library") if options.libraries else [], 1)
    if missing:
        console.print(f"left out: {', '.join(missing)}, not installed")
    libraries = [RELU_SIMD, NUMPY, *peers]
    found = measure(names, dtypes, libraries, options.step, console)
    for dtype in dtypes:
        table = Table("function", *map(title, libraries), title=f"{dtype}: largest error in ULP, and where")
        for cells in rows(found, names, dtype, libraries):
            table.add_row(*cells)
        console.print(table)
    console.print(versions(libraries), soft_wrap=True)
    if options.markdown:
        options.markdown.write_text(markdown(found, names, dtypes, libraries, options.step), encoding="utf-8")
        console.print(f"tables: {options.markdown}")
    if options.picture:
        draw(libraries, options.picture)
        console.print(f"picture: {options.picture}")
    return found


if __name__ == "__main__":
    main()
