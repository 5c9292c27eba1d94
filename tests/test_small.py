# SPDX-License-Identifier: BSD-3-Clause
"""Small calls, which do without NumPy's ufunc where they can: all that can be told of a result is as the ufunc's."""

import numpy as np
import pytest
from cases import operands, same

import relu_simd
from relu_simd import ufuncs

LAYOUTS = {
    "C": lambda a: a,
    "F": lambda a: np.asfortranarray(a),
    "steps": lambda a: a[::2, ::2],
    "block": lambda a: a[1:4, 2:5],
    "rows reversed": lambda a: a[::-1],
    "columns reversed": lambda a: a[:, ::-1],
    "transposed block": lambda a: a.T[1:4, 2:5],
    "column": lambda a: a[:, 1],
    "one column": lambda a: a[:, 1:2],
    "every second of one row": lambda a: a[1:2, ::2],
    "repeated": lambda a: np.broadcast_to(a[:1], a.shape),
    "overlapping itself": lambda a: np.lib.stride_tricks.sliding_window_view(a[0], 3),
    "three dimensions": lambda a: a.reshape(2, 3, -1)[:, ::2, 1:],
    "axes exchanged": lambda a: a.reshape(2, 3, -1).transpose(1, 0, 2),
    "none": lambda a: a[:0, ::2],
    "no dimension": lambda a: a[1:2, 1].reshape(()),
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder("S")),
    "other byte order, steps": lambda a: a.astype(a.dtype.newbyteorder("S"))[::2, ::2],
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "beyond": lambda a: np.tile(a, (40, 1))[:, ::2],
}


def assert_alike(got, want):
    assert type(got) is type(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    assert got.strides == want.strides
    same(np.asarray(got), np.asarray(want))


def test_arrays(op, dtype):
    function, ufunc = getattr(relu_simd, op.name), getattr(ufuncs, op.name)
    whole = operands(op, dtype, 48)
    for layout in LAYOUTS.values():
        if dtype.name == "bfloat16" and layout(whole[0].reshape(6, 8)).dtype != dtype:
            continue  # ml_dtypes has no other byte order
        inputs = [layout(array.reshape(6, 8)) for array in whole]
        arrays, params = inputs[: len(op.arrays)], inputs[len(op.arrays) :]
        before = [array.tobytes() for array in inputs]
        assert_alike(function(*inputs), ufunc(*inputs))
        if params and not op.weight:
            numbers = [2.0, 3.0][: len(params)]
            typed = [np.asarray(number, params[0].dtype.newbyteorder("="))[()] for number in numbers]
            assert_alike(function(*arrays, *numbers), ufunc(*arrays, *typed))
        assert [array.tobytes() for array in inputs] == before


ONE_INPUT = [name for name in ufuncs.__all__ if getattr(ufuncs, name).nin == 1]


@pytest.mark.parametrize("name", ONE_INPUT)
@pytest.mark.parametrize(
    "value",
    [
        1.5,
        -2,
        np.float32(-1.5),
        np.float16(3),
        np.int8(-3),
        np.uint64(2**63),
        np.array(-1.5),
        [-1.0, 2.0],
        [[1, -2], [3, 4]],
        (-1.0, 2.0),
        [],
        np.arange(-4, 4, dtype="i1"),
        np.arange(-4, 4, dtype="i8")[::2],
        np.arange(8, dtype=np.ulonglong),
        np.arange(8, dtype=np.int_),
    ],
    ids=repr,
)
def test_numbers_lists_and_integers(name, value):
    assert_alike(getattr(relu_simd, name)(value), getattr(ufuncs, name)(value))


@pytest.mark.parametrize("value", [True, "a", None, 1j, [1, "a"], [[1, 2], [3]], np.longdouble(1), [int]], ids=repr)
def test_what_is_refused(value):
    with pytest.raises((TypeError, ValueError)) as ufunc_error:
        ufuncs.relu(value)
    with pytest.raises(type(ufunc_error.value), match="relu"):
        relu_simd.relu(value)


def test_where_and_out():
    x, mask = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4), np.arange(12).reshape(3, 4) % 2 == 0
    for given in (x, x[:, ::2]):
        out = np.full(given.shape, 9, np.float32)
        chosen = mask[:, : given.shape[1]]
        assert relu_simd.relu(given, out=out, where=chosen) is out
        assert (out == np.where(chosen, np.maximum(given, 0), 9)).all()
    with pytest.raises(ValueError, match="out: float32"):
        relu_simd.relu(x, out=np.empty(3, np.float32))
