# SPDX-License-Identifier: BSD-3-Clause
"""relu_simd.opencl: a call that comes again is not checked again, and computes what a first one would."""

import gc
import time
import weakref

import numpy as np
import pytest
from cases import same
from test_opencl import cl, give, opencl, queue  # noqa: F401

from relu_simd.opencl import _checks, _kernels, _plans


@pytest.fixture
def plans():
    _kernels.THREAD.plans.clear()
    return _kernels.THREAD.plans


def test_nothing_is_checked_again(queue, plans, monkeypatch):  # noqa: F811
    x, out = give(queue, np.array([-1, 2], "f4")), give(queue, np.zeros(2, "f4"))
    opencl.relu(x, out=out)
    monkeypatch.setattr(_checks, "apart", None)  # no first call would do without
    x.set(np.array([3, -4], "f4"))
    assert opencl.relu(x, out=out) is out
    same(out.get(), np.array([3, 0], "f4"))
    assert len(plans) == 1


def test_calls_in_turn_with_one_kernel(queue, plans):  # noqa: F811
    """A kernel object has the arguments of the last call alone, whether that had a plan or not."""
    arrays = [(give(queue, np.full(5, k + 1, "f4")), give(queue, np.zeros(5, "f4"))) for k in range(3)]
    for _ in range(3):
        for k, (x, out) in enumerate(arrays):
            out.fill(0)
            opencl.leaky_relu(x, 0.5, out=out)
            same(out.get(), np.full(5, k + 1, "f4"))
        for k, (x, out) in enumerate(arrays):
            same(opencl.leaky_relu(arrays[0][0], 0.5).get(), np.full(5, 1, "f4"))
            opencl.leaky_relu(x, 0.5, out=out)
            same(out.get(), np.full(5, k + 1, "f4"))
    assert len(plans) == 3


def test_one_plan_however_a_call_is_written(queue, plans):  # noqa: F811
    x, out = give(queue, np.array([-1, 2], "f4")), give(queue, np.zeros(2, "f4"))
    calls = (
        lambda: opencl.leaky_relu(x, 0.01, out=out),
        lambda: opencl.leaky_relu(x, out=out),
        lambda: opencl.leaky_relu(x, negative_slope=0.01, out=out),
        lambda: opencl.leaky_relu(out=out, negative_slope=0.01, x=x),
        lambda: opencl.leaky_relu(x, 0.01, out),
    )
    for call in (*calls, *calls):
        out.fill(0)
        assert call() is out
        same(out.get(), np.array([np.float32(-0.01), 2], "f4"))
    assert len(plans) == 1
    with pytest.raises(TypeError, match=r"leaky_relu\(\) .*'slope'"):
        opencl.leaky_relu(x, slope=0.01, out=out)
    with pytest.raises(TypeError, match=r"leaky_relu\(\) .*'x'"):
        opencl.leaky_relu(x, x=x, out=out)
    with pytest.raises(TypeError, match=r"threshold\(\) .*'value'"):
        opencl.threshold(x, 0, out=out)


def test_numbers_that_are_equal(queue, plans):  # noqa: F811
    """0 and -0.0 compare equal, and so do 1 and 1.0; NaN does not."""
    x, out = give(queue, np.array([-1, 2], "f4")), give(queue, np.zeros(2, "f4"))
    for number in (0.0, -0.0, 0, 1, 1.0, np.float32(1), float("nan"), float("nan")):
        for _ in range(2):
            opencl.threshold(x, 0, number, out=out)
            same(out.get(), np.array([number, 2], "f4"))
    with pytest.raises(TypeError, match="must be a number"):
        opencl.threshold(x, 0, True, out=out)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.float16, float, int])
def test_numbers_that_are_gone(queue, plans, kind):  # noqa: F811
    """A number's place in memory says nothing: the next one often has the same."""
    x, out = give(queue, np.array([-1, 2], "f4")), give(queue, np.zeros(2, "f4"))
    for number in range(2, 12):
        opencl.leaky_relu(x, kind(number), out=out)
        same(out.get(), np.array([-number, 2], "f4"))


@pytest.mark.parametrize("name", ["base_data", "offset", "shape", "strides", "dtype", "queue", "events"])
def test_an_attribute_that_is_set_anew(queue, plans, name):  # noqa: F811
    """What was found then does not hold for it."""
    x, out = give(queue, np.array([-1, 2, 3, -4], "f4"))[:2], give(queue, np.zeros(2, "f4"))
    opencl.relu(x, out=out)
    new = {
        "base_data": give(queue, np.array([5, -6], "f4")).base_data,
        "offset": 8,
        "shape": (1,),
        "strides": (8,),
        "dtype": np.dtype("f2"),
        "queue": cl.CommandQueue(queue.context),
        "events": [],
    }
    setattr(x, name, new[name])
    if name in ("shape", "dtype"):
        if name == "dtype":
            with pytest.raises(TypeError, match=r"relu: out has dtype float32"):
                opencl.relu(x, out=out)
        else:
            with pytest.raises(ValueError, match="relu: out has shape"):
                opencl.relu(x, out=out)
        return
    assert opencl.relu(x, out=out) is out
    if name == "queue":
        assert out.events[-1].command_queue == new[name]
    if name == "events":
        assert x.events == out.events != []
    want = {"base_data": [5, 0], "offset": [3, 0], "strides": [0, 3], "queue": [0, 2], "events": [0, 2]}
    same(out.get(), np.array(want[name], "f4"))


def test_plans_keep_no_memory(queue, plans):  # noqa: F811
    """They go with the first of their arrays, and so does the last reference to its memory."""
    x, out = give(queue, np.ones(5, "f4")), give(queue, np.ones(5, "f4"))
    opencl.relu(x, out=out)
    opencl.prelu(x, give(queue, np.ones(1, "f4")), out=out)  # whose weights are gone at once
    assert len(plans) == 1
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None
    assert not plans


def test_plans_are_bounded(queue, plans, monkeypatch):  # noqa: F811
    monkeypatch.setattr(_plans, "KEPT", 4)
    x = give(queue, np.ones(5, "f4"))
    kept = [give(queue, np.ones(5, "f4")) for _ in range(10)]
    for out in kept:
        opencl.relu(x, out=out)
        assert len(plans) <= 4


def test_errors_come_again(queue, plans):  # noqa: F811
    x = give(queue, np.ones(10, "f4"))
    a, b = x[:5], x[1:6]
    for _ in range(2):
        with pytest.raises(ValueError, match="out overlaps x"):
            opencl.relu(a, out=b)
    assert not plans


def test_waits_and_records_the_second_time(queue, plans):  # noqa: F811
    """As the first: for wait_for and the events of all arrays, and each has the new event."""
    properties = cl.command_queue_properties.OUT_OF_ORDER_EXEC_MODE_ENABLE
    if not queue.device.queue_properties & properties:
        pytest.skip("the device has no out-of-order queues")
    loose = cl.CommandQueue(queue.context, properties=properties)
    x, g, out = (give(loose, np.array(value, "f4")) for value in ([-1, 2], [5, 6], [0, 0]))
    opencl.relu_backward(g, x, out=out)
    loose.finish()
    for way in (x, g, out, None):
        gate = cl.UserEvent(queue.context)
        if way is not None:
            way.add_event(gate)
        opencl.relu_backward(g, x, out=out, wait_for=[gate] if way is None else None)
        event = out.events[-1]
        loose.flush()
        time.sleep(0.02)  # time enough to finish, if it did not wait
        assert event.command_execution_status != cl.command_execution_status.COMPLETE
        gate.set_status(cl.command_execution_status.COMPLETE)
        event.wait()
        assert x.events == g.events == out.events == [event]
