# SPDX-License-Identifier: BSD-3-Clause
"""Every operation, dtype and instruction set against the reference, byte for byte."""

import numpy as np
import pytest
from cases import EMULATED, OPS, SIZES, expected, faces, operands, same, sample

import relu_simd
from relu_simd import _core

SLOPES = [None, 0.01, -2.0, 0.0, np.inf]


@pytest.mark.parametrize("mode", ["new", "out", "in place"])
def test_sizes(op, dtype, isa, mode):
    for n in SIZES:
        for slope in SLOPES[:2] if op.default is not None else [None]:
            inputs = operands(op, dtype, n, slope)
            want = expected(op, inputs)
            for face in faces(op):
                given = [value.copy() if isinstance(value, np.ndarray) else value for value in inputs]
                if mode == "new":
                    got = face(*given)
                else:
                    out = given[0] if mode == "in place" else np.full(n, 7, dtype)
                    got = face(*given, out=out)
                    assert got is out
                same(got, want)
                for k, (value, original) in enumerate(zip(given, inputs, strict=True)):
                    if isinstance(value, np.ndarray) and not (mode == "in place" and k == 0):
                        same(value, original)


@pytest.mark.parametrize("which", [1, 2])
def test_in_place_over_a_later_input(op, dtype, isa, which):
    if which >= len(op.inputs):
        return
    for n in (5, 64, 333):
        inputs = operands(op, dtype, n)
        want = expected(op, inputs)
        for face in faces(op):
            given = [value.copy() for value in inputs]
            same(face(*given, out=given[which]), want)


def test_scalar_slopes(dtype, isa):
    for op in OPS.values():
        if op.default is not None:
            for slope in SLOPES[1:]:
                inputs = operands(op, dtype, 200, slope)
                for face in faces(op):
                    same(face(*inputs), expected(op, inputs))


def test_nothing_outside_the_output_is_written(op, dtype, isa):
    """Canaries on both sides, at every offset from a vector's alignment."""
    for n in [*range(1, 40), 300]:
        for offset in range(1, 17):
            inputs = operands(op, dtype, n)
            buffer = np.full(n + 40, 3.25, dtype)
            got = faces(op)[0](*inputs, out=buffer[offset : offset + n])
            same(got, expected(op, inputs))
            assert (buffer[:offset] == 3.25).all()
            assert (buffer[offset + n :] == 3.25).all()


def test_every_misalignment_of_inputs_and_output(op, dtype, isa):
    """Whole elements off a vector's alignment, and single bytes off an element's."""
    size = np.dtype(dtype).itemsize
    for shift in [*range(0, 64, size), 1, 2, 3]:
        inputs = operands(op, dtype, 270)
        want = expected(op, inputs)
        moved = []
        for value in inputs:
            raw = np.zeros(value.nbytes + 64, np.uint8)[shift : shift + value.nbytes]
            raw[:] = value.view(np.uint8)
            moved.append(raw.view(dtype))
        out = np.zeros(270 * size + 64, np.uint8)[shift : shift + 270 * size].view(dtype)
        for face in faces(op):
            same(face(*moved, out=out), want)
            same(face(*moved), want)


def test_streaming_stores(op, dtype, isa):
    """A result larger than the last-level cache, at an odd alignment, on one and on two threads."""
    llc = min(_core._cache_bytes(3) or 32 << 20, 64 << 20)
    n = (1 << 16 if EMULATED else llc) // np.dtype(dtype).itemsize + 5
    inputs = [np.resize(sample(dtype, 10_007, k), n) for k, _ in enumerate(op.inputs)]
    if op.default is not None:
        inputs[-1] = 0.01
    want = expected(op, inputs)
    for threads in (1, 2):
        relu_simd.set_num_threads(threads)
        buffer = np.full(n + 4, 3.25, dtype)
        same(faces(op)[0](*inputs, out=buffer[1:-3]), want)
        assert buffer[0] == 3.25
        assert (buffer[-3:] == 3.25).all()


@pytest.mark.skipif(EMULATED, reason="all 2^24 float32 patterns take minutes under emulation")
def test_relu_equals_maximum_with_numpy_as_judge(isa):
    """Every 256th of the 2^32 patterns of float32, and with them every exponent, sign and kind of NaN."""
    bits = np.arange(0, 2**32, 256, dtype=np.uint32) | np.arange(2**24, dtype=np.uint32) % 256
    x = bits.view(np.float32)
    np.testing.assert_array_equal(relu_simd.relu(x), np.maximum(x, 0))
