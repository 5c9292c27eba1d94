# SPDX-License-Identifier: BSD-3-Clause
"""Recycled output memory: reused, bounded, and never seen by the user but in time."""

import ctypes
import gc
import os
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from cases import EMULATED, run

import relu_simd
from relu_simd import pool_info, relu, set_pool_limit, trim_pool

MB = 1 << 20
X = np.random.default_rng(0).standard_normal(6 * MB // 4).astype(np.float32)
WANT = np.maximum(X, 0)


@pytest.fixture(autouse=True)
def fresh_pool():
    before = pool_info()["limit"]
    trim_pool()
    yield
    set_pool_limit(before)


def handler(array):
    return np._core.multiarray.get_handler_name(array)


def test_dropped_results_are_recycled():
    before = pool_info()
    for _ in range(10):
        y = relu(X)
    after = pool_info()
    assert after["fresh"] - before["fresh"] == 2  # one in `y` while the next is made
    assert after["recycled"] - before["recycled"] == 8
    np.testing.assert_array_equal(y, WANT)


def test_only_large_results_of_the_default_kind():
    assert handler(relu(X)) == "relu_simd"
    assert handler(relu(X[:1000])) == "default_allocator"
    assert handler(np.empty(10 * MB)) == "default_allocator"
    set_pool_limit(0)
    assert handler(relu(X)) == "default_allocator"


def test_live_results_share_nothing():
    results = [relu(X) for _ in range(5)]
    del results[2]
    results.append(relu(X))
    for k, result in enumerate(results):
        result += k
    for k, result in enumerate(results):
        np.testing.assert_array_equal(result, WANT + np.float32(k))


@pytest.mark.parametrize("limit", [0, 5 * MB, 6 * MB, 20 * MB])
def test_idle_memory_is_bounded(limit):
    set_pool_limit(limit)
    for n in (6, 4, 8, 5, 7, 6, 12):
        results = [relu(np.zeros(n * MB // 4, np.float32)) for _ in range(4)]
        del results
        assert pool_info()["idle_bytes"] <= limit
    set_pool_limit(4 * MB)
    assert pool_info()["idle_bytes"] <= 4 * MB


def test_the_number_of_idle_blocks_is_bounded():
    results = [relu(X[: 4 * MB // 4]) for _ in range(60)]
    del results
    assert 0 < pool_info()["idle_blocks"] <= 32


def test_trim_gives_everything_back():
    relu(X)
    assert pool_info()["idle_bytes"] >= X.nbytes
    trim_pool()
    assert (pool_info()["idle_bytes"], pool_info()["idle_blocks"]) == (0, 0)


def test_a_much_smaller_result_does_not_take_a_large_block():
    relu(np.zeros(64 * MB // 4, np.float32))
    before = pool_info()["recycled"]
    relu(X)
    assert pool_info()["recycled"] == before


@pytest.mark.parametrize("n", [10, X.size // 2 + 5, X.size - 1, X.size + 1, 3 * X.size])
def test_resize(n):
    y = relu(X)
    y.resize(n, refcheck=False)
    kept = min(n, X.size)
    np.testing.assert_array_equal(y[:kept], WANT[:kept])
    assert not y[kept:].any()
    del y
    np.testing.assert_array_equal(relu(X), WANT)


@pytest.mark.parametrize("bad", [-1, 1 << 70, 1.5, "1", None])
def test_set_pool_limit_refuses(bad):
    before = pool_info()["limit"]
    with pytest.raises((TypeError, ValueError)):
        set_pool_limit(bad)
    assert pool_info()["limit"] == before


def test_environment():
    code = "import relu_simd; print(relu_simd.pool_info()['limit'])"
    assert run("-c", code, RELU_SIMD_POOL_LIMIT="12345").stdout == "12345\n"
    assert run("-c", code, RELU_SIMD_POOL_LIMIT="0").stdout == "0\n"
    assert run("-c", code, RELU_SIMD_POOL_LIMIT="").stdout == f"{512 * MB}\n"
    for junk in ("many", "-1", "1e6", "9" * 100):
        last = run("-c", code, RELU_SIMD_POOL_LIMIT=junk).stderr.strip().splitlines()[-1]
        assert last.startswith("ImportError: RELU_SIMD_POOL_LIMIT: expected a number of bytes")


def test_python_threads_at_once():
    wrong = []

    def work(k):
        x = X[k:]
        want = np.maximum(x, 0)
        for _ in range(2 if EMULATED else 15):
            kept = [relu(x), relu(x)]
            if not all((y == want).all() for y in kept):
                wrong.append(k)
            if k == 0:
                trim_pool()

    workers = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_results_outlive_the_module_and_the_interpreter():
    code = """if 1:
        import sys, numpy as np, relu_simd
        kept = [relu_simd.relu(np.ones(3_000_000, np.float32)) for _ in range(3)]
        relu_simd.relu(kept[0])
        for name in [name for name in sys.modules if name.startswith("relu_simd")]:
            del sys.modules[name]
        del relu_simd, kept[0]
        sys.kept = kept
        print(int(kept[0].sum()))
    """
    done = run("-c", code)
    assert (done.stdout, done.stderr, done.returncode) == ("3000000\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork():
    """Parent and child each go on with the idle memory they had."""
    code = """if 1:
        import os, numpy as np, relu_simd
        x = np.ones(3_000_000, np.float32)
        kept = relu_simd.relu(x)
        relu_simd.relu(x)
        child = os.fork()
        for _ in range(5):
            y = relu_simd.relu(x * (2 if child else 3))
        ok = (y == (2 if child else 3)).all() and (kept == 1).all()
        if child == 0:
            os._exit(0 if ok else 7)
        print(os.waitpid(child, 0)[1], ok)
    """
    assert run("-c", code).stdout == "0 True\n"


@pytest.mark.skipif(EMULATED or sys.platform != "linux", reason="the address space cannot be limited here")
def test_out_of_memory():
    """Idle memory is given back before a MemoryError, and the error leaves inputs and pool usable."""
    code = """if 1:
        import resource, numpy as np, relu_simd
        from pathlib import Path
        relu_simd.set_num_threads(1)
        x = np.ones(10_000_000, np.float32)
        relu_simd.relu(x[:9_000_000])
        assert relu_simd.pool_info()["idle_bytes"] > 0
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000, resource.RLIM_INFINITY))
        y = relu_simd.relu(x)
        print(relu_simd.pool_info()["idle_bytes"], int(y.sum()))
        try:
            relu_simd.relu(x)
        except MemoryError:
            print("MemoryError", int(x.sum()))
        del y
        print(int(relu_simd.relu(x).sum()))
    """
    done = run("-c", code)
    assert done.stdout.splitlines() == ["0 10000000", "MemoryError 10000000", "10000000"], done.stderr


def test_info_is_a_plain_dict():
    assert all(isinstance(value, int) for value in pool_info().values())
    assert relu_simd.pool_info()["limit"] >= 0


class Handler(ctypes.Structure):
    """PyDataMem_Handler, up to where its functions begin."""

    _fields_ = (("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("functions", ctypes.c_void_p * 5))


def test_the_handler_of_the_caller_stays():
    """Where somebody has set a NEP 49 handler of his own, results are made with it, and so is what comes later."""
    header = Path(np.get_include(), "numpy", "__multiarray_api.h").read_text(encoding="utf-8")
    pointer, named = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_New
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    named.restype, named.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    table = (ctypes.c_void_p * 400).from_address(pointer(np._core.multiarray._ARRAY_API, None))

    def at(name):
        return table[int(re.search(rf"#define {name} .*?PyArray_API\[(\d+)\]", header, re.DOTALL)[1])]

    default = ctypes.py_object.from_address(at("PyDataMem_DefaultHandler")).value
    own = Handler.from_buffer_copy(ctypes.string_at(pointer(default, b"mem_handler"), ctypes.sizeof(Handler)))
    own.name = b"of the caller"
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(at("PyDataMem_SetHandler"))
    before = set_handler(named(ctypes.addressof(own), b"mem_handler", None))
    try:
        names = [handler(relu(X)), handler(relu_simd.relu_with_mask(X)[0]), handler(np.empty(3))]
    finally:
        set_handler(before)
    assert names == ["of the caller"] * 3
    assert handler(relu(X)) == "relu_simd"


@pytest.mark.parametrize("collects", [True, False])
def test_the_garbage_collector_stays_on_or_off(collects):
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        relu(X)
        after = gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()
    assert after == collects
