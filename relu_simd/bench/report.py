# SPDX-License-Identifier: BSD-3-Clause
"""The table for the terminal, in plain text: a row as soon as it is measured, and a summary of all at the end."""

from __future__ import annotations

import statistics

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


def human_share(share: float | None) -> str:
    """Write a share in percent, None as a dash."""
    return "-" if share is None else f"{share:.0%}"


def peer(ratios: Record, without: str = "") -> str:
    """Write the ratio to the fastest library, and its name."""
    if set(ratios["best"]) <= {without}:
        return "-"
    ratio, library = closest(ratios, without)
    return f"{human_ratio(ratio)} {library}"


def heading(machine: Record, with_peers: bool) -> str:
    """Write what the numbers mean, in lines of 60 columns."""
    lines = [
        f"relu-simd {machine['relu-simd']} ({machine['instruction set']}, {machine['threads']} threads)",
        f"against NumPy {machine['NumPy']}: median times of a call, and how",
        "many times as long others take. first: the NumPy idiom",
        "people write first; best: NumPy's fastest.",
    ]
    if with_peers:
        lines += ["peer: the fastest other library; copy: of the speed of a", "plain C copy."]
    return "\n".join(lines)


def title(cell: Record, with_peers: bool) -> str:
    """Write the function and dtype of the rows that follow, and their columns."""
    peers = "  copy  peer" if with_peers else ""
    return f"\n{cell['op']} {cell['dtype']}\n{'n':>11}  {'result':9}  {'time':>8}  {'first':>6}  {'best':>6}{peers}"


def rows(cell: Record, with_peers: bool) -> str:
    """Write the rows of a cell, one for each way to take the result; without peers they have 50 columns."""
    lines = []
    for mode, ratios in cell["ratios"].items():
        line = f"{cell['n']:>11,}  {HEADINGS[mode]:9}  {human_time(ours(cell['times'], mode)):>8}"
        line += f"  {human_ratio(ratios['first']):>6}  {human_ratio(ratios['best']['numpy']):>6}"
        if with_peers:
            line += f"  {human_share(ratios['of_copy']):>4}  {peer(ratios, without='numpy')}"
        lines.append(line)
    return "\n".join(lines)


def idioms(cells: list[Record]) -> str:
    """Write the NumPy idiom that each function was compared with first, as a new array."""
    statements = {cell["op"]: next(iter(cell["ratios"].values()))["first_statement"] for cell in cells}
    return "\n".join(["\nfirst is:", *(f"  {op}:\n    {statement}" for op, statement in statements.items())])


def summary(cells: list[Record]) -> str:
    """Write ten lines at most: the median of the ratios by dtype and size, and where we are slower than NumPy."""
    groups: dict[tuple[str, int], list[float]] = {}
    slower = []
    for cell in cells:
        for mode, ratios in cell["ratios"].items():
            groups.setdefault((cell["dtype"], cell["n"]), []).append(ratios["best"]["numpy"])
            if ratios["best"]["numpy"] < 1:
                slower.append((ratios["best"]["numpy"], f"{cell['op']} {cell['dtype']} {cell['n']:,} {HEADINGS[mode]}"))
    kept = list(groups.items())
    if len(kept) > 7:  # the sizes alone
        by_size: dict[tuple[str, int], list[float]] = {}
        for (_, n), ratios_of in kept:
            by_size.setdefault(("all dtypes", n), []).extend(ratios_of)
        kept = list(by_size.items())[:7]
    lines = ["\nsummary: as fast as NumPy's fastest way, times (median)"]
    lines += [f"  {dtype} {n:,}: {human_ratio(statistics.median(of))}" for (dtype, n), of in kept]
    worst = f", least {min(slower)[1]}: {human_ratio(min(slower)[0])}" if slower else ""
    lines.append(f"  slower than NumPy in {len(slower)} of {sum(map(len, groups.values()))} rows{worst}")
    return "\n".join(lines)
