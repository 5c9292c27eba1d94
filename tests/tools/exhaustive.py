# SPDX-License-Identifier: BSD-3-Clause
"""All 4,294,967,296 float32 through every operation of one input, on every instruction set.

    python tests/tools/exhaustive.py                         all of it, about 25 minutes on two cores
    python tests/tools/exhaustive.py --isas best             the one that runs here by default
    python tests/tools/exhaustive.py --isas best --part 3/128    one in 128 of its chunks of inputs: what CI does
    python tests/tools/exhaustive.py --isas avx2 --ops tanh

Results that are exact equal the reference's, bit for bit. The others are as close to its float64 evaluation as their
row says, and never step back from one float to the next where the function is monotone; the largest error is printed.
Every other instruction set gives the bytes of the best one. Exit status 1, and the bit pattern, at the first that does
not hold.
"""

import argparse
import inspect
import re
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

sys.path.insert(0, str(Path(__file__).parents[1]))
from cases import slopes, ulps

import relu_simd
from relu_simd import _core, reference

# Those with a default for their other input are of one input, too.
OPS = {op.name: op for op in _core.OPS if len(op.required) == 1}
PATTERNS = 2**32
CHUNK = 2**14  # what is computed for it stays in the cache
SIGN = np.uint32(1 << 31)


class Mismatch(Exception):
    """Names the operation, the instruction set, the pattern and both results."""


def first(wrong, op, isa, patterns, got, want):
    k = int(np.argmax(wrong))
    raise Mismatch(
        f"{op.name} of 0x{patterns[k]:08X} ({patterns[k : k + 1].view(np.float32)[0]!r}) on {isa}: "
        f"0x{got[k : k + 1].view(np.uint32)[0]:08X} ({got[k]!r}), {want}"
    )


def check_exact(op, isa, patterns, x, got):
    """The reference's bits."""
    with np.errstate(all="ignore"):
        want = getattr(reference, op.name)(x)
    wrong = got.view(np.uint32) != want.view(np.uint32)
    if wrong.any():
        first(wrong, op, isa, patterns, got, f"not 0x{want[np.argmax(wrong)].view(np.uint32):08X}")


def check_close(op, isa, patterns, x, got):
    """NaN where x is, and within max_ulp of the float64 value, itself right to 1e-6 ULP. Return the largest error."""
    with np.errstate(all="ignore"):
        exact = inspect.unwrap(getattr(reference, op.name))(x.astype(np.float64))
        away = np.where(np.isnan(got) & np.isnan(x), 0, ulps(got, exact))
    wrong = ~(away <= op.accuracy.max_ulp)
    if wrong.any():
        first(wrong, op, isa, patterns, got, f"more than {op.accuracy.max_ulp} ULP from {exact[np.argmax(wrong)]!r}")
    return away.max()


class Monotone:
    """Watches that results do not step back along consecutive floats, over the borders of chunks as well."""

    def __init__(self):
        self.last, self.after = None, 0

    def check(self, op, isa, patterns, x, got):
        """Patterns rise; as numbers those with a sign fall, and so must the results."""
        negative = bool(patterns[0] & SIGN)
        if patterns[0] != self.after or patterns[0] in (0, SIGN):
            self.last = None
        self.after = int(patterns[-1]) + 1
        number = ~np.isnan(x)
        if not number.any():
            return
        y = got[number]
        before = np.concatenate([y[:1] if self.last is None else self.last, y[:-1]])
        direction = slopes(op, x[number]) * (-1 if negative else 1)
        wrong = (direction > 0) & (y < before) | (direction < 0) & (y > before)
        if wrong.any():
            first(wrong, op, isa, patterns[number], y, f"a step back from {before[np.argmax(wrong)]!r}")
        self.last = y[-1:]


def run(op, isas, chunks, progress, task, seconds):
    """Return the largest error in ULP."""
    monotone, largest = Monotone(), 0.0
    function = getattr(relu_simd, op.name)
    steps = np.arange(CHUNK, dtype=np.uint32)
    for chunk in chunks:
        patterns = steps + np.uint32(chunk * CHUNK)
        x = patterns.view(np.float32)
        best = None
        for isa in isas:
            relu_simd.set_isa(isa)
            begin = time.perf_counter()
            got = function(x)
            seconds[op.name, isa] = seconds.get((op.name, isa), 0) + time.perf_counter() - begin
            if best is None:
                best = got
                if op.accuracy.max_ulp:
                    largest = max(largest, check_close(op, isa, patterns, x, got))
                    monotone.check(op, isa, patterns, x, got)
                else:
                    check_exact(op, isa, patterns, x, got)
            else:
                wrong = got.view(np.uint32) != best.view(np.uint32)
                if wrong.any():
                    there = best[np.argmax(wrong)].view(np.uint32)
                    first(wrong, op, isa, patterns, got, f"and 0x{there:08X} on {isas[0]}")
        progress.advance(task)
    return largest


def choose(given, known, what):
    """Names out of a comma-separated list; SystemExit for an unknown one."""
    names = list(dict.fromkeys(given.split(",")))
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"exhaustive: unknown {what} {', '.join(map(repr, unknown))}: choose from {', '.join(known)}")
    return names


def part(text):
    """K and N of "K/N"."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not int(match[1]) < int(match[2]) <= PATTERNS // CHUNK:
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N with K from 0 to N - 1, such as 3/64")
    return int(match[1]), int(match[2])


def main(arguments=None):
    available = relu_simd.available_isas()
    parser = argparse.ArgumentParser(
        prog="python tests/tools/exhaustive.py",
        description=__doc__.partition("\n")[0],
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--isas", default="all", metavar="LIST", help=f"all, best, or some of {','.join(available)} (default: all)"
    )
    parser.add_argument(
        "--ops", default=",".join(OPS), metavar="LIST", help="operations, separated by commas (default: %(default)s)"
    )
    parser.add_argument(
        "--part",
        type=part,
        default="0/1",
        metavar="K/N",
        help=f"one in N of the chunks of {CHUNK:,} consecutive inputs, beginning with the K-th (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    first_chunk, step = options.part
    shorthand = {"all": ",".join(available), "best": available[0]}
    isas = sorted(choose(shorthand.get(options.isas, options.isas), available, "instruction set"), key=available.index)
    names = choose(options.ops, list(OPS), "operation")

    console, seconds, before = Console(), {}, relu_simd.isa()
    columns = TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
            for name in names:
                chunks = range(first_chunk, PATTERNS // CHUNK, step)
                task = progress.add_task(name, total=len(chunks))
                begin = time.perf_counter()
                largest = run(OPS[name], isas, chunks, progress, task, seconds)
                each = ", ".join(f"{isa} {seconds[name, isa]:.0f} s" for isa in isas)
                how_many = "all" if step == 1 else f"1 in {step} of"
                console.print(
                    f"{name}: {how_many} 2^32 right on {each}, at most {largest:.4f} ULP off;"
                    f" {time.perf_counter() - begin:.0f} s with the checks",
                    soft_wrap=True,
                )
    except Mismatch as mismatch:
        console.print(f"exhaustive: {mismatch}", style="red", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130
    finally:
        relu_simd.set_isa(before)
    return 0


if __name__ == "__main__":
    sys.exit(main())
