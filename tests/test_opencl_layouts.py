# SPDX-License-Identifier: BSD-3-Clause
"""relu_simd.opencl on arrays that broadcast or have strides, and on integers: the bytes of the CPU, without a copy."""

import numpy as np
import pytest
from cases import FLOATS, INTEGERS, OPS, is_float, isnan, numbers, operands, pairs, param_dtype, same, sample
from test_opencl import cl, give, opencl, packed, queue, wanted  # noqa: F401

import relu_simd
from relu_simd.opencl import _layout

VIEWS = {
    "rows of a padded matrix": np.s_[:, :21],
    "columns": np.s_[:, 3::4],
    "one column": np.s_[:, 5],
    "every second row, upside down": np.s_[::-2],
    "backwards": np.s_[::-1, ::-1],
    "a part": np.s_[2:9, 1:12],
}


def full(op, dtype, shape, seed=0):
    """An array for each input, the parameters too."""
    flat = operands(op, dtype, int(np.prod(shape)), seed=seed)
    return [value.reshape(shape) for value in flat]


@pytest.mark.above_the_row_and_kind
@pytest.mark.above_the_dtype
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("op", "dtype"), pairs())
def test_slices_with_strides(queue, packed, op, dtype, view):  # noqa: F811
    """Inputs, and `out`, around which nothing is written."""
    inputs = full(op, dtype, (18, 24))
    given = [give(queue, value)[VIEWS[view]] for value in inputs]
    want = wanted(op, [value[VIEWS[view]] for value in inputs])
    got = getattr(opencl, op.name)(*given)
    assert got.flags.c_contiguous
    same(got.get(), want)
    around = np.full((18, 24), 3, dtype)
    whole = give(queue, around)
    out = whole[VIEWS[view]]
    assert getattr(opencl, op.name)(*given, out=out) is out
    around[VIEWS[view]] = want
    same(whole.get(), around)
    getattr(opencl, op.name)(*given, out=given[0])  # in place
    same(given[0].get() if given[0].flags.forc else opencl.hardtanh(given[0], *limits(dtype)).get(), want)


def limits(dtype):
    """For hardtanh to be a copy."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return int(info.min), int(info.max)
    return -np.inf, np.inf


@pytest.mark.above_the_row_and_kind
@pytest.mark.parametrize("op", [op for op in OPS.values() if len(op.inputs) > 1], ids=lambda op: op.name)
def test_broadcasting(queue, packed, op):  # noqa: F811
    """A row, a column, a scalar and more axes, as each input; the shape of the result is NumPy's."""
    for shape, other in (
        ((9, 300), (300,)),
        ((9, 300), (9, 1)),
        ((9, 300), (1,)),
        ((9, 300), ()),
        ((9, 300), (1, 1, 1)),
        ((4, 5, 6, 7), (5, 1, 7)),
        ((4, 1, 6), (5, 1)),
        ((3, 0), (1,)),
        ((1, 1), (1,)),
    ):
        for which in range(len(op.inputs)):
            inputs = full(op, np.dtype("f4"), shape)
            n = int(np.prod(other))
            inputs[which] = sample("f4", n, seed=9)[:n].reshape(other)
            inputs[which] = np.where(np.isnan(inputs[which]), np.float32(1.5), inputs[which])
            if op.arithmetic:
                inputs = [np.where(np.isnan(value), np.float32(0.5), value) for value in inputs]
            got = getattr(opencl, op.name)(*[give(queue, value) for value in inputs])
            same(got.get(), wanted(op, inputs))


@pytest.mark.above_the_row
@pytest.mark.above_the_dtype
@pytest.mark.parametrize(("op", "dtype"), pairs(lambda op: len(op.arrays) > 1))
def test_a_number_in_an_arrays_place(queue, packed, op, dtype):  # noqa: F811
    """Of Python's or of the dtype: it is rounded to the dtype of the arrays, as on the CPU."""
    x = sample(dtype, 5000)[:5000]
    x = np.where(isnan(x), x.dtype.type(1), x) if is_float(dtype) else x
    params = numbers(op, dtype) or ()
    floats = dtype.kind not in "iu"
    for number in (0, 3, *([0.1, -0.0, 1e-9, float("inf"), float("nan")] if floats else [])):
        for value in (number, dtype.type(number)) if dtype.name != "bfloat16" else (number,):
            for inputs in ([x, value], [value, x]):
                want = wanted(op, [np.broadcast_to(np.asarray(each, dtype), x.shape) for each in inputs] + [*params])
                given = [give(queue, each) for each in (*inputs, *params)]
                same(getattr(opencl, op.name)(*given).get(), want)
                if value is number and dtype.name != "bfloat16":
                    same(want, getattr(relu_simd, op.name)(*inputs, *params))
    strided = give(queue, np.stack([x, x], 1))[:, 1]
    for _ in range(2):  # the second time by its plan
        out = cl.array.zeros(queue, (2, x.size), dtype)[1]
        same(getattr(opencl, op.name)(strided, 2, *params, out=out).get(), wanted(op, [x, np.full_like(x, 2), *params]))


def test_numbers_that_do_not_fit(queue):  # noqa: F811
    """That would give the result another dtype on the CPU, or that the dtype cannot hold."""
    x, i = give(queue, np.ones(3, "f4")), give(queue, np.ones(3, "i2"))
    for error, match, call in (
        (TypeError, "b has dtype float64, a float32", lambda: opencl.add_relu(x, np.float64(2))),
        (TypeError, "a has dtype int32, b int16", lambda: opencl.add_relu(np.int32(2), i)),
        (TypeError, "b is a float, a has dtype int16", lambda: opencl.add_relu(i, 2.0)),
        (OverflowError, "b=70000 is out of bounds for int16", lambda: opencl.add_relu(i, 70000)),
        (TypeError, "b must be a pyopencl.array.Array, not bool", lambda: opencl.add_relu(x, True)),
        (TypeError, "a must be a pyopencl.array.Array, not float", lambda: opencl.add_relu(1.0, 2.0)),
        (TypeError, "x must be a pyopencl.array.Array, not int", lambda: opencl.relu(1)),
    ):
        with pytest.raises(error, match=match):
            call()


def test_a_row_of_a_transposed_matrix(queue):  # noqa: F811
    """Axes in another order, and the result in the order of its inputs, as NumPy's."""
    x = sample("f4", 13 * 17).reshape(13, 17)
    x[np.isnan(x)] = 1
    a = give(queue, x)
    for got, want in (
        (opencl.relu(a.T), relu_simd.relu(x.T)),
        (opencl.add_relu(a.T, a[:, 0]), relu_simd.add_relu(x.T, x[:, 0])),
        (opencl.add_relu(a, give(queue, np.asfortranarray(x))), relu_simd.add_relu(x, x)),
        (opencl.relu_backward(a.T, give(queue, x.T.copy())), relu_simd.relu_backward(x.T, x.T)),
    ):
        same(got.get(), want)
    assert opencl.relu(a.T).flags.f_contiguous
    assert opencl.add_relu(a.T, a[:, 0]).flags.f_contiguous


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_weights_broadcast_as_on_the_cpu(queue, packed, dtype):  # noqa: F811
    """Along channels of an image, in the arrays' dtype or float32."""
    x = sample(dtype, 2 * 5 * 6 * 7).reshape(2, 5, 6, 7)
    x[np.isnan(x)] = 1
    for kind in {np.dtype(dtype), param_dtype(dtype)}:
        weight = np.linspace(-1, 2, 5).astype(kind).reshape(5, 1, 1)
        same(opencl.prelu(give(queue, x), give(queue, weight)).get(), relu_simd.prelu(x, weight))
        want = relu_simd.leaky_relu_backward(x[::-1], x, weight)
        got = opencl.leaky_relu_backward(give(queue, x)[::-1], give(queue, x), give(queue, weight))
        same(got.get(), want)


def test_public_functions_broadcast(queue):  # noqa: F811
    x, bias = sample("f4", 40).reshape(5, 8), np.arange(8, dtype="f4")
    x[np.isnan(x)] = 1
    same(relu_simd.add_relu(give(queue, x), give(queue, bias)).get(), relu_simd.add_relu(x, bias))


def test_shapes_that_do_not_broadcast(queue):  # noqa: F811
    x = give(queue, np.ones((3, 4), "f4"))
    with pytest.raises(ValueError, match=r"add_relu: b has shape \(3,\), a \(3, 4\); they do not broadcast"):
        opencl.add_relu(x, x[:, 0])
    with pytest.raises(ValueError, match=r"prelu: weight has shape \(5,\), x \(3, 4\); they do not broadcast"):
        opencl.prelu(x, give(queue, np.ones(5, "f4")))
    with pytest.raises(ValueError, match=r"add_relu: out has shape \(4,\), the result \(3, 4\)"):
        opencl.add_relu(x[0], x, out=x[1])


# Integers


@pytest.mark.parametrize(
    "dtype", [pytest.param(name, marks=() if name == "int8" else pytest.mark.drawn) for name in INTEGERS]
)
@pytest.mark.parametrize("op", [op for op in OPS.values() if op.takes_integers], ids=lambda op: op.name)
def test_integers(queue, packed, op, dtype):  # noqa: F811
    """Sums and products wrap around, comparisons are those of the sign: the bytes of the CPU."""
    for params in [None, numbers(op, dtype)] if op.params else [None]:
        inputs = operands(op, np.dtype(dtype), 5000, params)
        same(getattr(opencl, op.name)(*[give(queue, value) for value in inputs]).get(), wanted(op, inputs))


def test_numbers_beside_integers(queue):  # noqa: F811
    x = give(queue, np.array([-100, -2, 0, 3, 100], np.int8))
    same(opencl.hardtanh(x, -3.0, np.int64(4)).get(), np.array([-3, -2, 0, 3, 4], np.int8))
    for wrong in (0.5, np.inf, np.nan):
        with pytest.raises(TypeError, match=rf"hardshrink: lambd={wrong} is no whole number"):
            opencl.hardshrink(x, wrong)
    with pytest.raises(TypeError, match=r"hardshrink: lambd=0\.5 is no whole number"):
        opencl.hardshrink(x)  # the default is none for integers, as on the CPU
    with pytest.raises(OverflowError, match="hardtanh: max_val=128 is out of bounds for int8"):
        opencl.hardtanh(x, 0, 128)
    with pytest.raises(TypeError, match="hardshrink: lambd has dtype float32, x int8"):
        opencl.hardshrink(x, give(queue, np.ones(5, "f4")))


# Memory


def test_overlap_of_strided_arrays(queue):  # noqa: F811
    """Interleaved is apart; what shares an element is refused, unless element for element."""
    x = np.arange(48, dtype="f4").reshape(6, 8) - 20
    a = give(queue, x)
    opencl.leaky_relu(a[:, ::2], 2.0, out=a[:, 1::2])
    x[:, 1::2] = relu_simd.leaky_relu(x[:, ::2], 2.0)
    same(a.get(), x)
    opencl.leaky_relu(a[1:3, 2:5], 3.0, out=a[1:3, 2:5])
    x[1:3, 2:5] = relu_simd.leaky_relu(x[1:3, 2:5], 3.0)
    same(a.get(), x)
    for source, target in (
        (np.s_[:, :4], np.s_[:, 1:5]),
        (np.s_[::-1], np.s_[:]),
        (np.s_[:3], np.s_[::2]),
        (np.s_[:, ::2], np.s_[:, :4]),
    ):
        with pytest.raises(ValueError, match="relu: out overlaps x other than exactly"):
            opencl.relu(a[source], out=a[target])
    with pytest.raises(ValueError, match="add_relu: out overlaps b other than exactly"):
        opencl.add_relu(a, a[0], out=a)
    same(a.get(), x)


def test_out_must_not_meet_itself(queue):  # noqa: F811
    x = give(queue, np.ones((3, 4), "f4"))
    for strides in ((0, 4), (4, 4), (8, 4)):
        out = cl.array.Array(queue, (3, 4), np.dtype("f4"), strides=strides, data=give(queue, np.ones(99, "f4")).data)
        with pytest.raises(ValueError, match=r"relu: out has strides .* may lie upon each other"):
            opencl.relu(x, out=out)


def test_elements_beyond_the_buffer(queue):  # noqa: F811
    data = give(queue, np.ones(12, "f4")).data
    for strides, offset in (((20, 4), 0), ((-16, 4), 16), ((16, 6), 0)):
        x = cl.array.Array(queue, (3, 4), np.dtype("f4"), strides=strides, data=data, offset=offset)
        with pytest.raises(ValueError, match=r"relu: x has (elements beyond its buffer|strides .* of parts)"):
            opencl.relu(x)


@pytest.mark.parametrize(("n", "offset"), [(13, 0), (12, 4), (3, -4), (0x40000000, 0)])
def test_an_array_beyond_its_buffer(queue, n, offset):  # noqa: F811
    """pyopencl makes contiguous ones, too, and looks at nothing; every function does."""
    x, weight = give(queue, np.ones(12, "f4")), give(queue, np.ones(1, "f4"))
    beyond = cl.array.Array(queue, n, np.dtype("f4"), data=x.data, offset=offset)
    mask = give(queue, np.zeros(2, np.uint8))
    for operand, call in (
        ("x", lambda: opencl.relu(beyond)),
        ("x", lambda: opencl.relu(beyond, out=beyond)),
        ("x", lambda: opencl.relu_with_mask(beyond)),
        ("x", lambda: opencl.count_active(beyond)),
        ("grad_output", lambda: opencl.prelu_backward(beyond, beyond, weight)),
    ):
        with pytest.raises(ValueError, match=f": {operand} has elements beyond its buffer"):
            call()
    with pytest.raises(ValueError, match="mask has elements beyond its buffer"):
        opencl.relu_backward_from_mask(x, cl.array.Array(queue, 2, np.dtype("u1"), data=mask.data, offset=1))
    with pytest.raises(ValueError, match="weight has elements beyond its buffer"):
        opencl.prelu(x, cl.array.Array(queue, 12, np.dtype("f4"), data=x.data, offset=4))
    out = cl.array.Array(queue, 12, np.dtype("f4"), data=give(queue, np.ones(11, "f4")).data)
    with pytest.raises(ValueError, match="out has elements beyond its buffer"):
        opencl.relu(x, out=out)


def test_axes_are_as_few_as_they_can_be():
    """What lies in one piece has none; a row beside a matrix needs two, whatever number of axes it is spread over."""
    for shape, strides, axes in (
        ((3, 4, 5), [(20, 5, 1), (20, 5, 1)], 0),
        ((3, 4, 5), [(20, 5, 1), (0, 0, 1)], 2),
        ((3, 4, 5), [(20, 5, 1), (0, 5, 1)], 2),
        ((3, 4, 5), [(20, 5, 1), (0, 1, 0)], 3),
        ((3, 4, 5), [(20, 5, 1), (0, 0, 0)], 1),
        ((3, 4, 5), [(1, 3, 12), (1, 3, 12)], 0),
        ((1, 7, 1), [(7, 1, 1), (99, 1, 0)], 0),
        ((), [(), ()], 0),
    ):
        layout, places = _layout.arrange(shape, strides, offsets=False)
        assert layout.axes == axes
        assert len(places) == 4 * axes * (1 + len(strides))
    assert _layout.arrange((2, 2**30), [(2**31, 1), (0, 1)], offsets=False)[0].wide
    assert _layout.arrange((3, 2), [(1, 3), (1, 3)], offsets=False, ordered=True)[0].axes == 2


@pytest.mark.parametrize("dtype", FLOATS[:1] + INTEGERS[:1])
def test_places_of_64_bits(queue, monkeypatch, dtype):  # noqa: F811
    """As for arrays of 2^31 elements and more."""
    monkeypatch.setattr(_layout, "NARROW", 1)
    x = sample(dtype, 30 * 40).reshape(30, 40)
    same(opencl.relu(give(queue, x)[::-2, 3:]).get(), relu_simd.relu(x[::-2, 3:]))
