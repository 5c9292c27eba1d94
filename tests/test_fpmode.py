# SPDX-License-Identifier: BSD-3-Clause
"""The caller's floating-point mode: results are the same in every one, and the mode and the flags are left alone."""

import ctypes
import platform
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from cases import (
    EMULATED,
    ISAS,
    dtypes,
    finfo,
    finite,
    noting,
    numbers,
    operands,
    pairs,
    param_dtype,
    run,
    same,
    sample,
    using_isa,
)

import relu_simd as rs
from relu_simd import _core, c_api, ufuncs

if not sys.platform.startswith("linux") or platform.machine() not in ("x86_64", "aarch64"):
    pytest.skip("the registers are reached as on Linux", allow_module_level=True)

LIBM = ctypes.CDLL(None if platform.libc_ver()[0] != "glibc" else "libm.so.6")
X86 = platform.machine() == "x86_64"
# The 32-bit word of fenv_t that has the mode: MXCSR, or FPCR. On x86 it has the flags besides.
WORD = 7 if X86 else 0
FLAGS = 0x3F if X86 else 0

MODES = (
    {"denormals are zero": 0x40, "flush to zero": 0x8000, "both": 0x8040}
    | {"down": 0x2000, "up": 0x4000, "towards zero": 0x6000, "all": 0xC040}
    if X86
    else {"flush to zero": 1 << 24, "flush half": 1 << 19, "default NaN": 1 << 25}
    | {"up": 1 << 22, "down": 2 << 22, "towards zero": 3 << 22, "all": 1 << 24 | 1 << 25 | 1 << 22}
)
EACH_MODE = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


def environment():
    words = (ctypes.c_uint32 * 16)()
    LIBM.fegetenv(words)
    return words


@contextmanager
def fp_mode(bits):
    """Set these bits in this thread; afterwards they, and all flags, must be as they were."""
    before = environment()
    inside = (ctypes.c_uint32 * 16)(*before)
    inside[WORD] |= bits
    LIBM.fesetenv(inside)
    entered = environment()[WORD]
    try:
        yield
        left = environment()[WORD]
    finally:
        LIBM.fesetenv(before)
    assert entered & ~FLAGS == inside[WORD] & ~FLAGS
    assert left & ~FLAGS == entered & ~FLAGS


def in_every_mode(function, *inputs, modes=None):
    """The same bytes as in the default mode, on every instruction set."""
    for isa in ISAS:
        with using_isa(isa):
            want = function(*inputs)
            for bits in (modes or MODES).values():
                with fp_mode(bits):
                    got = function(*inputs)
                for a, b in zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]:
                    same(np.asarray(a), b)


def test_the_modes_are_set():
    """The test of these tests: NumPy's own arithmetic does depend on them."""
    tiny, one, third = np.float32([1e-40]), np.float32([1]), np.float32([3])
    with fp_mode(MODES["flush to zero"]):
        flushed = float((np.float32([1e-30]) * np.float32([1e-10]))[0])
    with fp_mode(MODES["up"]):
        up = (one / third)[0]
    with fp_mode(MODES["down"]):
        down = (one / third)[0]
    assert tiny[0] > 0
    assert flushed == 0
    assert up > down


@pytest.mark.above_the_row
@pytest.mark.parametrize(("op", "dtype"), pairs())
def test_every_kernel(op, dtype):
    """Contiguous memory, a number as slope, strided memory, and a last operand that is broadcast."""
    for n in (1, 7, 333):
        with noting(f"{n} elements"):
            check_kernel(op, dtype, n)


def check_kernel(op, dtype, n):
    inputs = operands(op, dtype, n)
    function, ufunc = getattr(rs, op.name), getattr(ufuncs, op.name)
    in_every_mode(function, *inputs)
    in_every_mode(ufunc, *inputs)
    in_every_mode(function, *(np.repeat(array, 2)[::2] for array in inputs))
    if len(inputs) > 1:
        rows = [np.tile(array, (3, 1)) for array in inputs[:-1]]
        in_every_mode(function, *rows, inputs[-1])
        in_every_mode(function, *rows, inputs[-1][:1])
    if op.params:
        in_every_mode(function, *inputs[: len(op.arrays)], *numbers(op, dtype))


@pytest.mark.parametrize("dtype", dtypes(_core.DTYPES))
def test_masks_and_counts(dtype):
    x, g = sample(dtype, 1000), sample(dtype, 1000, 1)
    in_every_mode(rs.relu_with_mask, x)
    in_every_mode(rs.relu_backward_from_mask, g, rs.relu_with_mask(x)[1])
    for shape, axis in (((1000,), None), ((10, 100), 0), ((10, 100), 1), ((2, 5, 100), 1), ((100, 10), 0)):
        in_every_mode(lambda x, axis=axis: np.asarray(rs.count_active(x, axis)), x.reshape(shape))


@pytest.mark.parametrize("dtype", dtypes(["float16", "bfloat16", "float32", "float64"]))
@pytest.mark.parametrize("shape", [(200, 5), (5, 200), (20, 5, 10), (1000,)], ids=str)
def test_weight_gradients(dtype, shape):
    """The products, the sums of sums, and the last rounding to the dtype of the weights."""
    x, g = finite(dtype, 1000).reshape(shape), finite(dtype, 1000, 1).reshape(shape)
    for weight in (np.float64([0.1]), np.full(shape[1] if len(shape) == 3 else shape[-1], 0.3)):
        weight = weight.astype(dtype).reshape(-1, 1) if len(shape) == 3 else weight.astype(dtype)
        in_every_mode(rs.prelu_backward, g, x, weight)
        in_every_mode(rs.prelu_backward, np.repeat(g, 2, axis=0)[::2], x, weight)  # in the general way


@pytest.mark.parametrize("dtype", dtypes(["float16", "bfloat16", "float32", "float64"]))
def test_a_denormal_weight_gradient(dtype):
    tiny = float(finfo(dtype).smallest_subnormal)
    x, g = np.array([[-1.0, -2.0]], dtype), np.array([[5 * tiny, -3 * tiny]], dtype)
    in_every_mode(rs.prelu_backward, g, x, np.array([0.5, 0.5], dtype))


@EACH_MODE
def test_a_slope_is_rounded_as_ever(mode):
    """By this module (a number beside float32) and by NumPy (an array of another dtype, integers as inputs)."""
    x = np.float32([-1, -2, 1])
    h, i = x.astype(np.float16), np.arange(-9, 9)
    for slope in (0.1, 1 / 3, 1e-40, -1e-45, 3e38):
        calls = [
            lambda: rs.leaky_relu(x, slope),  # noqa: B023
            lambda: rs.leaky_relu(h, slope),  # noqa: B023
            lambda: rs.leaky_relu(i, slope),  # noqa: B023
            lambda: rs.leaky_relu(x, np.float64([slope]), dtype=np.float32, casting="same_kind"),  # noqa: B023
            lambda: rs.leaky_relu(x[::2], slope),  # noqa: B023
        ]
        want = [call() for call in calls]
        with fp_mode(mode):
            got = [call() for call in calls]
        for a, b in zip(got, want, strict=True):
            same(a, b)


@EACH_MODE
def test_casts_of_arguments(mode):
    """Integers that float32 cannot hold, float64 inputs, an out of another dtype, and masks of them."""
    i, d = np.arange(2**60, 2**60 + 50, dtype=np.int64), np.float64([1e-42, -1e-42, 0.1, -0.1, 1 + 2**-30])
    single = d.astype(np.float32)
    calls = [
        lambda: rs.sigmoid(i),
        lambda: rs.relu(d, dtype=np.float32, casting="same_kind"),
        lambda: rs.relu(d, out=np.empty(5, np.float32), casting="same_kind"),
        lambda: rs.leaky_relu(single, 0.1, out=np.empty(5, np.float16), casting="same_kind"),
        lambda: rs.relu_with_mask(d, out=(np.empty(5, np.float32), None))[0],
        lambda: rs.prelu_backward(i, -i, np.float64([0.5]))[1],
        lambda: rs.prelu_backward(d, -abs(d), np.float32([0.5]))[1],
    ]
    want = [np.asarray(call()) for call in calls]
    with fp_mode(mode):
        got = [np.asarray(call()) for call in calls]
    for a, b in zip(got, want, strict=True):
        same(a, b)


@EACH_MODE
def test_every_thread(mode):
    """The threads of a team may have been started in either mode."""
    n = 600_000 if EMULATED else 2_000_000
    x, g = sample("float32", n), sample("float32", n, 1)
    g[np.isnan(g) & np.isnan(x)] = 2
    weight = np.linspace(0.1, 0.9, 1000, dtype=np.float32)
    rows = x.reshape(-1, 1000)
    calls = [
        lambda: rs.relu(x),
        lambda: rs.leaky_relu(x, 0.1),
        lambda: rs.tanh(x),
        lambda: rs.prelu(rows, weight),
        lambda: rs.relu_with_mask(x)[1],
        lambda: rs.relu_backward_from_mask(g, rs.relu_with_mask(x)[1]),
        lambda: np.asarray(rs.count_active(x)),
        lambda: rs.count_active(rows, axis=0),
    ]
    before = rs.get_num_threads()
    try:
        rs.set_num_threads(1)
        want = [call() for call in calls]
        for count in (2, 5):
            rs.set_num_threads(count)
            with fp_mode(mode):
                got = [call() for call in calls]
            for a, b in zip(got, want, strict=True):
                same(a, b)
    finally:
        rs.set_num_threads(before)


@EACH_MODE
def test_c_api(mode):
    """Other compiled code gets the same bytes, and its own mode back."""
    x = sample("float32", 333)
    for name in ("relu_f32", "tanh_f32"):
        want, got = np.empty_like(x), np.empty_like(x)
        function = c_api.as_ctypes(name)
        function(x.ctypes.data, want.ctypes.data, x.size)
        with fp_mode(mode):
            function(x.ctypes.data, got.ctypes.data, x.size)
        same(got, want)
    function, slope = c_api.as_ctypes("leaky_relu_f32"), ctypes.c_float(1e-40)
    want, got = np.empty_like(x), np.empty_like(x)
    function(x.ctypes.data, slope, want.ctypes.data, x.size)
    with fp_mode(mode):
        function(x.ctypes.data, slope, got.ctypes.data, x.size)
    same(got, want)
    forward, bits = c_api.as_ctypes("relu_with_mask_f32"), np.zeros((2, 42), np.uint8)
    forward(x.ctypes.data, want.ctypes.data, bits[0].ctypes.data, x.size)
    with fp_mode(mode):
        forward(x.ctypes.data, got.ctypes.data, bits[1].ctypes.data, x.size)
    same(got, want)
    same(bits[1], bits[0])


@EACH_MODE
def test_an_object_that_changes_the_mode(mode):
    """The code that turns an object into an array is not ours, and may load a library that sets the mode."""
    x = sample("float32", 100)

    class Setting:
        def __array__(self, dtype=None, copy=None):
            words = environment()
            words[WORD] |= mode
            LIBM.fesetenv(words)
            return x

    for function in (rs.relu, rs.tanh, rs.count_active, lambda x: rs.relu_with_mask(x)[1]):
        want = np.asarray(function(x))
        with fp_mode(0):
            got = np.asarray(function(Setting()))
        same(got, want)


@pytest.mark.parametrize("raised", [0, 0x1, 0x8, 0x1D] if X86 else [0, 0x1, 0x4, 0x1F], ids=hex)
def test_exception_flags_stay(raised):
    """Those that were raised and those that were not, for every way in, in the default mode and in another."""
    x = np.concatenate([sample("float32", 100), np.float32([np.nan, 3e38, 1e-45])])
    x.view(np.uint32)[-3] = 0x7F800001  # signalling
    y, w = np.empty_like(x), np.full(4, 0.1, np.float32)
    rows, big = np.ascontiguousarray(x[:100].reshape(25, 4)), np.tile(x, 2000)
    negative = -rows
    half, whole = x.view(np.float16), x.view(np.int32)
    api, out = c_api.as_ctypes("tanh_f32"), y.ctypes.data
    calls = [
        lambda: rs.leaky_relu(x, 1e-40, out=y),
        lambda: rs.tanh(x),
        lambda: rs.relu(x, out=y),
        lambda: rs.hardtanh(half, -1e-7, 1.0),
        lambda: rs.relu6_backward(half, half),
        lambda: rs.add_relu(half, half),
        lambda: rs.add_relu(whole, whole),
        lambda: rs.hardtanh(whole, 0.0, 7.0),
        lambda: rs.leaky_relu(rows, w),
        lambda: rs.leaky_relu(big, 0.3),
        lambda: rs.prelu_backward(rows, negative, w),
        lambda: rs.relu_with_mask(x),
        lambda: rs.count_active(x),
        lambda: api(x.ctypes.data, out, x.size),
    ]
    for bits in (0, MODES["all"]):
        for call in calls:
            call()
            with fp_mode(bits):
                LIBM.feclearexcept(0x3F)
                LIBM.feraiseexcept(raised)
                call()
                flags = LIBM.fetestexcept(0x3F)
            assert flags == raised


@pytest.mark.skipif(not X86, reason="ARM's processors need not have traps")
def test_traps_do_not_go_off():
    """A caller that has exceptions end the process, as some numerical code does, can pass a signalling NaN."""
    code = """if 1:
        import ctypes
        import numpy as np, relu_simd as rs
        from relu_simd import c_api
        x = np.full(1000, 1e30, np.float32)
        x.view(np.uint32)[::3] = 0x7F800001
        y, w = np.empty_like(x), np.float32([0.1])
        libm = ctypes.CDLL("libm.so.6")
        libm.feenableexcept(0x1D)  # invalid, divide by zero, overflow, underflow
        rs.leaky_relu(x, 1e30, out=y)
        rs.tanh(x, out=y)
        rs.relu(x, out=y)
        rs.leaky_relu(np.broadcast_to(x, (3, 1000)), 1e30)
        rs.prelu_backward(x, x, w)
        rs.relu_with_mask(x)
        rs.count_active(x)
        c_api.as_ctypes("relu_f32")(x.ctypes.data, y.ctypes.data, x.size)
        print(libm.fegetexcept())
    """
    done = run("-c", code)
    assert (done.stdout, done.stderr, done.returncode) == ("29\n", "", 0)


def test_half_slopes_too():
    """What a 16-bit float is multiplied by is float32, and a denormal one of these is a number."""
    x = sample("float16", 100)
    in_every_mode(rs.leaky_relu, x, np.full(100, 1e-39, param_dtype("float16")))
