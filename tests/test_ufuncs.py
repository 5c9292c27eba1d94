# SPDX-License-Identifier: BSD-3-Clause
"""Both faces do what NumPy's own ufuncs do, and the function is the ufunc, only faster."""

import copy
import pickle
import sys
import threading

import numpy as np
import pytest
from cases import NO_GIL, OPS, expected, faces, numbers, operands, plain_operands, run, same

import relu_simd
from relu_simd import c_api, ufuncs


def test_is_a_ufunc(op):
    ufunc = getattr(ufuncs, op.name)
    assert type(ufunc) is np.ufunc
    assert ufunc.__name__ == op.name
    assert (ufunc.nin, ufunc.nout) == (len(op.inputs), 1)
    n = len(op.inputs)
    codes = "bBhHiIlLqQefd" if op.takes_integers else "efd"
    first = "e" * len(op.arrays) + "f" * len(op.params)
    assert ufunc.types == [f"{first if code == 'e' else code * n}->{code}" for code in codes]


@pytest.mark.above_the_row
def test_where(op, dtype):
    inputs = operands(op, dtype, 99)
    where = np.arange(99) % 3 == 0
    for face in faces(op):
        out = np.full(99, 7, dtype)
        want = np.where(where, expected(op, inputs), out)
        same(face(*inputs, out=out, where=where), want)
        same(face(*inputs, out=(out,), where=True), expected(op, inputs))


@pytest.mark.above_the_row
def test_dtype_casting_and_order(op):
    for face in faces(op):
        inputs = [value.reshape(10, 20) for value in plain_operands(op, "f4", 200)]
        got = face(*inputs, dtype="f8", order="F")
        assert got.flags.f_contiguous
        same(got, expected(op, [value.astype("f8") for value in inputs]))
        whole = np.zeros((10, 20), "i8")
        with pytest.raises(np._core._exceptions.UFuncTypeError):
            face(*inputs, out=whole)
        # Integers of what is neither infinite nor too large: celu divides by its parameter.
        bounded = [np.clip(value, -9, 9) for value in inputs[: len(op.arrays)]] + list(numbers(op, "f4") or ())
        face(*bounded, out=whole, casting="unsafe")
        assert (whole == expected(op, bounded).astype("i8")).all()


def test_outer_and_at():
    x, slopes = np.array([-1.0, 2.0]), np.array([0.5, 0.25, 4.0])
    same(ufuncs.leaky_relu.outer(x, slopes), np.array([[-0.5, -0.25, -4.0], [2.0, 2.0, 2.0]]))
    same(ufuncs.add_relu.outer(x, slopes), np.array([[0.0, 0.0, 3.0], [2.5, 2.25, 6.0]]))
    for code in ("f8", "f2", "i1"):
        x = np.array([-1, -2, 3, 9], code)
        ufuncs.relu.at(x, [0, 2])
        same(x, np.array([0, -2, 3, 9], code))
        ufuncs.relu6.at(x, [3])
        same(x, np.array([0, -2, 3, 6], code))


class Labelled(np.ndarray):
    label = None

    def __array_finalize__(self, source):
        self.label = getattr(source, "label", None)


@pytest.mark.above_the_row
def test_subclasses(op, dtype):
    inputs = operands(op, dtype, 50)
    labelled = [value.view(Labelled) for value in inputs]
    labelled[0].label = "kept"
    for face in faces(op):
        got = face(*labelled)
        assert type(got) is Labelled
        assert got.label == "kept"
        same(got.view(np.ndarray), expected(op, inputs))
        assert type(face(*labelled, subok=False)) is np.ndarray


class Other:
    """Takes every ufunc over, as dask, xarray and pandas do."""

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return ufunc.__name__, method, len(inputs), sorted(keywords)


@pytest.mark.above_the_row
def test_array_ufunc_is_honoured(op):
    for face in faces(op):
        for k in range(len(op.inputs)):
            inputs = [np.ones(3)] * len(op.inputs)
            inputs[k] = Other()
            assert face(*inputs) == (op.name, "__call__", len(op.inputs), [])
        assert face(*[np.ones(3)] * len(op.inputs), out=Other())[3] == ["out"]


@pytest.mark.above_the_row
def test_objects_that_refuse_ufuncs(op):
    class Refuses:
        __array_ufunc__ = None

    for face in faces(op):
        with pytest.raises(TypeError, match="does not support ufuncs"):
            face(*[Refuses()] * len(op.inputs))


@pytest.mark.above_the_row
def test_array_protocol(op):
    class Holder:
        def __array__(self, dtype=None, copy=None):
            return np.array([-1.0, 2.0], dtype)

    same(faces(op)[0](*[Holder()] * len(op.inputs)), expected(op, [np.array([-1.0, 2.0])] * len(op.inputs)))


@pytest.mark.above_the_row
def test_masked_arrays(op, dtype):
    inputs = [
        np.ma.masked_array(value, np.arange(40) % (k + 3) == 0) for k, value in enumerate(plain_operands(op, dtype, 40))
    ]
    for face in faces(op):
        got = face(*inputs)
        mask = np.any([value.mask for value in inputs], axis=0)
        assert type(got) is np.ma.MaskedArray
        np.testing.assert_array_equal(got.mask, mask)
        same(got.data[~mask], expected(op, [value.data for value in inputs])[~mask])


@pytest.mark.above_the_row
def test_memmap(op, dtype, tmp_path):
    inputs = operands(op, dtype, 3000)
    first = np.memmap(tmp_path / "x", dtype, "w+", shape=3000)
    first[:] = inputs[0]
    want = expected(op, inputs)
    for k, face in enumerate(faces(op)):
        out = np.memmap(tmp_path / f"out{k}", dtype, "w+", shape=3000)
        assert face(first, *inputs[1:], out=out) is out
        same(np.array(out), want)


@pytest.mark.above_the_row
def test_inputs_by_keyword(op, dtype):
    inputs = operands(op, dtype, 30)
    want = expected(op, inputs)
    named = dict(zip(op.inputs, inputs, strict=True))
    function = faces(op)[0]
    same(function(**named), want)
    same(function(inputs[0], **{name: named[name] for name in op.inputs[1:]}), want)
    out = np.empty(30, dtype)
    assert function(**named, out=out) is out
    assert function(*inputs, out) is out
    same(function(*inputs, None), want)
    same(function(*inputs, out=None), want)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(op, protocol):
    for face in faces(op):
        assert pickle.loads(pickle.dumps(face, protocol)) is face
        assert copy.deepcopy(face) is face


def test_pickles_travel_to_a_process_that_has_imported_nothing():
    calls = [(face, [-1.0, 0.5, 0.25, 0.75][: len(op.inputs)]) for op in OPS.values() for face in faces(op)]
    code = "import pickle; print([(type(f).__name__, f.__name__, f(*numbers)) for f, numbers in pickle.loads({})])"
    done = run("-c", code.format(pickle.dumps(calls)))
    assert done.stdout.strip() == str([(type(face).__name__, face.__name__, face(*numbers)) for face, numbers in calls])


# Each that has a loop of its own, and each way to one, on memory that is there already.
LARGE_CALLS = {
    "function": lambda x, rows, mask: relu_simd.relu(x, out=x),
    "ufunc": lambda x, rows, mask: ufuncs.relu(x, out=x),
    "bias": lambda x, rows, mask: relu_simd.add_relu(rows, rows[0].copy(), out=rows),
    "relu_with_mask": lambda x, rows, mask: relu_simd.relu_with_mask(x, out=(x, mask)),
    "relu_backward_from_mask": lambda x, rows, mask: relu_simd.relu_backward_from_mask(x, mask, out=x),
    "count_active": lambda x, rows, mask: relu_simd.count_active(x),
    "count_active of columns": lambda x, rows, mask: relu_simd.count_active(rows, axis=0),
    "prelu_backward": lambda x, rows, mask: relu_simd.prelu_backward(rows, rows, rows[0]),
    "C API by ctypes": lambda x, rows, mask: c_api.as_ctypes("relu_f32")(x.ctypes.data, x.ctypes.data, x.size),
}


@pytest.mark.skipif(NO_GIL, reason="this Python has no GIL")
@pytest.mark.parametrize("call", LARGE_CALLS.values(), ids=LARGE_CALLS)
def test_a_large_call_lets_other_threads_run(call):
    """With switching by time ruled out, a thread that waits for the GIL gets it when the call releases it.

    On a busy machine the system may not run that thread during the first call.
    """
    x = np.ones(30_000_000, np.float32)
    given = x, x.reshape(-1, 100), np.zeros(x.size // 8, np.uint8)
    go, ran = threading.Lock(), []
    go.acquire()

    def wait_and_run():
        with go:
            ran.append(True)

    other = threading.Thread(target=wait_and_run)
    other.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        go.release()
        before = list(ran)
        for _ in range(50):
            call(*given)
            during = list(ran)
            if during:
                break
    finally:
        sys.setswitchinterval(interval)
        other.join()
    assert (before, during) == ([], [True])
