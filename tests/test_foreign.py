# SPDX-License-Identifier: BSD-3-Clause
"""Objects that NumPy cannot read, or only element by element: a TypeError at once, which says what to do."""

import types

import numpy as np
import pytest

import relu_simd as rs
from relu_simd import nn, ufuncs
from relu_simd.diagnostics import ActivationMonitor

ONES = np.ones(8, np.float32)
CALLS = {
    "relu_with_mask": lambda x: rs.relu_with_mask(x),
    "relu_backward_from_mask": lambda x: rs.relu_backward_from_mask(x, np.zeros(1, np.uint8)),
    "its mask": lambda x: rs.relu_backward_from_mask(ONES, x),
    "count_active": lambda x: rs.count_active(x),
    "count_active of an axis": lambda x: rs.count_active(x, axis=0),
    "prelu_backward": lambda x: rs.prelu_backward(x, ONES, 0.5),
    "prelu_backward of x": lambda x: rs.prelu_backward(ONES, x, 0.5),
    "prelu_backward's weight": lambda x: rs.prelu_backward(ONES, ONES, x),
    "nn.ReLU": lambda x: nn.ReLU()(x),
    "nn.ReLU in place": lambda x: nn.ReLU(inplace=True)(x),
    "nn.PReLU": lambda x: nn.PReLU()(x),
    "ufunc": lambda x: ufuncs.relu(x),
    "ufunc of two": lambda x: ufuncs.add_relu(ONES, x),
    "ufunc of one": lambda x: ufuncs.leaky_relu(x, 0.1),
    "ufunc with where": lambda x: ufuncs.relu(ONES, where=x),
    "ufunc with out": lambda x: ufuncs.relu(x, out=np.empty(8, np.float32)),
    "monitor": lambda x: ActivationMonitor().update("a", x),
}
EACH = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def on_device(monkeypatch):
    cl = pytest.importorskip("pyopencl", reason="pyopencl is not installed: pip install 'relu-simd[opencl]'")
    from relu_simd import opencl

    try:
        device = opencl.devices()[0]
    except RuntimeError as error:
        pytest.skip(f"OpenCL: {error}")
    import pyopencl.array

    def one_by_one(*_):
        raise AssertionError("read element by element, which would take a second")

    monkeypatch.setattr(pyopencl.array.Array, "__getitem__", one_by_one)
    queue = cl.CommandQueue(cl.Context([device]))
    return pyopencl.array.to_device(queue, np.ones(40_000, np.float32))


ON_DEVICE = ["relu_with_mask", "count_active", "count_active of an axis", "nn.ReLU", "nn.ReLU in place", "nn.PReLU"]


@EACH
@pytest.mark.parametrize("wrapped", [lambda x: [x], lambda x: (x, x), lambda x: [[1.0], [x]]], ids="bcd")
def test_lists_of_opencl_arrays(on_device, call, wrapped):
    with pytest.raises(TypeError, match=r"pyopencl|must be a NumPy array to be changed in place"):
        call(wrapped(on_device))


@pytest.mark.parametrize("name", CALLS)
def test_opencl_arrays(on_device, name):
    """Computed there, or refused: beside a NumPy array, and by ufuncs and the monitor."""
    if name in ON_DEVICE:
        result = CALLS[name](on_device)
        assert type(result[0] if isinstance(result, tuple) else result) is type(on_device)
    else:
        with pytest.raises(TypeError, match="pyopencl"):
            CALLS[name](on_device)


def test_lists_of_opencl_arrays_in_the_functions(on_device):
    for call in (rs.relu, rs.sigmoid, lambda x: rs.leaky_relu(x, 0.1), lambda x: rs.add_relu(ONES, x)):
        with pytest.raises(TypeError, match="holds a pyopencl array"):
            call([on_device])
    assert rs.relu([1.0, -1.0]).tolist() == [1, 0]


def test_results_for_opencl_arrays(on_device):
    """The other way round: `out` is one and the input is NumPy's, or one of two inputs is; each says what to do."""
    x, mask = np.ones(40_000, np.float32), np.zeros(5000, np.uint8)
    for function, call in (
        ("relu", lambda: rs.relu(x, out=on_device)),
        ("relu", lambda: rs.relu(x, on_device)),
        ("relu", lambda: ufuncs.relu(x, out=on_device)),
        ("relu", lambda: ufuncs.relu(x, out=(on_device,))),
        ("relu", lambda: ufuncs.relu(x, on_device)),
        ("add_relu", lambda: rs.add_relu(x, on_device)),
        ("add_relu", lambda: rs.add_relu(on_device, x)),
        ("prelu", lambda: rs.prelu(x, on_device)),
        ("relu_with_mask", lambda: rs.relu_with_mask(x, out=(on_device, None))),
        ("relu_with_mask", lambda: rs.relu_with_mask(x, out=(None, on_device))),
        ("relu_with_mask", lambda: rs.relu_with_mask(on_device, out=(x, None))),
        ("relu_backward_from_mask", lambda: rs.relu_backward_from_mask(x, mask, on_device)),
        ("relu_backward_from_mask", lambda: rs.relu_backward_from_mask(x, on_device)),
        ("relu_backward_from_mask", lambda: rs.relu_backward_from_mask(on_device, mask)),
        ("prelu_backward", lambda: rs.prelu_backward(x, on_device, 0.5)),
        ("prelu_backward", lambda: rs.prelu_backward(on_device, x, 0.5)),
        ("prelu_backward", lambda: rs.prelu_backward(x, x, on_device)),
        ("prelu_backward", lambda: rs.prelu_backward(x, x, ONES[:1], out=(None, on_device))),
        ("prelu_backward", lambda: rs.prelu_backward(on_device, on_device, 0.5, out=(None, x))),
    ):
        match = (
            rf"{function}: .* is a NumPy array and \w+ a pyopencl array; .*to_device\(queue, array\).* array\.get\(\)"
        )
        with pytest.raises(TypeError, match=match):
            call()


def test_methods_of_ufuncs_on_opencl_arrays():
    """These ask nobody before they read element by element; the error says what the objects in it were."""
    cl = pytest.importorskip("pyopencl", reason="pyopencl is not installed: pip install 'relu-simd[opencl]'")
    from relu_simd import opencl

    x = cl.array.to_device(cl.CommandQueue(cl.Context(opencl.devices()[:1])), ONES[:3])
    for call in (ufuncs.add_relu.reduce, ufuncs.add_relu.accumulate, lambda x: ufuncs.add_relu.outer(x, ONES)):
        with pytest.raises(TypeError, match=r"dtype object_.*; of a pyopencl array give \.get\(\)"):
            call(x)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "monitor"])
def test_bfloat16_tensors(name):
    """All but the monitor, which reads their memory."""
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"torch.Tensor of bfloat16, .* relu_simd.integrations.torch take it|in place"):
        CALLS[name](torch.ones(8, dtype=torch.bfloat16))


class OnlyDLPack:
    """As the arrays of a device that NumPy knows nothing of."""

    def __dlpack__(self, **_):
        return ONES.__dlpack__()

    def __dlpack_device__(self):
        return ONES.__dlpack_device__()


@EACH
def test_dlpack(call):
    with pytest.raises(
        TypeError, match=r"OnlyDLPack, which NumPy reads by DLPack alone: give numpy.from_dlpack|in place"
    ):
        call(OnlyDLPack())
    np.testing.assert_array_equal(rs.relu(np.from_dlpack(OnlyDLPack())), ONES)


@EACH
@pytest.mark.parametrize("kind", ["csr_array", "coo_matrix", "dia_array", "csc_matrix"])
def test_scipy_sparse(call, kind):
    sparse = pytest.importorskip("scipy.sparse")
    x = getattr(sparse, kind)(np.eye(3))
    with pytest.raises(
        TypeError, match=r"NumPy makes no array. .* apply it to .*\.data; otherwise take .*\.toarray\(\)|in place"
    ):
        call(x)
    with pytest.raises(TypeError, match=r"relu: x is a scipy.sparse.*\.toarray"):
        rs.relu(x)


def test_tracers_of_jax():
    """JAX itself need not be here: its tracers are known by their names."""
    base = type("Tracer", (), {"__module__": "jax._src.core", "__array__": lambda self: 1 / 0})
    tracer = type("DynamicJaxprTracer", (base,), {"__module__": "jax._src.interpreters.partial_eval"})()
    for call in (rs.relu, rs.count_active, ufuncs.relu):
        with pytest.raises(TypeError, match=r"JAX traces it .* Use jax.nn there, or jax.pure_callback"):
            call(tracer)


def test_what_numpy_can_read_is_read():
    class Array:
        def __array__(self, dtype=None, copy=None):
            return np.array([-1.0, 2.0])

        def __dlpack__(self):
            raise AssertionError

    for x in (Array(), [-1.0, 2.0], (-1, 2), memoryview(np.array([-1.0, 2.0])), range(-1, 1), types.SimpleNamespace):
        if x is types.SimpleNamespace:
            with pytest.raises(TypeError):
                rs.relu(x)
        else:
            assert rs.relu(x).tolist()[0] == 0
            assert rs.count_active(x) == rs.count_active(np.asarray(x))
