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
        Slope on the negative side.""",
    "weight": """
        Slopes on the negative side. Their shape broadcasts with that of `x`, from the last axis on: one slope per
        channel of (batch, channels, height, width) has shape (channels, 1, 1). float32 slopes leave the result of
        16-bit floats in 16 bits.""",
    "alpha": """
        Factor on the negative side: for large negative x the result approaches -alpha.""",
    "beta": """
        Sharpness: the larger it is, the closer the function is to relu.""",
    "min_val": """
        Lower bound.""",
    "max_val": """
        Upper bound.""",
    "lambd": """
        Distance from 0 up to which the result is 0.""",
    "threshold": """
        Values of `x` up to this one, included, are replaced by `value`, and their gradient is 0.""",
    "value": """
        What replaces the values of `x` up to `threshold`.""",
}

_PARAM = """ A number never changes the dtype of the result. An array broadcasts and promotes as usual, except
that a float32 array together with 16-bit floats leaves the result in 16 bits."""
_PARAM_OF_INTEGERS = (
    " With integer arrays, a number must be whole (else TypeError) and, if the result needs it, fit their dtype"
    " (else OverflowError)."
)

_INTEGERS = ", and every signed and unsigned integer."
_NO_INTEGERS = """; integers become floats as in NumPy's own ufuncs (8 bits float16, 16 bits float32, more float64)."""
_ARITHMETIC = "Arithmetic on 16-bit floats is done in float32 and rounded once, to nearest even."
_WRAPS = "Integer arithmetic wraps around, as NumPy's does."

_FUNCTION = """\
{name}({signature}, out=None, *, where=True, casting='same_kind', order='K', dtype=None, subok=True)
--

{summary}

Defined as ``{definition}`` for every element.

Parameters
----------
{parameters}
out : ndarray, optional
    Where the result goes: an array of the result's shape, and of a dtype that the result can be cast
    to. It may be one of the inputs, which is then overwritten.
where, casting, order, dtype, subok
    As for every NumPy ufunc (see `numpy.ufunc`).

Returns
-------
ndarray or scalar
    `out` if given. Otherwise a new array of the inputs' broadcast shape and common dtype, in the
    memory layout of the input, or a scalar if all inputs are scalars.

Raises
------
TypeError
    A dtype that is refused (bool, complex, longdouble, object, str), an `out` of a dtype that the result
    cannot be cast to, or wrong arguments.
ValueError
    Shapes that do not broadcast, or an `out` that has another shape or is read-only. Nothing is written.

Notes
-----
{dtypes}

Comparisons with a NaN are false and arithmetic on one gives a NaN, so the definition says what
happens to it. There is no floating-point warning. Values that are selected keep all their bits:
-0.0, denormals and the payload of a NaN.

{accuracy}

At a NaN and at the bounds in the definition, results are those of PyTorch's CPU kernels, if PyTorch
has the function. `relu_simd.reference.{name}` is the definition in plain NumPy. The ufunc
behind this function is `relu_simd.ufuncs.{name}`. Inputs other than `out` are never modified.

Examples
--------
>>> import numpy as np
>>> from relu_simd import {name}
>>> {example}
{result}
"""


def function_doc(op: Any) -> str:
    """Docstring of the public function of a row, its first line in the form `inspect.signature` reads."""
    defaults = dict(zip(op.params, op.defaults, strict=True))
    signature = [name if defaults.get(name) is None else f"{name}={defaults[name]}" for name in op.inputs]
    return _FUNCTION.format(
        name=op.name,
        signature=", ".join(signature),
        summary=op.summary,
        definition=op.definition,
        parameters="\n".join(_parameter(op, name) for name in op.inputs),
        dtypes=_dtypes(op),
        accuracy=textwrap.fill(f"The result {accuracy(op)} and is the same on every instruction set.", 100),
        example=op.example,
        result=op.result,
    )


def of_input(op: Any, name: str) -> str:
    """What an input of a row is."""
    if name not in _INPUTS:
        raise LookupError(f"relu_simd/_docs.py: _INPUTS does not say what {name} is, an input of {op.name}")
    return textwrap.dedent(_INPUTS[name]).strip()


def _parameter(op: Any, name: str) -> str:
    text = of_input(op, name)
    is_number = name in op.params and not op.weight
    if is_number:
        text = " ".join((text + _PARAM).split()) + (_PARAM_OF_INTEGERS if op.takes_integers else "")
        text = textwrap.fill(text, 100)
    return f"{name} : {'number or array_like' if is_number else 'array_like'}\n{textwrap.indent(text, '    ')}"


def _dtypes(op: Any) -> str:
    floats = ["ml_dtypes.bfloat16" if name == "bfloat16" else name for name in op.dtypes if "int" not in name]
    sentences = [f"dtypes: {', '.join(floats)}{_INTEGERS if op.takes_integers else _NO_INTEGERS}"]
    if op.arithmetic:
        sentences.append(_ARITHMETIC)
        sentences += [_WRAPS] if op.takes_integers else []
    return textwrap.fill(" ".join(" ".join(sentences).split()), 100)


def accuracy(op: Any) -> str:
    """How exact a result is, as the predicate of a sentence about it."""
    if op.accuracy.steps:
        return "is the definition with each of its operations correctly rounded, in the order written,"
    if op.accuracy.max_ulp:
        near_zero = " or, where the factor of grad_output is near 0, 2**-26 times grad_output (2**-55 in float64),"
        return f"has an error of at most {op.accuracy.max_ulp} ULP{near_zero if op.accuracy.crosses else ''}"
    if op.arithmetic and op.params:
        return "is correctly rounded in float32 and float64 (16-bit results are rounded from float32 ones)"
    return "is correctly rounded"


def ufunc_doc(op: Any) -> str:
    """Docstring of a row's ufunc; NumPy puts the signature before it."""
    inputs = ", ".join(op.inputs)
    return f"{op.summary}\n\nDefined as ``{op.definition}``; the inputs are ({inputs}).\nSee `relu_simd.{op.name}`."
