# SPDX-License-Identifier: BSD-3-Clause
"""The monitor of dying ReLUs against counting by hand."""

import doctest
import gc
import weakref

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


def test_nan_is_not_active():
    monitor = ActivationMonitor()
    monitor.update("a", np.array([[np.nan, 1.0, np.inf]]))
    assert monitor.report("a").dead.tolist() == [0]


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
    assert monitor.summary().split() == ["layer", "units", "batches", "active", "dead"]
    monitor.update("a long name", np.array([[1.0, -1.0]]))
    monitor.update("b", np.ones((2, 10)))
    lines = monitor.summary().splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["a", "long", "name", "2", "1", "50.0", "%", "1"]
    assert lines[2].split() == ["b", "10", "1", "100.0", "%", "0"]


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
    results = doctest.testmod(diagnostics)
    assert results.attempted == 8
    assert results.failed == 0
