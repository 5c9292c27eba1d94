# SPDX-License-Identifier: BSD-3-Clause
"""Threads: how many, from where, and that nothing but time depends on them."""

import os
import sys
import threading

import numpy as np
import pytest
from cases import EMULATED, expected, faces, numbers, operands, run, same

import relu_simd
from relu_simd import settings

LARGE_BYTES = 600_000 if EMULATED else 2_000_000


def print_threads(**environment):
    return run("-c", "import relu_simd; print(relu_simd.get_num_threads())", **environment)


def test_environment():
    assert print_threads(RELU_SIMD_NUM_THREADS="3", OMP_NUM_THREADS="5").stdout == "3\n"
    assert print_threads(RELU_SIMD_NUM_THREADS="", OMP_NUM_THREADS="5").stdout == "5\n"
    assert print_threads(OMP_NUM_THREADS="4,2").stdout == "4\n"
    default = print_threads(OMP_NUM_THREADS="").stdout
    for junk in ("many", "0", "-3", "1.5", "9" * 5000):
        assert print_threads(OMP_NUM_THREADS=junk).stdout == default


@pytest.mark.parametrize("junk", ["0", "-1", "two", "1.5", "1e3", "9" * 5000, "1025", " "])
def test_junk_in_the_environment_is_an_import_error(junk):
    done = print_threads(RELU_SIMD_NUM_THREADS=junk)
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("ImportError: RELU_SIMD_NUM_THREADS: expected a number of threads from 1 to 1024")
    )


needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="threads are counted as on Linux, in /proc")
needs_two_cpus = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs"
)

# A process that sees its own threads; `large` is a call that is worth all of them.
PROCESS = """if 1:
    import os, signal, sys, threading, time
    import numpy as np, relu_simd
    x = np.arange(-2_000_000, 2_000_000, dtype=np.float32)
    want = np.maximum(x, 0)
    def large():
        assert (relu_simd.relu(x) == want).all()
    def tasks():
        return {int(name) for name in os.listdir("/proc/self/task")}
    def seconds_of(task):
        with open(f"/proc/self/task/{task}/schedstat") as file:
            return int(file.read().split()[0])
    first = tasks()
"""
UNSET = {"RELU_SIMD_NUM_THREADS": "", "OMP_NUM_THREADS": "", "OPENBLAS_NUM_THREADS": "1"}


def in_process(code, **environment):
    """What the code prints after PROCESS; its standard error must be empty."""
    done = run("-c", PROCESS + code, **{**UNSET, **environment})
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


@needs_affinity
def test_affinity_limits_the_default():
    code = """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    large()
    print(relu_simd.get_num_threads(), len(tasks() - first))
"""
    assert in_process(code) == "1 0\n"


@needs_affinity
@needs_two_cpus
def test_affinity_that_changes():
    """The default follows it both ways; a number that somebody asked for is used as it is."""
    code = """
    all_cpus = os.sched_getaffinity(0)
    one_cpu = {min(all_cpus)}
    def look(cpus):
        os.sched_setaffinity(0, cpus)
        time.sleep(0.01)
        large()
        workers = tasks() - first
        print(relu_simd.get_num_threads() == len(cpus), [os.sched_getaffinity(task) <= cpus for task in workers])
    look(one_cpu)
    look(all_cpus)
    look(one_cpu)
    relu_simd.set_num_threads(3)
    large()
    print(relu_simd.get_num_threads(), len(tasks() - first))
"""
    lines = in_process(code).splitlines()
    assert lines[0] == "True []"
    assert lines[1].startswith("True [True")
    assert lines[2].startswith("True [")
    assert lines[3] == "3 2" or int(lines[3].split()[1]) > 2  # more, where there are more CPUs


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("max 100000", None), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("", None), ("a b", None)],
)
def test_container_quota(tmp_path, text, cpus):
    file = tmp_path / "cpu.max"
    file.write_text(text, encoding="utf-8")
    assert settings._quota_cpus(file) == cpus
    assert settings._quota_cpus(tmp_path / "none") is None


def test_set_num_threads():
    for n in (1, 2, 7, np.int64(3)):
        relu_simd.set_num_threads(n)
        assert relu_simd.get_num_threads() == n
    for bad, error in ((0, ValueError), (-1, ValueError), (1025, ValueError), (1.5, TypeError), ("2", TypeError)):
        with pytest.raises(error):
            relu_simd.set_num_threads(bad)
        assert relu_simd.get_num_threads() == 3


@pytest.mark.above_the_dtype
@pytest.mark.above_the_row
@pytest.mark.parametrize("count", [2, 3, 8])
def test_every_number_of_threads_gives_the_same(op, dtype, count):
    """Sizes around what one thread's share is rounded to, and a large one."""
    relu_simd.set_num_threads(count)
    size = dtype.itemsize
    for n in (400_000 // size, 409_600 // size + 1, LARGE_BYTES // size + 1):
        inputs = operands(op, dtype, n, numbers(op, dtype))
        want = expected(op, inputs)
        same(faces(op)[0](*inputs), want)
        inputs[0] = inputs[0].copy()
        same(faces(op)[1](*inputs, out=inputs[0]), want)


@pytest.mark.above_the_row
def test_python_threads_at_once(op):
    """Eight of them, on shared inputs and outputs of their own."""
    inputs = operands(op, "f4", 200_003, numbers(op, "f4"))
    want = expected(op, inputs).tobytes()
    wrong = []

    def work():
        for _ in range(2 if EMULATED else 20):
            for face in faces(op):
                if face(*inputs).tobytes() != want:
                    wrong.append(face)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@needs_proc
@pytest.mark.parametrize("warm_up", ["large()", ""], ids=["after use", "before use"])
def test_a_forked_process_has_threads_of_its_own(warm_up):
    code = f"""
    import warnings
    warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)  # from Python 3.12 on
    relu_simd.set_num_threads(2)
    {warm_up}
    def generation(depth):
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            before = tasks()
            large()
            ok = len(tasks() - before) == 1 and relu_simd.get_num_threads() == 2
            relu_simd.set_num_threads(3)
            large()
            ok = ok and len(tasks() - before) == 2
            relu_simd.set_num_threads(2)
            os._exit((0 if ok else 7) if depth == 0 else generation(depth - 1))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(generation(0), generation(1))
    large()
    print(len(tasks() - first))
"""
    assert in_process(code) == "0 0\n1\n"


@needs_proc
def test_workers_leave_signals_to_python():
    """Else a handler, or KeyboardInterrupt, would wait for a thread that does not run Python."""
    code = """
    relu_simd.set_num_threads(2)
    large()
    (worker,) = tasks() - first
    with open(f"/proc/self/task/{worker}/status") as file:
        blocked = int(dict(line.split(":", 1) for line in file)["SigBlk"], 16)
    def is_blocked(number):
        return bool(blocked >> number - 1 & 1)
    handled = [signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGPROF]
    faults = [signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL]
    print(all(map(is_blocked, handled)), any(map(is_blocked, faults)))
    got = []
    signal.signal(signal.SIGUSR1, lambda *_: got.append(threading.get_ident() == threading.main_thread().ident))
    for _ in range(20):
        os.kill(os.getpid(), signal.SIGUSR1)
        large()
    print(all(got), len(got) > 0)
"""
    assert in_process(code) == "True False\nTrue True\n"


@needs_proc
@needs_two_cpus
def test_workers_work_again_after_many_have_called_at_once():
    """One caller has the team, the others do without: whoever has it gives it back."""
    code = """
    relu_simd.set_num_threads(2)
    callers = [threading.Thread(target=lambda: [large() for _ in range(20)]) for _ in range(8)]
    for caller in callers: caller.start()
    for caller in callers: caller.join()
    deadline = time.monotonic() + 60
    while len(tasks() - first) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)  # an ended thread is seen for a while
    large()
    (worker,) = tasks() - first
    before = seconds_of(worker)
    while seconds_of(worker) == before and time.monotonic() < deadline:
        large()
    print(seconds_of(worker) > before)
"""
    assert in_process(code) == "True\n"


@needs_proc
def test_threads_end_with_the_number_asked_for():
    """Small calls start none, and large ones no more than asked for."""
    code = """
    relu_simd.set_num_threads(1)
    large()
    relu_simd.set_num_threads(8)
    relu_simd.relu(x[:20_000])
    print(len(tasks() - first))
    large()
    print(len(tasks() - first))
    relu_simd.set_num_threads(2)
    large()
    print(len(tasks() - first))
"""
    assert in_process(code) == "0\n7\n7\n"


@needs_proc
@pytest.mark.skipif(EMULATED, reason="emulated, no call follows another within microseconds")
def test_calls_in_a_row_wake_threads_and_calls_far_apart_do_not():
    """Of a size for which one call is not worth it."""
    code = """
    relu_simd.set_num_threads(2)
    def call():
        relu_simd.relu(x[:100_000], out=y[:100_000])
    y = np.empty_like(x)
    for _ in range(300):
        call()
        time.sleep(0.0005)
    print(len(tasks() - first))
    deadline = time.monotonic() + 60
    while not tasks() - first and time.monotonic() < deadline:
        for _ in range(1000): call()
    print(len(tasks() - first))
"""
    assert in_process(code) == "0\n1\n"


@needs_proc
def test_no_openmp_runtime():
    code = """
    large()
    with open("/proc/self/maps") as file:
        print("omp" in file.read())
"""
    assert in_process(code) == "False\n"


@pytest.mark.parametrize("order", ["threadpoolctl, relu_simd", "relu_simd, relu_simd.integrations.threadpoolctl"])
def test_threadpoolctl_sees_and_limits(order):
    pytest.importorskip("threadpoolctl")
    code = f"""if 1:
        import {order}
        import threadpoolctl
        relu_simd.set_num_threads(2)
        pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "relu_simd"]
        with threadpoolctl.threadpool_limits(1):
            limited = relu_simd.get_num_threads()
        print(pools, limited, relu_simd.get_num_threads())
    """
    assert run("-c", code, OMP_NUM_THREADS="", RELU_SIMD_NUM_THREADS="").stdout == "[2] 1 2\n"
