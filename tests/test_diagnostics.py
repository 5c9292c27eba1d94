# SPDX-License-Identifier: BSD-3-Clause
"""The monitor of dying ReLUs against counting by hand."""

import copy
import doctest
import gc
import importlib
import pickle
import weakref
from pathlib import Path

import numpy as np
import pytest

from relu_simd import diagnostics, nn
from relu_simd.diagnostics import ActivationMonitor

rng = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 3, 2)], ids=str)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2"])
def test_fractions_and_the_dead(shape, dtype):
    """Over the last batches alone, of several sizes."""
    batches = [(rng.standard_normal((size, *shape[1:])) * 5).astype(dtype) for size in (5, 1, 9, 4, 6)]
    for batch in batches:
        batch[:, 3] = -abs(batch[:, 3])  # dead all along
        batch[:, 5] = 0
    batches[0][:, 5] = 1  # alive once, then dead
    batches[1][:, 2] = -1
    monitor = ActivationMonitor(last=3)
    for k, batch in enumerate(batches, 1):
        monitor.update("a", batch)
        seen = np.concatenate(batches[max(0, k - 3) : k]).swapaxes(0, 1).reshape(7, -1)
        report = monitor.report("a")
        assert report.batches == min(k, 3)
        np.testing.assert_allclose(report.unit_active, (seen > 0).mean(axis=1))
        assert report.active == pytest.approx((seen > 0).mean())
        assert report.dead.tolist() == np.flatnonzero(~(seen > 0).any(axis=1)).tolist()
        assert {3} <= set(report.dead.tolist())
        assert (5 in report.dead) == (k > 3)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "bfloat16"])
def test_a_nan_is_neither_active_nor_dead(dtype):
    if dtype == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes").bfloat16
    monitor = ActivationMonitor()
    monitor.update("a", np.array([[np.nan, 1, np.inf, -1, 0], [2, 1, 1, -1, 0]]).astype(dtype))
    report = monitor.report("a")
    assert report.dead.tolist() == [3, 4]
    assert report.nan.tolist() == [0]
    assert report.unit_nan.tolist() == [0.5, 0, 0, 0, 0]
    assert report.unit_active.tolist() == [0.5, 1, 1, 0, 0]
    monitor.update("all", np.full((2, 3), np.nan, dtype))
    assert monitor.report("all").dead.size == 0
    assert monitor.report("all").nan.tolist() == [0, 1, 2]
    assert monitor.report("all").gets_gradient == 0


def test_nan_and_gradient_are_forgotten_as_well():
    monitor = ActivationMonitor(last=2)
    monitor.update("a", np.array([[np.nan, -1.0]]), leaky=True)
    assert monitor.report("a").gets_gradient == 1
    for _ in range(2):
        monitor.update("a", np.array([[-1.0, 0.0]]))
    report = monitor.report("a")
    assert (report.nan.tolist(), report.dead.tolist(), report.gets_gradient) == ([], [0, 1], 0)


LEAKY = [nn.LeakyReLU(), nn.PReLU(), nn.Tanh()]


@pytest.mark.parametrize("layer", LEAKY, ids=repr)
def test_leaky_units_are_not_dead(layer):
    """They get a gradient, and the table says so."""
    monitor = ActivationMonitor()
    monitor.attach(layer, "a")
    layer(np.array([[-1.0, 2.0, 0.0], [-3.0, -1.0, 0.0]]))
    report = monitor.report("a")
    assert report.unit_active.tolist() == [0, 0.5, 0]
    assert report.unit_gradient.tolist() == [1, 1, 0]
    assert report.dead.tolist() == [2]
    assert report.silent.tolist() == [0]
    assert report.gets_gradient == 2
    assert any("1 of 3 units never fired, but still get a gradient" in line for line in monitor.advice())


def test_slopes_of_0_and_saturated_relu6_get_no_gradient():
    monitor = ActivationMonitor()
    for name, layer, x in (
        ("flat", nn.LeakyReLU(0.0), [[-1.0, 2.0]]),
        ("six", nn.ReLU6(), [[9.0, 3.0]]),
        ("flag", nn.ReLU(), [[-1.0, 3.0]]),
    ):
        monitor.attach(layer, name)
        layer(np.array(x))
        assert monitor.report(name).dead.tolist() == [0], name
        assert monitor.report(name).gets_gradient == 1
    other = nn.ReLU()
    monitor.attach(other, "own", leaky=True)
    assert other._hooks[0].leaky


OF_PIECES = ["ReLU", "ReLU6", "LeakyReLU", "Hardtanh", "Hardsigmoid", "Hardswish", "Hardshrink", "Softshrink"]


@pytest.mark.parametrize("layer", [*(getattr(nn, name)() for name in OF_PIECES), nn.Threshold(0.25, -0.5)], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_gets_a_gradient_is_what_backward_says(layer, dtype):
    """For units on every piece of a layer's curve."""
    dtype = pytest.importorskip("ml_dtypes").bfloat16 if dtype == "bfloat16" else dtype
    monitor = ActivationMonitor()
    monitor.attach(layer, "hidden")
    x = np.add.outer([0.05, 0.15, 0.25], np.linspace(-7, 7, 29)).astype(dtype)
    layer(x)
    passes = np.mean(layer.backward(np.ones_like(x)) != 0, axis=0)
    report = monitor.report("hidden")
    np.testing.assert_array_equal(report.unit_gradient, passes)
    np.testing.assert_array_equal(report.dead, np.flatnonzero(passes == 0))


def test_leaky_layers_of_torch():
    torch = pytest.importorskip("torch")
    for layer, dead in (
        (torch.nn.LeakyReLU(), []),
        (torch.nn.ELU(), []),
        (torch.nn.GELU(), []),
        (torch.nn.ReLU(), [0]),
        (torch.nn.Linear(2, 2), [0]),
    ):
        monitor = ActivationMonitor()
        monitor.attach(layer, "a")
        if isinstance(layer, torch.nn.Linear):
            layer.weight.data = torch.eye(2)
            layer.bias.data.zero_()
        layer(torch.tensor([[-1.0, 2.0]]))
        assert monitor.report("a").dead.tolist() == dead, layer


def test_every_kind_of_tensor():
    torch = pytest.importorskip("torch")
    pytest.importorskip("ml_dtypes")
    flagged = torch.complex(torch.ones(1, 2), torch.tensor([[1.0, -2.0]])).conj().imag
    for x in (flagged, torch.tensor([[-1.0, 2.0]]).bfloat16(), torch.tensor([[-1.0, 2.0]], requires_grad=True)):
        monitor = ActivationMonitor()
        monitor.update("a", x)
        layer = torch.nn.ReLU()
        monitor.attach(layer, "layer")
        layer(x)
        for name in ("a", "layer"):
            assert monitor.report(name).unit_active.tolist() == [0, 1]


def test_a_batch_of_one_axis_is_a_sample():
    layer, monitor = nn.ReLU(), ActivationMonitor()
    monitor.attach(layer, "a")
    layer(np.array([1.0, -1.0, 2.0]))
    layer(np.array([[1.0, -1.0, -2.0]]))
    assert monitor.report("a").unit_active.tolist() == [1, 0, 0.5]


@pytest.mark.parametrize("x", [np.float32(1), np.ones((2, 4)), np.ones((2, 3), np.uint8)[:, :2]], ids=["0-d", "4", "2"])
def test_forward_goes_on_whatever_the_batch_is(x):
    """One warning; the counts stay as they were."""
    layer, monitor = nn.ReLU(), ActivationMonitor()
    monitor.attach(layer, "a")
    layer(np.ones((2, 3)))
    with pytest.warns(UserWarning, match="ActivationMonitor left a batch out: activations of 'a'") as caught:
        got = [layer(x) for _ in range(3)]
    assert len(caught) == 1
    np.testing.assert_array_equal(got[2], x)
    assert monitor.report("a").batches == 1


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=["copy", "pickle"]
)
@pytest.mark.parametrize("library", ["nn", "torch"])
def test_watched_layers_can_be_copied_and_pickled(copied, library):
    """The copy is a layer like any other, and not watched."""
    module = nn if library == "nn" else pytest.importorskip("torch").nn
    x = np.ones((2, 3)) if library == "nn" else pytest.importorskip("torch").ones(2, 3)
    layer, monitor = module.ReLU(), ActivationMonitor()
    monitor.attach(layer, "a")
    layer(x)
    other = copied(layer)
    other(x)
    assert monitor.report("a").batches == 1
    layer(x)
    assert monitor.report("a").batches == 2
    kept = copied(monitor)
    assert kept.summary() == monitor.summary()


def test_advice():
    monitor = ActivationMonitor()
    monitor.update("fine", np.ones((2, 3)))
    assert monitor.advice() == []
    monitor.update("dying", np.array([[1.0, -1.0, -1.0]]))
    monitor.update("lost", np.array([[np.nan, -1.0]]))
    lines = monitor.advice()
    assert lines[0].startswith("NaN in lost: the network has diverged, its units are not dead.")
    assert "smaller steps" in lines[0]
    assert lines[1].startswith("dying: 2 of 3 units dead (no gradient): start from kaiming_normal")
    assert len(lines) == 3
    page = Path(__file__).parents[1] / lines[2].split()[1].rstrip(",")
    assert lines[2].split('"')[1] in page.read_text(encoding="utf-8")
    assert monitor.summary().splitlines()[-3:] == lines


def test_attached_to_layers():
    layers = [nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU()]
    monitor = ActivationMonitor()
    monitor.attach(layers[0], "first")
    monitor.attach(layers[1])
    monitor.attach(layers[2])
    x = rng.standard_normal((6, 4))
    for layer in layers:
        layer(x.copy())
        layer.forward(x.copy())
    assert [report.name for report in monitor.reports()] == ["first", "ReLU 2", "LeakyReLU 3"]
    for report in monitor.reports():
        assert report.batches == 2
        np.testing.assert_allclose(report.unit_active, (x > 0).mean(axis=0))
    monitor.detach()
    monitor.detach()
    layers[0](x)
    assert monitor.report("first").batches == 2


def test_attached_to_torch():
    torch = pytest.importorskip("torch")
    layer, monitor = torch.nn.ReLU(), ActivationMonitor()
    monitor.attach(layer, "torch")
    x = torch.randn(3, 5, 2, 2, requires_grad=True)
    layer(x).sum().backward()
    np.testing.assert_allclose(monitor.report("torch").unit_active, (x.detach() > 0).double().mean(dim=(0, 2, 3)))
    monitor.detach()


def test_activations_are_not_kept():
    monitor, x = ActivationMonitor(), np.ones((3, 4))
    monitor.update("a", x)
    reference = weakref.ref(x)
    del x
    gc.collect()
    assert reference() is None


def test_summary():
    monitor = ActivationMonitor()
    assert monitor.summary().split() == ["layer", "units", "batches", "active", "dead", "NaN", "gets", "gradient"]
    monitor.update("a long name", np.array([[1.0, -1.0]]))
    monitor.update("b", np.ones((2, 10)))
    lines = monitor.summary().splitlines()[:3]
    assert len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["a", "long", "name", "2", "1", "50.0", "%", "1", "0", "1"]
    assert lines[2].split() == ["b", "10", "1", "100.0", "%", "0", "0", "10"]


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    monitor = ActivationMonitor(last=2)
    assert monitor.plot().axes  # empty, but a picture
    for _ in range(3):
        monitor.update("a", np.array([[1.0, -1.0, 2.0, -3.0]]))
    monitor.update("b", np.ones((1, 3)))
    figure = monitor.plot()
    active, dead, units = figure.axes
    assert [text.get_text() for text in active.get_legend().get_texts()] == ["a", "b"]
    assert active.lines[0].get_ydata().tolist() == [0.5, 0.5, 0.5]
    assert dead.lines[0].get_ydata().tolist() == [0.5, 0.5, 0.5]
    assert units.lines[0].get_ydata().tolist() == [0, 0, 1, 1]
    assert figure._repr_png_().startswith(b"\x89PNG")  # what a notebook shows, though nothing imported pyplot
    monitor.update("b", np.full((1, 3), np.nan))
    assert [line.get_label() for line in monitor.plot().axes[1].lines] == ["a", "b", "b: NaN"]
    figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 5000


def test_long_training_is_bounded(monkeypatch):
    """What the picture keeps is thinned evenly, and its batches stay where they were."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(diagnostics, "_HISTORY", 8)
    monitor = ActivationMonitor()
    for k in range(1, 101):
        monitor.update("a", np.array([[1.0, -1.0, 1.0, 1.0 if k > 60 else -1.0]]))
        assert len(monitor._layers["a"].history) < 8
    line = monitor.plot().axes[0].lines[0]
    assert line.get_xdata().tolist() == list(range(1, 101, 16))
    assert line.get_ydata().tolist() == [0.5 if k <= 60 else 0.75 for k in range(1, 101, 16)]


def test_plot_without_matplotlib(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'matplotlib is not installed: pip install "relu-simd\[plot\]"'):
        ActivationMonitor().plot()


def test_errors():
    monitor = ActivationMonitor()
    with pytest.raises(ValueError, match="last must be 1 or more, not 0"):
        ActivationMonitor(0)
    with pytest.raises(KeyError, match="no batch of 'a' yet; there are some of: no layer"):
        monitor.report("a")
    monitor.update("a", np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"activations of 'a' must have shape \(batch, units, ...\), not \(3,\)"):
        monitor.update("a", np.ones(3))
    with pytest.raises(ValueError, match="activations of 'a' have 4 units on axis 1, not 3"):
        monitor.update("a", np.ones((2, 4)))
    with pytest.raises(TypeError, match="dtype"):
        monitor.update("a", np.ones((2, 3), complex))
    monitor.update("a", np.ones((0, 3)))
    assert monitor.report("a").batches == 1
    with pytest.raises(TypeError, match="layer must have register_forward_hook, and list has not"):
        monitor.attach([])
    with pytest.raises(ValueError, match="name 'a' is taken"):
        monitor.attach(nn.ReLU(), "a")


def test_example():
    results = doctest.testmod(importlib.import_module("relu_simd.diagnostics"))
    assert results.attempted >= 11
    assert results.failed == 0
