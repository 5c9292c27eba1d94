# SPDX-License-Identifier: BSD-3-Clause
"""The command line of the benchmark.

NumPy alone is enough: without scikit-learn the data are random, without matplotlib there are no pictures.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import relu_simd
from relu_simd import _core
from relu_simd.bench.functions import FUNCTIONS
from relu_simd.bench.peers import LOADERS

PEERS = list(LOADERS)
SIZES = "16,1e3,1e5,1e6,1e7"

# Arrays of float64 that the largest cell holds at once, the temporaries of the idioms included.
ARRAYS_HELD = 12

EPILOG = f"""\
examples:
  python -m relu_simd bench                              everything, in about two minutes
  python -m relu_simd bench --sizes 16,1e4 --ops relu    a few seconds
  python -m relu_simd bench --threads 1 --out one        one thread; files go to the folder `one`
  python -m relu_simd bench --json | jq '.cells[].ratios.out.first'
  python -m relu_simd bench --peers --sizes 1e4,1e7      against torch and whatever else is installed
  python -m relu_simd bench --peers numba --ops relu     against numba alone
  python -m relu_simd bench --opencl --sizes 1e5,1e7     on the OpenCL devices (needs "relu-simd[opencl,bench]")

functions:
{textwrap.fill(", ".join(FUNCTIONS), 100, initial_indent="  ", subsequent_indent="  ")}
dtypes:
  {", ".join(_core.DTYPES)}
  (a function is not measured for a dtype that it lacks)
Before a function is timed, its result is compared with that of relu_simd.reference. For relu_simd
it must be the same byte for byte or, where the function has an error bound, within that bound.
In the table, "first" is the ratio to the NumPy idiom that people write first, "best" to NumPy's
fastest idiom, and "peer" to the fastest of the other libraries.
"""

T = TypeVar("T")


def _listed(one: Callable[[str], T]) -> Callable[[str], list[T]]:
    def parse(text: str) -> list[T]:
        return list(dict.fromkeys(one(part.strip()) for part in text.split(",")))

    return parse


def _choice(kind: str, choices: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"unknown {kind} {text!r} (choose from {', '.join(choices)})")
        return text

    return parse


def _size(text: str) -> int:
    try:
        size = int(text.replace("_", "")) if text.replace("_", "").isdecimal() else float(text)
        if size < 1 or size != int(size):
            raise ValueError
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of elements (choose whole numbers from 1 on, such as 16, 1e6 or 1_000_000)"
        ) from None
    need, memory = int(size) * ARRAYS_HELD * 8, _memory()
    if need > memory:
        raise argparse.ArgumentTypeError(
            f"{text} elements need about {need / 2**30:.3g} GiB, and this machine has {memory / 2**30:.3g} GiB"
        )
    return int(size)


def _memory() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**36


def _threads(text: str) -> int:
    # The one place that knows the limits is asked, and left as it was.
    before = relu_simd.get_num_threads()
    try:
        relu_simd.set_num_threads(int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of threads ({error})") from None
    relu_simd.set_num_threads(before)
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds (choose one above 0, to 3600)")
    return seconds


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `bench` and its options."""
    parser = commands.add_parser(
        "bench",
        help="time every function against NumPy's ways",
        description="Time every function against the ways in which people write it in NumPy, on real data. Print each"
        " row when it is measured, and write bench.json and bench.png. Ctrl-C ends it early and keeps what there is.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option(
        "--ops",
        type=_listed(_choice("function", list(FUNCTIONS))),
        default=list(FUNCTIONS),
        metavar="LIST",
        help="functions, separated by commas (default: all)",
    )
    option(
        "--sizes",
        type=_listed(_size),
        default=SIZES,
        metavar="LIST",
        help="numbers of elements; 1e6 and 1_000_000 are the same (default: %(default)s)",
    )
    option(
        "--dtypes",
        type=_listed(_choice("dtype", _core.DTYPES)),
        default="float32,float16",
        metavar="LIST",
        help="dtypes (default: %(default)s)",
    )
    option(
        "--threads",
        type=_threads,
        metavar="N",
        help=f"threads that each library may use (default: {relu_simd.get_num_threads()} here)",
    )
    option(
        "--seconds",
        type=_seconds,
        default=0.25,
        metavar="S",
        help="seconds for each function, dtype and size; large sizes take longer (default: %(default)s)",
    )
    option(
        "--peers",
        type=_listed(_choice("library", PEERS)),
        nargs="?",
        const=PEERS,
        default=[],
        metavar="LIST",
        help="also time these libraries, by default all that are installed of"
        f" {', '.join(PEERS)}; write peers.md and peers.png",
    )
    option(
        "--opencl",
        action="store_true",
        help="time relu_simd.opencl instead, on every OpenCL device and by its own clock, against copies and pyopencl",
    )
    option("--out", type=Path, default=Path("bench-out"), metavar="DIR", help="folder for files (default: %(default)s)")
    option("--json", action="store_true", help="print bench.json instead of the table")


def run(args: argparse.Namespace, command: str) -> int:
    """Run the benchmark as the options say and return the exit status. `command` goes into the JSON."""
    if args.opencl:
        from relu_simd.bench import opencl

        return opencl.run(args, command)
    if "bfloat16" in args.dtypes and not _importable("ml_dtypes"):  # which teaches NumPy the name
        return _fail("bfloat16 needs ml_dtypes: pip install ml_dtypes")
    functions = [FUNCTIONS[name] for name in args.ops]
    if all(set(function.dtypes).isdisjoint(args.dtypes) for function in functions):
        return _fail(f"nothing to do: no {' and no '.join(args.dtypes)} in {', '.join(args.ops)}")
    from relu_simd.bench import runner

    try:
        return runner.run(args, functions, command)
    except runner.WrongResult as error:
        return _fail(f"wrong result, nothing written: {error}")
    except MemoryError:
        return _fail("not enough memory: choose smaller --sizes")
    except OSError as error:
        if reader_left(error):
            raise
        return _fail(f"cannot write to {args.out}: {error.strerror or error}")


def reader_left(error: OSError) -> bool:
    """Whether standard output is a pipe that nobody reads any more, as after `| head`. Windows has its own error."""
    on_windows = os.name == "nt" and error.errno == errno.EINVAL and error.filename is None
    return on_windows or isinstance(error, BrokenPipeError)


def _importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _fail(sentence: str) -> int:
    print(f"python -m relu_simd bench: {sentence}", file=sys.stderr)
    return 1
