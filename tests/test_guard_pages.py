# SPDX-License-Identifier: BSD-3-Clause
"""No byte outside the buffers is touched: each begins or ends where the next byte faults, inputs cannot be written,
and what lies around an output is still there afterwards.

Lengths from nothing to four vectors of the widest instruction set, so each ragged end at each alignment."""

import os

import numpy as np
import pytest
from cases import (
    EMULATED,
    ISAS,
    expected,
    faces,
    is_float,
    isnan,
    lanes,
    made_ordinary,
    operand_dtypes,
    same,
    sample,
    streaming,
)

import relu_simd
from relu_simd import reference

if not hasattr(os, "fork"):
    pytest.skip("no fork on this system", allow_module_level=True)
from tools import guarded

CANARY = 0xA5
STEP = 7 if EMULATED else 1


def filled(dtype, nbytes, seed, ordinary=False):
    """A region of values, which from then on can only be read."""
    region = guarded.Region(nbytes)
    values = region.elements(np.dtype(dtype))
    values[:] = sample(dtype, values.size, seed)
    if ordinary:
        (values[:],) = made_ordinary([values])
    if is_float(dtype):
        values[isnan(values)] = 0.25  # of two NaNs the hardware chooses
    region.freeze()
    return region


def inputs_of(op, dtype, nbytes):
    """A region for each operand, and their elements counted from the front and from the end."""
    return [
        filled(each, nbytes * each.itemsize // dtype.itemsize, k, op.computes and k >= len(op.arrays))
        for k, each in enumerate(operand_dtypes(op, dtype))
    ]


def at_front(values, n, _):
    return values[:n]


def at_end(values, n, _):
    return values[values.size - n :]


def within(values, n, k):
    """At the k-th misalignment."""
    return values[k : k + n]


PLACES = {
    "all at the front": (at_front, at_front),
    "all at the end": (at_end, at_end),
    "inputs at the front": (at_front, at_end),
    "inputs at the end": (at_end, at_front),
    "inputs at the end, output between": (at_end, within),
    "inputs between": (within, within),
}


def check(face, given, wanted, out, target, note, text):
    """`out` is a view of the canaries in region `target`."""
    note(text)
    target.bytes[:] = CANARY
    face(*given, out=out)
    same(out, wanted)
    out.view(np.uint8)[...] = CANARY
    assert (target.bytes == CANARY).all(), f"{text}: written outside"


def lengths(dtype):
    return range(0, 4 * lanes(dtype) + 2, STEP)


def on_each_isa(work):
    for isa in ISAS:
        relu_simd.set_isa(isa)
        work(isa)


@pytest.mark.above_the_row
def test_elementwise(op, dtype):
    def work(note):
        target = guarded.Region(guarded.PAGE)
        regions = inputs_of(op, dtype, guarded.PAGE)
        values = [region.elements(each) for region, each in zip(regions, operand_dtypes(op, dtype), strict=True)]
        outs = target.elements(dtype)
        front = expected(op, values)
        slopes = [None, 0.25] if is_float(dtype) and len(values) > 1 else [None]
        scalar = {s: expected(op, [*values[:-1], values[-1].dtype.type(s)]) for s in slopes if s is not None}

        def each(isa):
            for slope in slopes:
                want = front if slope is None else scalar[slope]
                for name, (place, place_out) in PLACES.items():
                    for n in lengths(dtype):
                        k = n % (lanes(dtype) + 1)
                        given = [place(v, n, k) for v in values]
                        if slope is not None:
                            given[-1] = slope
                        text = f"{op.name} {dtype} {isa} {name} n={n} slope={slope}"
                        check(
                            faces(op)[0],
                            given,
                            place(want, n, k),
                            place_out(outs, n, lanes(dtype) - k),
                            target,
                            note,
                            text,
                        )

        on_each_isa(each)

    guarded.survive(work)


@pytest.mark.above_the_row
@pytest.mark.above_the_dtype
def test_through_the_ufunc(op, dtype):
    """Misaligned by bytes, every second element, backwards, and where NumPy has it call with one element."""
    views = {
        "off by a byte, at the end": lambda region, each, n: region.bytes[region.nbytes - n * each.itemsize :].view(
            each
        ),
        "off by a byte": lambda region, each, n: region.bytes[1 : 1 + n * each.itemsize].view(each),
        "every second, to the end": lambda region, each, n: region.elements(each)[::-2][:n][::-1],
        "every second, from the front": lambda region, each, n: region.elements(each)[::2][:n],
        "backwards": lambda region, each, n: region.elements(each)[:n][::-1],
        "backwards, every third": lambda region, each, n: region.elements(each)[::-3][:n],
    }
    native = np.dtype(dtype)

    def work(note):
        target = guarded.Region(guarded.PAGE)
        regions = inputs_of(op, dtype, 2 * guarded.PAGE)

        def each(isa):
            for name, view in views.items():
                for n in range(0, 2 * lanes(dtype) + 2, STEP):
                    given = [view(r, d, n) for r, d in zip(regions, operand_dtypes(op, dtype), strict=True)]
                    want = expected(op, [np.array(value) for value in given])
                    for place in (at_front, at_end):
                        out = place(target.elements(native, 1 if "byte" in name and native.itemsize > 1 else 0), n, 0)
                        check(faces(op)[1], given, want, out, target, note, f"{op.name} {dtype} {isa} {name} n={n}")

        on_each_isa(each)

    guarded.survive(work)


@pytest.mark.above_the_row
@pytest.mark.above_the_dtype
def test_streaming_stores(op, dtype):
    """Past the cache, where the first partial vector aligns the output; and in shares."""

    def work(note):
        least = max(4096, 65536 // dtype.itemsize // (len(op.inputs) + 1))
        most = least + lanes(dtype) + 1
        target = guarded.Region(most * dtype.itemsize)
        regions = inputs_of(op, dtype, most * dtype.itemsize)
        values = [region.elements(each) for region, each in zip(regions, operand_dtypes(op, dtype), strict=True)]
        outs = target.elements(dtype)
        size = min(value.size for value in values)
        values = [value[value.size - size :] for value in values]
        want = expected(op, values)

        def each(isa):
            with streaming():
                for n in range(least, most, 3 * STEP):
                    text = f"{op.name} {dtype} {isa} streaming n={n}"
                    given = [at_end(v, n, 0) for v in values]
                    check(faces(op)[0], given, at_end(want, n, 0), at_end(outs, n, 0), target, note, text)
                    given = [within(v, n, 0) for v in values]
                    check(faces(op)[0], given, within(want, n, 0), within(outs, n, 0), target, note, text)

        on_each_isa(each)

    guarded.survive(work)


@pytest.mark.above_the_row
def test_broadcast_rows_and_channels(op, float_dtype):
    """The last input has fewer elements: short and long runs and rows."""
    if len(op.inputs) == 1:
        return
    dtype = float_dtype

    def work(note):
        target = guarded.Region(4 * guarded.PAGE)
        regions = inputs_of(op, dtype, 4 * guarded.PAGE)
        values = [region.elements(each) for region, each in zip(regions, operand_dtypes(op, dtype), strict=True)]
        outs = target.elements(dtype)

        def each(isa):
            for outer, mid, inner in ((5, 3, 1), (3, 40, 1), (2, 3, 5), (2, 3, 33), (1, 7, 1), (4, 1, 9), (1, 200, 3)):
                shape, own = (outer, mid, inner), (mid, 1) if inner > 1 else (mid, inner)
                n = outer * mid * inner
                for place in (at_front, at_end):
                    given = [place(v, n, 0).reshape(shape) for v in values[:-1]]
                    given.append(place(values[-1], mid, 0).reshape(own))
                    want = expected(op, np.broadcast_arrays(*given))
                    text = f"{op.name} {dtype} {isa} {shape} with {own} {place.__name__}"
                    check(faces(op)[0], given, want, place(outs, n, 0).reshape(shape), target, note, text)

        on_each_isa(each)

    guarded.survive(work)


def test_masks(dtype):
    def work(note):
        source, target, packed, to_pack = (
            filled(dtype, 4 * guarded.PAGE, 3),
            *(guarded.Region(4 * guarded.PAGE) for _ in range(3)),
        )
        values, outs = source.elements(dtype), target.elements(dtype)
        with np.errstate(invalid="ignore"):
            passes = ~(values <= 0)
            relus = reference.relu(values)

        def each(isa):
            for name, (place, place_out) in PLACES.items():
                for n in [*range(0, 195, STEP), 256, 257, 1023]:
                    k = n % 64
                    note(f"masks {dtype} {isa} {name} n={n}")
                    x, y = place(values, n, k), place_out(outs, n, 64 - k)
                    want_bits = np.packbits(place(passes, n, k), bitorder="little")
                    target.bytes[:] = to_pack.bytes[:] = packed.bytes[:] = CANARY
                    mask = place_out(to_pack.bytes, want_bits.size, 64 - k)
                    relu_simd.relu_with_mask(x, out=(y, mask))
                    same(y, place(relus, n, k))
                    same(mask, want_bits)
                    given = place(packed.bytes, want_bits.size, k)
                    given[:] = want_bits
                    y.view(np.uint8)[...] = mask[...] = CANARY
                    assert (target.bytes == CANARY).all()
                    assert (to_pack.bytes == CANARY).all()
                    relu_simd.relu_backward_from_mask(x, given, out=y)
                    same(y, np.where(place(passes, n, k), x, dtype.type(0)))
                    y.view(np.uint8)[...] = CANARY
                    assert (target.bytes == CANARY).all()

        on_each_isa(each)

    guarded.survive(work)


def test_reductions(dtype):
    """Sums over all, over rows of every length, and over runs: inputs at either end."""

    def work(note):
        sources = [filled(dtype, 8 * guarded.PAGE, seed) for seed in (4, 5)]
        x, g = (region.elements(dtype) for region in sources)

        def each(isa):
            for place in (at_front, at_end):
                for n in [*lengths(dtype), 1000, 1001]:
                    note(f"count_active {dtype} {isa} {place.__name__} n={n}")
                    assert relu_simd.count_active(place(x, n, 0)) == np.count_nonzero(place(x, n, 0) > 0)
                    for shape, axis in (((3, n), 0), ((3, n), 1), ((2, 3, n), (0, 2))):
                        if 6 * n > x.size:
                            continue
                        array = place(x, int(np.prod(shape)), 0).reshape(shape)
                        note(f"count_active {dtype} {isa} {place.__name__} {shape} over {axis}")
                        got = relu_simd.count_active(array, axis)
                        np.testing.assert_array_equal(got, np.count_nonzero(array > 0, axis))
                        if is_float(dtype) and n:
                            kept = [extent for k, extent in enumerate(shape) if k not in np.atleast_1d(axis)]
                            weight = np.full(kept if axis != 1 and axis != (0, 2) else (*kept, 1), 0.5, dtype)
                            grads = place(g, array.size, 0).reshape(shape)
                            note(f"prelu_backward {dtype} {isa} {place.__name__} {shape} {weight.shape}")
                            with np.errstate(all="ignore"):
                                got = relu_simd.prelu_backward(grads, array, weight)[1]
                            sums[place, shape, axis].append(got.tobytes())

        sums = Sums()
        on_each_isa(each)
        for alike in sums.values():  # one for each instruction set
            assert len(set(alike)) == 1

    guarded.survive(work)


class Sums(dict):
    def __missing__(self, key):
        return self.setdefault(key, [])


@pytest.mark.above_the_row
@pytest.mark.above_the_dtype
def test_shares_of_threads(op, dtype):
    """In this process, since a forked one has no threads: a fault would end it with pytest's traceback."""
    n = 800_003 // dtype.itemsize
    target = guarded.Region(n * dtype.itemsize)
    regions = inputs_of(op, dtype, n * dtype.itemsize)
    values = [at_end(r.elements(each), n, 0) for r, each in zip(regions, operand_dtypes(op, dtype), strict=True)]
    want = expected(op, values)
    relu_simd.set_num_threads(3)
    for face in faces(op):
        check(face, values, want, at_end(target.elements(dtype), n, 0), target, lambda text: None, op.name)


def test_a_fault_is_seen():
    """The test of these tests: one byte beyond, read or written, and an input written."""

    def beyond(note):
        note("reading beyond")
        region = guarded.Region(100)
        np.lib.stride_tricks.as_strided(region.bytes, (region.nbytes + 1,))[region.nbytes]

    def before(note):
        region = guarded.Region(100)
        view = np.lib.stride_tricks.as_strided(region.bytes[:1], (2,), (-1,))
        view[1] = 3

    def frozen(note):
        region = filled(np.dtype("u1"), 100, 0)
        region.bytes[0] = 1

    with pytest.raises(AssertionError, match="SIGSEGV: reading beyond"):
        guarded.survive(beyond)
    for work in (before, frozen):
        with pytest.raises(AssertionError, match=r"SIG(SEGV|BUS)"):
            guarded.survive(work)
    with pytest.raises(AssertionError, match=r"failed: (?s:.*)ZeroDivisionError"):
        guarded.survive(lambda note: 1 / 0)
