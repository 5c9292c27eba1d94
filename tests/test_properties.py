# SPDX-License-Identifier: BSD-3-Clause
"""Whatever hypothesis makes up: shapes, strides, dtypes, slopes and special values, against the reference."""

import numpy as np
from cases import EMULATED, ISAS, OPS, expected, faces, same
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import relu_simd

LIMITS = settings(max_examples=30 if EMULATED else 300, deadline=None)


@st.composite
def calls(draw):
    """An operation with inputs of one broadcast shape, each in a layout of its own."""
    op = draw(st.sampled_from(list(OPS.values())))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=len(op.inputs), min_dims=1, max_dims=4, max_side=40))
    inputs = []
    for name, shape in zip(op.inputs, shapes.input_shapes, strict=True):
        # Of two NaNs the hardware chooses the payload, so a slope is none.
        is_slope = op.default is not None and name == op.inputs[-1]
        elements = st.floats(width=np.dtype(dtype).itemsize * 8, allow_nan=not is_slope)
        array = draw(hnp.arrays(dtype, shape, elements=elements))
        steps = tuple(slice(None, None, draw(st.sampled_from([1, -1, 2]))) for _ in shape)
        inputs.append(np.repeat(array, 2, 0)[::2][steps] if draw(st.booleans()) else array)
    if draw(st.booleans()) and op.default is not None:
        inputs[-1] = draw(st.floats(width=16, allow_nan=False))
    return op, inputs


@LIMITS
@given(call=calls(), isa=st.sampled_from(ISAS))
def test_any_call(call, isa):
    op, inputs = call
    try:
        want = expected(op, inputs)
    except ValueError:  # the slices' shapes need not broadcast any more
        assume(False)
    before = relu_simd.isa()
    relu_simd.set_isa(isa)
    try:
        originals = [np.copy(value) for value in inputs]
        for face in faces(op):
            same(face(*inputs), want)
        for value, original in zip(inputs, originals, strict=True):
            if isinstance(value, np.ndarray):
                same(value, original)
    finally:
        relu_simd.set_isa(before)
