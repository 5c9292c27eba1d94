# SPDX-License-Identifier: BSD-3-Clause
"""The comparison with other libraries as one picture: a panel for each dtype and way of output."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from numpy import log2, nan

from relu_simd.bench.picture import GREY, INK, SIZE
from relu_simd.bench.report import HEADINGS, human_ratio, human_share
from relu_simd.bench.results import Record, closest

# Colours say the ratio from 1/4 to 16, with white at 1.
COLOURS = TwoSlopeNorm(vmin=-2, vcenter=0, vmax=4)


def draw(run: Record, path: Path) -> None:
    """Write the heat map of a run to `path` as a PNG: in each panel functions downwards, sizes across."""
    cells, machine = run["cells"], run["machine"]
    dtypes = list(dict.fromkeys(cell["dtype"] for cell in cells))
    sizes = sorted({cell["n"] for cell in cells})
    ops = {dtype: list(dict.fromkeys(cell["op"] for cell in cells if cell["dtype"] == dtype)) for dtype in dtypes}
    heights = [len(ops[dtype]) for dtype in dtypes]
    width, height = 2.2 + 0.95 * len(sizes) * len(HEADINGS), 1.6 + 0.43 * sum(heights) + 0.6 * len(dtypes)
    figure = Figure(figsize=(max(width, 9), height), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.08)
    grid = figure.subplots(len(dtypes), len(HEADINGS), sharey="row", squeeze=False, height_ratios=heights)
    for dtype, panels in zip(dtypes, grid, strict=True):
        found = {(cell["op"], cell["n"]): cell["ratios"] for cell in cells if cell["dtype"] == dtype}
        for panel, mode in zip(panels, HEADINGS, strict=True):
            _panel(panel, [[found[op, n].get(mode) for n in sizes] for op in ops[dtype]])
            panel.set_title(f"{dtype}, {HEADINGS[mode]}", loc="left", color=INK, fontsize=12)
            panel.set_xticks(range(len(sizes)), SIZE.format_ticks(sizes))
            panel.set_yticks(range(len(ops[dtype])), ops[dtype])
    figure.suptitle(
        "Times as fast as the fastest other library", x=0.012, ha="left", fontsize=15, fontweight="bold", color=INK
    )
    versions = {"NumPy": machine["NumPy"]} | run["peers"]
    figure.supxlabel(
        f"{machine['CPU']}, {machine['instruction set']}, {machine['threads']} threads\n"
        + "Each cell: the ratio, which library that is, and for large arrays our share of the speed of a plain C copy\n"
        + fill(", ".join(f"{name} {version}" for name, version in versions.items()), width=120),
        fontsize=9,
        color=GREY,
    )
    figure.savefig(path, dpi=110)


def _panel(panel: Axes, cells: list[list[Record | None]]) -> None:
    shades = [[float(log2(closest(ratios)[0])) if ratios else nan for ratios in row] for row in cells]
    panel.imshow(shades, cmap="PiYG", norm=COLOURS, aspect="auto")
    for y, row in enumerate(cells):
        for x, ratios in enumerate(row):
            if ratios is None:
                continue
            ratio, library = closest(ratios)
            share = "" if ratios["of_copy"] is None else f", {human_share(ratios['of_copy'])}"
            ink = "white" if not -1.5 < shades[y][x] < 3 else INK
            panel.text(x, y - 0.2, human_ratio(ratio), ha="center", va="center", fontsize=9.5, color=ink)
            panel.text(x, y + 0.24, library + share, ha="center", va="center", fontsize=6.2, color=ink)
    panel.tick_params(colors=INK, length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)
