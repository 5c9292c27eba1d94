# SPDX-License-Identifier: BSD-3-Clause
"""The docstrings of the public functions and ufuncs, composed from the rows of the operation table."""

from __future__ import annotations

import textwrap
from typing import Any

_INPUTS = {
    "x": """
        Input of any shape and of one of the dtypes below, or anything that casts to one safely.""",
    "grad_output": """
        Gradient of the loss with respect to the function's output; broadcasts with the other inputs.""",
    "y": """
        Output of the function whose gradient this is.""",
    "a": """
        Input of any shape and of one of the dtypes below, or anything that casts to one safely.""",
    "b": """
        The other input; broadcasts with the first, a bias row or column for example.""",
    "negative_slope": """
        Slope on the negative side. A number never changes the result's dtype; an array broadcasts and
        promotes as usual, where float32 counts as no wider than 16-bit floats.""",
    "weight": """
        Slopes on the negative side; broadcasts with `x` from the last axis on. For a slope a channel give
        it the shape (channels, 1, 1). Beside 16-bit floats it is taken in float32.""",
}

_DTYPES = {
    "NUMBERS": """
dtypes: float16, float32, float64, ml_dtypes.bfloat16, and every signed and unsigned integer.""",
    "FLOATS": """
dtypes: float16, float32, float64, ml_dtypes.bfloat16; integers become floats as in NumPy's own ufuncs
(int8 float16, int16 float32, the others float64). Arithmetic on 16-bit floats is done in float32 and
rounded once, to nearest even.""",
}
_DTYPES |= dict.fromkeys(("SCALED", "WIDENED"), _DTYPES["FLOATS"])

_FUNCTION = """\
{name}({signature}, out=None, *, where=True, casting='same_kind', order='K', dtype=None, subok=True)
--

{summary}

Defined as ``{definition}`` for every element.

Parameters
----------
{parameters}
out : ndarray, optional
    Where the result goes: of the result's shape, and of a dtype that it casts to. May be an input,
    then the work is done in place.
where, casting, order, dtype, subok
    As for every NumPy ufunc.

Returns
-------
ndarray or scalar
    `out` if given; else a new array of the inputs' broadcast shape and common dtype, laid out as the
    input is, or a scalar if all inputs are scalars.

Raises
------
TypeError
    A dtype that is refused (bool, complex, longdouble, object, str), or wrong arguments.
ValueError
    Shapes that do not broadcast, or `out` of another shape or read-only. Nothing is written.

Notes
-----
{dtypes}

A NaN is not <= 0 and not > 0: the definition decides, so that NaN goes through and no
floating-point warning is given. Selected values are moved bit for bit: -0.0, denormals and a NaN's
payload stay. The result {accuracy} and is the same on every instruction set. The definition is
that of PyTorch's CPU kernels; `relu_simd.reference.{name}` is the same in plain NumPy. The ufunc
behind it is `relu_simd.ufuncs.{name}`. Inputs other than `out` are never modified.

Examples
--------
>>> import numpy as np
>>> from relu_simd import {name}
>>> {example}
{result}
"""


def function_doc(op: Any) -> str:
    """Docstring of the public function of a row, its first line in the form `inspect.signature` reads."""
    names = op.inputs if op.default is None else (*op.inputs[:-1], f"{op.inputs[-1]}={op.default}")
    kind = dict.fromkeys(op.inputs, "array_like") | (
        {} if op.default is None else {op.inputs[-1]: "number or array_like"}
    )
    parameters = "\n".join(
        f"{name} : {kind[name]}\n{textwrap.indent(textwrap.dedent(_INPUTS[name]).strip(), '    ')}"
        for name in op.inputs
    )
    accuracy = "is correctly rounded" if op.max_ulp == 0 else f"has an error of at most {op.max_ulp} ULP"
    return _FUNCTION.format(
        name=op.name,
        signature=", ".join(names),
        summary=op.summary,
        definition=op.definition,
        parameters=parameters,
        dtypes=_DTYPES[op.kind].strip(),
        accuracy=accuracy,
        example=op.example,
        result=op.result,
    )


def ufunc_doc(op: Any) -> str:
    """Docstring of a row's ufunc; NumPy puts the signature before it."""
    inputs = ", ".join(op.inputs)
    return f"{op.summary}\n\nDefined as ``{op.definition}``; the inputs are ({inputs}).\nSee `relu_simd.{op.name}`."
