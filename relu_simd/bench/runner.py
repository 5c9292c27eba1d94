# SPDX-License-Identifier: BSD-3-Clause
"""From the options to the table, the picture and the JSON."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import product

import relu_simd
from relu_simd._config import config
from relu_simd.bench import data, markdown, peers, report, results
from relu_simd.bench.contest import Cell, WrongResult
from relu_simd.bench.functions import Function
from relu_simd.bench.roofline import COPY
from relu_simd.bench.timing import measure
from relu_simd.bench.ways import NUMPY, RELU_SIMD, Library

__all__ = ["WrongResult", "run"]


# Where nobody sees the rows, a line so often says that something happens.
NEWS_SECONDS = 10


def run(args: argparse.Namespace, functions: Sequence[Function], command: str) -> int:
    """Measure, show and write as the options say. Raises WrongResult, or OSError if it cannot write.

    Ctrl-C ends the measuring: what there is by then is shown and written, and the exit status is 130.
    """
    args.out.mkdir(parents=True, exist_ok=True)
    threads = args.threads or relu_simd.get_num_threads()
    relu_simd.set_num_threads(threads)
    libraries = [RELU_SIMD, NUMPY]
    if args.peers:
        found, missing = peers.installed(args.peers, threads)
        libraries += [COPY, *found]
        _say(f"with {', '.join(each.name for each in found) or 'no other library'}")
        if missing:
            _say(f"not installed: {', '.join(missing)}")
    pictures = importlib.util.find_spec("matplotlib") is not None and sys.modules.get("matplotlib", True) is not None
    lacking = [] if data.are_real() else ["scikit-learn, so the data are random numbers like those of a network"]
    lacking += [] if pictures else ["matplotlib, so there are no pictures"]
    if lacking:
        _say(f'not installed: {"; ".join(lacking)}: pip install "relu-simd[bench]"')

    wanted = [each for each in product(functions, args.dtypes, args.sizes) if each[1] in each[0].dtypes]
    records: list[results.Record] = []
    interrupted = False
    try:
        _measure(args, wanted, libraries, records)
    except KeyboardInterrupt:
        if not records:
            raise
        interrupted = True

    document = results.document(records, command, libraries)
    files = [args.out / "bench.json"]
    files[0].write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if args.peers:
        files.append(args.out / "peers.md")
        files[-1].write_text(markdown.page(document), encoding="utf-8")
    if pictures:
        from relu_simd.bench import heatmap, picture

        files.append(args.out / "bench.png")
        picture.draw(document, files[-1])
        if args.peers:
            files.append(args.out / "peers.png")
            heatmap.draw(document, files[-1])
    if args.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    else:
        print(report.idioms(records))
        print(report.summary(records), flush=True)
    if interrupted:
        _say(f"interrupted: {len(records)} of {len(wanted)} cells")
    _say(f"wrote {', '.join(map(str, files))}")
    return 130 if interrupted else 0


def _measure(
    args: argparse.Namespace,
    wanted: Sequence[tuple[Function, str, int]],
    libraries: Sequence[Library],
    records: list[results.Record],
) -> None:
    """Measure each cell, and print its rows at once."""
    said, group = time.monotonic(), None
    for k, cell in enumerate(cells(wanted, libraries), 1):
        record = results.record(cell, measure(cell.contestants, args.seconds, bool(args.peers)))
        records.append(record)
        if not args.json:
            if group is None:
                print(report.heading(config(), bool(args.peers)))
            if group != (record["op"], record["dtype"]):
                group = (record["op"], record["dtype"])
                print(report.title(record, bool(args.peers)))
            print(report.rows(record, bool(args.peers)), flush=True)
        if (args.json or not sys.stdout.isatty()) and time.monotonic() - said >= NEWS_SECONDS:
            said = time.monotonic()
            _say(f"{k} of {len(wanted)}: {cell.function.name} {cell.dtype} {cell.n:,}")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def cells(wanted: Sequence[tuple[Function, str, int]], libraries: Sequence[Library]) -> Iterator[Cell]:
    """Make the cells in order, one at a time in memory, each with its results checked."""
    for function, dtype, n in wanted:
        cell = Cell(function, dtype, n, libraries)
        cell.check()
        yield cell
