# SPDX-License-Identifier: BSD-3-Clause
"""The docstrings of the functions, composed from the rows of the operation table."""

from __future__ import annotations

from relu_simd._core import Op

_FLOATS = "float16, float32, float64 or ml_dtypes.bfloat16"
_ARRAY = "pyopencl.array.Array{}\n    Of any strides; {}."
_LIKE = """\
pyopencl.array.Array or number
    Of the dtype of `{}`; broadcasts with it. One of the two may be a number, if it leaves the dtype of the
    result unchanged."""
_PARAM = """\
number or pyopencl.array.Array
    A number never changes the dtype. An array broadcasts with the other inputs; it has their dtype or,
    together with 16-bit floats, that or float32."""

_FUNCTION = """\
{summary}

Defined as ``{definition}`` for every element. Asynchronous: the call returns when the work is enqueued.

Parameters
----------
{parameters}
out : pyopencl.array.Array, optional
    Where the result goes: an array of the first input's dtype and the result's shape, of any strides. It
    may be one of the inputs: then the work is done in place.
queue : pyopencl.CommandQueue, optional
    By default that of the first array that has one.
wait_for : sequence of pyopencl.Event, optional
    Events to wait for, in addition to those of the arrays.

Returns
-------
pyopencl.array.Array
    `out` if given, else a new array.

Raises
------
TypeError
    An argument that is not a pyopencl array (NumPy arrays are for `relu_simd.{name}`), or a dtype that does
    not fit.
ValueError
    Shapes, contexts or memory that do not fit, a read-only `out`, no queue, or arithmetic on float64 on a
    device without it. Nothing is enqueued.
OverflowError
    A number that the dtype of integer arrays cannot hold.
RuntimeError
    The kernel cannot be built for the device.

Notes
-----
The result has the same bytes as that of `relu_simd.{name}` on the CPU, NaN and -0.0 included, unless the device
flushes denormals.

Examples
--------
>>> import numpy as np
>>> import pyopencl as cl
>>> from relu_simd import opencl
>>> queue = cl.CommandQueue(cl.Context(opencl.devices()[:1]))
>>> x = cl.array.to_device(queue, np.array([{example}], np.float32))
>>> opencl.{name}({call}).get()  # doctest: +SKIP
"""


def function_doc(op: Op) -> str:
    """Write the docstring of a row's function."""
    parameters = []
    for k, name in enumerate(op.inputs):
        if name in op.params:
            what = _PARAM
        elif k:
            what = _LIKE.format(op.inputs[0])
        else:
            dtypes = _FLOATS + ", or an integer" * op.takes_integers
            what = _ARRAY.format(" or number" * (len(op.arrays) > 1), dtypes)
        optional = "" if name in op.required else f"\n    By default {op.defaults[op.params.index(name)]}."
        parameters.append(f"{name} : {what}{optional}")
    return _FUNCTION.format(
        name=op.name,
        summary=op.summary,
        definition=op.definition,
        parameters="\n".join(parameters),
        example="-1.0, 2.0",
        call=", ".join(["x"] * len(op.inputs)),
    )
