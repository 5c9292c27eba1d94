# SPDX-License-Identifier: BSD-3-Clause
"""`python -m relu_simd` says what was detected, `python -m relu_simd bench` how fast it is."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

from relu_simd import __version__
from relu_simd._config import show_config
from relu_simd.bench import cli

EPILOG = """\
examples:
  python -m relu_simd                        what was detected on this machine
  python -m relu_simd bench                  how fast it is here, against NumPy (a minute or two)
  python -m relu_simd bench --help           the options of the benchmark
"""


def parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m relu_simd",
        description="Without a command, print the instruction sets, threads, caches and devices that relu-simd found.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"relu-simd {__version__}")
    cli.add_parser(top.add_subparsers(dest="command", metavar="command"))
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line `argv` says (by default the process's own); return the exit status."""
    words = sys.argv[1:] if argv is None else argv
    args = parser().parse_args(words)
    try:
        if args.command == "bench":
            return cli.run(args, shlex.join(["python", "-m", "relu_simd", *words]))
        show_config()
        sys.stdout.flush()
        return 0
    except OSError as error:
        if not cli.reader_left(error):
            raise
        # The interpreter would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
