# SPDX-License-Identifier: BSD-3-Clause
"""From the options to the table, the picture and the JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import product

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

import relu_simd
from relu_simd.bench import heatmap, markdown, peers, picture, report, results
from relu_simd.bench.contest import Cell, WrongResult
from relu_simd.bench.functions import Function
from relu_simd.bench.idioms import NUMPY
from relu_simd.bench.roofline import COPY
from relu_simd.bench.timing import measure
from relu_simd.bench.ways import RELU_SIMD, Library

# For so long OpenMP's idle threads keep a CPU busy, which is the next library's then.
SPIN_SECONDS = 0.006

__all__ = ["WrongResult", "run"]


def run(args: argparse.Namespace, functions: Sequence[Function], command: str) -> None:
    """Measure, show and write as the options say. Raises WrongResult, or OSError if it cannot write."""
    args.out.mkdir(parents=True, exist_ok=True)
    messages = Console(stderr=True, highlight=False)
    threads = args.threads or relu_simd.get_num_threads()
    relu_simd.set_num_threads(threads)
    libraries = [RELU_SIMD, NUMPY]
    if args.peers:
        found, missing = peers.installed(args.peers, threads)
        libraries += [COPY, *found]
        messages.print(f"with {', '.join(each.name for each in found) or 'no other library'}", soft_wrap=True)
        if missing:
            messages.print(f"not installed: {', '.join(missing)}", soft_wrap=True)

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=messages, transient=True) as progress:
        wanted = [each for each in product(functions, args.dtypes, args.sizes) if each[1] in each[0].dtypes]
        task = progress.add_task("reading the digits", total=len(wanted))
        records = []
        for cell in cells(wanted, libraries):
            progress.update(task, description=f"{cell.function.name} {cell.dtype} {cell.n:,}")
            pause = SPIN_SECONDS if args.peers else 0.0
            records.append(results.record(cell, measure(cell.contestants, args.seconds, pause)))
            progress.advance(task)

    document = results.document(records, command, libraries)
    files = [args.out / "bench.json", args.out / "bench.png"]
    files[0].write_text(json.dumps(document, indent=1) + "\n")
    picture.draw(document, files[1])
    if args.peers:
        files += [args.out / "peers.md", args.out / "peers.png"]
        files[2].write_text(markdown.page(document))
        heatmap.draw(document, files[3])
    if args.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    else:
        report.show(document)
    messages.print(f"wrote {', '.join(map(str, files))}", soft_wrap=True)


def cells(wanted: Sequence[tuple[Function, str, int]], libraries: Sequence[Library]) -> Iterator[Cell]:
    """Make the cells in order, one at a time in memory, each with its results checked."""
    for function, dtype, n in wanted:
        cell = Cell(function, dtype, n, libraries)
        cell.check()
        yield cell
