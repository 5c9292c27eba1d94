# SPDX-License-Identifier: BSD-3-Clause
"""What `make gpu` measures on one OpenCL device: bandwidth, denormals, transfers, other libraries. See gpu.py."""

import importlib
import statistics
import time

import numpy as np
import pyopencl as cl
from pyopencl.array import empty_like, to_device

import relu_simd
from relu_simd import _core, opencl
from relu_simd.bench.opencl_device import COPY_BUFFER, COPY_KERNEL, OURS, Device

OPS = {op.name: op for op in _core.OPS}
FUNCTIONS = ("relu", "relu_backward", "leaky_relu", "add_relu", "hardtanh", "sigmoid", "tanh", "gelu", "gelu_backward",
             "silu", "mish", "softplus")  # fmt: skip
TRANSFERS = ("relu", "gelu")
ROUNDS = 5
BLOCK = 2**16


def tiled(n, dtype, seed):
    """n ordinary numbers of which BLOCK differ: making others would take longer than all measurements."""
    block = np.random.default_rng(seed).standard_normal(BLOCK, np.float32).astype(dtype)
    return np.resize(block, n)


def bandwidth(device, n, dtypes):
    """Of each function the seconds on the device's clock, in place and not, and others'; whether bytes are right."""
    measured = Device(device)
    for dtype in dtypes:
        if dtype == "float64" and not device.double_fp_config:
            continue
        for name in FUNCTIONS:
            op = OPS[name]
            arrays = [tiled(n, dtype, k) for k in range(len(op.arrays))]
            given = [*(to_device(measured.queue, array) for array in arrays), *op.defaults]
            out = empty_like(given[0])
            nbytes = (len(arrays) + 1) * out.nbytes
            contestants = measured._contestants(op, dtype, given, out, nbytes)
            contestants = {way: contestants[way] for way in (OURS, COPY_KERNEL, COPY_BUFFER)}
            function = getattr(opencl, name)
            contestants["in place"] = lambda f=function, g=given: f(*g, out=g[0]).events[-1]
            want = getattr(relu_simd, name)(*(array[:BLOCK] for array in arrays), *op.defaults)
            function(*given, out=out)
            equal = out.get()[: n // BLOCK * BLOCK].reshape(-1, BLOCK).tobytes() == want.tobytes() * (n // BLOCK)
            times = {way: statistics.median(taken) for way, taken in measured._measure(contestants).items()}
            yield {"op": name, "dtype": dtype, "n": n, "bytes": nbytes, "equal": equal, "times": times}


def calls(device):
    """CPU seconds of a call of each kind."""
    return Device(device).calls()


def denormals(device):
    """For each dtype whether products of denormals, and what only compares, are those of the CPU."""
    queue = cl.CommandQueue(cl.Context([device]))
    found = {}
    for dtype, bits in (("float16", "u2"), ("float32", "u4"), ("float64", "u8")):
        if dtype == "float64" and not device.double_fp_config:
            continue
        x = np.arange(1, 400, dtype=bits).view(dtype)
        x = np.concatenate([x, -x])
        array = to_device(queue, x)
        found[dtype] = {
            "arithmetic": opencl.leaky_relu(array, 0.5).get().tobytes() == relu_simd.leaky_relu(x, 0.5).tobytes(),
            "comparisons": opencl.relu(array).get().tobytes() == relu_simd.relu(x).tobytes(),
        }
    return found


def transfers(device, sizes):
    """Seconds to bring float32 arrays there and back, and what the device and the CPU take to compute."""
    queue = cl.CommandQueue(cl.Context([device]))
    records = []
    for n in sizes:
        x, result = tiled(n, "float32", 0), np.empty(n, np.float32)
        array = to_device(queue, x)
        out = empty_like(array)
        ways = {
            "there": lambda a=array, x=x: (a.set(x), queue.finish()),
            "back": lambda o=out, r=result: (o.get(ary=r), queue.finish()),
        }
        for name in TRANSFERS:
            ours, cpu = getattr(opencl, name), getattr(relu_simd, name)
            ways[f"{name} on the device"] = lambda f=ours, a=array, o=out: (f(a, out=o), queue.finish())
            ways[f"{name} on the CPU"] = lambda f=cpu, x=x, r=result: f(x, out=r)
        records.append({"n": n, "times": {way: wall(run) for way, run in ways.items()}})
    return records


def wall(run):
    """Seconds, the median of several after one that warms up."""
    taken = []
    for k in range(ROUNDS + 1):
        begin = time.perf_counter()
        run()
        if k:
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def pays_from(records, name):
    """The smallest size from which on the way there, the computation and the way back take less than the CPU."""
    found = None
    for record in reversed(records):
        times = record["times"]
        if times["there"] + times[f"{name} on the device"] + times["back"] >= times[f"{name} on the CPU"]:
            return found
        found = record["n"]
    return found


def others(n, dtypes):
    """Seconds by CUDA events of what CuPy and PyTorch have in place of a few functions, where they and a GPU are."""
    records = []
    for library in ("cupy", "torch"):
        try:
            module = importlib.import_module(library)
            available = module.cuda.is_available()
        except ImportError:
            continue
        if not available:
            continue
        for dtype in dtypes:
            for name, run in ways_of(module, library, n, dtype).items():
                records.append({"library": f"{library} {module.__version__}", "op": name, "dtype": dtype, "n": n,
                                "time": cuda_time(module, library, run)})  # fmt: skip
    return records


def ways_of(module, library, n, dtype):
    """The functions of a library on arrays on its device, into arrays that are there already where it allows that."""
    values = tiled(n, dtype, 0)
    if library == "cupy":
        x, out = module.asarray(values), module.empty(n, dtype)
        return {
            "copy": lambda: module.copyto(out, x),
            "relu": lambda: module.maximum(x, 0, out=out),
            "tanh": lambda: module.tanh(x, out=out),
        }
    x = module.from_numpy(values).cuda()
    out = module.empty_like(x)
    functional = module.nn.functional
    return {
        "copy": lambda: out.copy_(x),
        "relu": lambda: module.clamp_min(x, 0, out=out),
        "sigmoid": lambda: module.sigmoid(x, out=out),
        "tanh": lambda: module.tanh(x, out=out),
        "gelu": lambda: functional.gelu(x),
        "silu": lambda: functional.silu(x),
    }


def cuda_time(module, library, run):
    """Seconds between two events, the median of several."""
    taken = []
    for k in range(ROUNDS + 2):
        kind = module.cuda.Event if library == "cupy" else lambda: module.cuda.Event(enable_timing=True)
        first, last = kind(), kind()
        first.record()
        run()
        last.record()
        last.synchronize()
        if k > 1:
            elapsed = module.cuda.get_elapsed_time(first, last) if library == "cupy" else first.elapsed_time(last)
            taken.append(elapsed * 1e-3)
    return statistics.median(taken)
