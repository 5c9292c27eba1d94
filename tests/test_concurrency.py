# SPDX-License-Identifier: BSD-3-Clause
"""Many threads, many processes, many interpreters: each gets the right answer, and all of them end.

`make soak` has the first test run for a minute: RELU_SIMD_SOAK_SECONDS.
"""

import gc
import itertools
import os
import random
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from cases import EMULATED, ISAS, NO_GIL, OPS, SANITIZED, expected, faces, numbers, operands, run

import relu_simd
from relu_simd import pool_info, set_pool_limit

SECONDS = float(os.environ.get("RELU_SIMD_SOAK_SECONDS", "2"))


def test_soak():
    """Eight threads on shared inputs, while another changes every setting, and results come and go and change size."""
    names = ("relu", "leaky_relu", "add_relu", "sigmoid", "relu_backward")
    work = []
    for k, name in enumerate(names):
        for n in (100, 20_003, 700_001):  # the GIL kept, released, and threads and the pool
            op = OPS[name]
            inputs = operands(op, "f4", n, numbers(op, "f4"), seed=k)
            work.append((op, inputs, np.asarray(expected(op, inputs)).tobytes()))
    x = operands(OPS["relu"], "f4", 600_000)[0]
    want_mask = relu_simd.relu_with_mask(x)[1].tobytes()
    want_count = relu_simd.count_active(x)
    limit, isa = pool_info()["limit"], relu_simd.isa()
    wrong, calls, stop = [], [0] * 9, threading.Event()

    def guarded(function, k):
        r = random.Random(k)
        try:
            while not stop.is_set() and not wrong:
                function(r)
                calls[k] += 1
        except BaseException as error:
            wrong.append(error)

    def use(r):
        op, inputs, want = r.choice(work)
        face = r.choice(faces(op))
        out = np.empty_like(inputs[0]) if r.random() < 0.5 else None
        y = face(*inputs, out=out)
        if y.tobytes() != want:
            wrong.append(op.name)
        if r.random() < 0.3:
            kept = min(y.size, size := r.randrange(1, 2 * y.size))
            y.resize(size, refcheck=False)
            if y[:kept].tobytes() != want[: 4 * kept] or y[kept:].any():
                wrong.append("resize")
        if r.random() < 0.1:
            mask = relu_simd.relu_with_mask(x)[1]
            if mask.tobytes() != want_mask or relu_simd.count_active(x) != want_count:
                wrong.append("mask or count")

    def change(r):
        what = r.randrange(5)
        if what == 0:
            relu_simd.set_isa(r.choice(ISAS))
        elif what == 1:
            relu_simd.set_num_threads(r.randrange(1, 5))
        elif what == 2:
            relu_simd.trim_pool()
        elif what == 3:
            set_pool_limit(r.choice((0, 1 << 20, 10 << 20, limit)))
        elif (now := pool_info())["idle_bytes"] > now["limit"]:
            wrong.append("pool")
        time.sleep(0.001)

    threads = [threading.Thread(target=guarded, args=(use if k else change, k)) for k in range(9)]
    try:
        for thread in threads:
            thread.start()
        stop.wait(SECONDS)
        stop.set()
        for thread in threads:
            thread.join()
    finally:
        set_pool_limit(limit)
        relu_simd.set_isa(isa)
    assert not wrong
    assert all(calls)


# Eight threads meet bfloat16 at the same moment, each in all functions and ufuncs, by layouts that need them.
FIRST_BFLOAT16 = """if 1:
    import random, threading, time, numpy as np, ml_dtypes, relu_simd
    from relu_simd import ufuncs
    x = np.linspace(-3, 3, 40).astype(ml_dtypes.bfloat16)
    wrong, start = [], time.perf_counter() + 0.05
    def work(k):
        r = random.Random(k)
        todo = [(name, module) for name in ufuncs.__all__ for module in (relu_simd, ufuncs)]
        if k % 2:
            r.shuffle(todo)
        while time.perf_counter() < start:
            pass  # awake, so that it is the same microsecond
        for name, module in todo:
            for given in (x[::2], x, x.reshape(5, 8).T):
                try:
                    y = getattr(module, name)(*[given] * getattr(ufuncs, name).nin)
                    if y.dtype != x.dtype:
                        wrong.append((name, y.dtype))
                except Exception as error:
                    wrong.append((name, error))
    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(wrong[:3])
"""


@pytest.mark.skipif(EMULATED, reason="as on the machine itself")
@pytest.mark.parametrize("_", range(5 if NO_GIL else 1))
def test_the_first_bfloat16_from_many_threads(_):
    pytest.importorskip("ml_dtypes", reason="bfloat16 needs ml_dtypes, which is not installed")
    assert run("-c", FIRST_BFLOAT16).stdout == "[]\n"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="CPython 3.11 crashes, unless its collector waits: see memory.h")
def test_the_collector_is_left_alone():
    """It is one for all threads: neither do others see it switched off, nor is what they set undone."""
    x = np.ones(300_000, np.float32)  # a result of the pool's size
    before, stop, seen = gc.isenabled(), threading.Event(), []

    def use():
        while not stop.is_set():
            relu_simd.relu(x)

    threads = [threading.Thread(target=use) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for k in range(2000):
            (gc.enable, gc.disable)[k % 2]()
            for _ in range(20):
                seen.append(gc.isenabled() != (k % 2 == 0))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        (gc.enable if before else gc.disable)()
    assert not any(seen)


@pytest.mark.skipif(not NO_GIL, reason="this Python has a GIL")
def test_importing_leaves_the_gil_off():
    code = "import sys, relu_simd; assert not sys._is_gil_enabled()"
    done = run("-W", "error", "-c", code)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


# ---------------------------------------------------------------------------------------------
# Processes

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_after_use(method, tmp_path):
    """Workers that start after the parent has used threads and pool get right answers, and so does the parent after."""
    if method != "spawn" and not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, sys, warnings
        import numpy as np, relu_simd

        def work(k):
            x = np.full(1_500_000, k - 2, np.float32)
            kept = [relu_simd.relu(x) for _ in range(3)]
            y, mask = relu_simd.relu_with_mask(x)
            return float(y.sum()), relu_simd.count_active(x), all((each == max(k - 2, 0)).all() for each in kept)

        if __name__ == "__main__":
            warnings.simplefilter("ignore", DeprecationWarning)
            relu_simd.set_num_threads(2)
            relu_simd.relu(np.ones(4_000_000, np.float32))
            with multiprocessing.get_context(sys.argv[1]).Pool(3) as pool:
                got = pool.map(work, range(6))
            want = [work(k) for k in range(6)]
            print(got == want, all(ok for _, _, ok in want))
        """),
        encoding="utf-8",
    )
    done = run(str(script), method, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    assert (done.stdout, done.returncode) == ("True True\n", 0), done.stderr


@needs_fork
def test_fork_inside_a_thread_while_others_work():
    """At any moment of the others' work with the GIL released.

    The pool's lock is not among these: from Python it is only taken with the GIL held, as fork is. That a fork waits
    for it is shown by C threads, in tests/sanitize/harness.c.
    """
    code = f"""if 1:
        import os, sys, threading, numpy as np, relu_simd
        relu_simd.set_num_threads(2)
        x = np.random.default_rng(0).standard_normal(1_000_000).astype(np.float32)
        want = np.maximum(x, 0)
        stop = threading.Event()
        def work():
            while not stop.is_set():
                kept = [relu_simd.relu(x) for _ in range(3)]
                kept[1].resize(2_000_000, refcheck=False)
                relu_simd.count_active(x)
        def fork():
            for _ in range({5 if EMULATED or SANITIZED else 40}):
                child = os.fork()
                if child == 0:
                    ok = (relu_simd.relu(x) == want).all() and relu_simd.relu_with_mask(x)[1].size == 125_000
                    relu_simd.trim_pool()
                    relu_simd.set_num_threads(3)
                    relu_simd.set_pool_limit(0)
                    ok = ok and (relu_simd.relu(x) == want).all()
                    os._exit(0 if ok else 7)
                statuses.append(os.waitpid(child, 0)[1])
        statuses = []
        workers = [threading.Thread(target=work) for _ in range(4)]
        forker = threading.Thread(target=fork)
        for thread in (*workers, forker):
            thread.start()
        forker.join()
        stop.set()
        for thread in workers:
            thread.join()
        print(set(statuses), (relu_simd.relu(x) == want).all())
    """
    assert run("-c", code).stdout == "{0} True\n"


# ---------------------------------------------------------------------------------------------
# The end


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise SystemExit(3)", "os._exit(3)", "os.kill(os.getpid(), 15)"])
def test_the_interpreter_ends_with_results_alive_and_threads_at_work(end):
    code = f"""if 1:
        import os, sys, threading, time, numpy as np, relu_simd
        x = np.ones(2_000_000, np.float32)
        class Cycle:
            def __init__(self):
                self.self, self.y = self, relu_simd.relu(x)
        sys.kept = [relu_simd.relu(x), Cycle(), relu_simd.relu_with_mask(x)]
        relu_simd.late = Cycle()
        def work():
            while True:
                relu_simd.relu(x)
        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
        {end}
    """
    done = run("-c", code)
    killed = 15 if os.name == "nt" else -15
    assert done.returncode == {"": 0, "os.kill(os.getpid(), 15)": killed}.get(end, 3)
    assert done.stderr == ""


SUBINTERPRETER = """if 1:
    import sys, warnings
    warnings.simplefilter("ignore")
    BEFORE
    if sys.version_info >= (3, 14):
        from concurrent import interpreters
        def in_another(code):
            interpreter = interpreters.create()
            try:
                interpreter.exec(code)
            finally:
                interpreter.close()
    else:
        import importlib
        module = importlib.import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
        def in_another(code):
            interpreter = module.create()
            try:
                failed = module.run_string(interpreter, code)
                if failed is not None:
                    raise RuntimeError(failed.formatted)
            finally:
                module.destroy(interpreter)
    for _ in range(2):
        try:
            in_another("import relu_simd, numpy; assert (relu_simd.relu(numpy.array([-1.0, 2.0])) == [0, 2]).all()")
            print("works")
        except Exception as error:
            print(f"{type(error).__name__}: {error}".replace("\\n", " "))  # from 3.14 on the whole traceback
    AFTER
"""


@pytest.mark.skipif(EMULATED, reason="CPython alone decides here")
@pytest.mark.parametrize("used", [True, False], ids=["in use by the main one", "not in use"])
def test_subinterpreters(used):
    """They work, or are refused with an ImportError that says so; the main interpreter goes on as before."""
    use = "import numpy, relu_simd; assert relu_simd.relu(numpy.ones(1_000_000)).all()"
    done = run("-c", SUBINTERPRETER.replace("BEFORE", use if used else "").replace("AFTER", use if used else ""))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line == "works" or "ImportError" in line, line
        assert line == "works" or "interpreter" in line, line


@pytest.mark.skipif(EMULATED, reason="as on the machine itself")
def test_import_by_many_threads_at_once():
    code = """if 1:
        import threading
        done = []
        def work():
            import relu_simd, numpy
            done.append(relu_simd.relu(numpy.array([-1.0, 2.0])).tolist())
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(done == [[0.0, 2.0]] * 8)
    """
    assert run("-c", code).stdout == "True\n"


def test_run_as_a_script_that_dies_of_a_closed_pipe():
    """`python -m relu_simd | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "relu_simd"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=300,
        )
    assert (done.returncode, done.stderr) == (1, "")


WORKERS = """
import multiprocessing, sys, warnings
from concurrent.futures import ProcessPoolExecutor
EARLY

def threads(_):
    import relu_simd
    return relu_simd.get_num_threads()

if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process with threads
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        counts = pool.map(threads, range(4))
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        counts += pool.map(threads, range(4))
    import relu_simd
    print(sorted(set(counts)), relu_simd.get_num_threads())
"""


METHODS = ["fork", "spawn", "forkserver"]
EARLY = {"imported by the main module": "import relu_simd", "by the worker": ""}
VARIABLES = ["", "OMP_NUM_THREADS", "RELU_SIMD_NUM_THREADS"]
# A forked worker of a main module that has imported the package keeps what was set there: see test_threads.py.
WORKER_CASES = [
    pytest.param(
        method,
        early,
        variable,
        id="-".join(filter(None, (method, words, variable))),
        marks=[pytest.mark.wide] * (method == "forkserver" or bool(variable and (method, early) != ("spawn", ""))),
    )
    for method, (words, early), variable in itertools.product(METHODS, EARLY.items(), VARIABLES)
    if not (method == "fork" and early and variable)
]


@pytest.mark.parametrize(("method", "early", "variable"), WORKER_CASES)
def test_threads_of_worker_processes(method, early, variable, tmp_path, monkeypatch):
    """One each, unless somebody says otherwise: two workers of two threads on two CPUs would be in each other's way."""
    if method != "spawn" and not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    script = tmp_path / "workers.py"
    script.write_text(WORKERS.replace("EARLY", early), encoding="utf-8")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    asked = {variable: "3"} if variable else {}
    done = run(str(script), method, PYTHONPATH=os.pathsep.join(filter(None, sys.path)), **asked)
    usual = 3 if variable else run("-c", "import relu_simd as rs; print(rs.get_num_threads())", **asked).stdout.strip()
    assert (done.stderr, done.stdout) == ("", f"[{3 if variable else 1}] {usual}\n")
