# SPDX-License-Identifier: BSD-3-Clause
"""Count the instructions an element of the NEON kernels' main loops, as a Markdown table.

    make .venv/.package && .venv/bin/python scripts/count_instructions.py

Compiles csrc/isa/neon.c with setup.py's flags (by aarch64-linux-gnu-gcc, or $CC) and reads objdump's listing.
The main loop is the longest innermost one of an operation, and of another function the one that takes the most elements
a turn. Those that use the stack, as spilled
registers do, or convert single elements, are listed after the table.
"""

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from relu_simd import _core

ROOT = Path(__file__).parents[1]
FLAGS = "-std=c11 -O3 -g0 -fPIC -ffp-contract=off -fno-trapping-math -fvisibility=hidden -Icsrc".split()  # noqa: SIM905
SHORT = {"float": "f", "bfloat": "bf", "int": "i", "uint": "u"}
# Others than the ufuncs': their name in the listing, and how many inputs of the data's dtype a turn of the loop loads
# (0: what it stores counts). The number of columns, not known at compile time, ends the loops down a column.
OTHERS = {
    "with_mask": ("relu_with_mask", 0),
    "from_mask": ("relu_backward_from_mask", 0),
    "sum_active": ("count_active", 1),
    "columns_active": ("count_active, axis=0", 1),
    "sum_weight_grads": ("prelu_backward", 2),
    "columns_weight_grads": ("prelu_backward, axis=0", 2),
}


def listing():
    compiler = os.environ.get("CC", "aarch64-linux-gnu-gcc").split()
    with TemporaryDirectory() as folder:
        built = f"{folder}/isa_neon.o"
        subprocess.run([*compiler, *FLAGS, "-c", "csrc/isa/neon.c", "-o", built], cwd=ROOT, check=True)
        command = ["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", built]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def functions(text):
    """Name and (address, instruction, operands) of each function."""
    for part in re.split(r"\n(?=[0-9a-f]+ <)", text):
        if head := re.match(r"[0-9a-f]+ <(\w+)(\.\S*)?>:", part):
            lines = re.findall(r"^ +([0-9a-f]+):\t(\S+)(?:\t(.*))?$", part, re.MULTILINE)
            yield head[1], [(int(address, 16), name, operands) for address, name, operands in lines]


def innermost_loops(code):
    spans = []
    for address, name, operands in code:
        target = re.search(r"\b([0-9a-f]+) <", operands)
        if re.match(r"b\.|cb|tb|b$", name) and target and code[0][0] <= int(target[1], 16) <= address:
            spans.append((int(target[1], 16), address))
    for first, last in spans:
        if not any(first <= a and b <= last and (a, b) != (first, last) for a, b in spans):
            yield [line for line in code if first <= line[0] <= last]


def vector_bytes(loop, kind):
    """What vector instructions store ("st") or load ("ld") there, the stack apart."""
    total = 0
    for _, name, operands in loop:
        if re.match(rf"{kind}(u?r|p|1)$", name) and "[sp" not in operands:
            total += 16 * len(re.findall(r"\b[qv]\d+", operands.partition("[")[0]))
    return total


def main_loop(code, itemsize, inputs, is_body):
    def elements(loop):
        return vector_bytes(loop, "ld" if inputs else "st") / itemsize / max(inputs, 1)

    def order(loop):
        whole = elements(loop) in {2**k for k in range(10)}  # the ragged ends store what is left as well
        return (whole, len(loop)) if is_body else (elements(loop), -len(loop))

    loop = max(innermost_loops(code), key=order, default=[])
    return loop, elements(loop)


def faults(loop):
    """Stack accesses, and conversions of single elements."""
    stack = sum("[sp" in operands for _, _, operands in loop)
    scalar = sum(bool(re.match(r"[fsu]cvt", name) and re.match(r"[hsdwx]\d", operands)) for _, name, operands in loop)
    return stack, scalar


def main():
    dtypes = {re.sub(r"^[a-z]+", lambda found: SHORT[found[0]], name): name for name in _core.DTYPES}
    cells, bad = {}, []
    for name, code in functions(listing()):
        function, short = name.rpartition("_")[::2]
        body = re.fullmatch(r"(.+)_body([01])", function.removesuffix("_parts"))
        if short not in dtypes or not (body or function in OTHERS):
            continue
        operation, inputs = (body[1], 0) if body else OTHERS[function]
        if body and body[2] == "1":
            operation += ", last a number"
        itemsize = int(re.search(r"\d+", short)[0]) // 8
        loop, elements = main_loop(code, itemsize, inputs, body)
        if elements == 0 or elements <= cells.get((operation, short), (0, 0))[1]:
            continue
        cells[operation, short] = (len(loop), elements)
        if any(faults(loop)):
            bad.append(f"{name}: {faults(loop)[0]} accesses to the stack, {faults(loop)[1]} scalar conversions")
    unary = {op.name for op in _core.OPS if len(op.inputs) == 1}
    rows = [
        f"{op.name}{suffix}"
        for op in _core.OPS
        for suffix in ("", ", last a number")
        if not suffix or op.name not in unary
    ]
    print("| function |", " | ".join(dtypes.values()), "|")
    print("|---" * (len(dtypes) + 1) + "|")
    for row in rows + [name for name, _ in OTHERS.values()]:
        values = []
        for short in dtypes:
            length, elements = cells.get((row, short), (0, 0))
            values.append(f"{length / elements:.2f} ({elements:.0f})" if elements else "")
        if any(values):
            print(f"| {row} |", " | ".join(values), "|")
    print("", *bad, sep="\n")


main()
