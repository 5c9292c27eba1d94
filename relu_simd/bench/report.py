# SPDX-License-Identifier: BSD-3-Clause
"""The table for the terminal."""

from __future__ import annotations

from itertools import groupby

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from relu_simd.bench.results import Record, closest, ours

HEADINGS = {"new": "new array", "out": "out=", "inplace": "in place"}


def human_time(seconds: float) -> str:
    """Write three significant digits and a unit.

    Examples
    --------
    >>> human_time(27.123e-9), human_time(0.00145), human_time(2.0)
    ('27.1 ns', '1.45 ms', '2.00 s')
    """
    for unit, scale in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            return f"{_three_digits(seconds / scale)} {unit}"
    return f"{_three_digits(seconds)} s"


def human_ratio(ratio: float) -> str:
    """Write three significant digits and an x.

    Examples
    --------
    >>> human_ratio(15.23), human_ratio(2.0)
    ('15.2x', '2.00x')
    """
    return f"{_three_digits(ratio)}x"


def _three_digits(value: float) -> str:
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def tables(run: Record) -> list[Table]:
    """Make a table for each function and dtype, sizes downwards."""
    cells = groupby(run["cells"], key=lambda cell: (cell["op"], cell["dtype"]))
    return [_table(op, dtype, list(rows), bool(run["peers"])) for (op, dtype), rows in cells]


def _table(op: str, dtype: str, rows: list[Record], with_peers: bool) -> Table:
    numpy = [next(t for t in cell["times"] if t["library"] == "numpy") for cell in rows]
    table = Table(title=f"[b]{op}[/b] {dtype}", title_justify="left", title_style="", box=box.SIMPLE_HEAD)
    table.add_column("n", justify="right")
    table.add_column(numpy[0]["statement"], justify="right")
    modes = list(rows[0]["ratios"])
    for mode in modes:
        table.add_column(HEADINGS[mode], justify="right", style="bold")
        table.add_column("first", justify="right", style="green")
        table.add_column("best", justify="right")
        if with_peers:
            table.add_column("peer")
            table.add_column("copy", justify="right")
    for cell, first in zip(rows, numpy, strict=True):
        line = [f"{cell['n']:,}", human_time(first["median"])]
        for mode in modes:
            ratios = cell["ratios"][mode]
            line += [human_time(ours(cell["times"], mode)), human_ratio(ratios["first"])]
            line.append(human_ratio(ratios["best"]["numpy"]))
            if with_peers:
                line += [peer(ratios, without="numpy"), human_share(ratios["of_copy"])]
        table.add_row(*line)
    return table


def human_share(share: float | None) -> str:
    """Write a share in percent, None as a dash."""
    return "-" if share is None else f"{share:.0%}"


def peer(ratios: Record, without: str = "") -> str:
    """Write the ratio to the fastest library, and its name."""
    if set(ratios["best"]) <= {without}:
        return "-"
    ratio, library = closest(ratios, without)
    return f"{human_ratio(ratio)} {library}"


def show(run: Record) -> None:
    """Print the tables to stdout."""
    console = Console(highlight=False)
    shown = tables(run)
    # A pipe says it has 80 columns: cutting numbers short would be worse than a long line.
    widest = max(Measurement.get(console, console.options.update(width=1000), table).maximum for table in shown)
    console.width = max(console.width, widest)
    machine = run["machine"]
    console.print(
        f"relu-simd {machine['relu-simd']} ({machine['instruction set']}, {machine['threads']} threads)"
        f" against NumPy {machine['NumPy']}: median times of a call, and how many times as long others take.\n"
        "[green]first[/green]: the NumPy idiom people write first; best: NumPy's fastest"
        f"{'; peer: the fastest other library; copy: of the speed of a plain C copy' if run['peers'] else ''}.\n",
        soft_wrap=True,
    )
    console.print(*shown, sep="\n")
