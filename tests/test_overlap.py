# SPDX-License-Identifier: BSD-3-Clause
"""`out` that shares memory with an input, in every way: the answer is that of separate memory."""

import numpy as np
import pytest
from cases import (
    FLOATS,
    INTEGERS,
    OPS,
    expected,
    faces,
    finite,
    made_ordinary,
    operands,
    pairs,
    same,
    sample,
    with_operand,
)

from relu_simd.ufuncs import add_relu, leaky_relu, relu

pytestmark = [pytest.mark.usefixtures("isa"), pytest.mark.above_the_isa]

# (input, output): views of the same 400 elements, of the same shape.
OVERLAPS = {
    "ahead by one": (np.s_[1:], np.s_[:-1]),
    "behind by one": (np.s_[:-1], np.s_[1:]),
    "behind by a vector": (np.s_[:-16], np.s_[16:]),
    "ahead by nine": (np.s_[9:], np.s_[:-9]),
    "halves that meet": (np.s_[:200], np.s_[200:]),
    "halves that share ten": (np.s_[:210], np.s_[190:]),
    "reversed": (np.s_[::-1], np.s_[:]),
    "reversed output": (np.s_[:], np.s_[::-1]),
    "spread": (np.s_[:200], np.s_[::2]),
    "gathered": (np.s_[::2], np.s_[:200]),
    "interleaved": (np.s_[::2], np.s_[1::2]),
    "strided in place": (np.s_[::2], np.s_[::2]),
    "reversed in place": (np.s_[::-1], np.s_[::-1]),
}


@pytest.mark.above_the_row
@with_operand(of_dtypes=FLOATS + INTEGERS)
def test_overlap(op, dtype, which):
    for source, target in OVERLAPS.values():
        for face in faces(op):
            buffer = finite(dtype, 400)
            if op.computes and which >= len(op.arrays):
                (buffer,) = made_ordinary([buffer])
            inputs = operands(op, dtype, buffer[source].size)
            inputs[which] = buffer[source]
            want = buffer.copy()
            want[target] = expected(op, [value.copy() for value in inputs])
            face(*inputs, out=buffer[target])
            same(buffer, want)


@pytest.mark.above_the_row
@pytest.mark.parametrize(("op", "dtype"), pairs(lambda op: op.params, of_dtypes=["float16", "bfloat16"]))
def test_out_within_a_float32_slope(op, dtype):
    """Elements of two sizes in the same memory."""
    for offset in (0, 1, 2, 199, 200, 399):
        for face in faces(op):
            slopes = finite("float32", 400)
            out = slopes.view(dtype)[offset : offset + 400]
            inputs = [*operands(op, dtype, 400)[:-1], slopes]
            want = expected(op, [*inputs[:-1], slopes.copy()])
            face(*inputs, out=out)
            same(out, want)


@pytest.mark.above_the_row
def test_transposed_onto_itself(op, dtype):
    for face in faces(op):
        matrix = finite(dtype, 900).reshape(30, 30)
        inputs = [value.reshape(30, 30) for value in operands(op, dtype, 900)]
        inputs[0] = matrix.T
        want = expected(op, [value.copy() for value in inputs])
        face(*inputs, out=matrix)
        same(matrix, want)


def test_shifted_within_threads(dtype):
    """Long enough to be shared among threads, which must not overtake each other."""
    for shift in (1, 1000):
        buffer = sample(dtype, 1_600_000 // dtype.itemsize)
        want = expected(OPS["relu"], [buffer[shift:].copy()])
        relu(buffer[shift:], out=buffer[:-shift])
        same(buffer[:-shift], want)


def test_accumulate_and_reduce_feed_results_back(float_dtype):
    """Meaningless as calculations, but ufuncs have them: one element after the other."""
    x = np.linspace(-2, 3, 57).astype(float_dtype)
    want = x.copy()
    for i in range(1, x.size):
        want[i : i + 1] = expected(OPS["add_relu"], [want[i - 1 : i], x[i : i + 1]])
    same(add_relu.accumulate(x), want)
    assert add_relu.reduce(x) == want[-1]
    in_place = x.copy()
    add_relu.accumulate(in_place, out=in_place)
    same(in_place, want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accumulate_along_slopes(dtype):
    x = np.linspace(-2, 3, 57).astype(dtype)
    want = x.copy()
    for i in range(1, x.size):
        want[i] = want[i - 1] if want[i - 1] > 0 else want[i - 1] * x[i]
    same(leaky_relu.accumulate(x), want)
    assert leaky_relu.reduce(x) == want[-1]


def test_accumulate_into_a_reversed_output():
    """Each element is needed after it is written, though it lies before the one that needs it."""
    x = np.arange(1, 101, dtype=np.float32)
    out = np.zeros(100, np.float32)
    add_relu.accumulate(x, out=out[::-1])
    same(out[::-1].copy(), np.add.accumulate(x))
