# SPDX-License-Identifier: BSD-3-Clause
"""relu_simd.opencl in time: threads, queues that overtake, caches of other processes, and what oclgrind sees."""

import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from cases import OPS, run, same
from test_opencl import DEVICE, cl, give, opencl

from relu_simd import _core
from relu_simd.opencl import _kernels, _layout, _operation, _source

ROOT = Path(__file__).parents[1]
OCLGRIND = Path("/usr/lib/oclgrind/liboclgrind-rt-icd.so")  # where Debian's package has it

PREAMBLE = """
import sys
import numpy as np, pyopencl as cl
import relu_simd
from relu_simd import _core, opencl

# Oclgrind takes what is written to a buffer in a freed one's place for unwritten, beyond the length of that one.
kept = []
class Kept(cl.Buffer):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        kept.append(self)
cl.Buffer = Kept

wanted, *names = sys.argv[1:]
device, = [device for device in opencl.devices() if wanted in device.platform.name][:1]
context = cl.Context([device])
queue = cl.CommandQueue(context)
rng = np.random.default_rng(0)
ops = [op for op in _core.OPS if not names or op.name in names]
"""

SUMS = (
    PREAMBLE
    + """
x, g = rng.standard_normal((2, 37, 45)).astype("f4")
for host, grad in ((x, g), (x[::-2, 3:], g[::-2, 3:]), (x[:, 0], g[:, 0]), (x[:20, :3], g[:20, :3])):
    # As slices of the whole arrays, so that what is around them shows if it is read.
    at = [cl.array.to_device(queue, each) for each in (x, g)]
    cut = {x.shape: np.s_[:], (19, 42): np.s_[::-2, 3:], (37,): np.s_[:, 0], (20, 3): np.s_[:20, :3]}[host.shape]
    a, b = (each[cut] for each in at)
    weight = rng.standard_normal(host.shape[-1:]).astype("f4")
    w = cl.array.to_device(queue, weight)
    pairs = [*zip(opencl.relu_with_mask(a), relu_simd.relu_with_mask(host))]
    pairs.append((opencl.relu_backward_from_mask(b, pairs[1][0]), relu_simd.relu_backward_from_mask(grad, pairs[1][1])))
    pairs += zip(opencl.prelu_backward(b, a, w), relu_simd.prelu_backward(grad, host, weight))
    pairs += [(opencl.count_active(a, axis), relu_simd.count_active(host, axis)) for axis in (None, 0, -1)]
    pairs += [(opencl.add_relu(a, w), relu_simd.add_relu(host, weight))]
    for got, want in pairs:
        assert got.get().tobytes() == want.tobytes(), (host.shape, got.dtype)
"""
)

OPERATIONS = (
    PREAMBLE
    + """
for op in ops:
    for dtype in ("f2", "f4", "f8"):
        inputs = [rng.standard_normal(300).astype(dtype) for _ in op.inputs]
        inputs[len(op.arrays) :] = [0.1, 0.7][: len(op.params)]
        given = [cl.array.to_device(queue, x) if isinstance(x, np.ndarray) else x for x in inputs]
        results = [getattr(opencl, op.name)(*given)]
        results.append(getattr(opencl, op.name)(*given, out=cl.array.zeros(queue, 310, dtype)[7:307]))
        want = getattr(relu_simd, op.name)(*inputs)
        for got in results:
            assert got.get().tobytes() == want.tobytes(), op.name
print(len(ops), "operations")
"""
)


@pytest.fixture
def context():
    return cl.Context([DEVICE])


def test_two_threads(context):
    """Each with a queue of its own and other arrays: kernels that they shared would mix up their arguments."""
    failures = []
    start = threading.Barrier(2)

    def work(seed):
        queue = cl.CommandQueue(context)
        rng = np.random.default_rng(seed)
        values = [rng.standard_normal(n).astype("f4") for n in (3, 70, 300, 1000)]
        arrays = [give(queue, x) for x in values]
        slope = 0.5 + seed
        start.wait()
        for _ in range(150):
            for x, array in zip(values, arrays, strict=True):
                got = opencl.leaky_relu(array, slope).get()
                if not np.array_equal(got, np.where(x > 0, x, x * np.float32(slope))):
                    failures.append((seed, x.size))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert failures == []


def test_each_thread_has_its_own_kernels(context):
    x = give(cl.CommandQueue(context), np.ones(4, "f4"))
    kernels = []

    def look():
        opencl.relu(x)
        arguments = (
            x.context,
            x.queue.device,
            opencl.relu.operation,
            "float32",
            (_source.ARRAY,),
            _layout.DENSE,
            True,
        )
        kernels.append(_kernels.THREAD.launcher(*arguments).kernel)

    for _ in range(2):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    look()
    assert len({kernel.int_ptr for kernel in kernels}) == 3


@pytest.fixture
def blocked(context):
    """A queue that may run its commands in any order, and an event that the test completes."""
    properties = cl.command_queue_properties.OUT_OF_ORDER_EXEC_MODE_ENABLE
    if not DEVICE.queue_properties & properties:
        pytest.skip("the device has no out-of-order queues")
    return cl.CommandQueue(context, properties=properties), cl.UserEvent(context)


def pending(event):
    return event.command_execution_status != cl.command_execution_status.COMPLETE


def test_waits_for_its_inputs_out_and_wait_for(blocked):
    queue, gate = blocked
    for way in ("input", "out", "wait_for"):
        gate = cl.UserEvent(queue.context)
        x, out = give(queue, np.array([-1, 2], "f4")), give(queue, np.zeros(2, "f4"))
        queue.finish()
        if way != "wait_for":
            (x if way == "input" else out).add_event(gate)
        event_holder = opencl.relu(x, out=out, wait_for=[gate] if way == "wait_for" else None)
        assert event_holder is out
        event = out.events[-1]
        queue.flush()
        assert pending(event), way
        gate.set_status(cl.command_execution_status.COMPLETE)
        event.wait()
        same(out.get(), np.array([0, 2], "f4"))


@pytest.mark.parametrize("wrong", [0, [0], [None], "event", lambda: None])
def test_what_is_no_event(context, wrong):
    """A TypeError that names the argument, also in a call that comes again; a single event is no sequence."""
    queue = cl.CommandQueue(context)
    x, out, mask = give(queue, np.ones(4, "f4")), give(queue, np.ones(4, "f4")), give(queue, np.zeros(1, np.uint8))
    opencl.relu(x, out=out)
    for call in (
        lambda events: opencl.relu(x, wait_for=events),
        lambda events: opencl.relu(x, out=out, wait_for=events),
        lambda events: opencl.relu_with_mask(x, wait_for=events),
        lambda events: opencl.relu_backward_from_mask(x, mask, wait_for=events),
        lambda events: opencl.count_active(x, wait_for=events),
        lambda events: opencl.prelu_backward(x, x, 0.5, wait_for=events),
    ):
        for events in (wrong, out.events[-1]):
            with pytest.raises(TypeError, match=r"^\w+: wait_for must be a sequence of events \(pyopencl.Event\), not"):
                call(events)


def test_a_later_write_to_an_input_waits(blocked):
    """Overtaking: relu reads x, held back; the next command overwrites x. Without relu's event on x it would win."""
    queue, gate = blocked
    x, sevens = give(queue, np.array([-1, 2, 3], "f4")), give(queue, np.full(3, 7, "f4"))
    queue.finish()
    y = opencl.relu(x, wait_for=[gate])
    assert x.events[-1] == y.events[-1]
    opencl.leaky_relu(sevens, out=x)
    write = x.events[-1]
    queue.flush()
    assert pending(write)
    gate.set_status(cl.command_execution_status.COMPLETE)
    same(y.get(), np.array([0, 2, 3], "f4"))
    same(x.get(), np.full(3, 7, "f4"))


def test_chains_on_an_out_of_order_queue(blocked):
    """In place and from array to array, many times: the order is that of the calls."""
    queue, _ = blocked
    start = np.linspace(-1, 1, 100_003, dtype="f4")
    for _ in range(20):
        x = give(queue, start)
        y = opencl.leaky_relu(x, 0.5)
        opencl.leaky_relu(y, 0.5, out=y)
        opencl.relu(x, out=x)
        opencl.add_relu(x, y, out=x)
        same(y.get(), np.where(start > 0, start, start * np.float32(0.25)))
        same(x.get(), np.maximum(np.maximum(start, 0) + y.get(), 0))


def test_events_do_not_pile_up(context):
    """A call's event stands for those it waited for, on all arrays and on their views."""
    queue = cl.CommandQueue(context)
    x = give(queue, np.ones(4, "f4"))
    out = cl.array.empty_like(x)
    for _ in range(40):
        opencl.relu(x, out=out)
        opencl.relu(x[1:], out=out[1:])
        opencl.relu(x, out=x)
    assert len(x.events) == len(out.events) == 1
    other = opencl.relu(x)
    assert x.events == other.events


def test_events_of_others_stay(context, monkeypatch):
    """An event that came while the call was made was not waited for."""
    queue = cl.CommandQueue(context)
    x, stranger = give(queue, np.ones(4, "f4")), cl.UserEvent(context)
    opencl.relu(x)
    enqueue = _operation.enqueue

    def meanwhile(*arguments):
        x.events.append(stranger)
        return enqueue(*arguments)

    monkeypatch.setattr(_operation, "enqueue", meanwhile)
    y = opencl.relu(x)
    assert x.events == [stranger, y.events[0]]
    stranger.set_status(cl.command_execution_status.COMPLETE)


@pytest.mark.wide
def test_cold_and_warm_cache(tmp_path):
    """A new process each: what PoCL and pyopencl left on disk must work as well as what they had to build."""
    platform, names = DEVICE.platform.name, ("relu", "leaky_relu_backward")
    for _ in range(2):
        done = run(
            "-c",
            OPERATIONS,
            platform,
            *names,
            POCL_CACHE_DIR=str(tmp_path / "pocl"),
            XDG_CACHE_HOME=str(tmp_path / "cache"),
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "2 operations\n"


@pytest.mark.wide
def test_home_that_cannot_be_written(tmp_path):
    if "Portable" not in DEVICE.platform.name:
        pytest.skip("not PoCL")
    in_the_way = tmp_path / "file"
    in_the_way.write_text("", encoding="utf-8")
    script = "from relu_simd import opencl; print(opencl.devices())"
    only_pocl = {"POCL_CACHE_DIR": "", "XDG_CACHE_HOME": "", "HOME": str(in_the_way)}
    done = run("-c", script, **only_pocl)
    assert done.returncode == 1
    assert "PoCL offers no device" in done.stderr.splitlines()[-1]
    assert "POCL_CACHE_DIR" in done.stderr.splitlines()[-1]

    pocl, cache = {"POCL_CACHE_DIR": str(tmp_path / "pocl")}, {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = run("-c", OPERATIONS, "Portable", **only_pocl | pocl)
    assert done.returncode == 1
    assert "XDG_CACHE_HOME" in done.stderr
    assert "RuntimeError: relu: no kernel" in done.stderr
    done = run("-c", OPERATIONS, "Portable", "relu", **only_pocl | pocl | cache)
    assert done.returncode == 0, done.stderr


# In processes of their own: of very many programs the simulator takes a new one's values for an ended one's.
@pytest.mark.wide
@pytest.mark.parametrize(
    ("script", "said"), [(OPERATIONS, f"{len(OPS)} operations\n"), (SUMS, "")], ids=["all", "sums"]
)
def test_oclgrind_finds_nothing(script, said, tmp_path):
    """Every access within its buffer, no race, no wrong call, nothing uninitialised: under Debian's simulator."""
    if not OCLGRIND.exists():
        pytest.skip("oclgrind is not installed: apt-get install oclgrind")
    (tmp_path / "vendors").mkdir()
    (tmp_path / "vendors" / "oclgrind.icd").write_text(f"{OCLGRIND}\n", encoding="utf-8")
    log = tmp_path / "log"
    done = run(
        "-c",
        script,
        "Oclgrind",
        OCL_ICD_VENDORS=str(tmp_path / "vendors"),
        OCLGRIND_CHECK_API="1",
        OCLGRIND_DATA_RACES="1",
        OCLGRIND_UNINITIALIZED="1",
        OCLGRIND_LOG=str(log),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == said
    assert not log.exists() or log.read_text(encoding="utf-8") == ""
    wrong_calls = {line for line in done.stderr.splitlines() if "Function:" in line}
    assert wrong_calls <= {"\tFunction: clGetDeviceInfo"}, done.stderr  # pyopencl asks for what only a newer one has


def test_gpus_come_first(monkeypatch):
    """Whatever platform they are on."""

    class Platform:
        name = "made up"

        def __init__(self, *devices):
            self.devices = devices

        def get_devices(self):
            return list(self.devices)

    class Device:
        def __init__(self, kind):
            self.type = kind

    kinds = cl.device_type
    cpu, gpu, other, both = (Device(k) for k in (kinds.CPU, kinds.GPU, kinds.ACCELERATOR, kinds.GPU | kinds.DEFAULT))
    monkeypatch.setattr(_kernels.cl, "get_platforms", lambda: [Platform(cpu, gpu), Platform(other, both)])
    assert opencl.devices() == [gpu, both, cpu, other]


def test_two_calls_at_once_lose_no_event():
    """Of two threads that write down their events at once, neither may take the other's for one it has waited for."""
    meeting = threading.Barrier(2)

    class Switching:
        """The event of something else. Where it is compared, the other thread comes in, if it can."""

        def __eq__(self, other):
            with suppress(threading.BrokenBarrierError):
                meeting.wait(1)
            return self is other

        __hash__ = None

    between = Switching()
    events = [between, "waited for"]
    threads = [threading.Thread(target=_core._record, args=([(events, ["waited for"])], name)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events[0] is between
    assert sorted(events[1:]) == ["a", "b"]
