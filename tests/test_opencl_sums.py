# SPDX-License-Identifier: BSD-3-Clause
"""relu_simd.opencl's masks, counts and gradients of weights: the bytes of the CPU, in whose order it sums."""

import re
from pathlib import Path

import numpy as np
import pytest
from cases import here, same, sample
from test_opencl import cl, give, opencl, queue  # noqa: F401
from test_reductions import SHAPES, some_axes

import relu_simd
from relu_simd import _core
from relu_simd.opencl import _kernels, _reductions

VIEWS = (np.s_[:], np.s_[::-2], np.s_[:, ::3], np.s_[4], np.s_[:, 2], np.s_[3:9, 5:30])


# Masks


@pytest.mark.parametrize("dtype", _core.DTYPES)
def test_masks_of_every_size(queue, dtype):  # noqa: F811
    (dtype,) = here([dtype])
    for n in (0, 1, 7, 8, 9, 63, 255, 256, 257, 2047, 2048, 2049, 5000):
        x, g = sample(dtype, n), sample(dtype, n, seed=1)
        y, mask = opencl.relu_with_mask(give(queue, x))
        want, bits = relu_simd.relu_with_mask(x)
        same(y.get(), want)
        same(mask.get(), bits)
        same(opencl.relu_backward_from_mask(give(queue, g), mask).get(), relu_simd.relu_backward_from_mask(g, bits))


@pytest.mark.parametrize("index", VIEWS, ids=str)
def test_masks_of_slices(queue, index):  # noqa: F811
    """The bits are in C order, whatever the order of the elements; nothing around `out` is written."""
    x = sample("f4", 20 * 37).reshape(20, 37)
    for host, device in ((x, give(queue, x)), (x.T, give(queue, x).T)):
        want, bits = relu_simd.relu_with_mask(host[index])
        around, long = give(queue, np.full(host.shape, 3, "f4")), give(queue, np.full(2 * bits.size + 6, 7, np.uint8))
        _, mask = opencl.relu_with_mask(device[index], out=(around[index], long[5:-1:2]))
        full = np.full(host.shape, 3, "f4")
        full[index] = want
        same(around.get(), full)
        padded = np.full(2 * bits.size + 6, 7, np.uint8)
        padded[5:-1:2] = bits
        same(long.get(), padded)
        got = opencl.relu_backward_from_mask(device[index], mask)
        same(got.get(), relu_simd.relu_backward_from_mask(host[index], bits))
        opencl.relu_backward_from_mask(device[index], mask, around[index])
        full[index] = relu_simd.relu_backward_from_mask(host[index], bits)
        same(around.get(), full)


def test_masks_in_place_and_the_public_functions(queue):  # noqa: F811
    x = sample("f4", 300)
    want, bits = relu_simd.relu_with_mask(x)
    array = give(queue, x)
    y, mask = relu_simd.relu_with_mask(array, out=(array, None))
    assert y is array
    same(array.get(), want)
    same(mask.get(), bits)
    assert relu_simd.relu_backward_from_mask(array, mask, array) is array
    same(array.get(), relu_simd.relu_backward_from_mask(want, bits))


def test_refused_masks(queue):  # noqa: F811
    x, mask = give(queue, np.ones(20, "f4")), give(queue, np.zeros(3, np.uint8))
    with pytest.raises(TypeError, match="out must be a tuple"):
        opencl.relu_with_mask(x, out=x)
    for wrong in (give(queue, np.zeros(4, np.uint8)), give(queue, np.zeros(3, np.int8))):
        with pytest.raises(ValueError, match=r"mask must be uint8\[3\], a bit for each of 20 elements"):
            opencl.relu_backward_from_mask(x, wrong)
        with pytest.raises(ValueError, match=r"mask must be uint8\[3\], a bit for each of 20 elements"):
            opencl.relu_with_mask(x, out=(None, wrong))
    for call in (
        lambda: opencl.relu_backward_from_mask(x, np.zeros(3, np.uint8)),
        lambda: opencl.relu_with_mask([1.0]),
    ):
        with pytest.raises(TypeError, match=r"relu_\w+: \w+ (is a NumPy array|must be a pyopencl)"):
            call()
    with pytest.raises(TypeError, match="relu_with_mask: x has dtype complex64"):
        opencl.relu_with_mask(give(queue, np.ones(3, "c8")))
    with pytest.raises(ValueError, match=r"out has shape \(2,\), and the result \(20,\)"):
        opencl.relu_with_mask(x, out=(x[:2], None))
    inside = cl.array.Array(queue, 3, np.dtype(np.uint8), data=x.data, offset=40)
    for call in (
        lambda: opencl.relu_with_mask(x, out=(None, inside)),
        lambda: opencl.relu_backward_from_mask(x, inside, x),
    ):
        with pytest.raises(ValueError, match=r"overlaps \w+ which it must not"):
            call()
    with pytest.raises(ValueError, match="y overlaps x other than exactly"):
        opencl.relu_with_mask(x[:10], out=(x[5:15], None))
    stranger = give(cl.CommandQueue(cl.Context([queue.device])), np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="mask is in another context"):
        opencl.relu_backward_from_mask(x, stranger)
    same(opencl.relu_backward_from_mask(x, mask).get(), np.zeros(20, "f4"))


# Counts


@pytest.mark.parametrize(
    "dtype",
    [pytest.param(name, marks=() if name in ("uint8", "float32") else pytest.mark.drawn) for name in _core.DTYPES],
)
def test_counts_on_every_axis(queue, dtype):  # noqa: F811
    (dtype,) = here([dtype])
    for shape in SHAPES:
        x = sample(dtype, int(np.prod(shape, dtype=int))).reshape(shape)
        device = give(queue, x)
        for axis in some_axes(x.ndim):
            for keepdims in (False, True):
                want = np.asarray(relu_simd.count_active(x, axis, keepdims=keepdims), np.int64)
                same(opencl.count_active(device, axis, keepdims=keepdims).get(), want)


@pytest.mark.parametrize("index", VIEWS, ids=str)
def test_counts_of_slices(queue, index):  # noqa: F811
    x = sample("f4", 20 * 37).reshape(20, 37)
    for host, device in ((x[index], give(queue, x)[index]), (x.T[index], give(queue, x).T[index])):
        for axis in some_axes(host.ndim):
            same(relu_simd.count_active(device, axis).get(), np.asarray(relu_simd.count_active(host, axis), np.int64))


def test_counts_of_many(queue):  # noqa: F811
    for shape in ((70_000,), (5, 16_385), (16_384, 5), (3000, 130)):
        x = give(queue, np.ones(shape, np.uint8))
        assert opencl.count_active(x).get() == np.prod(shape)
        for axis in range(len(shape)):
            assert (opencl.count_active(x, axis).get() == shape[axis]).all()


def test_refused_axes(queue):  # noqa: F811
    x = give(queue, np.ones((2, 3), "f4"))
    with pytest.raises(np.exceptions.AxisError):
        opencl.count_active(x, 2)
    with pytest.raises(TypeError, match="count_active: x is a NumPy array"):
        opencl.count_active(np.ones(3))


# Gradients of weights


GRADIENTS = [
    ((), ()),
    ((5,), (5,)),
    ((40, 37), (37,)),
    ((40, 37), (1,)),
    ((40, 37), ()),
    ((40, 37), (40, 1)),
    ((3, 64, 300), (64, 1)),
    ((70_000,), (1,)),
    ((2, 40_000), (2, 1)),
    ((3000, 130), (130,)),
    ((3001, 3), (3,)),
    ((41, 3), (3,)),
    ((3, 5, 7, 9), (5, 1, 9)),
    ((3, 5, 7, 9), (7, 1)),
    ((0, 4), (4,)),
    ((200, 1), (200, 1)),
]


@pytest.mark.parametrize("dtype", ["float16", pytest.param("bfloat16", marks=pytest.mark.wide), "float32", "float64"])
@pytest.mark.parametrize(("shape", "own"), GRADIENTS, ids=str)
def test_gradients_of_weights(queue, dtype, shape, own):  # noqa: F811
    """Sums that round, so that every other order would give other bytes; and the weights in float32 beside 16 bits."""
    (dtype,) = here([dtype])
    rng = np.random.default_rng(0)
    x, g = (np.asarray(rng.standard_normal(shape)).astype(dtype) for _ in range(2))
    for kind in {dtype, np.dtype("f4")} if dtype.itemsize == 2 else {dtype}:
        weight = np.linspace(-1, 1, int(np.prod(own))).astype(kind).reshape(own)
        got = opencl.prelu_backward(give(queue, g), give(queue, x), give(queue, weight))
        for ours, want in zip(got, relu_simd.prelu_backward(g, x, weight), strict=True):
            same(ours.get(), want)


def test_the_order_of_sums_shows():
    """In another order the sums of the test above would be others: it can fail."""
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 70_000))
    want = relu_simd.prelu_backward(g, x, np.ones(1))[1]
    assert np.sum(np.where(x > 0, 0, g * x)) != want[0]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_sums_of_every_size_are_narrowed(queue, dtype):  # noqa: F811
    """One element for each weight, so that the sum is the product: denormal, halfway, and infinite when rounded."""
    (dtype,) = here([dtype])
    rng = np.random.default_rng(6)
    x, g = (rng.standard_normal(20_000) * 2.0 ** rng.uniform(-14, 9, 20_000) for _ in range(2))
    x, g = -np.abs(x).astype(dtype), g.astype(dtype)
    weight = np.ones(x.shape, dtype)
    same(opencl.prelu_backward(give(queue, g), give(queue, x), give(queue, weight))[1].get(),
         relu_simd.prelu_backward(g, x, weight)[1])  # fmt: skip
    for special in (np.inf, -np.inf, np.nan):
        x, g = np.full(1, -2, dtype), np.full(1, special, dtype)
        same(opencl.prelu_backward(give(queue, g), give(queue, x), give(queue, x))[1].get(),
             relu_simd.prelu_backward(g, x, x)[1])  # fmt: skip


def test_gradients_broadcast_and_have_strides(queue):  # noqa: F811
    rng = np.random.default_rng(1)
    x, g, weight = rng.standard_normal((30, 40)), rng.standard_normal((30, 1)), rng.standard_normal(20)
    want = relu_simd.prelu_backward(g, x[:, ::2], weight)
    got = relu_simd.prelu_backward(give(queue, g), give(queue, x)[:, ::2], give(queue, weight))
    for ours, theirs in zip(got, want, strict=True):
        same(ours.get(), theirs)
    for ours, theirs in zip(opencl.prelu_backward(give(queue, x), give(queue, x), 0.5),
                            relu_simd.prelu_backward(x, x, 0.5), strict=True):  # fmt: skip
        same(ours.get(), np.asarray(theirs))


def test_gradients_into_given_arrays(queue):  # noqa: F811
    rng = np.random.default_rng(2)
    x, g, weight = rng.standard_normal((30, 40)), rng.standard_normal((30, 40)), rng.standard_normal(40)
    want = relu_simd.prelu_backward(g, x, weight)
    memory, target = give(queue, np.full(50, 3.0)), give(queue, x)
    got = opencl.prelu_backward(give(queue, g), target, give(queue, weight), out=(target, memory[5:45]))
    assert got[0] is target
    same(target.get(), want[0])
    same(memory.get(), np.concatenate([np.full(5, 3.0), want[1], np.full(5, 3.0)]))


def test_refused_gradients(queue, monkeypatch):  # noqa: F811
    x, weight = give(queue, np.ones((3, 4), "f4")), give(queue, np.ones(4, "f4"))
    for error, match, call in (
        (TypeError, "out must be a tuple", lambda: opencl.prelu_backward(x, x, weight, out=x)),
        (TypeError, "weight is a NumPy array", lambda: opencl.prelu_backward(x, x, np.ones(4, "f4"))),
        (TypeError, "x has dtype float64", lambda: opencl.prelu_backward(x, x.astype("f8"), weight)),
        (TypeError, "grad_output has dtype int32", lambda: opencl.prelu_backward(x.astype("i4"), x.astype("i4"), 1)),
        (ValueError, "weight has shape .* do not broadcast", lambda: opencl.prelu_backward(x, x, weight[:3])),
        (ValueError, "grad_weight overlaps weight", lambda: opencl.prelu_backward(x, x, weight, out=(None, weight))),
        (
            ValueError,
            r"grad_weight is float32\[3\]",
            lambda: opencl.prelu_backward(x, x, weight, out=(None, weight[:3])),
        ),
        (ValueError, r"out has shape \(4,\)", lambda: opencl.prelu_backward(x, x, weight, out=(weight, None))),
    ):
        with pytest.raises(error, match=f"prelu_backward: {match}"):
            call()
    monkeypatch.setattr(_kernels, "has_fp64", lambda device: False)
    events = list(x.events)
    with pytest.raises(ValueError, match=r"prelu_backward: .* cannot compute in float64, in which"):
        opencl.prelu_backward(x, x, weight)
    assert x.events == events


def test_sizes_of_units_are_those_of_the_cpu():
    """They are written in three places."""
    paths = ("csrc/run/reduce.c", "csrc/loops/reduce.h", "relu_simd/opencl/reductions.cl")
    text = "\n".join((Path(__file__).parents[1] / path).read_text(encoding="utf-8") for path in paths)
    for name in ("SUMS", "UNIT", "UNIT_ROWS", "COLUMNS"):
        assert {int(size) for size in re.findall(rf"\b{name} = (\d+)", text)} == {getattr(_reductions, name)}


def test_a_later_write_waits_for_the_sums(queue):  # noqa: F811
    """On an out-of-order queue: x is overwritten after it was counted, and its gradients taken."""
    properties = cl.command_queue_properties.OUT_OF_ORDER_EXEC_MODE_ENABLE
    if not queue.device.queue_properties & properties:
        pytest.skip("the device has no out-of-order queues")
    loose = cl.CommandQueue(queue.context, properties=properties)
    for _ in range(10):
        x = give(loose, np.full((300, 500), -2, "f4"))
        y, mask = opencl.relu_with_mask(x)
        count = opencl.count_active(x)
        grad = opencl.prelu_backward(x, x, give(loose, np.ones(500, "f4")))[1]
        opencl.hardtanh(x, 5, 6, out=x)
        assert count.get() == 0
        assert not mask.get().any()
        assert (grad.get() == 1200).all()
        assert x.events == y.events or len(x.events) < 4
