# SPDX-License-Identifier: BSD-3-Clause
"""A last operand that repeats: bias rows and columns, a slope a channel. Fast paths with many edges, one answer."""

import numpy as np
import pytest
from cases import (
    FLOATS,
    INTEGERS,
    OPS,
    dtypes,
    expected,
    faces,
    operand_dtypes,
    pairs,
    plain_operands,
    same,
    streaming,
)

import relu_simd

pytestmark = [pytest.mark.usefixtures("isa"), pytest.mark.above_the_isa]

BINARY = [op for op in OPS.values() if len(op.inputs) > 1]
by_op = pytest.mark.parametrize("op", BINARY, ids=lambda op: op.name)


def broadcast_operands(op, dtype, shape, last_shape, seed=0):
    """The inputs of `shape`, but the last of `last_shape`."""
    *inputs, last = plain_operands(op, dtype, int(np.prod(shape, dtype=int)), seed)
    small = plain_operands(op, dtype, int(np.prod(last_shape, dtype=int)) + 40, seed + 9)[-1][40:]
    assert last.dtype == small.dtype
    return [*(value.reshape(shape) for value in inputs), small.reshape(last_shape)]


def check(op, dtype, shape, last_shape, faces_of=faces):
    inputs = broadcast_operands(op, dtype, shape, last_shape)
    originals = [value.copy() for value in inputs]
    full = [*inputs[:-1], np.ascontiguousarray(np.broadcast_to(inputs[-1], shape))]
    want = expected(op, full)
    for face in faces_of(op):
        got = face(*inputs)
        same(got, want)
        assert got.flags.c_contiguous
        out = np.full(shape, 7, dtype)
        assert face(*inputs, out=out) is out
        same(out, want)
        for value, original in zip(inputs, originals, strict=True):
            same(value, original)
        given = [value.copy() for value in inputs]
        assert face(*given, out=given[0]) is given[0]
        same(given[0], want)


EDGES = [1, 2, 3, 31, 32, 33, 63, 64, 65]


@pytest.mark.above_the_row
@by_op
@pytest.mark.parametrize("mid", EDGES)
def test_every_middle_with_every_inner(op, mid):
    for inner in EDGES:
        for outer in (1, 2, 5):
            shape = (outer, mid, inner)
            check(op, np.dtype("float32"), shape, (mid, 1), lambda op: faces(op)[:1])


@pytest.mark.above_the_row
@by_op
@pytest.mark.parametrize("columns", [1, 3, 64, 65, 191, 192, 341, 1024, 1025])
def test_rows_over_several_blocks(op, columns):
    check(op, np.dtype("float32"), (7000 // columns, columns), (columns,), lambda op: faces(op)[:1])


@pytest.mark.above_the_row
@pytest.mark.parametrize(("op", "dtype"), [pair for pair in pairs() if len(pair.values[0].inputs) > 1])
def test_bias_row_column_and_channel(op, dtype):
    """In every dtype, both faces, and in place."""
    for shape, last_shape in (
        ((9, 40), (40,)),
        ((9, 40), (1, 40)),
        ((9, 40), (9, 1)),
        ((9, 3), (3,)),
        ((9, 300), (9, 1)),
        ((3, 5, 4, 7), (5, 1, 1)),
        ((3, 5, 9, 9), (1, 5, 1, 1)),
        ((3, 5, 4, 7), (3, 1, 1, 1)),
        ((3, 5, 4, 7), (4, 7)),
        ((3, 5, 4, 7), (5, 4, 1)),
        ((3, 5, 4, 7), (1,)),
        ((3, 5, 4, 7), ()),
        ((3, 5, 4, 7), (5, 1, 7)),
        ((3, 5, 4, 7), (3, 1, 4, 1)),
        ((3, 1, 4, 1), (4, 1)),
        ((1, 1, 1), (1,)),
        ((70,), (1,)),
    ):
        check(op, dtype, shape, last_shape)


@pytest.mark.above_the_row
@by_op
def test_nothing_at_all(op):
    """Extents of 0 before, in and behind what repeats."""
    for dtype in op.dtypes:
        if dtype == "bfloat16":
            continue
        for shape, last_shape in (
            ((0, 4), (4,)),
            ((4, 0), (4, 1)),
            ((0, 4), (1, 4)),
            ((3, 0), (1, 0)),
            ((0, 4), (0, 1)),
            ((2, 0, 4), (0, 1)),
            ((0, 3, 4), (3, 1)),
            ((3, 4, 0), (4, 1)),
            ((0,), (1,)),
            ((2, 3, 0, 5), (3, 1, 1)),
        ):
            check(op, np.dtype(dtype), shape, last_shape)


@pytest.mark.parametrize("dtype", dtypes(["int8", "float16", "float32", "float64"]))
def test_periods_around_the_block(dtype):
    """A block of 8,192 bytes holds two periods, or just not; or not one."""
    op = OPS["relu_backward"]
    room = 8192 // dtype.itemsize
    for inner in (2, 7, 31):
        for period in (room // 4, room // 2 - inner, room // 2, room // 2 + inner, room, room + inner, 3 * room):
            mid = period // inner
            check(op, dtype, (4, mid, inner), (mid, 1), lambda op: faces(op)[:1])
    for mid in (room // 2 - 1, room // 2, room // 2 + 1, room - 1, room, room + 1):
        check(op, dtype, (5, mid), (mid,), lambda op: faces(op)[:1])


@pytest.mark.parametrize(
    ("shape", "last_shape"),
    [
        ((70_001, 3), (3,)),
        ((3_001, 70), (70,)),
        ((7, 30_001), (7, 1)),
        ((30_001, 7), (30_001, 1)),
        ((5, 64, 667), (64, 1)),
        ((90, 64, 7, 7), (64, 1, 1)),
        ((31, 5003, 2), (5003, 1)),
        ((2, 100_003), (100_003,)),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["add_relu", "prelu", "leaky_relu_backward"])
def test_shared_among_threads(name, shape, last_shape):
    """Shares begin anywhere within a period; results that stream are the same."""
    op = OPS[name]
    inputs = broadcast_operands(op, "float32", shape, last_shape)
    want = expected(op, [*inputs[:-1], np.ascontiguousarray(np.broadcast_to(inputs[-1], shape))])
    for threads in (1, 2, 3):
        relu_simd.set_num_threads(threads)
        same(faces(op)[0](*inputs), want)
        with streaming():
            same(faces(op)[0](*inputs), want)
            given = inputs[0].copy()
            same(faces(op)[0](given, *inputs[1:], out=given), want)


@pytest.mark.above_the_row
@by_op
def test_out_over_the_operand_that_repeats(op):
    """All of it, or a part: it is read as it was."""
    for shape, last_shape in (((6, 50), (50,)), ((50, 6), (50, 1)), ((50, 40), (50, 1))):
        for offset in (0, 1, 49, 250):
            inputs = broadcast_operands(op, "float32", shape, last_shape)
            small = inputs[-1]
            buffer = np.zeros(int(np.prod(shape)) + 60, np.float32)
            buffer[offset : offset + small.size] = small.ravel()
            last = buffer[offset : offset + small.size].reshape(last_shape)
            want = expected(op, [*inputs[:-1], np.ascontiguousarray(np.broadcast_to(small, shape))])
            for start in (0, 3):
                buffer[offset : offset + small.size] = small.ravel()
                out = buffer[start : start + want.size].reshape(shape)
                faces(op)[0](*inputs[:-1], last, out=out)
                same(out, want)


@pytest.mark.above_the_row
@by_op
def test_orders_that_the_fast_path_leaves_to_numpy(op):
    """Fortran order keeps its layout; strided and read-only operands, and outputs of a wider shape, work as well."""
    inputs = broadcast_operands(op, "float32", (6, 50), (50,))
    want = expected(op, [*inputs[:-1], np.ascontiguousarray(np.broadcast_to(inputs[-1], (6, 50)))])
    wide = np.repeat(inputs[-1], 2)
    frozen = inputs[-1].copy()
    frozen.flags.writeable = False
    for face in faces(op):
        got = face(*(np.asfortranarray(value) for value in inputs[:-1]), inputs[-1])
        same(got, want)
        assert got.flags.f_contiguous
        for last in (wide[::2], frozen, np.broadcast_to(inputs[-1], (6, 50))):
            same(face(*inputs[:-1], last), want)
        out = np.full((3, 6, 50), 7, np.float32)
        face(*inputs, out=out)
        same(out, np.ascontiguousarray(np.broadcast_to(want, (3, 6, 50))))
        out = np.full((6, 50), 7, np.float32, order="F")
        face(*inputs, out=out)
        same(np.ascontiguousarray(out), want)


@pytest.mark.above_the_row
@by_op
def test_the_first_operand_repeats(op):
    inputs = plain_operands(op, "float32", 300)
    inputs = [inputs[0][:50], *(value.reshape(6, 50) for value in inputs[1:])]
    want = expected(op, [np.ascontiguousarray(np.broadcast_to(inputs[0], (6, 50))), *inputs[1:]])
    for face in faces(op):
        same(face(*inputs), want)


@pytest.mark.above_the_row
@by_op
def test_shapes_that_do_not_fit(op):
    x, out = np.ones((6, 50), np.float32), np.full((6, 50), 7, np.float32)
    for bad in (np.ones(6, np.float32), np.ones((7, 1), np.float32), np.ones((6, 25), np.float32)):
        with pytest.raises(ValueError, match="broadcast"):
            faces(op)[0](*[x] * (len(op.inputs) - 1), bad, out=out)
    assert (out == 7).all()
    larger = np.ones((4, 6, 50), np.float32)
    assert faces(op)[0](*[x] * (len(op.inputs) - 1), larger).shape == (4, 6, 50)


@pytest.mark.above_the_row
@pytest.mark.parametrize("slope_name", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(("op", "dtype"), pairs(lambda op: op.params, of_dtypes=["float16", "bfloat16"]))
def test_slopes_of_16_bit_data(op, dtype, slope_name):
    """A slope a feature or a channel, in float32 or the data's own dtype: products are rounded once."""
    pytest.importorskip("ml_dtypes", reason="bfloat16 needs ml_dtypes")
    common = np.dtype("f8" if slope_name == "float64" else dtype)
    for shape, last_shape in (((40, 66), (66,)), ((5, 40, 33), (40, 1)), ((5, 3, 200), (3, 1)), ((2, 900), ())):
        inputs = broadcast_operands(op, dtype, shape, last_shape)
        with np.errstate(over="ignore"):
            inputs[-1] = np.array(inputs[-1].clip(-9, 9), slope_name)
        takes = operand_dtypes(op, common)
        full = [value.astype(each) for value, each in zip(inputs[:-1], takes, strict=False)]
        full.append(np.ascontiguousarray(np.broadcast_to(inputs[-1], shape)).astype(takes[-1]))
        want = expected(op, full)
        for face in faces(op):
            same(face(*inputs), want)
            if common == dtype:
                given = [value.copy() for value in inputs]
                same(face(*given, out=given[0]), want)


def test_rows_and_columns_of_other_dtypes():
    """A bias of another dtype promotes as in NumPy's sum."""
    x = np.linspace(-2, 2, 60, dtype=np.float32).reshape(6, 10)
    for name in (*INTEGERS, *FLOATS):
        if name != "bfloat16":
            bias = np.arange(10).astype(name)
            common = np.result_type(x, bias)
            want = expected(
                OPS["add_relu"], [x.astype(common), np.ascontiguousarray(np.broadcast_to(bias.astype(common), x.shape))]
            )
            for face in faces(OPS["add_relu"]):
                same(face(x, bias), want)


def test_a_last_share_too_short_to_stream():
    """As without broadcasting: of 103 threads the last has 12 elements."""
    op = OPS["add_relu"]
    inputs = broadcast_operands(op, "float32", (36_930, 70), (70,))
    want = expected(op, [inputs[0], np.ascontiguousarray(np.broadcast_to(inputs[1], inputs[0].shape))])
    relu_simd.set_num_threads(103)
    with streaming():
        for offset in range(17):
            buffer = np.full(want.size + 40, 3, np.float32)
            out = buffer[offset : offset + want.size].reshape(want.shape)
            same(faces(op)[0](*inputs, out=out), want)
            assert (buffer[:offset] == 3).all()
            assert (buffer[offset + want.size :] == 3).all()
