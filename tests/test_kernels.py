# SPDX-License-Identifier: BSD-3-Clause
"""Every operation, dtype and instruction set against the reference, byte for byte."""

import numpy as np
import pytest
from cases import EMULATED, OPS, SIZES, expected, faces, operands, same, with_operand

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


@with_operand(first=1)
def test_in_place_over_a_later_input(op, dtype, isa, which):
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
    """As for results that no cache can hold, at every offset from a vector's alignment, on one and two threads."""
    before = _core._assume_cache(1)
    try:
        for n in (40_000, 70_001):
            inputs = operands(op, dtype, n, 0.01 if op.default is not None else None)
            want = expected(op, inputs)
            for threads in (1, 2):
                relu_simd.set_num_threads(threads)
                for offset in range(0, 17, 3 if EMULATED else 1):
                    buffer = np.full(n + 20, 3.25, dtype)
                    same(faces(op)[0](*inputs, out=buffer[offset : offset + n]), want)
                    assert (buffer[:offset] == 3.25).all()
                    assert (buffer[offset + n :] == 3.25).all()
    finally:
        _core._assume_cache(before)


def test_relu_equals_maximum_with_numpy_as_judge(isa):
    """Every float32 there is. Under emulation every 4096th, and with them every exponent and kind of NaN."""
    step, chunk = (4096, 2**20) if EMULATED else (1, 2**24)
    for start in range(0, 2**32, step * chunk):
        x = (np.arange(chunk, dtype=np.uint64) * step + start).astype(np.uint32).view(np.float32)
        got, want = relu_simd.relu(x), np.maximum(x, 0)
        if not (got == want).all():
            np.testing.assert_array_equal(got, want)
