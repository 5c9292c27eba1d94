# SPDX-License-Identifier: BSD-3-Clause
"""The text of a kernel: kernel.cl after the definitions that make it one operation on one dtype."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np

TEMPLATE = files("relu_simd.opencl").joinpath("kernel.cl").read_text(encoding="utf-8")

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
    six: int


FORMATS = {
    "float16": Format(2, "ushort", "float", "uint", 0x8000, 0x7C00, 0x4600),
    "bfloat16": Format(2, "ushort", "float", "uint", 0x8000, 0x7F80, 0x40C0),
    "float32": Format(4, "uint", "float", "uint", 0x80000000, 0x7F800000, 0x40C00000),
    "float64": Format(8, "ulong", "double", "ulong", 1 << 63, 0x7FF << 52, 0x4018 << 48),
}


class Slope(NamedTuple):
    """How a kernel gets the last input of a SCALED operation: `value` for element {i}, from an array of `elements`."""

    value: str
    elements: str = ""
    repeats: bool = False


NUMBER = Slope("{name}")
ARRAYS = {  # by whether it repeats along the first input, and whether it is float32 beside 16-bit floats
    (False, False): Slope("widen({name}_in[{i}])", "bits"),
    (False, True): Slope("{name}_in[{i}]", "float"),
    (True, False): Slope("widen({name}_in[({i}) % period])", "bits", repeats=True),
    (True, True): Slope("{name}_in[({i}) % period]", "float", repeats=True),
}


class Variant(NamedTuple):
    """What a kernel depends on besides its operation.

    `slope` is None where all inputs are arrays of `dtype`. With `offsets`, arrays may begin anywhere in
    their buffers; `packed` demands that they begin on PACK_BYTES. `group` is the work items in a group.
    `half` is whether the device converts float16 itself.
    """

    dtype: str
    slope: Slope | None
    offsets: bool
    packed: bool
    group: int
    half: bool

    @property
    def pack(self) -> int:
        """Elements that a work item moves at once."""
        return PACK_BYTES // FORMATS[self.dtype].itemsize if self.packed else 1


class Source(NamedTuple):
    """A kernel: its text, its name, and the NumPy dtypes of its arguments, None for a buffer."""

    text: str
    name: str
    arguments: list[type[np.generic] | None]


def computes(body: str) -> bool:
    """Whether a body does arithmetic; to one that does not, the elements are integers."""
    return "widen(" in body


def source(op: str, body: str, inputs: tuple[str, ...], variant: Variant) -> Source:
    """Write a kernel. Its arguments: n, the buffers of out and the inputs, their offsets, the slope or its period."""
    form, slope = FORMATS[variant.dtype], variant.slope
    arrays = inputs if slope is None else inputs[:-1]
    values = [f"bits {name}" for name in arrays]
    pointers = ["out", *(f"{name}_in" for name in arrays)]
    parameters: list[tuple[str, type[np.generic] | None]] = [
        ("ulong n", np.uint64),
        ("global bits *out", None),
        *((f"global const bits *{name}_in", None) for name in arrays),
    ]
    from_packs = [f"{name}_pack.at[k]" for name in arrays]
    from_memory = [f"{name}_in[i]" for name in arrays]
    last: list[tuple[str, type[np.generic] | None]] = []
    if slope is not None:
        name = inputs[-1]
        values.append(f"real {name}")
        from_packs.append(slope.value.format(name=name, i="(i) * PACK + (k)"))
        from_memory.append(slope.value.format(name=name, i="i"))
        if slope is NUMBER:
            last.append((f"real {name}", np.float64 if form.real == "double" else np.float32))
        else:
            pointers.append(f"{name}_in")
            parameters.append((f"global const {slope.elements} *{name}_in", None))
        if slope.repeats:
            last.append(("ulong period", np.uint64))
    if variant.offsets:
        parameters += [(f"ulong {pointer}_at", np.uint64) for pointer in pointers]
    parameters += last

    name = f"relu_simd_{op}_{variant.dtype}"
    definitions = {
        variant.dtype.upper(): "",
        "bits": form.bits,
        "SIGN": f"((bits){form.sign:#x})",
        "INF": f"((bits){form.inf:#x})",
        "SIX": f"((bits){form.six:#x})",
        "GROUP": variant.group,
        "PACK": variant.pack,
        "pack_word": "uint4" if variant.packed else form.bits,
        "NAME": name,
        "VALUES": ", ".join(values),
        "BODY": body,
        "PARAMETERS": ", ".join(declaration for declaration, _ in parameters),
        "SKIP_OFFSETS": " ".join(f"{pointer} += {pointer}_at;" for pointer in pointers if variant.offsets),
        "LOAD_PACKS(i)": " ".join(f"LOAD_PACK({name}, i)" for name in arrays),
        "FROM_PACKS(i, k)": ", ".join(from_packs),
        "FROM_MEMORY(i)": ", ".join(from_memory),
    }
    if computes(body):
        definitions |= {"real": form.real, "real_bits": form.real_bits}
    if variant.half:
        definitions["HALF"] = ""
    text = "".join(f"#define {key} {value}\n" for key, value in definitions.items()) + TEMPLATE
    return Source(text, name, [dtype for _, dtype in parameters])
