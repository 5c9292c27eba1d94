# SPDX-License-Identifier: BSD-3-Clause
"""count_active and prelu_backward: what adds up over axes, exactly or in one order everywhere."""

import itertools
import sys

import numpy as np
import pytest
from cases import (
    EMULATED,
    FLOATS,
    HALVES,
    INTEGERS,
    ISAS,
    SANITIZED,
    dtypes,
    finite,
    here,
    nans,
    reference,
    run,
    same,
    sample,
    using_isa,
)

import relu_simd
from relu_simd import count_active, prelu_backward

SHAPES = [(), (0,), (1,), (7,), (300,), (20, 33), (5, 0, 3), (4, 5, 6), (3, 1, 17), (2, 3, 4, 5), (1, 1), (2, 70, 9)]


def check_count(x, axis=None, keepdims=False):
    with np.errstate(invalid="ignore"):
        want = np.asarray(np.count_nonzero(x > 0, axis, keepdims=keepdims))
    got = count_active(x, axis, keepdims=keepdims)
    assert got.dtype == np.intp
    assert got.shape == want.shape
    np.testing.assert_array_equal(got, want)


def some_axes(ndim):
    """None, each alone, each pair, all; negative ones too."""
    yield None
    for count in range(ndim + 1):
        yield from itertools.combinations(range(ndim), count)
    for axis in range(ndim):
        yield axis
        yield axis - ndim


@pytest.mark.usefixtures("isa")
def test_count_active_on_every_axis(dtype):
    for shape in SHAPES:
        x = sample(dtype, int(np.prod(shape, dtype=int))).reshape(shape)
        for axis in some_axes(x.ndim):
            for keepdims in (False, True):
                check_count(x, axis, keepdims)


@pytest.mark.usefixtures("isa")
def test_count_active_of_every_size(dtype):
    for n in [*range(200), 255, 256, 257, 1000, 4097, 16383, 16384, 16385]:
        check_count(sample(dtype, n))
        check_count(sample(dtype, 2 * n).reshape(n, 2), 0)
        check_count(sample(dtype, 2 * n).reshape(2, n), 0)


@pytest.mark.usefixtures("isa")
def test_counters_do_not_overflow(dtype):
    """All active: an 8-bit lane would be full after 255 vectors, a 16-bit one after 65,535."""
    for n in (255 * 64, 256 * 64 + 1, 257 * 4 * 64 + 3, 3_000_000 // dtype.itemsize):
        assert count_active(np.ones(n, dtype)) == n
    for rows, columns in ((300, 64), (1000, 17), (70_000, 2), (17, 3000)):
        ones = np.ones((rows, columns), dtype)
        assert (count_active(ones, 0) == rows).all()
        assert (count_active(ones, 1) == columns).all()
    assert (count_active(np.ones((3, 5, 20_000), dtype), (0, 2)) == 60_000).all()
    if not EMULATED and dtype.itemsize == 2:
        assert count_active(np.ones(70_000 * 128, dtype)) == 70_000 * 128


@pytest.mark.usefixtures("isa")
def test_count_active_of_views(dtype):
    x = sample(dtype, 30 * 35)
    views = [
        x[::2],
        x[::-3],
        x.reshape(30, 35).T,
        x.reshape(30, 35)[::-1, 4:20],
        np.asfortranarray(x.reshape(30, 35)),
        np.broadcast_to(x[:35], (4, 35)),
        x.reshape(10, 15, 7).transpose(2, 0, 1),
        x.astype(dtype.newbyteorder()).reshape(30, 35),
    ]
    for view in views:
        native = view.astype(dtype)
        for axis in some_axes(view.ndim):
            got, want = count_active(view, axis), reference_count(native, axis)
            np.testing.assert_array_equal(got, want)


def reference_count(x, axis):
    with np.errstate(invalid="ignore"):
        return reference.count_active(x, axis)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_count_active_on_threads(dtype, threads):
    relu_simd.set_num_threads(threads)
    n = (400_000 if EMULATED else 2_000_000) // dtype.itemsize
    x = sample(dtype, n)
    check_count(x[: n - 3])
    for shape in ((-1, 100), (100, -1), (4, 50, -1), (-1, 2)):
        for axis in (0, 1):
            check_count(x[: n - n % 800].reshape(shape), axis)


def test_a_nan_is_not_active(float_dtype, isa):
    assert count_active(nans(float_dtype)) == 0
    x = np.array([np.nan, -np.inf, -1.0, -0.0, 0.0, 1.0, np.inf]).astype(float_dtype)
    x[0:1] = nans(float_dtype)[:1]
    assert count_active(x) == 2
    tiny = np.array([1, 0x8001 if x.itemsize == 2 else 1], f"u{x.itemsize}").view(float_dtype)
    assert count_active(tiny[:1]) == 1


def test_count_active_gives_integers():
    assert type(count_active(np.ones(3))) is np.intp
    assert type(count_active(np.float32(2))) is np.intp
    assert type(count_active([1, -1, 2])) is np.intp
    assert count_active([1, -1, 2]) == 2
    assert count_active(np.ones((2, 3)), keepdims=True).tolist() == [[6]]


def test_count_active_refuses():
    for code in ("?", "F", "g", "O", "U3", "M8[s]"):
        bad = np.zeros(4, code)
        with pytest.raises(TypeError, match=f"count_active: x has dtype {bad.dtype.type.__name__}"):
            count_active(bad)
    for axis in (2, -3, (0, 5)):
        with pytest.raises(np.exceptions.AxisError):
            count_active(np.ones((2, 3)), axis)
    with pytest.raises(ValueError, match="repeated axis"):
        count_active(np.ones((2, 3)), (0, 0))
    with pytest.raises(TypeError):
        count_active(np.ones(3), 1.5)


# (shape of x, shape of the weights)
WEIGHTS = [
    ((40,), ()),
    ((40,), (1,)),
    ((40,), (40,)),
    ((6, 40), ()),
    ((6, 40), (40,)),
    ((6, 40), (6, 1)),
    ((6, 40), (1, 1)),
    ((6, 40), (6, 40)),
    ((3, 5, 7, 11), (5, 1, 1)),
    ((3, 5, 7, 11), (1, 5, 1, 1)),
    ((3, 5, 7, 11), (11,)),
    ((3, 5, 7, 11), (7, 11)),
    ((3, 5, 7, 11), (3, 1, 1, 11)),
    ((3, 5, 7, 11), (5, 1, 11)),
    ((3, 5, 7, 11), (3, 1, 7, 1)),
    ((9, 4, 130), (9, 1, 130)),
    ((9, 4, 130), (1, 4, 1)),
    ((2, 1, 70), (1, 1, 70)),
    ((300, 3), (3,)),
    ((3, 300), (3, 1)),
    ((1, 300), (1, 1)),
    ((0, 4), (4,)),
    ((4, 0), (4, 1)),
    ((), ()),
    ((70, 129), (129,)),
    ((1000, 2), (2,)),
    ((17, 64, 33), (64, 1)),
]


def whole(dtype, shape, seed):
    """Small integers as floats: any order of adding them up is exact."""
    return np.random.default_rng(seed).integers(-8, 9, shape).astype(dtype)


def want_exactly(g, x, weight):
    return reference.prelu_backward(*np.broadcast_arrays(g, x), weight)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize(("shape", "weight_shape"), WEIGHTS, ids=str)
def test_prelu_backward_exactly(float_dtype, shape, weight_shape):
    g, x = whole(float_dtype, shape, 0), whole(float_dtype, shape, 1)
    for weight_dtype in {float_dtype, np.dtype("f4") if float_dtype.name in HALVES else float_dtype}:
        weight = (whole(weight_dtype, weight_shape, 2) / weight_dtype.type(4)).astype(weight_dtype)
        originals = [value.copy() for value in (g, x, weight)]
        got = prelu_backward(g, x, weight)
        for one, other in zip(got, want_exactly(g, x, weight), strict=True):
            same(np.asarray(one), np.asarray(other))
        for value, original in zip((g, x, weight), originals, strict=True):
            same(value, original)
        assert (got[1].ndim == 0) == isinstance(got[1], np.generic)


def test_prelu_backward_is_one_answer(float_dtype):
    """Random values, where the order of the sum shows: the same bytes on every ISA and number of threads."""
    cases = [
        ((70_003,), (1,)),
        ((2000, 65), (65,)),
        ((3, 33, 700), (33, 1)),
        ((4000, 16), ()),
        ((40, 30, 50), (40, 1, 50)),
        ((129_000,), ()),
    ]
    for shape, weight_shape in cases:
        n = int(np.prod(shape))
        g, x = finite("f4", n), finite("f4", n, seed=1)
        g, x = (np.clip(value, -8, 8).astype(float_dtype).reshape(shape) for value in (g, x))
        weight = finite("f4", int(np.prod(weight_shape)), seed=2).clip(-9, 9).astype(float_dtype).reshape(weight_shape)
        results = set()
        for name in ISAS:
            for threads in (1, 2, 3):
                relu_simd.set_num_threads(threads)
                with using_isa(name):
                    for out in (None, (None, None)):  # the short way there, and the general one
                        results.add(tuple(value.tobytes() for value in prelu_backward(g, x, weight, out=out)))
        assert len(results) == 1, (shape, weight_shape)
        grad_x, grad_weight = prelu_backward(g, x, weight)
        want_x, want_weight = want_exactly(g, x, weight)
        same(grad_x, want_x)
        eps = float(np.spacing(np.abs(np.asarray(want_weight, "f4")).max())) if float_dtype.itemsize == 2 else 0
        rtol = {2: 2e-2, 4: 2e-7, 8: 1e-10}[float_dtype.itemsize]
        np.testing.assert_allclose(
            np.asarray(grad_weight, "f8"), np.asarray(want_weight, "f8"), rtol=rtol, atol=max(eps, 1e-9)
        )


def test_the_sum_is_taken_in_float64(float_dtype, isa):
    """Adding 1 to a partial sum of 2**24 in float32, or 2**11 in float16, would change nothing."""
    if float_dtype == np.float64:
        big, ones = 2.0**40, 4096
    else:
        big, ones = {"float16": 2.0**12, "bfloat16": 2.0**12, "float32": 2.0**25}[float_dtype.name], 8192
    x = np.full(ones + 2, -1.0).astype(float_dtype)
    g = np.full(ones + 2, 1.0).astype(float_dtype)
    g[0] = big
    g[-1] = -big
    assert float(prelu_backward(g, x, float_dtype.type(0.5))[1]) == -ones


def test_what_x_keeps_out_stays_out(float_dtype, isa):
    """A gradient of infinity or NaN counts nothing where x > 0; where x is NaN the sum is."""
    g = np.array([np.inf, np.nan, 2.0, -np.inf, 3.0]).astype(float_dtype)
    x = np.array([1.0, 2.0, -3.0, np.inf, 0.0]).astype(float_dtype)
    grad_x, grad_weight = prelu_backward(g, x, float_dtype.type(0.5))
    assert float(grad_weight) == -6.0
    assert float(grad_x[2]) == 1.0
    x[4] = np.nan
    assert np.isnan(prelu_backward(g, x, float_dtype.type(0.5))[1])


def test_prelu_backward_broadcasts(float_dtype):
    """grad_output, x and weight may each be the smaller one; what was stretched counts as often as it is used."""
    one, row, column = whole(float_dtype, (1,), 0), whole(float_dtype, (7,), 1), whole(float_dtype, (5, 1), 2)
    full = whole(float_dtype, (5, 7), 3)
    for g, x, weight in itertools.product((one, row, column, full), repeat=3):
        shape = np.broadcast_shapes(g.shape, x.shape, weight.shape)
        got = prelu_backward(g, x, weight)
        wide_g, wide_x = np.broadcast_to(g, shape), np.broadcast_to(x, shape)
        for have, want in zip(got, reference.prelu_backward(wide_g, wide_x, weight), strict=True):
            same(have, want)


def test_prelu_backward_of_views(float_dtype):
    g, x, weight = whole(float_dtype, (40, 60), 0), whole(float_dtype, (40, 60), 1), whole(float_dtype, (80,), 2)
    for view in (
        lambda a: a[::2, ::-3],
        lambda a: a[:, :20].T,
        np.asfortranarray,
        lambda a: a.astype(a.dtype.newbyteorder()),
    ):
        given_g, given_x = view(g), view(x)
        for slopes in (weight[: given_g.shape[1]], weight[::-1][: given_g.shape[0], None]):
            plain = [np.ascontiguousarray(value).astype(float_dtype) for value in (given_g, given_x, slopes)]
            for have, want in zip(prelu_backward(given_g, given_x, slopes), want_exactly(*plain), strict=True):
                same(have, want)


def test_results_into_out(float_dtype):
    g, x = whole(float_dtype, (6, 40), 0), whole(float_dtype, (6, 40), 1)
    weight = whole(float_dtype, (40,), 2)
    want = want_exactly(g, x, weight)
    grad_x, grad_weight = np.full_like(g, 7), np.full_like(weight, 7)
    got = prelu_backward(g, x, weight, out=(grad_x, grad_weight))
    assert got[0] is grad_x
    assert got[1] is grad_weight
    for pair in (got, prelu_backward(g, x, weight, out=(None, None)), prelu_backward(g, x, weight, out=None)):
        for have, other in zip(pair, want, strict=True):
            same(have, other)
    for k in (0, 1):  # over one of its inputs
        given = [g.copy(), x.copy()]
        got = prelu_backward(*given, weight, out=(given[k], None))
        assert got[0] is given[k]
        for have, other in zip(got, want, strict=True):
            same(have, other)
    slopes = weight.copy()
    got = prelu_backward(g, x, slopes, out=(None, slopes))
    assert got[1] is slopes
    for have, other in zip(got, want, strict=True):
        same(have, other)
    strided = np.zeros(80, float_dtype)
    prelu_backward(g, x, weight, out=(None, strided[::2]))
    same(strided[::2].copy(), want[1])
    assert not strided[1::2].astype(bool).any()


def test_dtypes_of_the_gradients():
    """grad_x as prelu has its result; grad_weight as the weights, where these are floats."""
    for name, slope_name, want_x, want_weight in (
        ("f4", "f4", "f4", "f4"),
        ("f2", "f4", "f2", "f4"),
        ("f2", "f2", "f2", "f2"),
        ("f2", "f8", "f8", "f8"),
        ("f4", "f8", "f8", "f8"),
        ("f8", "f4", "f8", "f4"),
        ("i8", "f8", "f8", "f8"),
        ("i1", "f4", "f2", "f4"),
    ):
        g, x, weight = np.ones((3, 4), name), -np.ones((3, 4), name), np.full(4, 2, slope_name)
        grad_x, grad_weight = prelu_backward(g, x, weight)
        assert (grad_x.dtype, grad_weight.dtype) == (np.dtype(want_x), np.dtype(want_weight)), (name, slope_name)
        assert grad_weight.tolist() == [-3.0] * 4
    for name in (*INTEGERS, *(dtype.name for dtype in here(FLOATS))):
        assert prelu_backward(np.ones(3, name), np.zeros(3, name), 0.25)[1].dtype.kind in "fV"
    assert prelu_backward([1.0, 2.0], [-1.0, 3.0], [0.5, 0.5])[1].tolist() == [-1.0, 0.0]


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("code", ["?", "F", "g", "O", "U3", "M8[s]"])
def test_prelu_backward_refuses_dtypes(code, which):
    inputs = [np.ones(4), np.ones(4), np.ones(4)]
    inputs[which] = np.zeros(4, code)
    outs = (np.full(4, 7.0), np.full(4, 7.0))
    with pytest.raises(TypeError):
        prelu_backward(*inputs, out=outs)
    same(outs[0], np.full(4, 7.0))
    same(outs[1], np.full(4, 7.0))


def frozen(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("k", "bad", "error"),
    [
        (0, np.full(5, 7.0), ValueError),
        (0, np.full((3, 4), 7), TypeError),
        (0, frozen(np.full((3, 4), 7.0)), ValueError),
        (0, "out", TypeError),
        (1, np.full(3, 7.0), ValueError),
        (1, np.full((3, 4), 7.0), ValueError),
        (1, np.full(4, 7), TypeError),
        (1, frozen(np.full(4, 7.0)), ValueError),
        (1, 3, TypeError),
    ],
)
def test_an_output_that_does_not_fit(k, bad, error):
    """Neither result is written."""
    outs = [np.full((3, 4), 7.0), np.full(4, 7.0)]
    outs[k] = bad
    with pytest.raises(error):
        prelu_backward(np.ones((3, 4)), -np.ones((3, 4)), np.ones(4), out=tuple(outs))
    for value in outs:
        if isinstance(value, np.ndarray):
            assert (value == 7).all()


def test_prelu_backward_refuses_the_rest():
    for out in (np.zeros(4), [None, None], (None,), "out"):
        with pytest.raises(TypeError, match=r"out must be a tuple \(grad_x, grad_weight\)"):
            prelu_backward(np.ones(4), np.ones(4), 0.5, out=out)
    with pytest.raises(ValueError, match="broadcast") as caught:
        prelu_backward(np.ones((3, 4)), np.ones((3, 4)), np.ones(3))
    assert any("weight: float64[3]" in note for note in getattr(caught.value, "__notes__", []))


@pytest.mark.parametrize("dtype", dtypes(["float32", "float64"]))
def test_weights_against_finite_differences(dtype):
    rng = np.random.default_rng(0)
    g, x, weight = rng.standard_normal((3, 6, 5)), rng.standard_normal((3, 6, 5)), rng.standard_normal((6, 1))
    got = prelu_backward(g.astype(dtype), x.astype(dtype), weight.astype(dtype))[1]
    for c in range(6):
        step = np.zeros((6, 1))
        step[c] = 1e-4
        slope = (relu_simd.prelu(x, weight + step) - relu_simd.prelu(x, weight - step)) / 2e-4
        np.testing.assert_allclose(got[c, 0], (g * slope).sum(), rtol=1e-4 if dtype == np.float32 else 1e-8)


OVERFLOWS = {
    "float16 weights": lambda: (np.ones(70000, "f2"), np.full(70000, -2, "f2"), np.array([0.5], "f2")),
    "float32 weights": lambda: (np.full(4, 2, "f4"), np.full(4, -3e38, "f4"), np.array([0.5], "f4")),
    "float32 weights of two axes": lambda: (np.full((4, 2), 2, "f4"), np.full((4, 2), -3e38, "f4"), np.ones(2, "f4")),
    "float64 weights": lambda: (np.full(4, 2.0), np.full(4, -1e308), np.array([0.5])),
    "int8 throughout": lambda: (np.full(700, 100, "i1"), np.full(700, -100, "i1"), np.array([2], "i1")),
    "a number as weight": lambda: (np.full(4, 2, "f4"), np.full(4, -3e38, "f4"), 0.5),
    "strided": lambda: (np.full(8, 2, "f4")[::2], np.full(8, -3e38, "f4")[::2], np.array([0.5], "f4")),
    "big-endian weights": lambda: (np.full(4, 2, "f4"), np.full(4, -3e38, "f4"), np.array([0.5], ">f4")),
}


@pytest.mark.parametrize("made", OVERFLOWS.values(), ids=OVERFLOWS)
@pytest.mark.parametrize("with_out", [False, True])
def test_a_sum_beyond_the_dtype_is_an_infinity(made, with_out):
    """Without a floating-point warning, whatever errstate says."""
    g, x, weight = made()
    out = (None, np.empty(np.shape(weight), prelu_backward(g, x, weight)[1].dtype)) if with_out else None
    with np.errstate(all="raise"):
        grad_weight = prelu_backward(g, x, weight, out=out)[1]
    assert np.all(grad_weight == -np.inf)


def test_a_denormal_sum_is_not_reported():
    for dtype, tiny in (("f2", 6e-8), ("f4", 1e-45)):
        with np.errstate(all="raise"):
            got = prelu_backward(np.ones(1, dtype), np.array([-3 * tiny], dtype), np.ones(1, dtype))[1]
        assert got[0] < 0


def test_layers_and_autograd_do_not_report_an_overflow():
    from relu_simd import nn

    x, g = np.full((4, 2), -3e38, "f4"), np.full((4, 2), 2, "f4")
    layer = nn.PReLU()
    with np.errstate(all="raise"):
        layer(x)
        layer.backward(g)
    assert layer.grad_weight.tolist() == [-np.inf]
    autograd = pytest.importorskip("autograd")
    from relu_simd.integrations.autograd import prelu

    with np.errstate(all="raise"):
        back, _ = autograd.make_vjp(lambda w: prelu(x, w))(np.float32([0.5]))
        grad = back(g)
    assert grad.tolist() == [-np.inf]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited as on Linux")
@pytest.mark.skipif(SANITIZED, reason="AddressSanitizer's own memory has no limit")
@pytest.mark.parametrize(
    ("shape", "axis"), [((3, 5_000_000), 0), ((5_000_000, 3), 1), ((3, 5_000_000, 1), (0, 2))], ids=str
)
def test_memory_of_many_counts(shape, axis):
    """The counts themselves, which are 40 MB, and little more."""
    code = f"""if 1:
        import resource, numpy as np, relu_simd as rs
        from pathlib import Path
        rs.set_num_threads(1)
        x = np.ones({shape}, np.int8)
        rs.count_active(x[:2, :2], axis=0)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000, resource.RLIM_INFINITY))
        counts = rs.count_active(x, axis={axis})
        print(counts.dtype, counts.shape, counts.min(), counts.max())
    """
    done = run("-c", code)
    assert (done.stdout, done.stderr) == ("int64 (5000000,) 3 3\n", "")
