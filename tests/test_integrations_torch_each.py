# SPDX-License-Identifier: BSD-3-Clause
"""torch: what every function has to do with tensors, gradients and transforms that are not the usual ones."""

import pytest

pytest.importorskip("torch")
import torch
import torch.utils.checkpoint
from torch.autograd import forward_ad

from relu_simd.integrations import torch as ours

EACH = pytest.mark.parametrize("name", [name for name in ours.__all__ if name.islower() and name != "gelu_tanh"])
INPLACE = pytest.mark.parametrize("name", ["relu", "leaky_relu", "silu", "mish", "elu", "celu", "selu"])


def both(name):
    return getattr(ours, name), getattr(torch.nn.functional, name)


class Function(torch.nn.Module):
    """A function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


def sample(gradient=True):
    x = torch.tensor([-3.0, -1.25, -0.5, 0.1, 0.75, 2.0], dtype=torch.float64)
    return x.requires_grad_() if gradient else x


def close(got, want):
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@EACH
def test_sparse_gradients(name):
    """Of a gather or an embedding. Most of PyTorch's own functions fail there, hence its dense gradient."""
    function, stock = both(name)
    results = []
    for f, sparse in ((function, True), (stock, False)):
        x = sample()
        torch.gather(f(x), 0, torch.tensor([1, 4]), sparse_grad=sparse).sum().backward()
        results.append(x.grad)
    close(*results)


@EACH
def test_products_with_the_hessian(name):
    """PyTorch takes them by way of a derivative of the second derivative."""
    results = []
    for f in both(name):
        layers = torch.nn.Sequential(Function(f), Function(torch.square), Function(torch.sum))
        tools = torch.autograd.functional
        results.append((tools.hvp(layers, sample(), sample())[1], tools.vhp(layers, sample(), sample())[1]))
    close(*results)


@EACH
def test_derivatives_of_every_order(name):
    results = []
    for f in both(name):
        x, derivatives = sample(), []
        y = f(x) ** 2
        for _ in range(4):
            (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
            derivatives.append(y.detach())
        results.append(derivatives)
    close(*results)


@INPLACE
@pytest.mark.parametrize("view", [lambda x: x.chunk(2)[0], lambda x: x.reshape(2, 3).unbind()[1]])
def test_views_that_must_not_be_changed(name, view):
    """Refused before they are."""
    base = sample() * 1
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        both(name)[0](view(base), inplace=True)
    close(base.detach(), sample(False))


@INPLACE
def test_views_in_place(name):
    results = []
    for f in both(name):
        leaf = sample()
        base = leaf * 1
        view = base[::2]
        assert f(view, inplace=True) is view
        (gradient,) = torch.autograd.grad((base * torch.arange(6)).sum(), leaf)
        results.append((base.detach(), gradient))
    close(*results)


@INPLACE
@pytest.mark.parametrize("gradient", [False, True])
def test_expanded_tensors_in_place(name, gradient):
    """Several elements are one number: it has no gradient of its own."""
    base = sample(gradient) * 1
    with pytest.raises(RuntimeError, match=f"^{name}: x was expanded"):
        both(name)[0](base[:, None].expand(6, 2), inplace=True)
    close(base.detach(), sample(False))
    assert both(name)[0](base[:, None].expand(6, 1), inplace=True).shape == (6, 1)


@EACH
@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, that they are new
def test_nested_tensors(name):
    for layout in (torch.strided, torch.jagged):
        x = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=layout)
        with pytest.raises(TypeError, match=f"^{name}: x is nested; give a dense CPU tensor, or use torch.nn"):
            both(name)[0](x)


@EACH
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's, of its own old tools
def test_transforms_around_a_gradient(name):
    """A clear error where a transform does not see the input, but the gradient, or only surrounds the call."""
    function = both(name)[0]
    x = sample()
    y = function(x)
    for batched in (
        lambda: torch.vmap(lambda g: torch.autograd.grad(y, x, g)[0])(torch.eye(6, dtype=torch.float64)),
        lambda: torch.func.grad(lambda g: (function(sample(False)) * g).sum())(sample(False)),
    ):
        with pytest.raises(RuntimeError, match=r"torch.func .* not supported; use the function of torch.nn.functional"):
            batched()
    y = function(x)
    with pytest.raises(RuntimeError, match=rf"^{name}: batched gradients are not supported; use the function of"):
        torch.autograd.grad(y, x, torch.eye(6, dtype=torch.float64), is_grads_batched=True)
    y = function(x)
    with (
        forward_ad.dual_level(),
        pytest.raises(RuntimeError, match=rf"^{name}: forward-mode derivatives are not supported; use the function of"),
    ):
        torch.autograd.grad(y, x, forward_ad.make_dual(sample(False), sample(False)))


@EACH
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints(name, reentrant):
    """Activations that are computed again on the way back."""
    results = []
    for f in both(name):
        x = sample()
        torch.utils.checkpoint.checkpoint(f, x, use_reentrant=reentrant).sum().backward()
        results.append(x.grad)
    close(*results)
