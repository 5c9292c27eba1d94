# SPDX-License-Identifier: BSD-3-Clause
"""The measured times as plain records, with the ratios that matter: what bench.json holds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from relu_simd._config import config
from relu_simd.bench.contest import Cell
from relu_simd.bench.roofline import COPY, MEANINGFUL_FROM
from relu_simd.bench.ways import NUMPY, RELU_SIMD, Library

Record = dict[str, Any]


def record(cell: Cell, samples: Sequence[Sequence[float]]) -> Record:
    """Make the record of one cell: all samples and medians in seconds, and our ratios in each mode."""
    times = [
        {
            "library": contestant.library.name,
            "mode": contestant.mode,
            "statement": contestant.statement,
            "median": statistics.median(taken),
            "samples": list(taken),
        }
        for contestant, taken in zip(cell.contestants, samples, strict=True)
    ]
    return {
        "op": cell.function.name,
        "dtype": cell.dtype,
        "n": cell.n,
        "bytes": cell.bytes_moved,
        "times": times,
        "ratios": {mode: _ratios(cell, times, mode) for mode in cell.modes},
    }


def ours(times: list[Record], mode: str) -> float:
    """Find our median in a mode, in seconds."""
    median: float = next(t["median"] for t in times if (t["library"], t["mode"]) == (RELU_SIMD.name, mode))
    return median


def _ratios(cell: Cell, times: list[Record], mode: str) -> Record:
    """How many times as long others take: NumPy with the idiom people write first, each library at its best.

    A library may also use what makes a new array where it has nothing else. `of_copy` is the share of the
    speed of a plain copy of as many bytes: None where that was not timed, or means nothing.
    """
    mine = ours(times, mode)
    usual = NUMPY.ways_for(cell.function, cell.dtype)[0]
    first = next(t for t in times if t["statement"] == (getattr(usual, mode) or usual.new))
    best: dict[str, Record] = {}
    for t in times:
        library = t["library"]
        if library not in (RELU_SIMD.name, COPY.name) and t["mode"] in (mode, "new"):
            best[library] = min(t, best.get(library, t), key=lambda each: each["median"])
    copies = [t["median"] for t in times if t["library"] == COPY.name]
    return {
        "first": first["median"] / mine,
        "first_statement": first["statement"],
        "best": {library: t["median"] / mine for library, t in best.items()},
        "best_statement": {library: t["statement"] for library, t in best.items()},
        "of_copy": min(copies) / mine if copies and cell.bytes_moved >= MEANINGFUL_FROM else None,
    }


def closest(ratios: Record, without: str = "") -> tuple[float, str]:
    """Find the smallest of the best ratios, and whose it is."""
    return min((ratio, library) for library, ratio in ratios["best"].items() if library != without)


def document(cells: Sequence[Record], command: str, libraries: Iterable[Library]) -> Record:
    """Put together all there is to know about a run."""
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": config(),
        "peers": {
            library.name: version(library.name) for library in libraries if library not in (RELU_SIMD, NUMPY, COPY)
        },
        "unit": "seconds a call",
        "cells": list(cells),
    }
