# SPDX-License-Identifier: BSD-3-Clause
"""The comparison with other libraries as one picture: a cell for each function, way of output and size."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from numpy import log2

from relu_simd.bench.picture import GREY, INK, human_size
from relu_simd.bench.report import HEADINGS, human_ratio, human_share
from relu_simd.bench.results import Record, closest
from relu_simd.bench.ways import MODES

# Colours say the ratio from 1/4 to 16, with white at 1.
COLOURS = TwoSlopeNorm(vmin=-2, vcenter=0, vmax=4)


def draw(run: Record, path: Path) -> None:
    """Write the heat map of a run to `path` as a PNG."""
    cells, machine = run["cells"], run["machine"]
    dtypes = list(dict.fromkeys(cell["dtype"] for cell in cells))
    sizes = sorted({cell["n"] for cell in cells})
    rows = [(op, mode) for op in dict.fromkeys(cell["op"] for cell in cells) for mode in MODES]
    figure = Figure(figsize=(2.2 + 0.95 * len(sizes) * len(dtypes), 1.6 + 0.58 * len(rows)), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    panels = figure.subplots(1, len(dtypes), sharey=True, squeeze=False)[0]
    for panel, dtype in zip(panels, dtypes, strict=True):
        found = {(cell["op"], cell["n"]): cell["ratios"] for cell in cells if cell["dtype"] == dtype}
        _panel(panel, [[found[op, n][mode] for n in sizes] for op, mode in rows])
        panel.set_title(dtype, loc="left", color=INK, fontsize=12)
        panel.set_xticks(range(len(sizes)), [human_size(n) for n in sizes])
        panel.set_yticks(range(len(rows)), [f"{op}, {HEADINGS[mode]}" for op, mode in rows])
    figure.suptitle(
        "Times as fast as the fastest other library", x=0.012, ha="left", fontsize=15, fontweight="bold", color=INK
    )
    versions = {"NumPy": machine["NumPy"]} | run["peers"]
    figure.supxlabel(
        f"{machine['CPU']}, {machine['instruction set']}, {machine['threads']} threads\n"
        + "Each cell: the ratio, which library that is, and for large arrays our speed against a plain C copy's\n"
        + fill(
            ", ".join(f"{name} {version}" for name, version in versions.items()), width=16 * len(sizes) * len(dtypes)
        ),
        fontsize=9,
        color=GREY,
    )
    figure.savefig(path, dpi=110)


def _panel(panel: Axes, cells: list[list[Record]]) -> None:
    shades = [[float(log2(closest(ratios)[0])) for ratios in row] for row in cells]
    panel.imshow(shades, cmap="PiYG", norm=COLOURS, aspect="auto")
    for y, row in enumerate(cells):
        for x, ratios in enumerate(row):
            ratio, library = closest(ratios)
            share = "" if ratios["of_copy"] is None else f"\n{human_share(ratios['of_copy'])} of copy"
            ink = "white" if not -1.5 < shades[y][x] < 3 else INK
            panel.text(x, y - 0.2, human_ratio(ratio), ha="center", va="center", fontsize=9.5, color=ink)
            panel.text(x, y + 0.2, library + share, ha="center", va="center", fontsize=6.5, color=ink)
    panel.tick_params(colors=INK, length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)
