# SPDX-License-Identifier: BSD-3-Clause
"""The text of a kernel: kernel.cl and what follows it, after the definitions that make it one kernel of one dtype."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from relu_simd import _core
from relu_simd._core import Op
from relu_simd.opencl._layout import Layout


def _read(name: str) -> str:
    return files("relu_simd.opencl").joinpath(name).read_text(encoding="utf-8")


WORDS, ELEMENTWISE, MASKS, REDUCTIONS = map(_read, ("kernel.cl", "elementwise.cl", "masks.cl", "reductions.cl"))
# Copies of what the instruction sets of the CPU compile, made with every build.
EXPRESSIONS, MATHS = _read("kernels.h"), _read("vmath.h") + _read("vmath_gelu.h")
MATHS = MATHS.replace("static const struct", "constant struct").replace("const elem *", "constant elem *")
# A loop over the coefficients that is left in place keeps a compiler from making vectors, as PoCL's of gelu.
MATHS = MATHS.replace("    for (", "#pragma unroll\n    for (")

PACK_BYTES = 16
"""What a work item moves at once where that pays."""

BYTES = np.dtype("V1")
"""Stands for an argument that is passed as the bytes that it is."""


class Format(NamedTuple):
    """A dtype as an unsigned integer, `bits`, and the type that its arithmetic is done in, `real`."""

    itemsize: int
    bits: str
    real: str
    real_bits: str = ""
    sign: int = 0
    inf: int = 0


FORMATS = {
    "float16": Format(2, "ushort", "float", "uint", 0x8000, 0x7C00),
    "bfloat16": Format(2, "ushort", "float", "uint", 0x8000, 0x7F80),
    "float32": Format(4, "uint", "float", "uint", 0x80000000, 0x7F800000),
    "float64": Format(8, "ulong", "double", "ulong", 1 << 63, 0x7FF << 52),
}
INTEGERS = {
    f"{'u' * unsigned}int{8 * size}": Format(size, f"u{kind}", "u" * unsigned + kind)
    for size, kind in ((1, "char"), (2, "short"), (4, "int"), (8, "long"))
    for unsigned in (False, True)
}


class Source(NamedTuple):
    """A kernel: its text, its name, and the NumPy dtypes of its arguments, None for a buffer."""

    text: str
    name: str
    arguments: list[Any]


Parameters = list[tuple[str, Any]]


def computes(op: Op) -> bool:
    """Whether an operation on floats needs numbers; to one that does not, the elements are integers."""
    return op.arithmetic or bool(op.params)


def expressions(op: Op) -> str:
    """All operations in C, of which the kernel calls one; their names are no macros of the compiler's."""
    names = "".join(f"#undef {row.name}\n" for row in _core.OPS)
    return names + (MATHS + EXPRESSIONS if op.widens else EXPRESSIONS)


def _of_dtype(dtype: str, half: bool, double: bool) -> dict[str, Any]:
    """What kernel.cl wants to know of a dtype."""
    if dtype in INTEGERS:
        form = INTEGERS[dtype]
        return {"INTEGER": form.real, "bits": form.bits}
    form = FORMATS[dtype]
    without = dtype == "float64" and not double
    real, real_bits = ("float", "uint") if without else (form.real, form.real_bits)
    definitions: dict[str, Any] = {
        dtype.upper(): "",
        "bits": form.bits,
        "real": real,
        "real_bits": real_bits,
        "SIGN": f"((bits){form.sign:#x})",
        "INF": f"((bits){form.inf:#x})",
    }
    return definitions | {flag: "" for flag, holds in (("HALF", half), ("NO_DOUBLE", without)) if holds}


def _of_layout(layout: Layout) -> dict[str, Any]:
    if not layout.axes:
        return {}
    kinds = ("long", "ulong") if layout.wide else ("int", "uint")
    return {"AXES": layout.axes, "ARRAYS": len(layout.placed), "place": kinds[0], "index": kinds[1]}


def _after_pointers(layout: Layout, pointers: Iterable[str]) -> tuple[Parameters, str]:
    """The parameters that say where the arrays lie, and the statements that skip what is before them."""
    pointers = list(pointers) if layout.offsets else []
    parameters: Parameters = [(f"ulong {pointer}_at", np.uint64) for pointer in pointers]
    if layout.axes:
        parameters.append(("places p", BYTES))
    return parameters, " ".join(f"{pointer} += {pointer}_at;" for pointer in pointers)


def _place(layout: Layout, array: int, element: str) -> str:
    return f"at(p, {array}, {element})" if layout.axes and layout.placed[array] else element


def _finished(definitions: dict[str, Any], parts: Sequence[str], parameters: Parameters) -> Source:
    definitions |= {"PARAMETERS": ", ".join(declaration for declaration, _ in parameters)}
    text = "".join(f"#define {key} {value}\n" for key, value in definitions.items()) + "\n".join(parts)
    return Source(text, definitions["KERNEL_NAME"], [dtype for _, dtype in parameters])


class Input(NamedTuple):
    """How a kernel gets an input: from an array, `wide` if that is of float32 beside 16-bit floats, or as a number."""

    is_array: bool
    wide: bool = False


ARRAY, NUMBER = Input(True), Input(False)


class Variant(NamedTuple):
    """What an elementwise kernel depends on besides its operation.

    `packed` demands that arrays in the order of the result begin on PACK_BYTES. `group` is the work items in a group.
    `half` and `exact_division` say whether the device converts float16 itself and rounds quotients correctly, `double`
    whether the kernel needs float64, `one_nan` whether arithmetic may lose what is in a NaN.
    """

    row: Any  # with the table's row as `row`: comparing rows themselves would take long
    dtype: str
    inputs: tuple[Input, ...]
    layout: Layout
    packed: bool
    group: int
    half: bool
    double: bool
    exact_division: bool
    one_nan: bool = False

    @property
    def pack(self) -> int:
        """Elements that a work item moves at once."""
        return PACK_BYTES // (FORMATS | INTEGERS)[self.dtype].itemsize if self.packed else 1

    def source(self) -> Source:
        """Write the kernel. Its arguments: n, the buffers of out and the inputs, where they lie, numbers."""
        op, layout = self.row.row, self.layout
        inputs = dict(zip(op.inputs, self.inputs, strict=True))
        arrays = [name for name, given in inputs.items() if given.is_array]
        number = {name: index for index, name in enumerate(arrays, 1)}
        definitions = _of_dtype(self.dtype, self.half, self.double) | _of_layout(layout)
        wide = definitions.get("INTEGER") or definitions["real"]
        bits = np.dtype(f"u{(FORMATS | INTEGERS)[self.dtype].itemsize}").type
        parameters: Parameters = [("ulong n", np.uint64), ("global bits *out", None)]
        packs = [name for name in arrays if name in op.arrays and not (layout.axes and layout.placed[number[name]])]
        values, from_memory, from_packs = [], [], []
        numbers: Parameters = []
        for name, given in inputs.items():
            is_param = name in op.params
            values.append(f"{'wide' if is_param else 'bits'} {name}")
            if not given.is_array:
                numbers.append((values[-1], _WIDE[wide] if is_param else bits))
                from_memory.append(name)
                from_packs.append(name)
                continue
            parameters.append((f"global const {'float' if given.wide else 'bits'} *{name}_in", None))
            value = "widen({}_in[{}])" if is_param and not given.wide else "{}_in[{}]"
            from_memory.append(value.format(name, _place(layout, number[name], "i")))
            in_memory = value.format(name, _place(layout, number[name], "(i) * PACK + (k)"))
            from_packs.append(f"{name}_pack.at[k]" if name in packs else in_memory)
        where, skip = _after_pointers(layout, ["out", *(f"{name}_in" for name in arrays)])
        operands = [f"OPERAND({name})" for name in op.arrays] + ["0"] * (2 - len(op.arrays))
        operands += [*op.params, *["0"] * (2 - len(op.params))]
        definitions |= {
            "GROUP": self.group,
            "PACK": self.pack,
            "pack_word": "uint4" if self.packed else definitions["bits"],
            "KERNEL_NAME": f"relu_simd_{op.name}_{self.dtype}",
            "VALUES": ", ".join(values),
            "LANE_OF": f"lane_{op.name}({', '.join(operands)})",
            "SKIP_OFFSETS": skip,
            "LOAD_PACKS(i)": " ".join(f"LOAD_PACK({name}, i)" for name in packs),
            "FROM_PACKS(i, k)": ", ".join(from_packs),
            "FROM_MEMORY(i)": ", ".join(from_memory),
            "OUT(i)": _place(layout, 0, "i"),
        }
        if self.one_nan:
            of_params = [(f"{name} != {name}", f"narrow({name})") for name in op.params]
            choices = [*((f"is_nan({name})", name) for name in op.arrays), *of_params]
            definitions["WAS_MOVED"] = " || ".join(f"result == {name}" for name in op.arrays)
            definitions["FIRST_NAN"] = " ".join(f"{holds} ? {nan} | QUIET :" for holds, nan in choices)
            definitions["OPERANDS"] = ", ".join((*op.arrays, *op.params))
        flags = {"WIDENS": op.widens, "EXACT_DIVISION": self.exact_division, "ONE_NAN": self.one_nan}
        definitions |= {flag: "" for flag, holds in flags.items() if holds}
        return _finished(definitions, [WORDS, expressions(op), ELEMENTWISE], [*parameters, *where, *numbers])


_WIDE = {"float": np.float32, "double": np.float64} | {
    form.real: np.dtype(name).type for name, form in INTEGERS.items()
}


class Mask(NamedTuple):
    """What the kernels of masks depend on: `makes` is that of relu_with_mask."""

    makes: bool
    dtype: str
    layout: Layout
    group: int

    def source(self) -> Source:
        """Write the kernel. Its arguments: n, out, the input and the mask, where they lie, the mask's step."""
        name = "x" if self.makes else "grad_output"
        where, skip = _after_pointers(self.layout, ["out", f"{name}_in", "mask_bytes"])
        definitions = _of_dtype(self.dtype, half=False, double=False) | _of_layout(self.layout)
        definitions |= {
            "GROUP": self.group,
            "KERNEL_NAME": f"relu_simd_{'with' if self.makes else 'from'}_mask_{self.dtype}",
            "SKIP_OFFSETS": skip,
            "OUT(i)": _place(self.layout, 0, "i"),
            "IN(i)": _place(self.layout, 1, "i"),
        }
        if self.makes:
            definitions["MAKES_MASK"] = ""
        parameters: Parameters = [
            ("ulong n", np.uint64),
            ("global bits *out", None),
            (f"global const bits *{name}_in", None),
            (f"global {'' if self.makes else 'const '}uchar *mask_bytes", None),
            *where,
            ("long step", np.int64),
        ]
        return _finished(definitions, [WORDS, MASKS], parameters)


STAGES = {
    "RUNS": ("units", "cuts", "length"),
    "COLUMNS": ("rows", "columns", "step"),
    "TOTAL": ("n", "first_row", "rows", "units", "unit_step", "sum_step", "parts", "part_step"),
}
"""The kernels of a reduction, with the numbers that each takes after its arrays."""


class Reduction(NamedTuple):
    """What a kernel of a reduction depends on: of which stage, of count_active or else of the gradient of weights."""

    stage: str
    active: bool
    dtype: str
    result: str
    layout: Layout
    group: int
    half: bool

    def source(self) -> Source:
        """Write the kernel. Its arguments: out, of the last stage the partial sums, the inputs, where, numbers."""
        names = ["x"] if self.active else ["grad_output", "x"]
        last = self.stage == "TOTAL"  # before, `out` is memory of ours, which has no offset
        where, skip = _after_pointers(self.layout, ["out"] * last + [f"{name}_in" for name in names])
        definitions = _of_dtype(self.dtype, self.half, double=not self.active) | _of_layout(self.layout)
        kind = "long" if self.active else "double"
        definitions |= {
            "GROUP": self.group,
            "KERNEL_NAME": f"relu_simd_{'active' if self.active else 'weight_grads'}_{self.stage.lower()}_{self.dtype}",
            "SKIP_OFFSETS": skip,
            "sum": kind,
            self.stage: "",
            f"TO_{self.result.upper()}": "",
            **{f"{name.upper()}(i)": _place(self.layout, k, "i") for k, name in enumerate(names)},
        }
        if self.active:
            definitions["ACTIVE"] = ""
        parameters: Parameters = [(f"global {'result' if last else 'sum'} *out", None)]
        if last:
            parameters.append(("global const sum *partial", None))
        parameters += [(f"global const bits *{name}_in", None) for name in names]
        parameters += [*where, *((f"ulong {name}", np.uint64) for name in STAGES[self.stage])]
        return _finished(definitions, [WORDS, REDUCTIONS], parameters)
