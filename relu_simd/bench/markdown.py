# SPDX-License-Identifier: BSD-3-Clause
"""The comparison with other libraries as a page for the documentation."""

from __future__ import annotations

from itertools import groupby

from relu_simd.bench.report import HEADINGS, human_share, peer
from relu_simd.bench.results import Record


def page(run: Record) -> str:
    """Say what was run on which machine; a table for each dtype has the fastest of all others in each cell."""
    machine = run["machine"]
    versions = {"NumPy": machine["NumPy"]} | run["peers"]
    parts = [
        f"Command: `{run['command']}`, {run['date'][:10]}\n",
        f"Machine: {machine['CPU']}, {machine['system']}, {machine['threads']} threads, {machine['instruction set']}\n",
        f"Against: {', '.join(f'{name} {version}' for name, version in versions.items())}\n",
        "Each cell: how many times as long as relu-simd the fastest of them takes, and which it is;\n"
        "then the share of the speed of a plain C copy of as many bytes, on the same threads, where memory decides.",
    ]
    cells = sorted(run["cells"], key=lambda cell: cell["dtype"])
    for dtype, group in groupby(cells, key=lambda cell: cell["dtype"]):
        parts.append(f"\n### {dtype}\n\n{_table(list(group))}")
    return "\n".join(parts) + "\n"


def _table(cells: list[Record]) -> str:
    sizes = sorted({cell["n"] for cell in cells})
    found = {(cell["op"], cell["n"]): cell["ratios"] for cell in cells}
    lines = [["function", "result", *(f"{n:,}" for n in sizes)], ["---", "---", *["---"] * len(sizes)]]
    for op in dict.fromkeys(cell["op"] for cell in cells):
        modes = found[op, sizes[0]]
        lines += [[op, HEADINGS[mode], *(_cell(found[op, n][mode]) for n in sizes)] for mode in modes]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(ratios: Record) -> str:
    return peer(ratios) if ratios["of_copy"] is None else f"{peer(ratios)}, {human_share(ratios['of_copy'])}"
