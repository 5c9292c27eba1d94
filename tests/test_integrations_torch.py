# SPDX-License-Identifier: BSD-3-Clause
"""torch: values and gradients of its own layers, gradcheck, what is kept, what is refused."""

import doctest
import gc
import subprocess
import sys
import weakref
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch.autograd import gradcheck, gradgradcheck

import relu_simd
from relu_simd.integrations import _tensors
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


LAYOUTS = {
    "contiguous": lambda x: x,
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "transposed": lambda x: x.transpose(1, 3),
    "with gaps": lambda x: x[:, :, ::2, 1:],
    "expanded": lambda x: x[:, :1].expand(-1, 5, -1, -1),
}


@EACH
@pytest.mark.parametrize("large", [0, 1 << 20], ids=["memory of PyTorch", "memory of ours"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
def test_layouts(mine, theirs, arguments, large, layout, dtype, monkeypatch):
    """The result lies in memory as PyTorch's own, whoever allocates it; so does a gradient of the input's layout."""
    monkeypatch.setattr(_tensors, "_LARGE", large)
    x = LAYOUTS[layout](sample(torch.float32, 2, 3, 8, 6).to(dtype))
    g = torch.empty_like(x).copy_(torch.ones_like(x).cumsum(-1))
    (y, gradient), (want, wanted) = trip(mine(*arguments), x, g), trip(theirs(*arguments), x, g)
    equal(y.float(), want.float())
    equal(gradient.float(), wanted.float())
    assert y.stride() == want.stride()
    assert mine(*arguments)(x).stride() == theirs(*arguments)(x).stride()  # without a gradient
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
    mine_of_leaf, theirs_of_leaf = (torch.autograd.grad(f(*arguments)(leaf), leaf, g)[0] for f in (mine, theirs))
    assert mine_of_leaf.stride() == theirs_of_leaf.stride()


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
    assert np.shares_memory(_tensors.to_array(x), x.numpy())
    array = np.ones(8)
    assert np.shares_memory(_tensors.to_tensor(array).numpy(), array)


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
        (
            torch.ones(3, dtype=torch.complex64),
            r"x has dtype torch.complex64; use one of .*torch.float16, .*x.float\(\)",
        ),
        (torch.ones(3, dtype=torch.bool), "x has dtype torch.bool"),
    ],
    ids=["device", "sparse", "complex", "bool"],
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


# ---------------------------------------------------------------------------------------------
# What a tensor may be besides memory with numbers in it


def imaginary(real):
    """A tensor whose negation PyTorch keeps as a flag."""
    flagged = torch.complex(torch.ones_like(real), -real).conj().imag
    assert flagged.is_neg()
    return flagged


@EACH
@INPLACE
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("gradient", [False, True])
def test_a_negation_that_is_a_flag(mine, theirs, arguments, inplace, dtype, gradient):
    """As the input, and as the gradient that comes back."""
    base = sample(dtype, 4, 5)
    base[base.isnan()] = 1
    results = []
    for layer in (mine, theirs):
        of_slope = arguments == (-2.0,) and inplace  # torch has no gradient there
        layer = layer(*arguments, inplace=inplace and not (of_slope and layer is theirs))
        x = imaginary(base.clone())
        if gradient:
            leaf = torch.view_as_real(torch.complex(base, base)).clone().requires_grad_()
            x = torch.view_as_complex(leaf * 1).conj().imag
            assert x.is_neg()
            y = layer(x)
            g = torch.autograd.grad(y, leaf, imaginary(base.flip(0)))[0]
            results.append((y.detach().clone(), g))
        else:
            y = layer(x)
            assert not inplace or y is x or layer.inplace is False
            results.append((y.clone(), y.clone()))
    for a, b in zip(*results, strict=True):
        equal(a, b)


@EACH
def test_a_gradient_with_the_flag(mine, theirs, arguments):
    def gradient(layer):
        x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
        z = torch.complex(torch.ones(3), layer(x)).conj()
        (z * torch.tensor([1 + 2j, 3 - 1j, 2 + 2j])).real.sum().backward()
        return x.grad

    equal(gradient(mine(*arguments)), gradient(theirs(*arguments)))


@EACH
def test_zeros_without_memory(mine, theirs, arguments):
    zeros = torch._efficientzerotensor((3,))
    equal(mine(*arguments)(zeros), theirs(*arguments)(zeros.clone()))
    x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
    assert torch.autograd.grad(mine(*arguments)(x), x, zeros)[0].tolist() == [0, 0, 0]


@EACH
@pytest.mark.parametrize("shape", [(5,), (2, 3), ()], ids=str)
@pytest.mark.parametrize("of", ["sum", "penalty", "loss and penalty"])
def test_second_derivatives(mine, theirs, arguments, shape, of):
    """Where grad_output needs no gradient, and of a penalty on the gradient, which trains a network."""
    results = []
    for layer in (mine, theirs):
        torch.manual_seed(1)
        w = torch.randn(shape, dtype=torch.float64).requires_grad_()
        x = torch.randn(shape, dtype=torch.float64).requires_grad_()
        y = layer(*arguments)(x * w)
        if of == "sum":
            y = layer(*arguments)(x)
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        assert g.requires_grad
        loss = g.sum() if of == "sum" else (g.norm() - 1) ** 2
        if of == "loss and penalty":
            loss = loss + (y**2).sum()
        (gg,) = torch.autograd.grad(loss, x, retain_graph=True)
        results.append((g.detach(), gg))
        if of != "sum":
            results[-1] += torch.autograd.grad(loss, w)
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@EACH
def test_third_derivatives(mine, theirs, arguments):
    results = []
    for layer in (mine, theirs):
        x = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
        y, derivatives = (layer(*arguments)(x) ** 4).sum(), []
        for _ in range(3):
            (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
            derivatives.append(y.tolist())
        results.append(derivatives)
    assert results[0] == results[1]


@EACH
def test_hessians_and_jacobians(mine, theirs, arguments):
    x = torch.tensor([-1.5, 2.0], dtype=torch.float64)
    for tool in (torch.autograd.functional.jacobian, lambda f, x: torch.autograd.functional.hessian(f, x)):
        of = (
            (lambda layer: lambda x: layer(x))
            if tool is torch.autograd.functional.jacobian
            else (lambda layer: lambda x: (layer(x) ** 3).sum())
        )
        equal(tool(of(mine(*arguments)), x), tool(of(theirs(*arguments)), x))


@EACH
def test_the_graph_keeps_no_input(mine, theirs, arguments):
    """Nor with the link that second derivatives need."""
    leaf = torch.randn(1000, requires_grad=True)
    x = leaf * 1
    y = mine(*arguments)(x)
    reference = weakref.ref(x)
    del x
    gc.collect()
    assert reference() is None
    y.sum().backward()


@EACH
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("kind", ["leaf", "result", "plain", "view", "0-d"])
def test_in_place_without_a_gradient(mine, theirs, arguments, mode, kind):
    """The tensor itself, which goes on requiring a gradient."""
    x = torch.tensor([[-1.0, 2.0], [3.0, -4.0]], requires_grad=kind != "plain")
    x = {"leaf": x, "result": x * 1, "plain": x, "view": (x * 1)[:, 1], "0-d": (x * 1)[1, 1]}[kind]
    want = theirs(*arguments)(x.detach().clone())
    requires, version = x.requires_grad, x._version
    with mode():
        y = mine(*arguments, inplace=True)(x)
    assert y is x
    assert x.requires_grad == requires
    assert x._version > version
    equal(x, want)


@EACH
def test_views_of_leaves_and_inference_tensors_in_place(mine, theirs, arguments):
    """Refused before they are changed."""
    leaf = torch.tensor([-1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="is a view of a leaf that requires a gradient"):
        mine(*arguments, inplace=True)(leaf[:1])
    assert leaf.tolist() == [-1, 2]
    with torch.inference_mode():
        x = torch.tensor([-1.0, 2.0])
        assert mine(*arguments, inplace=True)(x) is x
        x = torch.tensor([-1.0, 2.0])
    with pytest.raises(RuntimeError, match="inference tensor, which cannot be changed outside"):
        mine(*arguments, inplace=True)(x)
    assert x.tolist() == [-1, 2]


@EACH
@INPLACE
@pytest.mark.parametrize("shape", [(50,), (3, 4, 7), ()], ids=str)
def test_bfloat16(mine, theirs, arguments, inplace, shape):
    pytest.importorskip("ml_dtypes")
    x = sample(torch.bfloat16, *(shape or (1,))).reshape(shape)
    g = x.flatten().flip(0).reshape(shape)
    g = torch.where(x.isnan(), torch.ones_like(g), g)
    if arguments == (-2.0,):
        inplace = False
    got = trip(mine(*arguments, inplace=inplace), x, g, inplace)
    want = trip(theirs(*arguments, inplace=inplace), x, g, inplace)
    for a, b in zip(got, want, strict=True):
        assert a.dtype == torch.bfloat16
        nan = b.isnan()
        assert a.isnan().equal(nan)
        equal(a.float().where(~nan, torch.tensor(7.0)), b.float().where(~nan, torch.tensor(7.0)))  # torch changes signs


def test_bfloat16_without_ml_dtypes(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(TypeError, match="bfloat16, which needs ml_dtypes: pip install ml_dtypes"):
        ours.relu(torch.ones(3, dtype=torch.bfloat16))


def test_denormals_as_zero():
    """torch.set_flush_denormal changes nothing here, nor in the gradient."""
    x = torch.tensor([-1e-40, 1e-40, 0.0, -1.0, 1.0])
    results = []
    for flush in (False, True):
        torch.set_flush_denormal(flush)
        try:
            results.append([trip(layer, x, torch.ones(5)) for layer in (ours.ReLU(), ours.LeakyReLU(0.5))])
        finally:
            torch.set_flush_denormal(False)
    for (y, g), (want_y, want_g) in zip(*reversed(results), strict=True):
        equal(y, want_y)
        equal(g, want_g)


# ---------------------------------------------------------------------------------------------
# What is refused, and says so


@pytest.mark.parametrize("function", [ours.relu, ours.leaky_relu])
@pytest.mark.parametrize(
    ("x", "name"),
    [(np.ones(3, "f4"), "numpy.ndarray"), ([1.0], "list"), (1.0, "float"), (None, "NoneType"), ("x", "str")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_tensor(function, x, name):
    with pytest.raises(
        TypeError, match=f"^{function.__name__}: x must be a torch.Tensor, not {name}; relu_simd.* arrays"
    ):
        function(x)


def test_slopes():
    x = torch.tensor([-2.0, 3.0])
    for slope in (torch.tensor(0.5), torch.tensor([0.5], dtype=torch.float64), np.float32(0.5), 0.5, np.float64(0.5)):
        assert ours.leaky_relu(x, slope).tolist() == [-1, 3]
    learned = torch.tensor(0.5, requires_grad=True)
    with pytest.raises(TypeError, match=r"negative_slope requires a gradient.*torch.nn.functional.prelu"):
        ours.leaky_relu(x, learned)
    with torch.no_grad():
        assert ours.leaky_relu(x, learned).tolist() == [-1, 3]
    for slope in ("0.5", None, [0.5], torch.ones(2), 0.5j):
        with pytest.raises(TypeError, match="negative_slope must be a number"):
            ours.leaky_relu(x, slope)


class Tagged(torch.Tensor):
    """A subclass that keeps its class, as most do."""


class Watched(torch.Tensor):
    calls: ClassVar = []

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        cls.calls.append(function)
        return super().__torch_function__(function, types, args, kwargs or {})


@EACH
@pytest.mark.parametrize("gradient", [False, True])
def test_subclasses(mine, theirs, arguments, gradient):
    for kind in (Tagged, Watched):
        x = torch.tensor([-1.0, 2.0]).as_subclass(kind)
        if gradient:
            x = x.requires_grad_()
        y, want = mine(*arguments)(x), theirs(*arguments)(x)
        assert type(y) is type(want) is kind
        assert y.tolist() == want.tolist()
        if gradient:
            grads = [torch.autograd.grad(output.sum(), x)[0].tolist() for output in (y, want)]
            assert grads[0] == grads[1]
    x = torch.tensor([-1.0, 2.0]).as_subclass(Tagged)
    assert mine(*arguments, inplace=True)(x) is x
    assert ours.relu in Watched.calls or ours.leaky_relu in Watched.calls


@EACH
def test_parameters_and_buffers(mine, theirs, arguments):
    x = torch.nn.Parameter(torch.tensor([-1.0, 2.0]))
    y = mine(*arguments)(x)
    assert type(y) is torch.Tensor
    assert y.requires_grad


def traced(layer, x):
    return torch.jit.trace(layer, (x,))


def exported(layer, x):
    return torch.export.export(layer, (x,), strict=False)


def made_fx(mode):
    def make(layer, x):
        from torch.fx.experimental.proxy_tensor import make_fx

        return make_fx(layer, tracing_mode=mode)(x)

    return make


def dual(layer, x):
    with torch.autograd.forward_ad.dual_level():
        return layer(torch.autograd.forward_ad.make_dual(x, torch.ones(2)))


UNSUPPORTED = {
    "jit.trace": (traced, "constant in the model"),
    "export": (exported, "constant in the model|no memory of its own"),
    "make_fx, real": (made_fx("real"), "constant in the model"),
    "make_fx, fake": (made_fx("fake"), "constant in the model|no memory of its own"),
    "vmap": (lambda layer, x: torch.vmap(layer)(x), "torch.func .*not supported"),
    "func.grad": (lambda layer, x: torch.func.grad(lambda x: layer(x).sum())(x), "torch.func .*not supported"),
    "func.jvp": (lambda layer, x: torch.func.jvp(layer, (x,), (torch.ones(2),)), "torch.func .*not supported"),
    "forward_ad": (dual, "forward-mode derivatives are not supported"),
}


@EACH
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's, of its own old tools
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize(("attempt", "message"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_transforms_and_tracing(mine, theirs, arguments, gradient, attempt, message):
    """A clear error, never a result that is a constant in a model or lacks a derivative."""
    x = torch.tensor([-1.0, 2.0], requires_grad=gradient)
    with pytest.raises((RuntimeError, TypeError), match=message):
        attempt(mine(*arguments), x)


def test_batched_gradients():
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="batched gradients are not supported"):
        torch.autograd.grad(ours.relu(x), x, torch.eye(2), is_grads_batched=True)


@EACH
def test_symbolic_trace(mine, theirs, arguments):
    """torch.fx records a call of ours."""
    graph = torch.fx.symbolic_trace(torch.nn.Sequential(mine(*arguments)))
    assert any(node.target in (ours.relu, ours.leaky_relu) for node in graph.graph.nodes)
    x = torch.tensor([-4.0, 5.0])
    equal(graph(x), theirs(*arguments)(x))
