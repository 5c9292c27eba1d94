# SPDX-License-Identifier: BSD-3-Clause
"""A system that refuses memory, threads or information: an exception at most, and only for want of memory."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cases import EMULATED, ISAS, SANITIZED, run

pytestmark = pytest.mark.skipif(EMULATED or sys.platform != "linux", reason="the faults are made as on Linux")

# x is 80 MB, w a weight a channel. Each needs 40 MB or more, of NumPy's memory or of the pool's.
CALLS = {
    "a result from the pool": "rs.relu(x)",
    "a result beyond the pool's limit": "(rs.set_pool_limit(70 * MB), rs.relu(x))[1]",
    "through the ufunc": "rs.relu(x[::2])",
    "the ufunc itself, as the function calls it": "rs.add_relu(x, x[:1].astype('f8'))",
    "overlapping operands": "rs.relu_backward(x[:-1], x[1:], out=x[1:])",
    "a bias a column": "rs.add_relu(x.reshape(-1, 8), w)",
    "relu with its mask": "rs.relu_with_mask(x)[0]",
    "a mask of strided input": "rs.relu_with_mask(x[::2])[0]",
    "from a mask": "rs.relu_backward_from_mask(x[::2], mask)",
    "counts of strided input": "rs.count_active(x[::2])",
    "counts of columns": "rs.count_active(x.view(np.int8).reshape(-1, 500), axis=0)",
    "counts over an inner axis": "rs.count_active(x.reshape(4, -1, 5), axis=1)",
    "counts around an axis": "rs.count_active(x.reshape(4, -1, 5, 1)[:, ::2], axis=(0, 2))",
    "gradients of prelu": "rs.prelu_backward(x.reshape(-1, 8), x.reshape(-1, 8), w)[0]",
    "weights as many as inputs": "rs.prelu_backward(x[:5_000_000], x[:5_000_000], x[:5_000_000])[1]",
    "integers": "rs.relu(i[::2])",
}
# Each takes a process: here one of each kind of memory, and the rest in `make test-wide`.
OFTEN = ("a result from the pool", "through the ufunc", "relu with its mask", "counts of columns")
EACH_CALL = [
    pytest.param(call, id=name, marks=[pytest.mark.wide] * (name not in OFTEN)) for name, call in CALLS.items()
]
OUT_OF_MEMORY = """if 1:
    import resource, sys, numpy as np, relu_simd as rs
    from pathlib import Path
    MB = 1 << 20
    rs.set_num_threads(1)
    x = np.arange(20_000_000, dtype=np.float32) - 5
    i = x.view(np.int32)
    w = np.ones(8, np.float32)
    mask = np.zeros(x[::2].size // 8, np.uint8)
    call = lambda: CALL
    def room(nbytes):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = used + nbytes if nbytes else resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    want = np.asarray(call()).sum()
    total = float(x.sum())
"""


def out_of_memory(call, rest):
    return run("-c", OUT_OF_MEMORY.replace("CALL", call) + rest)


@pytest.mark.skipif(SANITIZED, reason="AddressSanitizer's own memory has no limit")
@pytest.mark.parametrize("call", EACH_CALL)
def test_no_memory(call):
    """A MemoryError, nothing changed, and the next call as if nothing had been."""
    done = out_of_memory(
        call,
        """
    rs.trim_pool()
    room(8 * MB)
    try:
        call()
    except MemoryError as error:
        print("MemoryError")
    room(0)
    assert float(x.sum()) == total
    print(np.asarray(call()).sum() == want or "out=" in "CALL")
""".replace("CALL", call),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["MemoryError", "True"]


@pytest.mark.skipif(SANITIZED, reason="AddressSanitizer's own memory has no limit")
@pytest.mark.parametrize("call", EACH_CALL)
def test_idle_memory_is_given_back_first(call):
    """Room for the result there is only where idle blocks, none of which suits it, lie now."""
    done = out_of_memory(
        call,
        """
    rs.trim_pool()
    rs.set_pool_limit(500 * MB)
    rs.relu(np.zeros(230 * MB, np.int8))
    idle = rs.pool_info()["idle_bytes"]
    assert idle > 200 * MB
    room(8 * MB)
    value = np.asarray(call()).sum()
    print("out=" in "CALL" or value == want, rs.pool_info()["idle_bytes"] < idle)
""".replace("CALL", call),
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "True True\n")


# ---------------------------------------------------------------------------------------------
# Threads

AS_NOBODY = """if 1:
    import os, resource, sys, numpy as np, relu_simd
    x = np.ones(4_000_000, np.float32) * -2
    y = np.empty_like(x)
    tasks = lambda: len(os.listdir("/proc/self/task"))
    if os.getuid() == 0:
        os.setgroups([]), os.setgid(54321), os.setuid(54321)  # root has no limit
    relu_simd.set_num_threads(8)
"""


@pytest.mark.skipif(SANITIZED, reason="its own thread needs room, too")
@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="needs a user with no process: root can be one"
)
@pytest.mark.parametrize(("limit", "threads"), [(1, 1), (2, 2), (4, 4), (100, 8)])
def test_as_many_threads_as_the_system_gives(limit, threads):
    """As many as there are to be had, and the results are right."""
    code = f"""
    resource.setrlimit(resource.RLIMIT_NPROC, ({limit}, {limit}))
    for _ in range(50):
        y[:] = 1
        relu_simd.relu(x, out=y)
        assert not y.any()
    print(tasks())
"""
    done = run("-c", AS_NOBODY + code, OPENBLAS_NUM_THREADS="1")
    assert (done.stdout, done.stderr) == (f"{threads}\n", "")


def test_threads_come_when_the_system_gives_them_again(refusing):
    code = """if 1:
        import os, time, numpy as np, relu_simd
        x = np.ones(4_000_000, np.float32)
        relu_simd.set_num_threads(2)
        for names in ("threads", ""):
            os.environ["REFUSED"] = names
            time.sleep(0.01)  # for so long a refusal counts
            before = len(os.listdir("/proc/self/task"))
            print(int(relu_simd.relu(x).sum()), len(os.listdir("/proc/self/task")) - before)
    """
    done = run("-c", code, **refusing(""))
    assert (done.stdout, done.stderr) == ("4000000 0\n4000000 1\n", "")


@pytest.mark.skipif(SANITIZED, reason="AddressSanitizer's own memory has no limit")
def test_no_address_space_for_threads():
    code = """if 1:
        import resource, numpy as np, relu_simd
        from pathlib import Path
        x = np.ones(4_000_000, np.float32)
        relu_simd.set_num_threads(64)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 4_000_000, resource.RLIM_INFINITY))
        relu_simd.relu(x, out=x)
        print(int(x.sum()))
    """
    done = run("-c", code)
    assert (done.stdout, done.stderr) == ("4000000\n", "")


def test_a_worker_that_never_comes(refusing):
    """The system says that it has started it, and does not: nobody waits for it, and its share of the work is done."""
    code = """if 1:
        import os, numpy as np, relu_simd
        x = np.arange(-2_000_000, 2_000_000, dtype=np.float32)
        relu_simd.set_num_threads(4)
        for _ in range(20):
            assert (relu_simd.relu(x) == np.maximum(x, 0)).all()
        assert relu_simd.count_active(x) == 1_999_999
        print(len(os.listdir("/proc/self/task")))
    """
    done = run("-c", code, **refusing("starting"), OPENBLAS_NUM_THREADS="1")
    assert (done.stdout, done.stderr) == ("1\n", "")


# ---------------------------------------------------------------------------------------------
# What the system does not tell or do

USE = """if 1:
    import numpy as np, relu_simd
    x = np.full(3_000_000, -1, np.float32)
    x[::2] = 1
    for _ in range(3):
        y = relu_simd.relu(x)
        assert y.sum() == 1_500_000
        big = relu_simd.relu(np.zeros(70_000_000, np.float32))
    z, mask = relu_simd.relu_with_mask(x)
    assert (relu_simd.relu_backward_from_mask(x, mask) == y).all()
    relu_simd.leaky_relu(x[::-1])
    assert relu_simd.count_active(x) == 1_500_000
    relu_simd.trim_pool()
    print(relu_simd.get_num_threads(), relu_simd.isa())
"""


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """Variables of a process to which the system refuses what is named."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to make the faults with")
    library = tmp_path_factory.mktemp("faults") / "refuse.so"
    source = Path(__file__).with_name("refuse.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    before = os.environ.get("LD_PRELOAD", "")
    return lambda names: {"REFUSED": names, "LD_PRELOAD": f"{before} {library}".strip()}


@pytest.mark.parametrize("names", ["", "madvise", "affinity", "threads", "files", "madvise affinity threads files"])
def test_a_system_that_refuses(refusing, names):
    done = run("-c", USE, **refusing(names), OPENBLAS_NUM_THREADS="1")
    assert done.stderr == ""
    threads, isa = done.stdout.split()
    assert int(threads) >= 1
    assert isa == ISAS[0]


def test_what_it_found_where_it_finds_nothing(refusing):
    # Without pyopencl: PoCL waits for ever on such a system.
    code = "import sys; sys.modules['pyopencl'] = None; from relu_simd.__main__ import main; sys.exit(main([]))"
    done = run("-c", code, **refusing("affinity files"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "threads" in done.stdout


def test_the_faults_are_made(refusing):
    """The test of these tests."""
    code = """if 1:
        import mmap, os, threading
        def tried(function, *args):
            try:
                function(*args)
                return 1
            except (OSError, RuntimeError):
                return 0
        memory = mmap.mmap(-1, 1 << 20)
        print(tried(os.sched_getaffinity, 0), tried(open, "/proc/cpuinfo"), tried(memory.madvise, mmap.MADV_NORMAL),
              tried(threading.Thread(target=int).start))
    """
    assert run("-c", code, **refusing("")).stdout == "1 1 1 1\n"
    assert run("-c", code, **refusing("affinity files madvise threads")).stdout == "0 0 0 0\n"


@pytest.mark.skipif(SANITIZED, reason="its frames are larger")
@pytest.mark.parametrize("kilobytes", [32, 64, 256])
def test_small_stack_of_a_thread(kilobytes):
    """Every function, ufunc and layout on a Python thread that has little stack: 32 kB is the least it can have.

    From 3.14 on it is more, and CPython says so.
    """
    before = threading.stack_size()
    try:
        threading.stack_size(kilobytes << 10)
    except ValueError as error:
        pytest.skip(f"this Python gives no thread so little stack: {error}")
    finally:
        threading.stack_size(before)
    code = f"""if 1:
        import sys, threading, numpy as np, relu_simd
        from relu_simd import ufuncs
        x = np.ones((100, 300), np.float32)
        w = np.ones(300, np.float32)
        def work():
            for name in sorted(set(ufuncs.__all__)):
                function = getattr(relu_simd, name)
                inputs = (x,) * getattr(ufuncs, name).nin
                for call in (lambda: function(*inputs), lambda: function(*(i[:, ::2] for i in inputs)),
                             lambda: function(*(i.astype("f2") for i in inputs)),
                             lambda: function(*inputs[:-1], *([w] if len(inputs) > 1 else [x])),
                             lambda: function(*inputs[:-1], *([w[:100, None]] if len(inputs) > 1 else [x]))):
                    call()
            y, mask = relu_simd.relu_with_mask(x)
            relu_simd.relu_backward_from_mask(x, mask)
            relu_simd.count_active(x, axis=0)
            relu_simd.prelu_backward(x, x, w)
            done.append(True)
        done = []
        work()  # what NumPy does once
        threading.stack_size({kilobytes} << 10)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print(done)
    """
    done = run("-c", code)
    assert (done.stdout, done.stderr) == ("[True, True]\n", "")


@pytest.mark.skipif(SANITIZED, reason="its frames are larger")
def test_small_stack_of_the_process():
    """512 kB, less than which NumPy's own import may not have; threads get as much by default."""
    resource = pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", USE],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, 512 << 10)),
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_one_cpu():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    done = run("-c", code + USE, OMP_NUM_THREADS="")
    assert done.stdout.split() == ["1", ISAS[0]], done.stderr
