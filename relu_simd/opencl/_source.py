# SPDX-License-Identifier: BSD-3-Clause
"""The text of a kernel: kernel.cl, with the expressions of csrc/, after the definitions that make it one operation."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np

from relu_simd import _core
from relu_simd._core import Op


def _read(name: str) -> str:
    return files("relu_simd.opencl").joinpath(name).read_text(encoding="utf-8")


TEMPLATE = _read("kernel.cl")
# Copies of what the instruction sets of the CPU compile, made with every build.
EXPRESSIONS, MATHS = _read("kernels.h"), _read("vmath.h") + _read("vmath_gelu.h")
MATHS = MATHS.replace("static const struct", "constant struct").replace("const elem *", "constant elem *")

PACK_BYTES = 16
"""What a work item moves at once where that pays."""


class Format(NamedTuple):
    """A dtype as an integer, `bits`, and the type that its arithmetic is done in, `real`."""

    itemsize: int
    bits: str
    real: str
    real_bits: str
    sign: int
    inf: int


FORMATS = {
    "float16": Format(2, "ushort", "float", "uint", 0x8000, 0x7C00),
    "bfloat16": Format(2, "ushort", "float", "uint", 0x8000, 0x7F80),
    "float32": Format(4, "uint", "float", "uint", 0x80000000, 0x7F800000),
    "float64": Format(8, "ulong", "double", "ulong", 1 << 63, 0x7FF << 52),
}


class Param(NamedTuple):
    """How a kernel gets a parameter: `value` for element {i}, from an array of `elements`."""

    value: str
    elements: str = ""
    repeats: bool = False


NUMBER = Param("{name}")
ARRAYS = {  # by whether it repeats along the first input, and whether it is float32 beside 16-bit floats
    (False, False): Param("widen({name}_in[{i}])", "bits"),
    (False, True): Param("{name}_in[{i}]", "float"),
    (True, False): Param("widen({name}_in[({i}) % {name}_period])", "bits", repeats=True),
    (True, True): Param("{name}_in[({i}) % {name}_period]", "float", repeats=True),
}


class Variant(NamedTuple):
    """What a kernel depends on besides its operation.

    With `offsets`, arrays may begin anywhere in their buffers; `packed` demands that they begin on PACK_BYTES. `group`
    is the work items in a group. `half` and `exact_division` say whether the device converts float16 itself and rounds
    quotients correctly, `double` whether the kernel needs float64.
    """

    dtype: str
    params: tuple[Param, ...]
    offsets: bool
    packed: bool
    group: int
    half: bool
    double: bool
    exact_division: bool

    @property
    def pack(self) -> int:
        """Elements that a work item moves at once."""
        return PACK_BYTES // FORMATS[self.dtype].itemsize if self.packed else 1


class Source(NamedTuple):
    """A kernel: its text, its name, and the NumPy dtypes of its arguments, None for a buffer."""

    text: str
    name: str
    arguments: list[type[np.generic] | None]


def computes(op: Op) -> bool:
    """Whether an operation needs numbers; to one that does not, the elements are integers."""
    return op.arithmetic or bool(op.params)


def expressions(op: Op) -> str:
    """All operations in C, of which the kernel calls one; their names are no macros of the compiler's."""
    names = "".join(f"#undef {row.name}\n" for row in _core.OPS)
    return names + (MATHS + EXPRESSIONS if op.widens else EXPRESSIONS)


def source(op: Op, variant: Variant) -> Source:
    """Write a kernel. Its arguments: n, the buffers of out and the inputs, their offsets, numbers and periods."""
    form = FORMATS[variant.dtype]
    without = variant.dtype == "float64" and not variant.double
    real, real_bits = ("float", "uint") if without else (form.real, form.real_bits)
    values = [f"bits {name}" for name in op.arrays]
    pointers = ["out", *(f"{name}_in" for name in op.arrays)]
    parameters: list[tuple[str, type[np.generic] | None]] = [
        ("ulong n", np.uint64),
        ("global bits *out", None),
        *((f"global const bits *{name}_in", None) for name in op.arrays),
    ]
    from_packs = [f"{name}_pack.at[k]" for name in op.arrays]
    from_memory = [f"{name}_in[i]" for name in op.arrays]
    last: list[tuple[str, type[np.generic] | None]] = []
    for name, param in zip(op.params, variant.params, strict=True):
        values.append(f"real {name}")
        from_packs.append(param.value.format(name=name, i="(i) * PACK + (k)"))
        from_memory.append(param.value.format(name=name, i="i"))
        if param is NUMBER:
            last.append((f"real {name}", np.float64 if real == "double" else np.float32))
        else:
            pointers.append(f"{name}_in")
            parameters.append((f"global const {param.elements} *{name}_in", None))
        if param.repeats:
            last.append((f"ulong {name}_period", np.uint64))
    if variant.offsets:
        parameters += [(f"ulong {pointer}_at", np.uint64) for pointer in pointers]
    parameters += last

    name = f"relu_simd_{op.name}_{variant.dtype}"
    operands = [f"OPERAND({operand})" for operand in op.arrays] + ["0"] * (2 - len(op.arrays))
    operands += [*op.params, *["0"] * (2 - len(op.params))]
    definitions = {
        variant.dtype.upper(): "",
        "bits": form.bits,
        "real": real,
        "real_bits": real_bits,
        "SIGN": f"((bits){form.sign:#x})",
        "INF": f"((bits){form.inf:#x})",
        "GROUP": variant.group,
        "PACK": variant.pack,
        "pack_word": "uint4" if variant.packed else form.bits,
        "KERNEL_NAME": name,
        "VALUES": ", ".join(values),
        "LANE_OF": f"lane_{op.name}({', '.join(operands)})",
        "PARAMETERS": ", ".join(declaration for declaration, _ in parameters),
        "SKIP_OFFSETS": " ".join(f"{pointer} += {pointer}_at;" for pointer in pointers if variant.offsets),
        "LOAD_PACKS(i)": " ".join(f"LOAD_PACK({name}, i)" for name in op.arrays),
        "FROM_PACKS(i, k)": ", ".join(from_packs),
        "FROM_MEMORY(i)": ", ".join(from_memory),
    }
    flags = {
        "WIDENS": op.widens,
        "HALF": variant.half,
        "NO_DOUBLE": without,
        "EXACT_DIVISION": variant.exact_division,
    }
    definitions |= {flag: "" for flag, holds in flags.items() if holds}
    text = "".join(f"#define {key} {value}\n" for key, value in definitions.items())
    text += TEMPLATE.replace("THE_EXPRESSIONS", expressions(op))
    return Source(text, name, [dtype for _, dtype in parameters])
