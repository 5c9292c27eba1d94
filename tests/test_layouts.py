# SPDX-License-Identifier: BSD-3-Clause
"""Any shape, strides, byte order and memory that NumPy has: same answer, same layout as NumPy's ufuncs."""

import itertools

import numpy as np
import pytest
from cases import (
    by_array_and_number,
    expected,
    faces,
    is_float,
    noting,
    operand_dtypes,
    operands,
    param_dtype,
    plain_operands,
    same,
)

pytestmark = [pytest.mark.usefixtures("isa"), pytest.mark.above_the_isa]

VIEWS = {
    "every second": lambda x: x[::2],
    "every fifth": lambda x: x[3::5],
    "reversed": lambda x: x[::-1],
    "reversed, every third": lambda x: x[::-3],
    "matrix": lambda x: x.reshape(30, 35),
    "transposed": lambda x: x.reshape(30, 35).T,
    "Fortran order": lambda x: np.asfortranarray(x.reshape(30, 35)),
    "rows of a padded matrix": lambda x: x.reshape(30, 35)[:, :33],
    "columns": lambda x: x.reshape(30, 35)[:, 4:7],
    "upside down": lambda x: x.reshape(30, 35)[::-1],
    "axes swapped in 3-D": lambda x: x.reshape(10, 15, 7).transpose(1, 2, 0),
    "inner axes swapped": lambda x: x.reshape(10, 15, 7).swapaxes(1, 2)[::2],
    "broadcast": lambda x: np.broadcast_to(x[:35], (4, 35)),
    "broadcast inside": lambda x: np.broadcast_to(x[:35, None], (35, 4)),
    "one value": lambda x: np.broadcast_to(x[3], (1050,)),
    "read-only": lambda x: frozen(x),
    "empty": lambda x: x[:0],
    "empty, 3-D": lambda x: x[:0].reshape(0, 3, 5),
    "one element": lambda x: x[2:3],
    "one element, 3-D": lambda x: x[2:3].reshape(1, 1, 1),
    "not native": lambda x: x.astype(x.dtype.newbyteorder()),
    "not native, strided": lambda x: x.astype(x.dtype.newbyteorder())[::2],
    "in a record": lambda x: field(x),
}


def frozen(x):
    x.flags.writeable = False
    return x


def field(x):
    """Elements at odd addresses: a packed record array."""
    record = np.zeros(x.size, [("tag", "u1"), ("value", x.dtype)])
    record["value"] = x
    return record["value"]


def elementwise(x):
    """Strides in elements."""
    return [step // x.itemsize for step in x.strides]


def native(x):
    return x.astype(x.dtype.newbyteorder("="))


@pytest.mark.above_the_row
def test_views(op, dtype):
    for (name, view), params in itertools.product(VIEWS.items(), by_array_and_number(op, dtype)):
        with noting(name):
            check_view(op, dtype, view, params)


def check_view(op, dtype, view, params):
    inputs = [view(value) if isinstance(value, np.ndarray) else value for value in operands(op, dtype, 1050, params)]
    # NumPy's own ufunc of as many inputs says which layout the result has.
    with np.errstate(all="ignore"):
        layout = np.positive(inputs[0]) if len(inputs) == 1 else np.add(*inputs[:2])
    want = expected(op, [native(value) if isinstance(value, np.ndarray) else value for value in inputs])
    for face in faces(op):
        got = face(*inputs)
        same(got, want)
        assert got.dtype.isnative
        if got.size > 1:
            assert elementwise(got) == elementwise(layout)
        out = np.full(inputs[0].shape, 7, dtype)
        assert face(*inputs, out=out) is out
        same(out, want)


@pytest.mark.above_the_row
def test_strided_output(op, dtype):
    for where in (np.s_[::2], np.s_[::-1], np.s_[5:], np.s_[::-3]):
        out = np.full(301, 7, dtype)
        inputs = operands(op, dtype, out[where].size)
        want = np.full(301, 7, dtype)
        want[where] = expected(op, inputs)
        for face in faces(op):
            out[:] = 7
            face(*inputs, out=out[where])
            same(out, want)


@pytest.mark.above_the_row
def test_byte_swapped_output(op, dtype):
    inputs = operands(op, dtype, 50)
    out = np.zeros(50, np.dtype(dtype).newbyteorder())
    faces(op)[0](*inputs, out=out)
    same(native(out), expected(op, inputs))


@pytest.mark.above_the_row
def test_broadcasting(op, dtype):
    shapes = [(7, 40), (40,), (7, 1), (1, 40)]
    inputs = [
        value[: np.prod(shape)].reshape(shape)
        for value, shape in zip(plain_operands(op, dtype, 280), shapes, strict=False)
    ]
    for face in faces(op):
        same(face(*inputs), expected(op, inputs))
    with np.errstate(over="ignore"):
        turned = [value.astype(each) for value, each in zip(inputs[::-1], operand_dtypes(op, dtype), strict=True)]
    if turned[-1].dtype == dtype or param_dtype(dtype) == turned[-1].dtype:
        for face in faces(op):
            same(face(*turned), expected(op, turned))


@pytest.mark.above_the_row
def test_scalars_and_0d(op, dtype):
    numbers = (-2.0, -3.0, 0.5, 0.75) if is_float(dtype) else (3, 1, 2, 4)
    inputs = [each.type(value) for value, each in zip(numbers, operand_dtypes(op, dtype), strict=False)]
    want = expected(op, [np.array(value) for value in inputs])
    for face in faces(op):
        for given in (inputs, [np.array(value) for value in inputs]):
            got = face(*given)
            assert type(got) is dtype.type
            same(got, want)
        out = np.zeros((), dtype)
        assert face(*inputs, out=out) is out
        same(out, want)
        assert face(*(float(value) for value in inputs)).dtype == np.float64
        integer = face(*(int(value) for value in inputs))
        assert integer.dtype == (np.int64 if op.takes_integers else np.float64)


@pytest.mark.above_the_row
def test_lists(op):
    inputs = [[-1.0, 0.0, 2.0]] * len(op.inputs)
    same(faces(op)[0](*inputs), expected(op, [np.array(value) for value in inputs]))


@pytest.mark.above_the_row
def test_many_dimensions(op, dtype):
    inputs = [value.reshape((2,) * 10) for value in operands(op, dtype, 1024)]
    for axes in (None, range(10)[::-1], (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)):
        given = [value.transpose(axes) for value in inputs]
        same(faces(op)[0](*given), expected(op, given))
