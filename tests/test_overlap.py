# SPDX-License-Identifier: BSD-3-Clause
"""`out` that shares memory with an input, in every way: the answer is that of separate memory."""

import numpy as np
import pytest
from cases import OPS, expected, faces, operands, same, sample, with_operand

from relu_simd.ufuncs import leaky_relu, relu

pytestmark = pytest.mark.usefixtures("isa")

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


@with_operand()
@pytest.mark.parametrize("views", OVERLAPS.values(), ids=OVERLAPS)
def test_overlap(op, dtype, views, which):
    source, target = views
    for face in faces(op):
        buffer = np.nan_to_num(sample(dtype, 400), posinf=2, neginf=-2)
        inputs = operands(op, dtype, buffer[source].size)
        inputs[which] = buffer[source]
        want = buffer.copy()
        want[target] = expected(op, [value.copy() for value in inputs])
        face(*inputs, out=buffer[target])
        same(buffer, want)


def test_transposed_onto_itself(op, dtype):
    for face in faces(op):
        matrix = np.nan_to_num(sample(dtype, 900)).reshape(30, 30)
        inputs = [value.reshape(30, 30) for value in operands(op, dtype, 900)]
        inputs[0] = matrix.T
        want = expected(op, [value.copy() for value in inputs])
        face(*inputs, out=matrix)
        same(matrix, want)


def test_shifted_within_threads(dtype):
    """Long enough to be shared among threads, which must not overtake each other."""
    for shift in (1, 1000):
        buffer = sample(dtype, 400_000)
        want = expected(OPS["relu"], [buffer[shift:].copy()])
        relu(buffer[shift:], out=buffer[:-shift])
        same(buffer[:-shift], want)


def test_accumulate_and_reduce_feed_results_back(dtype):
    """Meaningless as calculations, but ufuncs have them: one element after the other."""
    x = np.linspace(-2, 3, 57).astype(dtype)
    want = x.copy()
    for i in range(1, x.size):
        want[i] = want[i - 1] if want[i - 1] > 0 else want[i - 1] * x[i]
    same(leaky_relu.accumulate(x), want)
    assert leaky_relu.reduce(x) == want[-1]
    in_place = x.copy()
    leaky_relu.accumulate(in_place, out=in_place)
    same(in_place, want)
