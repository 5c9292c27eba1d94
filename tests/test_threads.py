# SPDX-License-Identifier: BSD-3-Clause
"""Threads: how many, from where, and that nothing but time depends on them."""

import os
import threading

import numpy as np
import pytest
from cases import EMULATED, OWN_THREADS, expected, faces, numbers, operands, run, same

import relu_simd
from relu_simd import _core, settings

pytestmark = pytest.mark.skipif(not _core._has_openmp(), reason="this build has no OpenMP")

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


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_affinity_limits_the_default():
    code = """if 1:
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        import relu_simd
        print(relu_simd.get_num_threads())
    """
    environment = {"RELU_SIMD_NUM_THREADS": "", "OMP_NUM_THREADS": ""}
    assert run("-c", code, **environment).stdout == "1\n"


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("max 100000", None), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("", None), ("a b", None)],
)
def test_container_quota(tmp_path, text, cpus):
    file = tmp_path / "cpu.max"
    file.write_text(text)
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
@pytest.mark.parametrize("warm_up", ["relu_simd.relu(x)", ""], ids=["after use", "before use"])
def test_fork_does_not_hang(warm_up):
    """libgomp would wait in the child for threads that fork did not copy, whoever had started them."""
    code = f"""if 1:
        import os, sys, numpy as np, relu_simd
        relu_simd.set_num_threads(2)
        x = np.ones(2_000_000, np.float32)
        {warm_up}
        child = os.fork()
        if child == 0:
            ok = relu_simd.get_num_threads() == 1 and (relu_simd.relu(x) == 1).all()
            relu_simd.set_num_threads(2)
            ok = ok and relu_simd.get_num_threads() == 1 and (relu_simd.relu(x) == 1).all()
            os._exit(0 if ok else 7)
        print(os.waitpid(child, 0)[1], relu_simd.get_num_threads())
    """
    assert run("-c", code).stdout == "0 2\n"


@pytest.mark.skipif(not OWN_THREADS, reason="libgomp is not in use")
def test_threadpoolctl_sees_and_limits():
    """Its limit is seen by the number of OpenMP threads that a large call starts: none."""
    pytest.importorskip("threadpoolctl")
    code = """if 1:
        import os, sys, threadpoolctl, numpy as np, relu_simd
        relu_simd.set_num_threads(2)
        pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "openmp"]
        x = np.ones(2_000_000, np.float32)
        count = lambda: len(os.listdir("/proc/self/task"))
        before = count()
        with threadpoolctl.threadpool_limits(1, user_api="openmp"):
            relu_simd.relu(x)
            limited = count() - before
        relu_simd.relu(x)
        print(len(pools), limited, count() - before)
    """
    assert run("-c", code, OMP_NUM_THREADS="", RELU_SIMD_NUM_THREADS="").stdout == "1 0 1\n"
