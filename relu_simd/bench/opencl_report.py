# SPDX-License-Identifier: BSD-3-Clause
"""The tables of `bench --opencl` for the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from relu_simd.bench.opencl_device import ARRAY, COPY_BUFFER, COPY_KERNEL, ELEMENTWISE, OURS, Record
from relu_simd.bench.report import human_ratio, human_time


def show(document: Record) -> None:
    """Print the tables to stdout."""
    console = Console(highlight=False)
    console.width = max(console.width, 150)  # a pipe says 80: cut numbers would be worse than a long line
    for measured in document["devices"]:
        device = measured["device"]
        console.print(
            f"[b]{device['name']}[/b], {device['platform']} {device['driver']}, pyopencl {device['pyopencl']}:"
            " median times on the device's clock, and how many times as long others take.\n",
            soft_wrap=True,
        )
        console.print(_cells(measured["cells"]), _calls(measured["calls"]), sep="\n")


def _cells(cells: list[Record]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("function", "dtype"):
        table.add_column(heading)
    for heading in ("n", "out=", "GB/s", COPY_KERNEL, COPY_BUFFER, ELEMENTWISE, ARRAY):
        table.add_column(heading, justify="right")
    for cell in cells:
        ours = cell["times"][OURS]["median"]
        others = [
            human_ratio(cell["times"][name]["median"] / ours) if name in cell["times"] else "-"
            for name in (COPY_KERNEL, COPY_BUFFER, ELEMENTWISE, ARRAY)
        ]
        speed = f"{cell['bytes'] / ours / 1e9:.1f}"
        table.add_row(cell["op"], cell["dtype"], f"{cell['n']:,}", human_time(ours), speed, *others)
    return table


def _calls(calls: dict[str, float]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("call on 16 elements")
    table.add_column("CPU time", justify="right")
    for name, taken in calls.items():
        table.add_row(name, human_time(taken))
    return table
