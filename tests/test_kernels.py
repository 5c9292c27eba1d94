# SPDX-License-Identifier: BSD-3-Clause
"""Every operation, dtype and instruction set against the reference, byte for byte."""

from functools import lru_cache
from itertools import product

import numpy as np
import pytest
from cases import (
    EMULATED,
    FLOATS,
    INTEGERS,
    ISAS,
    OPS,
    by_array_and_number,
    expected,
    faces,
    lanes,
    numbers,
    operands,
    ordinary,
    pairs,
    same,
    sizes,
    streaming,
    with_operand,
)

import relu_simd

UNARY = [op.name for op in OPS.values() if len(op.inputs) == 1]
WHOLE = [0, 1, 6, 100]
SLOPES = [0.01, -2.0, 0.0, np.inf, 1e-3, 3.0]


def copies(inputs):
    return [value.copy() if isinstance(value, np.ndarray) else value for value in inputs]


def unchanged(inputs, originals, but=None):
    """Bytes are as they were, but of the one that was written to."""
    for value, original in zip(inputs, originals, strict=True):
        if isinstance(value, np.ndarray) and value is not but:
            same(value, original)


@lru_cache(8)  # one operation's: the instruction sets come one after the other
def right(op, dtype, n, params):
    """Inputs, and what each instruction set is to make of them."""
    inputs = operands(op, dtype, n, params)
    return inputs, expected(op, inputs)


def first(n, inputs):
    return [value[:n] if isinstance(value, np.ndarray) else value for value in inputs]


@pytest.mark.row_or_isa
def test_sizes(op, dtype, isa):
    """New, into `out` and in place, by arrays and by numbers as parameters; inputs stay as they were.

    The last size, for threads, is for the best instruction set: sharing does not depend on it.
    """
    *short, long = sizes(dtype)
    for n in [*short, long] if isa == ISAS[0] else short:
        for params in by_array_and_number(op, dtype):
            inputs, want = right(op, dtype, max(n, *short), params)
            inputs, want = first(n, inputs), want[:n]
            originals = copies(inputs)
            for face in faces(op):
                same(face(*inputs), want)
                out = np.full(n, 7, dtype)
                assert face(*inputs, out=out) is out
                same(out, want)
                unchanged(inputs, originals)
                given = copies(inputs)
                assert face(*given, out=given[0]) is given[0]
                same(given[0], want)
                unchanged(given, originals, but=given[0])


@pytest.mark.above_the_row
@with_operand(first=1, of_dtypes=FLOATS + INTEGERS)
def test_in_place_over_a_later_input(op, dtype, isa, which):
    for n in (5, 64, 333):
        inputs = operands(op, dtype, n)
        want = expected(op, inputs)
        for face in faces(op):
            given = copies(inputs)
            if given[which].dtype == dtype:
                same(face(*given, out=given[which]), want)
            else:  # a float32 slope takes the result of 16-bit data by a cast
                with np.errstate(all="ignore"):
                    same(face(*given, out=given[which]), want.astype(given[which].dtype))


@pytest.mark.parametrize(("op", "dtype"), pairs(lambda op: op.params))
def test_numbers_as_parameters(op, dtype, isa):
    several = SLOPES if dtype.name in FLOATS else WHOLE
    for params in product([value for value in several if not op.computes or ordinary(value)], repeat=len(op.params)):
        inputs = operands(op, dtype, 5 * lanes(dtype) + 9, params)
        for face in faces(op):
            same(face(*inputs), expected(op, inputs))


@pytest.mark.above_the_row
@with_operand(first=1, of_dtypes=FLOATS + INTEGERS)
def test_a_number_as_operand(op, dtype, isa, which):
    """Python's: it takes the dtype that it takes in NumPy's own ufuncs, which beside bfloat16 is float32."""
    for number in (0.75, 3.0) if dtype.name in FLOATS else (3, 0):
        inputs = operands(op, dtype, 300)
        inputs[which] = number
        is_param = op.inputs[which] in op.params
        common = dtype if is_param else np.add(np.zeros(1, dtype), number).dtype
        whole = list(inputs)
        if not is_param:
            whole[which] = np.full(300, number, common)
            whole = [value if value.dtype == np.float32 else value.astype(common) for value in whole]
        for face in faces(op):
            same(face(*inputs), expected(op, whole))


@pytest.mark.above_the_row
def test_nothing_outside_the_output_is_written(op, dtype, isa):
    """Canaries on both sides, at every offset from a vector's alignment."""
    width = lanes(dtype)
    for n in [*range(1, 10), *range(10, width + 2, max(1, width // 8)), 5 * width + 3, 17 * width + 5]:
        inputs = operands(op, dtype, n)
        want = expected(op, inputs)
        for offset in range(1, width + 1, 1 if n > 16 * width and not EMULATED else max(1, width // 8)):
            buffer = np.full(n + width + 20, 3, dtype)
            same(faces(op)[0](*inputs, out=buffer[offset : offset + n]), want)
            assert (buffer[:offset] == 3).all()
            assert (buffer[offset + n :] == 3).all()


@pytest.mark.above_the_row
def test_every_misalignment_of_inputs_and_output(op, dtype, isa):
    """Whole elements off a vector's alignment, and single bytes off an element's."""
    size, n = dtype.itemsize, 17 * lanes(dtype) + 6
    inputs = operands(op, dtype, n)
    want = expected(op, inputs)
    for shift in {*range(0, 64, 8 if EMULATED else 4), size, 3 * size, 1, 2, 3}:
        moved = []
        for value in inputs:
            raw = np.zeros(value.nbytes + 64, np.uint8)[shift : shift + value.nbytes]
            raw[:] = value.view(np.uint8)
            moved.append(raw.view(value.dtype))
        out = np.zeros(n * size + 64, np.uint8)[shift : shift + n * size].view(dtype)
        for face in faces(op):
            same(face(*moved, out=out), want)
            same(face(*moved), want)


@pytest.mark.above_the_row
@pytest.mark.above_the_dtype
def test_streaming_stores(op, dtype, isa):
    """As for results that no cache can hold, at every offset from a vector's alignment; on two threads, too."""
    width = lanes(dtype)
    with streaming():
        shared = [560_000 // dtype.itemsize + 1] if isa == ISAS[0] else []
        for n in [320_000 // dtype.itemsize, *shared]:
            inputs = operands(op, dtype, n, numbers(op, dtype))
            want = expected(op, inputs)
            for threads in (1, 2) if isa == ISAS[0] else (1,):
                relu_simd.set_num_threads(threads)
                for offset in range(0, width + 1, max(1, width // (2 if EMULATED else 8))):
                    buffer = np.full(n + width + 20, 3, dtype)
                    same(faces(op)[0](*inputs, out=buffer[offset : offset + n]), want)
                    assert (buffer[:offset] == 3).all()
                    assert (buffer[offset + n :] == 3).all()


def test_nan_stays_in_its_lane(op, float_dtype, isa):
    """A NaN at one place after the other of a vector, among ones: no other place has it."""
    n = lanes(float_dtype) + 3
    for k in range(n):
        inputs = [np.ones(n, float_dtype) for _ in op.arrays] + [0.0, 5.0][: len(op.params)]
        inputs[0][k] = np.nan
        assert np.flatnonzero(np.isnan(faces(op)[0](*inputs))).tolist() == [k]


@pytest.mark.above_the_isa
@pytest.mark.parametrize("step", [4096, pytest.param(1024, marks=pytest.mark.wide)])
@pytest.mark.parametrize("name", [*UNARY, "leaky_relu"])
def test_every_kind_of_float32(name, step, isa):
    """Every so many bit patterns, and with them every exponent; all of them: tests/tools/exhaustive.py."""
    op, chunk = OPS[name], 2**20
    for start in range(0, 2**32, step * chunk):
        patterns = np.arange(chunk, dtype=np.uint64) * step + start
        x = (patterns + patterns // step % step).astype(np.uint32).view(np.float32)  # all low bits occur
        same(faces(op)[0](x), expected(op, [x]))


def test_a_last_share_too_short_to_stream():
    """Of many threads the last may have one element, where a streaming kernel would write whole vectors."""
    op = OPS["add_relu"]
    with streaming():
        for threads, n in ((100, 99 * 12_800 + 1), (103, 102 * 25_344 + 12)):
            relu_simd.set_num_threads(threads)
            inputs = operands(op, np.dtype("f8"), n)
            want = expected(op, inputs)
            for offset in range(9):
                buffer = np.full(n + 40, 3.0)
                same(faces(op)[0](*inputs, out=buffer[offset : offset + n]), want)
                assert (buffer[:offset] == 3).all()
                assert (buffer[offset + n :] == 3).all()
