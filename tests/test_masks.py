# SPDX-License-Identifier: BSD-3-Clause
"""relu_with_mask and relu_backward_from_mask: the bytes of np.packbits, and of relu's own gradient."""

import numpy as np
import pytest
from cases import (
    EMULATED,
    ISAS,
    lanes,
    nans,
    reference,
    same,
    sample,
    streaming,
    using_isa,
)

import relu_simd
from relu_simd import relu, relu_backward, relu_backward_from_mask, relu_with_mask

LARGE = 300_000 if EMULATED else 1_200_000


def wanted(x):
    with np.errstate(invalid="ignore"):
        return reference.relu_with_mask(x)


def wanted_back(g, x):
    with np.errstate(invalid="ignore"):
        return reference.relu_backward(g, x)


def both(got, want):
    assert type(got) is tuple
    for one, other in zip(got, want, strict=True):
        same(one, other)


def native(x):
    return x.astype(x.dtype.newbyteorder("="))


def misaligned(x):
    raw = np.zeros(x.nbytes + 1, np.uint8)[1:]
    raw[:] = np.ascontiguousarray(x).reshape(-1).view(np.uint8)
    return raw.view(x.dtype).reshape(x.shape)


VIEWS = {
    "matrix": lambda x: x.reshape(30, 35),
    "transposed": lambda x: x.reshape(30, 35).T,
    "Fortran order": lambda x: np.asfortranarray(x.reshape(30, 35)),
    "every second": lambda x: x[::2],
    "reversed": lambda x: x[::-1],
    "upside down, every third": lambda x: x.reshape(30, 35)[::-3, ::-1],
    "axes swapped": lambda x: x.reshape(10, 15, 7).transpose(1, 2, 0),
    "broadcast": lambda x: np.broadcast_to(x[:35, None], (35, 4)),
    "0-d": lambda x: x[3].reshape(()),
    "one element": lambda x: x[2:3].reshape(1, 1, 1),
    "empty": lambda x: x[:0].reshape(0, 3),
    "not native": lambda x: x.astype(x.dtype.newbyteorder()),
    "misaligned": misaligned,
    "misaligned, not contiguous": lambda x: misaligned(x)[::2],
}


@pytest.mark.usefixtures("isa")
def test_every_size(dtype):
    for n in [*range(201), 255, 256, 257, 511, 512, 513, 4095, 4097, 8191]:
        x, g = sample(dtype, n), sample(dtype, n, seed=1)
        y, mask = wanted(x)
        given = x.copy()
        both(relu_with_mask(given), (y, mask))
        same(given, x)
        same(relu_backward_from_mask(g, mask), wanted_back(g, x))
        given = g.copy()
        assert relu_backward_from_mask(given, mask, given) is given
        same(given, wanted_back(g, x))


@pytest.mark.usefixtures("isa")
def test_large_on_threads(dtype):
    """Each thread's bits are bytes of its own; streaming stores change nothing."""
    n = LARGE // dtype.itemsize + 3
    x, g = sample(dtype, n), sample(dtype, n, seed=1)
    want, want_back = wanted(x), wanted_back(g, x)
    for threads in (1, 2, 3):
        relu_simd.set_num_threads(threads)
        both(relu_with_mask(x), want)
        same(relu_backward_from_mask(g, want[1]), want_back)
        with streaming():
            for offset in (0, 1, lanes(dtype) // 2, lanes(dtype)):
                buffer, bits = np.full(n + 2 * lanes(dtype), 3, dtype), np.full(want[1].size + 9, 0xA5, np.uint8)
                y, mask = buffer[offset : offset + n], bits[offset % 5 :][: want[1].size]
                got = relu_with_mask(x, out=(y, mask))
                assert got[0] is y
                assert got[1] is mask
                both(got, want)
                same(relu_backward_from_mask(g, mask, out=y), want_back)
                assert (buffer[:offset] == 3).all()
                assert (buffer[offset + n :] == 3).all()
                assert (bits[: offset % 5] == 0xA5).all()
                assert (bits[offset % 5 + mask.size :] == 0xA5).all()


def test_every_alignment(dtype, isa):
    """Nothing beyond either output is written, at whatever distance from a vector's alignment they begin."""
    for n in (1, 7, 64, 65, 333):
        x, g = sample(dtype, n), sample(dtype, n, seed=2)
        want, want_back = wanted(x), wanted_back(g, x)
        for offset in range(0, lanes(dtype) + 1, max(1, lanes(dtype) // 16)):
            buffer, bits = np.full(n + 80, 3, dtype), np.full(n // 8 + 30, 0xA5, np.uint8)
            y, mask = buffer[offset : offset + n], bits[offset % 9 :][: want[1].size]
            both(relu_with_mask(x, out=(y, mask)), want)
            same(relu_backward_from_mask(g, mask, y), want_back)
            assert (buffer[:offset] == 3).all()
            assert (buffer[offset + n :] == 3).all()
            assert (bits[: offset % 9] == 0xA5).all()
            assert (bits[offset % 9 + mask.size :] == 0xA5).all()


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_layouts(dtype, isa, view):
    """Bits are in C order, whatever order the elements lie in."""
    x, g = view(sample(dtype, 1050)), view(sample(dtype, 1050, seed=1))
    want = wanted(native(x))
    want_back = wanted_back(native(g), native(x))
    y, mask = relu_with_mask(x)
    both((y, mask), want)
    assert (y.ndim == 0) == isinstance(y, np.generic)
    same(relu_backward_from_mask(g, mask), want_back)
    out, bits = np.full(x.shape, 7, dtype), np.full(mask.shape, 0xA5, np.uint8)
    assert relu_with_mask(x, out=(out, bits))[0] is out
    both((out, bits), want)
    assert relu_backward_from_mask(g, mask, out=out) is out
    same(out, want_back)


def test_outputs_of_any_layout(dtype):
    """Strided, Fortran, byte-swapped and misaligned outputs, and a strided mask: what is between stays."""
    x, g = sample(dtype, 600).reshape(20, 30), sample(dtype, 600, seed=1).reshape(20, 30)
    want, mask = wanted(x)
    want_back = wanted_back(g, x)
    whole, wide_mask = np.full((40, 60), 3, dtype), np.full(2 * mask.size, 0xA5, np.uint8)
    outs = [
        whole[::2, ::-2],
        np.full((20, 30), 3, dtype, order="F"),
        np.full((20, 30), 3, dtype.newbyteorder()),
        misaligned(np.full((20, 30), 3, dtype)),
        np.full((20, 30), 3, dtype).view(type("Sub", (np.ndarray,), {})),
    ]
    for out in outs:
        got = relu_with_mask(x, out=(out, wide_mask[::2]))
        assert got[0] is out
        same(native(np.asarray(out)), want)
        same(wide_mask[::2].copy(), mask)
        assert (wide_mask[1::2] == 0xA5).all()
        assert relu_backward_from_mask(g, wide_mask[::2], out=out) is out
        same(native(np.asarray(out)), want_back)
    assert (whole[1::2] == 3).all()
    assert (whole[::2, ::2] == 3).all()


def test_in_place_and_either_output_alone(dtype, isa):
    for n in (3, 100, 5000):
        x = sample(dtype, n)
        want = wanted(x)
        given = x.copy()
        assert relu_with_mask(given, out=(given, None))[0] is given
        same(given, want[0])
        given, mask = x.copy(), np.zeros_like(want[1])
        got = relu_with_mask(given, out=(None, mask))
        assert got[1] is mask
        both(got, want)
        same(given, x)
        both(relu_with_mask(given, out=(None, None)), want)
        both(relu_with_mask(given, out=None), want)


@pytest.mark.parametrize("shift", [1, 8, 64, 100])
@pytest.mark.usefixtures("isa")
def test_overlapping_outputs(dtype, shift):
    for source, target in ((np.s_[shift:], np.s_[:-shift]), (np.s_[:-shift], np.s_[shift:])):
        buffer = sample(dtype, 500)
        x = buffer[source].copy()
        want = wanted(x)
        relu_with_mask(buffer[source], out=(buffer[target], None))
        same(buffer[target], want[0])
        buffer = sample(dtype, 500, seed=4)
        g = buffer[source].copy()
        relu_backward_from_mask(buffer[source], want[1], out=buffer[target])
        same(buffer[target], wanted_back(g, x))


@pytest.mark.usefixtures("isa")
def test_the_mask_may_lie_in_the_input_or_the_output(dtype):
    """Absurd, and right all the same: the input is read before it goes."""
    x = sample(dtype, 400)
    want = wanted(x)
    given = x.copy()
    mask = given.view(np.uint8)[: want[1].size]
    y, mask = relu_with_mask(given, out=(None, mask))
    both((y, mask), want)
    g = sample(dtype, 400, seed=1)
    buffer = np.zeros(400, dtype)
    bits = buffer.view(np.uint8)[5 : 5 + want[1].size]
    bits[:] = want[1]
    relu_backward_from_mask(g, bits, out=buffer)
    same(buffer, wanted_back(g, x))


def test_nan_has_a_bit_and_stopped_gradients_are_dropped(float_dtype, isa):
    x = np.concatenate([nans(float_dtype), np.array([0.0, -0.0, -1.0, -np.inf, np.inf, 2.0]).astype(float_dtype)])
    y, mask = relu_with_mask(x)
    same(y[: nans(float_dtype).size], nans(float_dtype))
    kept = np.unpackbits(mask, bitorder="little")[: x.size].astype(bool)
    assert kept.tolist() == [True] * nans(float_dtype).size + [False] * 4 + [True] * 2
    for g in (np.nan, np.inf, -np.inf, -0.0):
        grads = np.full(x.size, g).astype(float_dtype)
        got = relu_backward_from_mask(grads, mask)
        same(got[kept], grads[kept])
        same(got[~kept], np.zeros(4, float_dtype))
    bad = np.resize(nans(float_dtype), x.size)
    same(relu_backward_from_mask(bad, mask)[kept], bad[kept])


def test_bits_beyond_the_last_element(isa):
    """Written as 0, and ignored when they come back as 1."""
    for n in (*range(1, 20), 65, 130):
        y, mask = relu_with_mask(np.ones(n, np.float32))
        assert np.unpackbits(mask, bitorder="little").sum() == n
        mask[-1] |= 0xFF << (n - 1) % 8 + 1 & 0xFF
        same(relu_backward_from_mask(y, mask), np.ones(n, np.float32))


def test_it_is_relu_and_its_gradient(dtype):
    """The same results as relu and relu_backward, and the same on every instruction set."""
    x, g = sample(dtype, 3000), sample(dtype, 3000, seed=1)
    results = []
    for name in ISAS:
        with using_isa(name):
            y, mask = relu_with_mask(x)
            results.append((y.tobytes(), mask.tobytes(), relu_backward_from_mask(g, mask).tobytes()))
    assert set(results) == {(relu(x).tobytes(), mask.tobytes(), relu_backward(g, x).tobytes())}


def test_lists_and_numbers():
    both(relu_with_mask([-1.0, 2.0]), (np.array([0.0, 2.0]), np.array([2], np.uint8)))
    both(relu_with_mask(3), (np.int64(3), np.array([1], np.uint8)))
    same(relu_backward_from_mask([5, 6], [np.uint8(2)]), np.array([0, 6]))


REFUSED = [np.bool_, np.complex64, np.longdouble, object, "U3", "datetime64[s]"]


@pytest.mark.parametrize("code", REFUSED)
def test_refused_dtypes(code):
    bad = np.zeros(4, code)
    mask = np.zeros(1, np.uint8)
    with pytest.raises(TypeError, match=f"relu_with_mask: x has dtype {bad.dtype.type.__name__}"):
        relu_with_mask(bad)
    with pytest.raises(TypeError, match=f"relu_backward_from_mask: grad_output has dtype {bad.dtype.type.__name__}"):
        relu_backward_from_mask(bad, mask)


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros(1, np.uint8),
        np.zeros(3, np.uint8),
        np.zeros(0, np.uint8),
        np.zeros(2, np.int8),
        np.zeros(2, bool),
        np.zeros(12, bool),
        np.zeros(2),
        np.zeros((1, 2), np.uint8),
        np.zeros((2, 1), np.uint8),
        None,
        "no mask",
        [0, 0],
    ],
    ids=repr,
)
def test_a_mask_that_does_not_fit(mask):
    x, out = np.ones(12, np.float32), np.full(12, 7, np.float32)
    before = None if mask is None else np.array(mask)
    with pytest.raises(ValueError, match=r"relu_backward_from_mask: mask must be uint8\[2\]"):
        relu_backward_from_mask(x, mask, out=out)
    same(out, np.full(12, 7, np.float32))
    if isinstance(mask, np.ndarray):
        with pytest.raises(ValueError, match=r"relu_with_mask: mask must be uint8\[2\]"):
            relu_with_mask(x, out=(out, mask))
        same(out, np.full(12, 7, np.float32))
        same(mask, before)


def frozen(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("y", "error", "match"),
    [
        (np.full(11, 7, "f4"), ValueError, "shape"),
        (np.full((12, 1), 7, "f4"), ValueError, "shape"),
        (np.full((3, 12), 7, "f4"), ValueError, "shape"),
        (frozen(np.full(12, 7, "f4")), ValueError, "read-only"),
        (np.full(12, 7, "i4"), TypeError, "cast"),
        ([7.0] * 12, TypeError, "out must be an array"),
    ],
    ids=["shorter", "column", "would broadcast", "read-only", "integers", "list"],
)
def test_an_output_that_does_not_fit(y, error, match):
    x, before, mask = np.ones(12, np.float32), np.array(y), np.full(2, 0xA5, np.uint8)
    with pytest.raises(error, match=f"relu_with_mask.*{match}"):
        relu_with_mask(x, out=(y, mask))
    same(mask, np.full(2, 0xA5, np.uint8))
    with pytest.raises(error, match=f"relu_backward_from_mask.*{match}"):
        relu_backward_from_mask(x, mask, out=y)
    same(np.array(y), before)


def test_a_read_only_mask():
    y = np.full(12, 7, np.float32)
    mask = frozen(np.full(2, 0xA5, np.uint8))
    with pytest.raises(ValueError, match="mask is read-only"):
        relu_with_mask(np.ones(12, np.float32), out=(y, mask))
    same(y, np.full(12, 7, np.float32))
    same(relu_backward_from_mask(np.ones(8, np.float32), mask[:1]), np.array([1, 0, 1, 0, 0, 1, 0, 1], np.float32))


@pytest.mark.parametrize("out", [np.zeros(12), (np.zeros(12),), [None, None], "out", 3])
def test_out_that_is_no_pair(out):
    with pytest.raises(TypeError, match=r"out must be a tuple \(y, mask\)"):
        relu_with_mask(np.ones(12), out=out)


def test_a_wider_output():
    x = np.array([-1.5, 2.5, np.nan], np.float32)
    out = np.zeros(3)
    relu_with_mask(x, out=(out, None))
    np.testing.assert_array_equal(out, [0, 2.5, np.nan])
