# SPDX-License-Identifier: BSD-3-Clause
"""The picture at the head of docs/benchmarks.md: speed over NumPy's idiom, by function and size, as an SVG. Gradients
are in the page's table: with them the picture would not fit a screen.

python -m relu_simd bench --dtypes float32
python benchmarks/draw_summary.py bench-out/bench.json docs/bench.svg
"""

import json
import sys
from pathlib import Path

from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

# Okabe and Ito's palette, which colour-blind readers can tell apart; the markers repeat it.
STYLES = [("o", "#0072B2"), ("s", "#D55E00"), ("^", "#009E73"), ("D", "#CC79A7"), ("v", "#56B4E9")]


def main(source, target):
    run = json.loads(Path(source).read_text(encoding="utf-8"))
    cells = [cell for cell in run["cells"] if cell["dtype"] == "float32"]
    names = list(dict.fromkeys(cell["op"] for cell in cells if "backward" not in cell["op"]))[::-1]
    sizes = sorted({cell["n"] for cell in cells})
    machine = run["machine"]
    rcParams["svg.fonttype"] = "none"  # text stays text: it can be searched, and takes the reader's size
    figure = Figure(figsize=(6.4, 1.6 + 0.3 * len(names)), facecolor="white", layout="constrained")
    axes = figure.subplots()
    for (marker, colour), n in zip(STYLES, sizes, strict=False):
        found = {cell["op"]: cell["ratios"]["new"]["first"] for cell in cells if cell["n"] == n}
        rows = [k for k, name in enumerate(names) if name in found]
        axes.plot([found[names[k]] for k in rows], rows, marker, color=colour, markersize=7, label=f"{n:,}")
    axes.axvline(1, color="#222222", linewidth=1.2, linestyle="--")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.set_yticks(range(len(names)), names)
    axes.grid(color="#E3E3E3")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=11)
    axes.set_xlabel("times as fast as NumPy (one thread)", fontsize=11)
    figure.legend(loc="outside upper center", ncols=len(sizes), frameon=False, title="elements", fontsize=11)
    figure.savefig(target, metadata={"Date": None})
    print(f"{target}: {machine['CPU']}, {machine['instruction set']}, {machine['threads']} threads, "
          f"NumPy {machine['NumPy']}")  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
