# SPDX-License-Identifier: BSD-3-Clause
"""Layers on pyopencl arrays, forward and backward: the bytes of the same layers on NumPy arrays."""

import copy

import numpy as np
import pytest
from cases import same
from test_nn import LAYERS
from test_opencl import cl, give, opencl, queue  # noqa: F401

import relu_simd
from relu_simd import _layers, nn


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_layers(queue, layer):  # noqa: F811
    """In place too, where the input is the output; the gradient of weights as well."""
    rng = np.random.default_rng(4)
    x, g = (rng.standard_normal((40, 3, 5)).astype("f4") for _ in range(2))
    host, device = copy.deepcopy(layer), copy.deepcopy(layer)
    array = give(queue, x)
    y = device(array)
    assert (y is array) == getattr(layer, "inplace", False)
    same(y.get(), host(x.copy()))
    same(device.backward(give(queue, g)).get(), host.backward(g))
    if isinstance(layer, nn.PReLU):
        same(device.grad_weight.get(), host.grad_weight)
        device.weight = give(queue, device.weight)  # of the device from now on
        same(device(give(queue, x)).get(), host(x))
        same(device.backward(give(queue, g)).get(), host.backward(g))
        assert isinstance(device.grad_weight, cl.array.Array)


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.ELU(inplace=True), nn.PReLU(3)], ids=repr)
def test_slices_of_a_batch(queue, layer):  # noqa: F811
    x = np.random.default_rng(5).standard_normal((10, 3, 8)).astype("f4")
    host, array = copy.deepcopy(layer), give(queue, x)[::2, :, 3:]
    part = x[::2, :, 3:].copy()
    same(opencl.hardshrink(layer(array), -1).get(), host(part.copy()))
    same(layer.backward(give(queue, part)).get(), host.backward(part))


def test_gradient_of_a_wrong_shape(queue):  # noqa: F811
    layer = nn.ReLU()
    layer(give(queue, np.ones((4, 3), "f4")))
    with pytest.raises(ValueError, match=r"grad_output has shape \(3,\)"):
        layer.backward(give(queue, np.ones(3, "f4")))
    with pytest.raises(ValueError, match=r"PReLU.forward: x has shape \(4, 3\)"):
        nn.PReLU(2)(give(queue, np.ones((4, 3), "f4")))


def test_random_slopes_are_the_same(queue):  # noqa: F811
    x = np.full(300, -1, "f4")
    for ours, want in zip(relu_simd.rrelu(give(queue, x), rng=3), relu_simd.rrelu(x, rng=3), strict=True):
        same(ours.get(), want)


def test_the_write_in_place_waits_for_the_copy(queue):  # noqa: F811
    """A copy by pyopencl's own method would leave no event on x, and on an out-of-order queue be overtaken."""
    x = give(queue, np.full(8, -2, "f4"))
    kept = _layers._copied(x)
    assert x.events[-1] == kept.events[-1]
    same(kept.get(), x.get())
