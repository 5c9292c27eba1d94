# SPDX-License-Identifier: BSD-3-Clause
"""autograd: every gradient against finite differences, in both modes, to second order."""

import doctest
import subprocess
import sys
import weakref

import numpy as np
import pytest

import relu_simd

pytest.importorskip("autograd")
import autograd.numpy as anp
from autograd import elementwise_grad, grad, hessian, make_jvp, make_vjp
from autograd.test_util import check_grads
from cases import same

from relu_simd.integrations import autograd as ours

rng = np.random.default_rng(0)


def values(*shape):
    """Away from the kinks at 0 and 6 by more than the differences' step."""
    x = rng.uniform(-8, 8, shape)
    return np.where(np.minimum(abs(x), abs(x - 6)) < 0.1, x + 0.2, x)


@pytest.fixture(autouse=True)
def seed():
    np.random.seed(0)  # noqa: NPY002  what check_grads draws from


def given(op, array_shapes, param_shapes):
    """Arrays on both sides of every kink, and parameters that keep their order where it counts."""
    rng = np.random.default_rng(1)
    arrays = [rng.uniform(-8, 8, shape) for _, shape in zip(op.arrays, array_shapes, strict=False)]
    numbers = (-1.1, 0.7)[2 - len(op.params) :]
    return [*arrays, *(np.full(shape, each)[()] for each, shape in zip(numbers, param_shapes, strict=False))]


SHAPES = [
    (((), ()), ((), ())),
    (((3, 4), (3, 4)), ((), ())),
    (((3, 4), (3, 4)), ((3, 4), (3, 4))),
    (((4,), (3, 4)), ((3, 1), (4,))),
    (((3, 4), (3, 1)), ((2, 1, 1), (1,))),
]


@pytest.mark.filterwarnings("ignore:Output seems independent of input")  # a gradient that is constant there
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_the_derivatives_of_a_row(op, shapes):
    """By each input and then by all, forwards and backwards, to second order, against finite differences."""
    function, inputs = getattr(ours, op.name), given(op, *shapes)
    for k, name in enumerate(op.inputs):
        try:
            check_grads(lambda value, k=k: function(*inputs[:k], value, *inputs[k + 1 :]))(inputs[k])
        except (AssertionError, NameError) as error:
            where = f"the derivative of {op.name} by {name}, or that one's own, in relu_simd/reference.py"
            raise AssertionError(f"{where}: {error}") from error
    check_grads(function)(*inputs)


@pytest.mark.filterwarnings("ignore:Output seems independent of input", "ignore:overflow encountered in power")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("op", [op for op in relu_simd._core.OPS if len(op.arrays) == 1], ids=lambda op: op.name)
def test_far_out(op, dtype):
    """Both derivatives are numbers of the input's type everywhere, also where the functions have reached a limit."""
    huge = np.finfo(dtype).max / 4
    x = np.array([-np.inf, -huge, -1e4, -800, -100, -20, 20, 100, 800, 1e4, huge, np.inf], dtype)
    params = [np.asarray(each, dtype) for each in (-1.5, 0.5)[2 - len(op.params) :]]
    first = elementwise_grad(lambda x: getattr(ours, op.name)(x, *params))
    for derivative in (first, elementwise_grad(first)):
        got = derivative(x)
        assert got.dtype == dtype
        assert not np.isnan(got).any()
        if op.name != "relu_squared":  # whose slope grows without end
            assert np.isfinite(got).all()


def test_functions_of_the_package_are_traced(op):
    check_grads(getattr(relu_simd, op.name))(*given(op, ((3,), (3,)), ((), ())))


@pytest.mark.parametrize("name", ["relu", "relu6", "sigmoid", "tanh"])
def test_the_input_is_not_kept(name):
    """The output is enough for the way back."""
    kept = []

    def function(x):
        doubled = 2 * x
        kept.append(weakref.ref(doubled._value))
        return getattr(ours, name)(doubled)

    pull, _ = make_vjp(function)(np.ones(3))
    assert kept[0]() is None
    assert pull(np.ones(3)).shape == (3,)


def test_prelu_backward():
    check_grads(ours.prelu_backward, modes=["rev"])(values(3, 4), values(3, 4), rng.uniform(0.1, 0.9, 4))
    for part in (0, 1):
        check_grads(lambda *inputs, part=part: ours.prelu_backward(*inputs)[part])(
            values(3, 4), values(3, 4), rng.uniform(0.1, 0.9, 4)
        )


def test_mask():
    x = values(37)
    check_grads(lambda x: ours.relu_with_mask(x)[0])(x)
    mask = ours.relu_with_mask(x)[1]
    np.testing.assert_array_equal(mask, relu_simd.relu_with_mask(x)[1])
    check_grads(lambda g: ours.relu_backward_from_mask(g, mask))(values(37))
    # The mask of a traced x: a constant, not an error.
    got = grad(lambda x: anp.sum(ours.relu_backward_from_mask(x * x, ours.relu_with_mask(x)[1])))(x)
    np.testing.assert_array_equal(got, np.where(x > 0, 2 * x, 0))


def test_count_is_a_constant():
    x = values(4, 5)
    got = grad(lambda x: anp.sum(x * ours.count_active(x, axis=0)))(x)
    np.testing.assert_array_equal(got, np.broadcast_to((x > 0).sum(0), x.shape))


def test_values_are_those_of_the_functions():
    for op in relu_simd._core.OPS:
        inputs = given(op, ((100,), (100,)), ((), ()))
        same(getattr(ours, op.name)(*inputs), getattr(relu_simd, op.name)(*inputs))
    x = values(100)
    mask = relu_simd.relu_with_mask(x)[1]
    for name, inputs in {
        "relu_with_mask": [x],
        "relu_backward_from_mask": [x, mask],
        "prelu_backward": [x, x, 0.1],
        "count_active": [x],
    }.items():
        got, want = getattr(ours, name)(*inputs), getattr(relu_simd, name)(*inputs)
        assert type(got) is type(want)
        for got_part, want_part in zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]:
            np.testing.assert_array_equal(got_part, want_part)


def test_every_function_is_here():
    assert sorted(ours.__all__) == sorted(relu_simd._core.__all__)


def test_selects_and_never_multiplies():
    """An infinite gradient at an inactive unit is 0, not NaN; at a NaN it goes through."""
    x = np.array([-1.0, 0.0, 2.0, np.nan])
    g = np.array([np.inf, np.inf, np.inf, 3.0])
    pull, _ = make_vjp(relu_simd.relu)(x)
    np.testing.assert_array_equal(pull(g), [0, 0, np.inf, 3])
    pull, _ = make_vjp(lambda w: ours.prelu(x[:3], w))(0.5)
    assert pull(np.array([1.0, 1.0, np.inf])) == -1
    _, tangent = make_jvp(lambda w: ours.prelu(np.array([-2.0, np.inf]), w))(0.5)(1.0)
    np.testing.assert_array_equal(tangent, [-2, 0])


def test_second_derivatives():
    x = values(6) / 4
    np.testing.assert_array_equal(hessian(lambda x: anp.sum(ours.relu(x) ** 2))(x), np.diag(np.where(x > 0, 2.0, 0)))
    y = np.tanh(x)
    np.testing.assert_allclose(
        elementwise_grad(elementwise_grad(ours.tanh))(x), -2 * y * (1 - y * y), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtype_is_kept(dtype):
    x = values(3, 4).astype(dtype)
    for function in (ours.relu, ours.relu6, ours.leaky_relu, lambda x: ours.prelu(x, np.full(4, 0.5, dtype))):
        assert grad(lambda x, function=function: anp.sum(function(x)))(x).dtype == dtype
    assert grad(lambda w: anp.sum(ours.prelu(x, w)))(np.full(4, 0.5, dtype)).dtype == dtype


def test_what_cannot_be_traced_is_refused():
    with pytest.raises(TypeError):
        grad(lambda x: anp.sum(relu_simd.relu(x, out=np.empty(3))))(np.ones(3))
    with pytest.raises(TypeError, match="unexpected keyword argument 'dtype'"):
        grad(lambda x: anp.sum(relu_simd.relu(x, dtype="f4")))(np.ones(3))


def test_example():
    results = doctest.testmod(ours)
    assert results.attempted == 4
    assert results.failed == 0


def test_without_autograd_it_says_what_to_install():
    code = "import sys; sys.modules['autograd'] = None; import relu_simd.integrations.autograd"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'ImportError: autograd is not installed: pip install "relu-simd[autograd]"' in done.stderr


def test_the_slope_counts_at_zero():
    """There leaky_relu multiplies by it: in the gradient's derivative by the slope a 0 in x counts."""
    g, x = np.array([2.0, 3.0, 5.0, 7.0]), np.array([-1.0, 0.0, -0.0, 2.0])
    assert grad(lambda a: anp.sum(ours.leaky_relu_backward(g, x, a)))(0.25) == 10
