# SPDX-License-Identifier: BSD-3-Clause
"""torch: values and gradients of its own layers, gradcheck, what is kept, what is refused."""

import doctest
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch.autograd import gradcheck, gradgradcheck

import relu_simd
from relu_simd.integrations import torch as ours

LAYERS = [
    (ours.ReLU, torch.nn.ReLU, ()),
    (ours.LeakyReLU, torch.nn.LeakyReLU, ()),
    (ours.LeakyReLU, torch.nn.LeakyReLU, (0.3,)),
    (ours.LeakyReLU, torch.nn.LeakyReLU, (0.0,)),
    (ours.LeakyReLU, torch.nn.LeakyReLU, (-2.0,)),
]
EACH = pytest.mark.parametrize(
    ("mine", "theirs", "arguments"), LAYERS, ids=lambda value: getattr(value, "__name__", "")
)
INPLACE = pytest.mark.parametrize("inplace", [False, True])
SPECIAL = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e-42, -1e-42, 1.5, -2.5]


def sample(dtype=torch.float64, *shape):
    shape = shape or (3, 4, 7)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
    x.view(-1)[: len(SPECIAL)] = torch.tensor(SPECIAL, dtype=dtype)[: x.numel()]
    return x


def equal(a, b):
    """Bit for bit, but for the NaNs."""
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    np.testing.assert_array_equal(np.signbit(a.detach().numpy()), np.signbit(b.detach().numpy()))


def trip(layer, x, g, inplace=False):
    """The output and the gradient of x; what is changed in place is a copy."""
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(leaf * 1 if inplace else leaf)
    y.backward(g)
    return y.detach(), leaf.grad


@EACH
@INPLACE
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("of", [lambda x: x, lambda x: x.transpose(0, 2), lambda x: x[:, ::2]], ids=["C", "T", "S"])
def test_values_and_gradients(mine, theirs, arguments, inplace, dtype, of):
    x, g = of(sample(dtype)), of(sample(dtype).flip(0))
    g = torch.where(x.isnan(), torch.ones_like(g), g)
    if arguments == (-2.0,) and inplace:  # torch has no gradient there
        want = trip(theirs(*arguments), x, g)
    else:
        want = trip(theirs(*arguments, inplace=inplace), x, g, inplace)
    for a, b in zip(trip(mine(*arguments, inplace=inplace), x, g, inplace), want, strict=True):
        equal(a, b)


@EACH
@pytest.mark.parametrize("shape", [(1,), (0, 3), (9,), (2, 3, 4, 5)], ids=str)
def test_shapes(mine, theirs, arguments, shape):
    x = torch.linspace(-3, 4, int(np.prod(shape))).reshape(shape)
    for a, b in zip(
        trip(mine(*arguments), x, torch.ones(shape)), trip(theirs(*arguments), x, torch.ones(shape)), strict=True
    ):
        equal(a, b)


@EACH
@pytest.mark.parametrize("value", [-2.0, 0.0, 3.0])
def test_no_axes(mine, theirs, arguments, value):
    x = torch.tensor(value)
    for a, b in zip(
        trip(mine(*arguments), x, torch.tensor(2.0)), trip(theirs(*arguments), x, torch.tensor(2.0)), strict=True
    ):
        equal(a, b)


@EACH
@INPLACE
def test_gradcheck(mine, theirs, arguments, inplace):
    """First and second derivatives against differences, away from 0."""
    x = torch.randn((3, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.where(x.abs() < 0.1, x + 0.3, x).requires_grad_()
    layer = mine(*arguments, inplace=inplace)
    assert gradcheck(lambda x: layer(x * 1), x)
    assert gradgradcheck(lambda x: layer(x * 1) ** 2, x)


@EACH
@INPLACE
def test_only_bits_are_kept(mine, theirs, arguments, inplace):
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: saved.append(tensor) or tensor, lambda tensor: tensor):
        mine(*arguments, inplace=inplace)(torch.ones(1000, requires_grad=True) + 0)
    assert [(tensor.dtype, tensor.numel()) for tensor in saved] == [(torch.uint8, 125)]


@EACH
def test_nothing_is_kept_without_a_gradient(mine, theirs, arguments, monkeypatch):
    monkeypatch.setattr(relu_simd, "relu_with_mask", None)
    monkeypatch.setattr(np, "packbits", None)
    layer = mine(*arguments)
    equal(layer(sample()), theirs(*arguments)(sample()))
    with torch.no_grad():
        assert not layer(sample().requires_grad_()).requires_grad


@EACH
def test_no_copy(mine, theirs, arguments):
    x = torch.randn(100)
    assert mine(*arguments, inplace=True)(x) is x
    equal(x, theirs(*arguments)(x)) if mine is ours.ReLU else None
    assert np.shares_memory(ours._array(x), x.numpy())
    array = np.ones(8)
    assert np.shares_memory(ours._tensor(array).numpy(), array)


@EACH
def test_autograd_is_told_of_changes_in_place(mine, theirs, arguments):
    """What was saved for another gradient must not be changed behind its back."""
    for context in (torch.enable_grad(), torch.no_grad()):
        x = torch.randn(5, requires_grad=True) * 1
        y = x.sin()  # saves x
        with context:
            mine(*arguments, inplace=True)(x)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


@EACH
def test_leaf_in_place(mine, theirs, arguments):
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="is a leaf that requires a gradient"):
        mine(*arguments, inplace=True)(x)
    assert x.tolist() == [-1, 2]


@pytest.mark.parametrize("function", [ours.relu, ours.leaky_relu])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.ones(3, device="meta"), r"x is on meta; give a dense CPU tensor, or use torch.nn.functional"),
        (torch.ones(3).to_sparse(), r"x is of layout torch.sparse_coo; give a dense CPU tensor"),
        (torch.ones(3, dtype=torch.bfloat16), r"x has dtype torch.bfloat16; use one of torch.float16, .*x.float\(\)"),
        (torch.ones(3, dtype=torch.complex64), "x has dtype torch.complex64"),
        (torch.ones(3, dtype=torch.bool), "x has dtype torch.bool"),
    ],
    ids=["device", "sparse", "bfloat16", "complex", "bool"],
)
def test_refused(function, x, message):
    with pytest.raises(TypeError, match=f"^{function.__name__}: {message}"):
        function(x)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64], ids=str)
def test_integers(dtype):
    x = torch.arange(-3, 4).to(dtype)
    equal(ours.relu(x), torch.relu(x))
    with pytest.raises(TypeError, match="leaky_relu: x has dtype"):
        ours.leaky_relu(x)


@EACH
def test_drop_in(mine, theirs, arguments):
    layer = mine(*arguments)
    assert isinstance(layer, theirs)
    assert layer.extra_repr() == theirs(*arguments).extra_repr()


def test_training():
    """A net of each kind, step by step the same."""
    losses = []
    for relu, leaky in ((ours.ReLU, ours.LeakyReLU), (torch.nn.ReLU, torch.nn.LeakyReLU)):
        torch.manual_seed(0)
        conv, linear = torch.nn.Conv2d(2, 4, 3), torch.nn.Linear(64, 3)
        net = torch.nn.Sequential(conv, relu(inplace=True), torch.nn.Flatten(), leaky(0.1), linear)
        x, y = torch.randn(8, 2, 6, 6), torch.randint(3, (8,))
        optimiser = torch.optim.SGD(net.parameters(), 0.1)
        losses.append([])
        for _ in range(5):
            loss = torch.nn.functional.cross_entropy(net(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses[-1].append(loss.item())
    assert losses[0] == losses[1]
    assert losses[0][-1] < losses[0][0]


def test_examples():
    results = doctest.testmod(ours)
    assert results.attempted >= 7
    assert results.failed == 0


def test_without_torch_it_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import relu_simd.integrations.torch"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'ImportError: torch is not installed: pip install "relu-simd[torch]"' in done.stderr
