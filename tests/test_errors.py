# SPDX-License-Identifier: BSD-3-Clause
"""Bad input: the exception type of NumPy's own ufunc, a message that names the argument, nothing written."""

import numpy as np
import pytest
from cases import faces, here, operands, same, with_operand

import relu_simd
from relu_simd import leaky_relu, relu, relu_backward

REFUSED = [
    np.array([True, False]),
    np.array([1j, 2]),
    np.zeros(2, np.complex64),
    np.array([1, 2], np.longdouble),
    np.array([1, 2], object),
    np.array(["1", "2"]),
    np.array([b"1", b"2"]),
    np.array([1, 2], "datetime64[s]"),
    np.array([1, 2], "timedelta64[s]"),
]


@pytest.mark.above_the_row
@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.dtype.name)
def test_refused_dtypes(op, bad):
    """At every operand, at several, and for `out` given: named, and nothing written."""
    for face in faces(op):
        for dtype in here(op.dtypes):
            for k, name in enumerate(op.inputs):
                inputs = [np.ones(2, dtype)] * len(op.inputs)
                inputs[k] = bad
                out = np.full(2, 7, dtype)
                with pytest.raises(TypeError, match=f"{op.name}: {name} has dtype {bad.dtype.type.__name__}"):
                    face(*inputs, out=out)
                same(out, np.full(2, 7, dtype))
        with pytest.raises(TypeError, match=f"{op.name}: {op.inputs[0]} has dtype"):
            face(*[bad] * len(op.inputs))


@pytest.mark.above_the_row
@with_operand(first=1)
def test_shapes_that_do_not_broadcast(op, which):
    inputs = [np.ones(2)] * len(op.inputs)
    inputs[which] = np.ones(3)
    out = np.full(3, 7.0)
    with pytest.raises(
        ValueError, match=rf"{op.name}\({op.inputs[0]}: float64\[2\].* {op.inputs[which]}: float64\[3\]"
    ):
        faces(op)[0](*inputs, out=out)
    same(out, np.full(3, 7.0))


@pytest.mark.above_the_row
@pytest.mark.parametrize("shape", [(3,), (5, 4), (4, 1), ()])
def test_out_of_a_wrong_shape(op, shape):
    inputs = [np.ones((5, 3, 4))] * len(op.inputs)
    out = np.full(shape, 7.0)
    with pytest.raises(ValueError, match="out: float64"):
        faces(op)[0](*inputs, out=out)
    same(out, np.full(shape, 7.0))


@pytest.mark.above_the_row
def test_out_of_a_wrong_dtype(op):
    for code in ("i8", "u1"):
        out = np.full(4, 7, code)
        for given in here(["float16", "bfloat16", "float32", "float64"]):
            with pytest.raises(np._core._exceptions.UFuncTypeError, match="output") as caught:
                faces(op)[0](*[np.ones(4, given)] * len(op.inputs), out=out)
            assert f"out: {out.dtype}[4]" in caught.value.__notes__[0]
        same(out, np.full(4, 7, code))


@pytest.mark.above_the_row
def test_read_only_out(op, dtype):
    out = np.full(4, 7, dtype)
    out.flags.writeable = False
    for face in faces(op):
        with pytest.raises(ValueError, match="read-only"):
            face(*operands(op, dtype, 4), out=out)
    same(out, np.full(4, 7, dtype))


@pytest.mark.above_the_row
@pytest.mark.parametrize("out", [[1.0, 2.0], "text", 3, (np.zeros(2), np.zeros(2)), ()])
def test_out_that_is_no_array(op, out):
    mistake = (TypeError, ValueError)
    with pytest.raises(mistake):
        np.positive(np.ones(2), out=out)
    with pytest.raises(mistake):
        faces(op)[0](*[np.ones(2)] * len(op.inputs), out=out)


@pytest.mark.parametrize("slope", ["0.1", None, 1j, True, object(), [], {}, "a"])
def test_slope_that_is_no_number(slope):
    x, out = np.ones(3), np.full(3, 7.0)
    if slope == []:  # an empty array: float64 that does not broadcast
        with pytest.raises(ValueError, match=r"negative_slope: list"):
            leaky_relu(x, slope, out=out)
    else:
        with pytest.raises(TypeError, match="leaky_relu: negative_slope has dtype"):
            leaky_relu(x, slope, out=out)
    same(out, np.full(3, 7.0))


@pytest.mark.above_the_row
def test_too_many_arguments(op):
    with pytest.raises(
        TypeError, match=rf"{op.name}\(\) takes at most {len(op.inputs) + 1} positional arguments but 9"
    ):
        faces(op)[0](*[np.ones(3)] * 9)


@pytest.mark.above_the_row
def test_missing_arguments(op):
    for k, name in enumerate(op.required):
        with pytest.raises(TypeError, match=rf"{op.name}\(\) missing required argument: '{name}'"):
            faces(op)[0](*[np.ones(3)] * k)
        with pytest.raises(TypeError, match=f"missing required argument: '{name}'"):
            faces(op)[0](*[np.ones(3)] * k, out=np.ones(3))


@pytest.mark.above_the_row
def test_unknown_and_repeated_keywords(op):
    inputs = [np.ones(3)] * len(op.inputs)
    with pytest.raises(TypeError, match="unexpected keyword argument 'inplace'"):
        faces(op)[0](*inputs, inplace=True)
    for name in op.inputs:
        with pytest.raises(TypeError, match=f"multiple values for argument '{name}'"):
            faces(op)[0](*inputs, **{name: 1.0})
    with pytest.raises(TypeError, match="multiple values for argument 'out'"):
        faces(op)[0](*inputs, np.ones(3), out=np.ones(3))


def test_a_function_takes_no_attributes_and_says_so():
    with pytest.raises(AttributeError):
        relu.threads = 3


def test_ragged_input():
    with pytest.raises(ValueError, match="inhomogeneous"):
        relu([[1.0], [1.0, 2.0]])


def test_errors_of_other_objects_pass_through():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("no array today")

    with pytest.raises(RuntimeError, match="no array today"):
        relu_backward(np.ones(2), Broken())


@pytest.mark.parametrize("name", ["sse9", "", "AVX2", None, 3, "scalar "])
def test_set_isa_refuses(name):
    before = relu_simd.isa()
    with pytest.raises(ValueError, match=r"choose one of .*scalar"):
        relu_simd.set_isa(name)
    assert relu_simd.isa() == before
