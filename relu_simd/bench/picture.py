# SPDX-License-Identifier: BSD-3-Clause
"""The picture: how many times faster than the NumPy idiom people write first, over the size."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, LogLocator, NullLocator

from relu_simd.bench.results import Record

# Okabe and Ito's palette, which colour-blind readers can tell apart; the markers repeat it.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dv<>"
INK, GREY, PALE = "#222222", "#666666", "#E3E3E3"
COLUMNS = 6
SIZE = EngFormatter(sep="")  # 16, 100k, 10M


def draw(run: Record, path: Path) -> None:
    """Write the picture of a run to `path` as a PNG: a panel for each function, a line for each dtype."""
    cells, machine = run["cells"], run["machine"]
    dtypes = list(dict.fromkeys(cell["dtype"] for cell in cells))
    ops = list(dict.fromkeys(cell["op"] for cell in cells))
    sizes = sorted({cell["n"] for cell in cells})
    columns = min(COLUMNS, len(ops))
    rows = -(-len(ops) // columns)
    figure = Figure(figsize=(max(2.5 * columns, 7.5), 1.5 + 2.6 * rows), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08, rect=(0, 0, 1, 1 - 0.75 / (1.5 + 2.6 * rows)))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, op in zip(panels, ops, strict=False):
        for k, dtype in enumerate(dtypes):
            _line(panel, [cell for cell in cells if (cell["op"], cell["dtype"]) == (op, dtype)], k)
        usual = next(cell for cell in cells if cell["op"] == op)["ratios"]["new"]["first_statement"]
        _dress(panel, op, usual, sizes)
    for panel in panels[len(ops) :]:
        panel.set_axis_off()
    for k in range(max(0, len(ops) - columns), len(ops)):  # the lowest of each column
        panels[k].tick_params(labelbottom=True)
        panels[k].set_xlabel("elements", color=INK)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(min(low, 0.8), max(high, 10))
    _head(figure, machine)
    handles = {label: line for panel in panels for line, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="upper right",
        ncols=4,
        frameon=False,
        labelcolor=INK,
        fontsize=10.5,
    )
    figure.savefig(path, dpi=130)


def _head(figure: Figure, machine: Record) -> None:
    inch = 1 / figure.get_figheight()
    figure.text(
        0.012,
        1 - 0.12 * inch,
        "Times as fast as what people write in NumPy",
        va="top",
        fontsize=15,
        fontweight="bold",
        color=INK,
    )
    figure.text(
        0.012,
        1 - 0.45 * inch,
        f"result in a new array; {machine['CPU']}, {machine['instruction set']}, {machine['threads']} threads,"
        f" NumPy {machine['NumPy']}",
        va="top",
        fontsize=9,
        color=GREY,
    )


def _line(panel: Axes, cells: list[Record], k: int) -> None:
    if not cells:
        return
    ratios = [cell["ratios"]["new"]["first"] for cell in cells]
    colour = COLOURS[k % len(COLOURS)]
    panel.plot(
        [cell["n"] for cell in cells],
        ratios,
        label=cells[0]["dtype"],
        color=colour,
        marker=MARKERS[k % len(MARKERS)],
        markersize=4.5,
        linewidth=2,
        zorder=3,
    )


def _dress(panel: Axes, op: str, usual: str, sizes: list[int]) -> None:
    panel.set_title(f"against {fill(usual, 38)}", loc="left", color=GREY, fontsize=6.5, family="monospace", pad=4)
    panel.annotate(
        op,
        xy=(0, 1),
        xytext=(0, 14 + 8 * fill(usual, 38).count("\n")),
        xycoords="axes fraction",
        textcoords="offset points",
        color=INK,
        fontsize=10,
        fontweight="bold",
    )
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.axhline(1, color=GREY, linewidth=1.2, linestyle="--")
    panel.xaxis.set_major_locator(FixedLocator(sizes))
    panel.xaxis.set_major_formatter(SIZE)
    panel.yaxis.set_major_locator(LogLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}x"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    panel.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: ""))
    panel.grid(color=PALE, linewidth=0.8, which="both")
    panel.tick_params(colors=INK, length=0, which="both", labelsize=9)
    for spine in panel.spines.values():
        spine.set_visible(False)
