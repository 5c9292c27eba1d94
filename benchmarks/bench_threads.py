# SPDX-License-Identifier: BSD-3-Clause
"""What threads bring, and what they cost, in company: relu(x, out=y) of float32 on all threads against one.

    python benchmarks/bench_threads.py                                every situation, 2 minutes
    python benchmarks/bench_threads.py quiet blas --sizes 1e5,1e6     some of them
    python benchmarks/bench_threads.py --before ../other-checkout     against another build, too

Each situation is measured in processes of their own, one for each number of threads, which take turns in `--rounds`
rounds. "Times as fast" is one thread's time over that of all threads: the median of the rounds' ratios, once of each
round's median call and once of its mean call. The mean is what a user waits for where now and then a call stalls.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

SITUATIONS = {
    "quiet": "calls in a loop, nothing else runs",
    "apart": "2 ms of sleep before each call",
    "blas": "a matrix product (NumPy's BLAS, its own threads) before each call",
    "torch": "a torch.relu of the same size (its own threads) before each call",
    "busy1": "calls in a loop beside another process that keeps one CPU busy",
    "busy2": "the same with two such processes",
    "eight": "eight Python threads call at once; the time is that of all their calls over their number",
}


def measure(situation, n, seconds):
    """In a process of its own: seconds of each call, as a list."""
    import numpy as np

    import relu_simd

    x = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    y = np.empty_like(x)
    relu, clock = relu_simd.relu, time.perf_counter

    def before():
        pass

    if situation == "apart":

        def before():
            time.sleep(0.002)
    elif situation == "blas":
        a = np.random.default_rng(1).standard_normal((256, 256)).astype(np.float32)
        c = np.empty_like(a)

        def before():
            np.matmul(a, a, out=c)
    elif situation == "torch":
        import torch

        t = torch.from_numpy(x.copy())
        u = torch.empty_like(t)

        def before():
            torch.clamp_min(t, 0, out=u)
    elif situation == "eight":
        return eight(relu, x, seconds)

    for _ in range(20):
        before()
        relu(x, out=y)
    took, end = [], clock() + seconds
    while clock() < end:
        before()
        start = clock()
        relu(x, out=y)
        took.append(clock() - start)
    return took


def eight(relu, x, seconds):
    """The wall time of rounds of 10 calls by each of eight threads, for one call."""
    from threading import Barrier, Thread

    import numpy as np

    outs = [np.empty_like(x) for _ in range(8)]
    barrier, took, clock, calls = Barrier(9), [], time.perf_counter, 10
    end = clock() + seconds
    going = [True]

    def work(out):
        while True:
            barrier.wait()
            if not going[0]:
                return
            for _ in range(calls):
                relu(x, out=out)
            barrier.wait()

    threads = [Thread(target=work, args=(out,)) for out in outs]
    for thread in threads:
        thread.start()
    while clock() < end:
        start = clock()
        barrier.wait()
        barrier.wait()
        took.append((clock() - start) / (8 * calls))
    going[0] = False
    barrier.wait()
    for thread in threads:
        thread.join()
    return took


def child(situation, n, threads, seconds, tree):
    """Median and mean seconds of a call, by a process that sees the package in `tree`."""
    environment = {**os.environ, "RELU_SIMD_NUM_THREADS": str(threads)}
    if tree:
        environment["PYTHONPATH"] = tree
    command = [sys.executable, __file__, "--child", json.dumps([situation, n, seconds])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def busy(count):
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("situations", nargs="*", help=f"of {', '.join(SITUATIONS)} (default: all)")
    parser.add_argument("--sizes", default="1e5,1e6,3e6", help="numbers of elements (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4, help="for each process (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: %(default)s here")
    parser.add_argument("--before", metavar="TREE", help="a checkout, built in place, to measure beside this one")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        took = measure(*json.loads(options.child))
        print(json.dumps([statistics.median(took), statistics.mean(took)]))
        return
    unknown = set(options.situations) - set(SITUATIONS)
    if unknown:
        parser.error(f"unknown situation {', '.join(sorted(unknown))} (choose from {', '.join(SITUATIONS)})")
    contestants = {"one": (1, None), "all": (options.threads, None)}
    if options.before:
        contestants["before"] = (options.threads, options.before)
    print(f"{options.threads} threads against one; times as fast, by the median call and by the mean call")
    for situation in options.situations or SITUATIONS:
        print(f"\n{situation}: {SITUATIONS[situation]}")
        others = busy(int(situation[-1]) if situation.startswith("busy") else 0)
        try:
            for n in (int(float(size)) for size in options.sizes.split(",")):
                rounds = [
                    {
                        who: child(situation, n, threads, options.seconds, tree)
                        for who, (threads, tree) in contestants.items()
                    }
                    for _ in range(options.rounds)
                ]
                line = f"{n:>10,}  one {1e6 * statistics.median(r['one'][1] for r in rounds):8.1f} us"
                for who in list(contestants)[1:]:
                    ratios = [statistics.median(r["one"][k] / r[who][k] for r in rounds) for k in (0, 1)]
                    least = min(r["one"][1] / r[who][1] for r in rounds)
                    line += f"   {who} {ratios[0]:.2f}x, mean {ratios[1]:.2f}x (least {least:.2f}x)"
                print(line, flush=True)
        finally:
            for other in others:
                other.kill()
                other.wait()


if __name__ == "__main__":
    main()
