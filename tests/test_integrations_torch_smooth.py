# SPDX-License-Identifier: BSD-3-Clause
"""torch: the smooth functions against its own in float64, and against mathematics where its own are wrong."""

import copy
import math
import pickle

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch.autograd import gradcheck, gradgradcheck

import relu_simd
from relu_simd.integrations import torch as ours

LAYERS = [
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Mish", {}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.3}),
    ("CELU", {}),
    ("CELU", {"alpha": 1.5}),
    ("SELU", {}),
    ("Softsign", {}),
    ("Tanhshrink", {}),
    ("LogSigmoid", {}),
]
WITH_INPLACE = [case for case in LAYERS if case[0] in ("SiLU", "Mish", "ELU", "CELU", "SELU")]
EACH = pytest.mark.parametrize(("name", "options"), LAYERS, ids=str)
INPLACE = pytest.mark.parametrize(("name", "options"), WITH_INPLACE, ids=str)
DIGITS = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11, torch.float32: 2.0**-22, torch.float64: 2.0**-45}


def mine(name, **options):
    return getattr(ours, name)(**options)


def theirs(name, **options):
    return getattr(torch.nn, name)(**options)


def sample(dtype=torch.float64, *shape):
    """Where torch is right; 0 and a NaN, which is alone, come first."""
    shape = shape or (3, 4, 7)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 8 - 4
    x.view(-1)[:2] = torch.tensor([0.0, math.nan])[: x.numel()]
    return x.to(dtype)


def close(got, want, factor=1.0):
    """To the last digits of the type; near a zero of the result, of the largest operand."""
    assert got.shape == want.shape
    digits = factor * DIGITS[got.dtype]
    torch.testing.assert_close(got.double(), want.double(), rtol=1.01 * digits, atol=digits / 4, equal_nan=True)


def trip(layer, x, g):
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(leaf)
    y.backward(g)
    return y.detach(), leaf.grad


OF = {"C": lambda x: x, "T": lambda x: x.transpose(0, 2), "S": lambda x: x[:, ::2], "0": lambda x: x[0, 0, 2],
      "empty": lambda x: x[:0]}  # fmt: skip


@EACH
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
@pytest.mark.parametrize("of", OF)
def test_values_and_gradients(name, options, dtype, of):
    """16-bit floats are rounded once, so that they are next to what float64 gives."""
    if dtype == torch.bfloat16:
        pytest.importorskip("ml_dtypes")
    x, g = OF[of](sample(dtype)), OF[of](sample(dtype).flip(0).nan_to_num(1.0))
    got = trip(mine(name, **options), x, g)
    want = trip(theirs(name, **options), x.double(), g.double())
    assert got[0].dtype == got[1].dtype == dtype
    want[1][x.isnan()] = math.nan  # its elu has any other number there, as the layout falls
    close(got[0], want[0])
    close(got[1], want[1], 4 if dtype in (torch.float32, torch.float64) else 1)


@EACH
def test_without_a_gradient(name, options):
    x = sample()
    close(mine(name, **options)(x), theirs(name, **options)(x))
    with torch.no_grad():
        y = mine(name, **options)(x.clone().requires_grad_())
    assert not y.requires_grad
    close(y, theirs(name, **options)(x))


@EACH
@pytest.mark.parametrize("inplace", [False, True])
def test_gradcheck(name, options, inplace):
    """First and second derivatives, of both inputs of the gradient, against differences."""
    if inplace and (name, options) not in WITH_INPLACE:
        return
    x = torch.linspace(-3.9, 4.1, 15, dtype=torch.float64).reshape(3, 5).requires_grad_()
    layer = mine(name, **options, **({"inplace": True} if inplace else {}))
    assert gradcheck(lambda x: layer(x * 1), x)
    assert gradgradcheck(lambda x: layer(x * 1) ** 2, x)


@EACH
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_second_derivatives(name, options, dtype):
    """Where grad_output needs no gradient; and far out, where PyTorch's own are NaN for some."""
    if dtype == torch.bfloat16:
        pytest.importorskip("ml_dtypes")
    results = []
    for layer, kind in ((mine(name, **options), dtype), (theirs(name, **options), torch.float64)):
        x = torch.tensor([-3.0, -1.25, -0.5, 0.75, 2.0], dtype=dtype).to(kind).requires_grad_()
        (g,) = torch.autograd.grad(layer(x).sum(), x, create_graph=True)
        assert g.requires_grad
        results.append(torch.autograd.grad(g.sum(), x)[0])
    assert results[0].dtype == dtype
    close(*results, 32 if dtype.itemsize > 2 else 1)
    huge = torch.finfo(dtype).max / 4
    x = torch.tensor([-huge, -3e4, 3e4, huge], dtype=dtype, requires_grad=True)
    (g,) = torch.autograd.grad(mine(name, **options)(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(g.sum(), x)
    assert second.abs().max() <= 1e-3


@EACH
def test_a_penalty_on_the_gradient(name, options):
    results = []
    for layer in (mine(name, **options), theirs(name, **options)):
        torch.manual_seed(1)
        w, x = (
            torch.randn(6, dtype=torch.float64).requires_grad_(),
            torch.randn(6, dtype=torch.float64).requires_grad_(),
        )
        y = layer(x * w)
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        results.append(torch.autograd.grad((g.norm() - 1) ** 2 + (y**2).sum(), (x, w)))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


RIGHT = {
    "gelu": (-5.5, lambda x: x / 2 * math.erfc(-x / math.sqrt(2))),
    "gelu far": (-9.0, lambda x: x / 2 * math.erfc(-x / math.sqrt(2))),
    "gelu_tanh": (-5.47, lambda x: x / (1 + math.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    "silu": (-91.0, lambda x: x / (1 + math.exp(-x))),
    "mish": (-87.0, lambda x: x * math.tanh(math.log1p(math.exp(x)))),
    "selu": (3.2e38, lambda x: 1.0507009873554805 * x),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right_where_torch_is_not(case):
    """In float32; in the tails its own are off by more than a tenth."""
    value, exact = RIGHT[case]
    name, x = case.split()[0], torch.tensor(value)
    want = exact(x.item())
    assert getattr(ours, name)(x).item() == pytest.approx(want, rel=2.0**-23)
    stock = torch.nn.functional
    wrong = stock.gelu(x, approximate="tanh") if name == "gelu_tanh" else getattr(stock, name)(x)
    if name in ("gelu", "gelu_tanh", "silu"):
        assert abs(wrong.item() / want - 1) > 0.1


def test_gelu_of_another_kind():
    with pytest.raises(ValueError, match="gelu: approximate must be 'none' or 'tanh', not 'quick'"):
        ours.gelu(torch.ones(3), "quick")
    x = sample(torch.float32)
    assert torch.equal(ours.gelu(x, "tanh").nan_to_num(), ours.gelu_tanh(x).nan_to_num())


def test_numbers():
    x = torch.tensor([-2.0, 3.0])
    for alpha in (torch.tensor(0.5), np.float32(0.5), 0.5):
        close(ours.elu(x, alpha), torch.nn.functional.elu(x, 0.5))
    with pytest.raises(TypeError, match=r"^elu: alpha requires a gradient, and would get none; give a number"):
        ours.elu(x, torch.tensor(0.5, requires_grad=True))
    with pytest.raises(TypeError, match=r"^celu: alpha must be a number, not str"):
        ours.celu(x, "0.5")


@INPLACE
@pytest.mark.parametrize("kind", ["plain", "result", "view"])
def test_in_place(name, options, kind):
    base = sample(torch.float64, 4, 6).nan_to_num(1.0)
    results = []
    for made in (mine, theirs):
        leaf = base.clone().requires_grad_(kind != "plain")
        x = {"plain": leaf, "result": leaf * 1, "view": (leaf * 1)[:, 1]}[kind]
        version = x._version
        y = made(name, **options, inplace=True)(x)
        assert y is x
        assert x._version > version
        results.append([y.detach()])
        if kind != "plain":
            results[-1] += torch.autograd.grad(y.sum(), leaf)
    for a, b in zip(*results, strict=True):
        close(a, b, 4)


@INPLACE
def test_in_place_where_it_must_not_be(name, options):
    layer = mine(name, **options, inplace=True)
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="is a leaf that requires a gradient"):
        layer(x)
    assert x.tolist() == [-1, 2]
    x = torch.randn(5, requires_grad=True) * 1
    y = x.sin()  # saves x
    layer(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@EACH
def test_a_change_of_the_input_is_noticed(name, options):
    """The gradient would be that of other numbers."""
    x = torch.randn(5, requires_grad=True) * 1
    y = mine(name, **options)(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@EACH
def test_a_negation_that_is_a_flag(name, options):
    """As the input, and as the gradient that comes back."""
    base = sample(torch.float64, 4, 5).nan_to_num(1.0)
    results = []
    for layer in (mine(name, **options), theirs(name, **options)):
        leaf = torch.view_as_real(torch.complex(base, base)).clone().requires_grad_()
        x = torch.view_as_complex(leaf * 1).conj().imag
        g = torch.complex(torch.ones_like(base), -base).conj().imag
        assert x.is_neg()
        assert g.is_neg()
        y = layer(x)
        results.append((y.detach().clone(), torch.autograd.grad(y, leaf, g)[0]))
    for a, b in zip(*results, strict=True):
        close(a, b, 4)


@EACH
def test_drop_in(name, options):
    layer, stock = mine(name, **options), theirs(name, **options)
    assert isinstance(layer, type(stock))
    assert layer.extra_repr() == stock.extra_repr()
    assert repr(layer) == repr(stock)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(again) is type(layer)
        close(again(sample()), stock(sample()))


@EACH
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda layer, x: torch.jit.trace(layer, (x,)), "constant in the model"),
        (lambda layer, x: torch.vmap(layer)(x), "torch.func .*not supported"),
        (lambda layer, x: torch.func.jvp(layer, (x,), (torch.ones(2),)), "torch.func .*not supported"),
        (lambda layer, x: layer(x.to("meta")), "x is on meta; give a dense CPU tensor"),
        (lambda layer, x: layer(x.detach().int()), r"x has dtype torch.int32; use one of .*x.float\(\)"),
        (lambda layer, x: layer(x.detach().numpy()), "x must be a torch.Tensor, not numpy.ndarray"),
    ],
    ids=["jit.trace", "vmap", "jvp", "device", "integers", "array"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's, of its own old tools
def test_what_is_refused(name, options, gradient, attempt, message):
    with pytest.raises((RuntimeError, TypeError), match=message):
        attempt(mine(name, **options), torch.tensor([-1.0, 2.0], requires_grad=gradient))


class Tagged(torch.Tensor):
    """A subclass that keeps its class, as most do."""


@EACH
@pytest.mark.parametrize("gradient", [False, True])
def test_subclasses_and_symbolic_trace(name, options, gradient):
    x = torch.tensor([-1.0, 2.0]).as_subclass(Tagged).requires_grad_(gradient)
    layer, stock = mine(name, **options), theirs(name, **options)
    assert type(layer(x)) is Tagged
    close(layer(x), stock(x))
    graph = torch.fx.symbolic_trace(torch.nn.Sequential(layer))
    assert any(node.target is getattr(ours, name.lower()) for node in graph.graph.nodes)
    close(graph(x), stock(x))


def test_training():
    """A block with GELU and one with SiLU, step by step as with PyTorch's."""
    losses = []
    for layers in (ours, torch.nn):
        torch.manual_seed(0)
        net = torch.nn.Sequential(
            torch.nn.Linear(8, 32), layers.GELU("tanh"), torch.nn.Linear(32, 32), layers.SiLU(inplace=True),
            torch.nn.Linear(32, 32), layers.Mish(), torch.nn.Linear(32, 3),
        )  # fmt: skip
        x, y = torch.randn(64, 8), torch.randint(3, (64,))
        optimiser = torch.optim.Adam(net.parameters(), 0.01)
        losses.append([])
        for _ in range(20):
            loss = torch.nn.functional.cross_entropy(net(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses[-1].append(loss.item())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    assert losses[0][-1] < losses[0][0] * 0.7


def test_every_name_is_tested():
    layers = {name for name, _ in LAYERS} | {"ReLU", "LeakyReLU"}
    assert set(ours.__all__) == layers | {name.lower() for name in layers} - {"leakyrelu"} | {"gelu_tanh", "leaky_relu"}
    assert not any(hasattr(relu_simd, name) for name in layers)
