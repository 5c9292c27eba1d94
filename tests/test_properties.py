# SPDX-License-Identifier: BSD-3-Clause
"""Whatever hypothesis makes up: shapes, strides, dtypes, slopes and special values, against the reference."""

import numpy as np
from cases import (
    EMULATED,
    FLOATS,
    HALVES,
    ISAS,
    OPS,
    _core,
    expected,
    faces,
    here,
    is_float,
    isnan,
    made_ordinary,
    operand_dtypes,
    reference,
    same,
    specials,
    using_isa,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import relu_simd


def examples(n):
    return settings(max_examples=n // 10 if EMULATED else n, deadline=None)


isas = st.sampled_from(ISAS)
numbers = st.sampled_from(here(_core.DTYPES))
floats = st.sampled_from(here(FLOATS))
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=20)


@st.composite
def arrays(draw, dtype, shape):
    """An array in one of many layouts: steps, both directions, transposed, inside of a larger one, not native."""
    axes = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 1, 1, -1, 2, -3])) for _ in shape]
    turned = [shape[axis] for axis in axes]
    whole = [extent * abs(step) for extent, step in zip(turned, steps, strict=True)]
    size = int(np.prod(whole, dtype=int))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.integers(0, 256, (size, np.dtype(dtype).itemsize), np.uint8).view(dtype).ravel()
    where = rng.random(size)
    values = np.where(where < 0.4, specials(dtype)[rng.integers(specials(dtype).size, size=size)], values)
    ordinary = rng.uniform(-9 if is_float(dtype) or dtype.kind == "i" else 0, 9, size)
    values = np.where(where > 0.6, ordinary.astype(dtype), values).astype(dtype)
    view = np.asarray(values.reshape(whole)[tuple(slice(None, None, step) for step in steps)])
    view = view.transpose(np.argsort(axes)) if shape else view
    assert view.shape == tuple(shape)
    if draw(st.integers(0, 9)) == 0:
        return view.astype(np.dtype(dtype).newbyteorder())
    return view


@st.composite
def calls(draw):
    """An operation, and its inputs of shapes that broadcast; where it computes, no two NaNs can meet."""
    op = draw(st.sampled_from(list(OPS.values())))
    dtype = draw(st.sampled_from(here(op.dtypes)))
    shape = draw(shapes)
    inputs = []
    for k, each in enumerate(operand_dtypes(op, dtype)):
        own = shape
        if k > 0 and draw(st.integers(0, 2)) == 0:  # one that broadcasts
            own = tuple(draw(st.sampled_from([1, extent])) for extent in shape)[draw(st.integers(0, len(shape))) :]
        value = draw(arrays(each, own))
        if k > 0 and op.arithmetic:
            value = np.where(isnan(value), each.type(0.25), value)
        if op.computes and k >= len(op.arrays):
            (value,) = made_ordinary([value])
        inputs.append(value)
    if op.params and draw(st.booleans()):
        floats = st.floats(0.125, 8, width=32) if op.computes else st.floats(width=32, allow_nan=False)
        number = floats if is_float(dtype) else st.integers(0, 100)
        inputs[len(op.arrays) :] = [draw(number) for _ in op.params]
    return op, dtype, shape, inputs


def plain(value):
    return value if isinstance(value, (int, float)) else np.array(value, value.dtype.newbyteorder("="), order="C")


@examples(500)
@given(call=calls(), isa=isas, data=st.data())
def test_any_call(call, isa, data):
    """Into a new array, into one in any layout, over an input, or over memory that an input overlaps."""
    op, dtype, shape, inputs = call
    operands = [value for value in inputs if isinstance(value, np.ndarray)]
    whole = np.broadcast_arrays(*map(plain, operands))
    want = np.asarray(expected(op, [*whole, *inputs[len(operands) :]]))
    originals = [np.copy(value) for value in inputs]
    mode = data.draw(st.sampled_from(["new", "out", "in place", "overlap"]))
    with using_isa(isa):
        for face in faces(op):
            if mode == "new":
                same(np.asarray(face(*inputs)), want)
            elif mode == "out":
                out = data.draw(arrays(dtype, shape)).copy(order="K")
                assert face(*inputs, out=out) is out
                same(plain(out), want)
            elif mode == "in place":
                first = inputs[0].copy(order="K")
                face(first, *inputs[1:], out=first)
                same(plain(first), want)
            else:
                n, shift = want.size, data.draw(st.integers(0, 70))
                buffer = np.zeros(n + shift, dtype)
                first, out = buffer[:n].reshape(shape), buffer[shift:].reshape(shape)
                if data.draw(st.booleans()):
                    first, out = out, first
                first[...] = plain(inputs[0])
                face(first, *inputs[1:], out=out)
                same(plain(out), want)
    for value, original in zip(inputs, originals, strict=True):
        same(np.asarray(value), np.asarray(original))


@examples(150)
@given(data=st.data(), dtype=numbers, shape=shapes, isa=isas)
def test_any_mask(data, dtype, shape, isa):
    x, g = data.draw(arrays(dtype, shape)), data.draw(arrays(dtype, shape))
    with np.errstate(invalid="ignore"):
        want, want_mask = reference.relu_with_mask(plain(x))
        want_back = reference.relu_backward(plain(g), plain(x))
    with using_isa(isa):
        y, mask = relu_simd.relu_with_mask(x)
        same(np.asarray(y), want)
        same(mask, want_mask)
        same(np.asarray(relu_simd.relu_backward_from_mask(g, mask)), want_back)
        out = data.draw(arrays(dtype, shape)).copy(order="K")
        relu_simd.relu_backward_from_mask(g, mask, out=out)
        same(plain(out), want_back)


@examples(150)
@given(data=st.data(), dtype=numbers, shape=shapes, isa=isas, keepdims=st.booleans())
def test_any_count(data, dtype, shape, isa, keepdims):
    x = data.draw(arrays(dtype, shape))
    axis = None
    if shape:
        axis = data.draw(st.none() | st.sets(st.integers(0, len(shape) - 1)).map(tuple) | st.integers(-len(shape), -1))
    with np.errstate(invalid="ignore"):
        want = np.asarray(reference.count_active(plain(x), axis, keepdims))
    with using_isa(isa):
        got = relu_simd.count_active(x, axis, keepdims=keepdims)
    assert got.dtype == np.intp
    assert got.shape == want.shape
    np.testing.assert_array_equal(got, want)


@examples(150)
@given(data=st.data(), dtype=floats, shape=shapes, isa=isas)
def test_any_weight_gradient(data, dtype, shape, isa):
    """Of small whole numbers, whose sum is exact in any order."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    own = tuple(data.draw(st.sampled_from([1, extent])) for extent in shape)[data.draw(st.integers(0, len(shape))) :]
    weight_dtype = np.dtype("f4") if dtype.name in HALVES and data.draw(st.booleans()) else dtype
    g, x, weight = (rng.integers(-4, 5, extents) for extents in (shape, shape, own))
    layout = data.draw(arrays(dtype, shape))
    given_g = layout.copy(order="K")
    given_g[...] = np.asarray(g).astype(dtype)
    inputs = np.asarray(g).astype(dtype), np.asarray(x).astype(dtype), np.asarray(weight).astype(weight_dtype)
    with using_isa(isa):
        got = relu_simd.prelu_backward(given_g, *inputs[1:])
    for have, want in zip(got, reference.prelu_backward(*inputs), strict=True):
        same(np.asarray(have), np.asarray(want))
