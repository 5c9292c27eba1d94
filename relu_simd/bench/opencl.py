# SPDX-License-Identifier: BSD-3-Clause
"""`bench --opencl`: our functions on every OpenCL device, as its own clock tells, against what pyopencl offers.

opencl_device.py measures one device, opencl_report.py shows the records.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from relu_simd import _core
from relu_simd._config import config


def run(args: argparse.Namespace, command: str) -> int:
    """Measure on all devices, show, and write opencl.json; return the exit status."""
    try:
        from rich.console import Console
        from rich.progress import Progress

        from relu_simd.bench import opencl_device, opencl_report

        devices = opencl_device.all_devices()
    except ImportError as error:
        return _fail(f'this needs pyopencl and rich: pip install "relu-simd[opencl,bench]" ({error})')
    except RuntimeError as error:
        return _fail(str(error))
    cells = [
        (op, dtype, n)
        for op in _core.OPS
        if op.name in args.ops
        for dtype in args.dtypes
        if dtype in opencl_device.DTYPES
        for n in args.sizes
    ]
    if not cells:
        return _fail(f"nothing to do: no {' and no '.join(args.dtypes)} on OpenCL in {', '.join(args.ops)}")
    measured: list[dict[str, Any]] = []
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=len(devices) * len(cells))
            for each in devices:
                device = opencl_device.Device(each)
                records = []
                for op, dtype, n in cells:
                    progress.update(task, description=f"{device.name} {op.name} {dtype} {n:,}")
                    records += device.cell(op, dtype, n)
                    progress.advance(task)
                measured.append({"device": device.facts(), "cells": records, "calls": device.calls()})
        document = {
            "command": command,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": config(),
            "unit": "seconds",
            "devices": measured,
        }
        path = args.out / "opencl.json"
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except opencl_device.WrongResult as error:
        return _fail(f"wrong result, nothing written: {error}")
    except (MemoryError, opencl_device.DeviceError) as error:
        return _fail(f"the device gave up; smaller --sizes may help ({error})")
    except OSError as error:
        return _fail(f"cannot write to {args.out}: {error.strerror or error}")
    if args.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    else:
        opencl_report.show(document)
    print(f"wrote {path}", file=sys.stderr)
    return 0


def _fail(sentence: str) -> int:
    print(f"python -m relu_simd bench --opencl: {sentence}", file=sys.stderr)
    return 1
