# SPDX-License-Identifier: BSD-3-Clause
"""The picture: how many times faster than the NumPy idiom people write first, over the size."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from relu_simd.bench.results import Record

# Okabe and Ito's palette, which colour-blind readers can tell apart; the markers repeat it.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dv<>"
INK, GREY, PALE = "#222222", "#666666", "#E3E3E3"


def draw(run: Record, path: Path) -> None:
    """Write the picture of a run to `path` as a PNG."""
    cells = run["cells"]
    dtypes = list(dict.fromkeys(cell["dtype"] for cell in cells))
    ops = list(dict.fromkeys(cell["op"] for cell in cells))
    figure = Figure(figsize=(11, 5.8), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1, wspace=0.03)
    panels = figure.subplots(
        1,
        len(dtypes),
        sharey=True,
        squeeze=False,
        width_ratios=[3, *[2] * (len(dtypes) - 1)],
    )[0]
    for panel, dtype in zip(panels, dtypes, strict=True):
        for k, op in enumerate(ops):
            _line(
                panel,
                [cell for cell in cells if (cell["op"], cell["dtype"]) == (op, dtype)],
                k,
            )
        _dress(panel, dtype, sorted({cell["n"] for cell in cells}))
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(min(low, 0.8), max(high, 10))
    panels[0].set_ylabel("speed-up (1x is NumPy)", color=INK)
    figure.suptitle(
        "Times as fast as what people write in NumPy",
        x=0.012,
        ha="left",
        fontsize=15,
        fontweight="bold",
        color=INK,
    )
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=2,
        frameon=False,
        labelcolor=INK,
        fontsize=10.5,
    )
    machine = run["machine"]
    caption = panels[-1].annotate(
        f"{machine['CPU']}, {machine['instruction set']}, {machine['threads']} threads, NumPy {machine['NumPy']}",
        xy=(0.98, 0.972),
        xycoords="figure fraction",
        ha="right",
        va="top",
        fontsize=9,
        color=GREY,
        annotation_clip=False,
    )
    caption.set_in_layout(False)
    figure.savefig(path, dpi=160)


def _line(panel: Axes, cells: list[Record], k: int) -> None:
    ratios = [cell["ratios"]["new"] for cell in cells]
    panel.plot(
        [cell["n"] for cell in cells],
        [ratio["first"] for ratio in ratios],
        label=f"{cells[0]['op']}  vs  {ratios[0]['first_statement']}",
        color=COLOURS[k % len(COLOURS)],
        marker=MARKERS[k % len(MARKERS)],
        markersize=6,
        linewidth=2.2,
        zorder=3,
    )


def _dress(panel: Axes, dtype: str, sizes: list[int]) -> None:
    panel.set_title(dtype, loc="left", color=INK, fontsize=12)
    panel.set_xlabel("elements, result in a new array", color=INK)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.axhline(1, color=GREY, linewidth=1.2, linestyle="--")
    panel.xaxis.set_major_locator(FixedLocator(sizes))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda n, _: human_size(n)))
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}x"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_minor_locator(NullLocator())
    panel.grid(color=PALE, linewidth=0.8)
    panel.tick_params(colors=INK, length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)


def human_size(n: float) -> str:
    """Shorten thousands and millions: 16, 100k, 10M."""
    for unit, scale in (("M", 1e6), ("k", 1e3)):
        if n >= scale:
            return f"{n / scale:g}{unit}"
    return f"{n:g}"
