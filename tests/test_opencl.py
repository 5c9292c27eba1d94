# SPDX-License-Identifier: BSD-3-Clause
"""relu_simd.opencl: byte for byte what the CPU gives, on every layout that it takes, and what it refuses."""

import inspect
import os
import re
import sys
from itertools import product

import numpy as np
import pytest
from cases import FLOATS, INTEGERS, OPS, here, is_float, isnan, numbers, operands, pairs, same, specials, with_operand

import relu_simd

cl = pytest.importorskip("pyopencl", reason="pyopencl is not installed: pip install 'relu-simd[opencl]'")

from relu_simd import opencl  # noqa: E402
from relu_simd.opencl import _kernels, _source  # noqa: E402
from relu_simd.opencl._layout import DENSE  # noqa: E402

try:
    # By default the first; `make gpu` names another.
    WANTED = os.environ.get("RELU_SIMD_TEST_OPENCL", "")
    DEVICE = next(each for each in opencl.devices() if WANTED in f"{each.name.strip()} ({each.platform.name.strip()})")
except RuntimeError as no_device:
    pytest.skip(f"OpenCL: {no_device}", allow_module_level=True)


@pytest.fixture(scope="module")
def queue():
    context = cl.Context([DEVICE])
    yield cl.CommandQueue(context)
    del context  # held so far: Intel's runtime lets it go with its last object, whatever queues it has


@pytest.fixture
def fresh_kernels():
    """No kernel is built yet, and none of the test's stays."""
    _kernels._built.cache_clear()
    _kernels.THREAD.launcher.cache_clear()
    yield
    _kernels._built.cache_clear()
    _kernels.THREAD.launcher.cache_clear()


@pytest.fixture(params=["scalar", "packed"])
def packed(request, monkeypatch):
    """Each of the two ways through memory, whichever this device would take."""
    monkeypatch.setattr(_kernels, "packs", lambda device: request.param == "packed")
    _kernels.THREAD.launcher.cache_clear()
    yield
    _kernels.THREAD.launcher.cache_clear()


def give(queue, value):
    """An array for the device, in the order of its elements; a number as it is."""
    return cl.array.to_device(queue, value) if isinstance(value, np.ndarray) else value


def wanted(op, inputs):
    """The CPU's bytes, of contiguous arrays."""
    whole = [np.array(x, order="C") if isinstance(x, np.ndarray) else x for x in inputs]
    return getattr(relu_simd, op.name)(*whole)


# The table


def test_every_operation_is_there(op):
    function = getattr(opencl, op.name)
    assert op.name in opencl.__all__
    parameters = inspect.signature(function).parameters
    assert [*parameters] == [*op.inputs, "out", "queue", "wait_for"]
    assert parameters["out"].default is None
    for name, default in zip(op.params, op.defaults, strict=True):
        assert parameters[name].default == (inspect.Parameter.empty if default is None else default)
    assert function.__doc__.startswith(op.summary)


def test_public_names():
    others = ["count_active", "devices", "prelu_backward", "relu_backward_from_mask", "relu_with_mask"]
    assert sorted(opencl.__all__) == sorted([*OPS, *others])
    assert [*_source.FORMATS] == FLOATS
    assert sorted(_source.INTEGERS) == sorted(INTEGERS)


# Values


@pytest.mark.above_the_row
@pytest.mark.above_the_dtype
def test_sizes(queue, packed, op, dtype):
    """Around every tail of a group, with the special values in all places."""
    group = 256 * _source.PACK_BYTES // dtype.itemsize
    several = [None, numbers(op, dtype)] if op.params else [None]
    if op.params and is_float(dtype):
        several.append((0.01, 2.0)[: len(op.params)])
    for n, params in product((1, 2, 7, 255, 256, 257, group - 1, group, group + 1, 3 * group + 130), several):
        inputs = operands(op, dtype, n, params, seed=n)
        given = [give(queue, value) for value in inputs]
        same(getattr(opencl, op.name)(*given).get(), wanted(op, inputs))
        out = cl.array.zeros(queue, n + 7, dtype)[:n]
        assert getattr(opencl, op.name)(*given, out=out) is out
        same(out.get(), wanted(op, inputs))
        for array, value in zip(given, inputs, strict=True):
            if isinstance(value, np.ndarray):
                same(array.get(), value)


def with_numbers(op, inputs):
    """Numbers as parameters, and where there is arithmetic no two NaNs in one place: the hardware chooses of these."""
    if op.arithmetic and len(op.arrays) > 1:
        inputs = [inputs[0], np.where(isnan(inputs[0]), inputs[1].dtype.type(1), inputs[1])]
    return [*inputs, *(numbers(op, inputs[0].dtype) or ())]


def test_every_16_bit_pattern(queue, op):
    """In each array, beside others of all kinds."""
    for dtype in here(["float16", "bfloat16"]):
        every = np.arange(2**16, dtype=np.uint16).view(dtype)
        for k in range(len(op.arrays)):
            arrays = operands(op, dtype, every.size)[: len(op.arrays)]
            arrays[k] = every
            inputs = with_numbers(op, arrays)
            same(getattr(opencl, op.name)(*[give(queue, value) for value in inputs]).get(), wanted(op, inputs))


@pytest.mark.drawn
@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
@pytest.mark.parametrize(("dtype", "n"), [("float32", 2**22), ("float64", 2**20)])
def test_many_patterns(queue, op, dtype, n):
    """Patterns from end to end of the dtype, offset at random, among ordinary numbers and all special values."""
    dtype, rng = np.dtype(dtype), np.random.default_rng(5)
    kind = f"u{dtype.itemsize}"
    step = 2 ** (8 * dtype.itemsize) // n
    every = (np.arange(n, dtype=kind) * np.dtype(kind).type(step) + rng.integers(0, step, n, kind)).view(dtype)
    every[1::2] = 10 * rng.standard_normal(n // 2)
    every[: specials(dtype).size] = specials(dtype)
    inputs = with_numbers(op, [every, every[::-1].copy()][: len(op.arrays)])
    same(getattr(opencl, op.name)(*[give(queue, value) for value in inputs]).get(), wanted(op, inputs))


@pytest.mark.drawn
@pytest.mark.parametrize("dtype", here(FLOATS), ids=str)
def test_array_slopes(queue, packed, dtype):
    """Of the same shape, a row along the last axis, or one element; float32 beside 16-bit floats."""
    x = operands(OPS["relu"], dtype, 40 * 37)[0].reshape(40, 37)
    x[isnan(x)] = 1
    for shape in ((40, 37), (37,), (1,), (1, 1), ()):
        for slope_dtype in {dtype, np.dtype("float32")} if dtype.itemsize == 2 else {dtype}:
            weight = np.linspace(-1.5, 2, int(np.prod(shape))).astype(slope_dtype).reshape(shape)
            for name in ("prelu", "leaky_relu"):
                got = getattr(opencl, name)(give(queue, x), give(queue, weight)).get()
                same(got, wanted(OPS[name], [x, weight]))
            got = opencl.leaky_relu_backward(give(queue, x[::-1].copy()), give(queue, x), give(queue, weight)).get()
            same(got, wanted(OPS["leaky_relu_backward"], [x[::-1], x, weight]))


# Layouts


@pytest.mark.wide
@pytest.mark.above_the_row
@pytest.mark.above_the_dtype
@pytest.mark.parametrize(("op", "dtype"), pairs(of_dtypes=FLOATS))
def test_slices(queue, packed, op, dtype):
    """Arrays that begin anywhere in their buffers, aligned or not; nothing around them is written."""
    for offset in (1, 5, 16, 64):
        inputs = operands(op, dtype, 1500, numbers(op, dtype))
        want = wanted(
            op, [value[offset : offset + 700] if isinstance(value, np.ndarray) else value for value in inputs]
        )
        given = [give(queue, value) for value in inputs]
        given = [value[offset : offset + 700] if isinstance(value, cl.array.Array) else value for value in given]
        same(getattr(opencl, op.name)(*given).get(), want)
        around = cl.array.to_device(queue, np.full(800, 3, dtype))
        getattr(opencl, op.name)(*given, out=around[offset : offset + 700])
        got = around.get()
        same(got[offset : offset + 700], want)
        assert (got[:offset] == 3).all()
        assert (got[offset + 700 :] == 3).all()


@pytest.mark.above_the_row
@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (7, 1, 5), (30, 41), (2, 3, 4, 5)])
def test_shapes_and_orders(queue, op, shape, layout):
    n = int(np.prod(shape))
    flat = operands(op, np.dtype("float32"), n, numbers(op, "f4"))
    inputs = [value.reshape(shape, order=layout) if isinstance(value, np.ndarray) else value for value in flat]
    got = getattr(opencl, op.name)(*[give(queue, value) for value in inputs])
    assert got.strides == give(queue, inputs[0]).strides
    same(got.get(), wanted(op, inputs))
    out = cl.array.zeros(queue, shape, np.float32, order=layout)
    same(getattr(opencl, op.name)(*[give(queue, value) for value in inputs], out=out).get(), wanted(op, inputs))


@pytest.mark.above_the_row
@with_operand()
def test_in_place(queue, packed, op, which):
    inputs = operands(op, np.dtype("float32"), 5000)
    given = [give(queue, value) for value in inputs]
    assert getattr(opencl, op.name)(*given, out=given[which]) is given[which]
    same(given[which].get(), wanted(op, inputs))
    for k, (array, value) in enumerate(zip(given, inputs, strict=True)):
        if k != which:
            same(array.get(), value)


def test_shared_virtual_memory(queue):
    if not DEVICE.svm_capabilities:
        pytest.skip("the device has none")
    allocate = cl.tools.SVMAllocator(queue.context, queue=queue)
    x = cl.array.to_device(queue, np.array([-1, 2, np.nan], "f4"), allocator=allocate)
    same(opencl.relu(x, out=x).get(), np.array([0, 2, np.nan], "f4"))
    with pytest.raises(ValueError, match="out overlaps x"):
        opencl.relu(x[:2], out=x[1:])


# Binding


def test_arguments_by_name_and_position(queue):
    x = give(queue, np.array([-2.0, 3.0]))
    out = cl.array.empty_like(x)
    assert opencl.relu(x, out) is out
    assert opencl.relu(x=x, out=out, queue=queue, wait_for=[]) is out
    same(opencl.leaky_relu(x).get(), np.array([-0.02, 3.0]))
    same(opencl.leaky_relu(x, negative_slope=0.5).get(), np.array([-1.0, 3.0]))
    same(opencl.leaky_relu_backward(x, x=x, negative_slope=2).get(), np.array([-4.0, 3.0]))
    same(opencl.prelu(x, np.float32(0.5)).get(), np.array([-1.0, 3.0]))
    for wrong in (lambda: opencl.relu(), lambda: opencl.relu(x, inplace=True), lambda: opencl.prelu(x)):
        with pytest.raises(TypeError, match=r"(relu|prelu)\(\) "):
            wrong()


def test_the_queue_of_a_call(queue):
    """The one given, or that of an array that has one; the result has it, too."""
    other = cl.CommandQueue(queue.context)
    x = give(queue, np.ones(3, "f4"))
    assert opencl.relu(x).queue == queue
    assert opencl.relu(x, queue=other).queue == other
    assert opencl.relu(x.with_queue(None), out=x) is x
    with pytest.raises(ValueError, match="relu: no array has a queue"):
        opencl.relu(x.with_queue(None))


# Errors: nothing is enqueued


@pytest.mark.above_the_row
@with_operand()
def test_no_pyopencl_arrays(queue, op, which):
    alone, beside = f"relu_simd.{op.name} computes on those", r"is a NumPy array and \w+ a pyopencl array"
    for wrong, match in (
        (np.ones(3, "f4"), beside if len(op.inputs) > 1 else alone),
        ([1.0], "must be a"),
        (None, "must be a"),
    ):
        given = [give(queue, np.ones(3, "f4")) for _ in op.inputs]
        given[which] = wrong
        with pytest.raises(TypeError, match=f"{op.name}: {op.inputs[which]} .*{match}"):
            getattr(opencl, op.name)(*given)
    given = [give(queue, np.ones(3, "f4")) for _ in op.inputs]
    with pytest.raises(TypeError, match=f"{op.name}: out is a NumPy array"):
        getattr(opencl, op.name)(*given, out=np.ones(3, "f4"))


@pytest.mark.above_the_row
@pytest.mark.parametrize("code", ["i4", "u1", "c8", ">f4", ">i4", "b1"])
def test_refused_dtypes(queue, op, code):
    if op.takes_integers and np.dtype(code).isnative and np.dtype(code).kind in "iu":
        return
    array = cl.array.Array(queue, 3, np.dtype(code))
    with pytest.raises(TypeError, match=f"{op.name}: {op.inputs[0]} has dtype .*; use one of float16"):
        getattr(opencl, op.name)(*[array] * len(op.inputs))


@pytest.mark.above_the_row
@with_operand(first=1)
def test_operands_that_differ(queue, op, which):
    for wrong, error, match in (
        (np.ones((3, 4), "f8"), TypeError, "has dtype float64"),
        (np.ones((4, 3), "f4"), ValueError, r"has shape \(4, 3\), .* \(3, 4\); they do not broadcast"),
    ):
        given = [give(queue, np.ones((3, 4), "f4")) for _ in op.inputs]
        given[which] = give(queue, wrong)
        with pytest.raises(error, match=f"{op.name}: {op.inputs[which]} .*{match}"):
            getattr(opencl, op.name)(*given)


@pytest.mark.above_the_row
def test_out_that_differs(queue, op):
    given = [give(queue, np.ones((3, 4), "f4")) for _ in op.inputs]
    for wrong, error, match in (
        (np.ones((3, 4), "f8"), TypeError, "out has dtype float64"),
        (np.ones((12,), "f4"), ValueError, r"out has shape \(12,\)"),
    ):
        out = give(queue, wrong)
        with pytest.raises(error, match=f"{op.name}: {match}"):
            getattr(opencl, op.name)(*given, out=out)
        same(out.get(), wrong)


@pytest.mark.parametrize("slope", ["0.1", 1j, True, object(), np.longdouble(1), [0.1]])
def test_slopes_that_are_no_numbers(queue, slope):
    with pytest.raises(TypeError, match="leaky_relu: negative_slope must be a number"):
        opencl.leaky_relu(give(queue, np.ones(3, "f4")), slope)


def test_a_slope_beyond_float32(queue):
    with pytest.warns(RuntimeWarning, match="overflow"):
        got = opencl.leaky_relu(give(queue, np.array([-1, 1], "f4")), 1e300)
    same(got.get(), np.array([-np.inf, 1], "f4"))


@pytest.mark.above_the_row
def test_overlap_other_than_exactly(queue, op):
    memory = cl.array.to_device(queue, np.arange(20, dtype="f4") - 10)
    given = [memory[:10], *(give(queue, np.ones(10, "f4")) for _ in op.inputs[1:])]
    with pytest.raises(ValueError, match=f"{op.name}: out overlaps {op.inputs[0]}"):
        getattr(opencl, op.name)(*given, out=memory[1:11])
    getattr(opencl, op.name)(*given, out=memory[10:])
    same(memory.get()[:10], np.arange(10, dtype="f4") - 10)


def test_overlap_through_sub_buffers(queue):
    """Two buffers with nothing in common but the one that both are part of."""
    base = cl.Buffer(queue.context, cl.mem_flags.READ_WRITE, 4096)
    first, second, last = base[0:2048], base[1024:3072], base[2048:4096]
    x, shifted, apart = (cl.array.Array(queue, 512, "f4", data=part) for part in (first, second, last))
    with pytest.raises(ValueError, match="out overlaps x"):
        opencl.relu(x, out=shifted)
    with pytest.raises(ValueError, match="out overlaps x"):
        opencl.relu(x, out=cl.array.Array(queue, 512, "f4", data=base, offset=4))
    opencl.relu(x, out=apart)
    opencl.relu(x, out=cl.array.Array(queue, 512, "f4", data=base)).finish()


def test_a_slope_that_out_overlaps(queue):
    x, weight = give(queue, np.ones((3, 4), "f4")), give(queue, np.ones(4, "f4"))
    memory = cl.array.Array(queue, (3, 4), "f4", data=x.base_data)
    with pytest.raises(ValueError, match="prelu: out overlaps weight"):
        opencl.prelu(give(queue, np.ones((3, 4), "f4")), memory.ravel()[:4], out=x)
    opencl.prelu(x, weight, out=x)


def test_read_only_out(queue):
    x = give(queue, np.ones(4, "f4"))
    frozen = cl.Buffer(queue.context, cl.mem_flags.READ_ONLY, 16)
    with pytest.raises(ValueError, match="relu: out is in a buffer that kernels may only read"):
        opencl.relu(x, out=cl.array.Array(queue, 4, "f4", data=frozen))


def test_another_context(queue):
    context = cl.Context([DEVICE])
    other = cl.CommandQueue(context)
    x, stranger = give(queue, np.ones(4, "f4")), give(other, np.ones(4, "f4"))
    with pytest.raises(ValueError, match="relu: out is in another context"):
        opencl.relu(x, out=stranger)
    with pytest.raises(ValueError, match="relu_backward: x is in another context"):
        opencl.relu_backward(x, stranger)
    with pytest.raises(ValueError, match="relu: x is in another context"):
        opencl.relu(x, queue=other)
    with pytest.raises(ValueError, match="prelu: weight is in another context"):
        opencl.prelu(x, stranger)
    with pytest.raises(TypeError, match=r"relu: queue must be a pyopencl.CommandQueue, not Context"):
        opencl.relu(x, queue=queue.context)


def test_within_an_element(queue):
    data = cl.Buffer(queue.context, cl.mem_flags.READ_WRITE, 64)
    with pytest.raises(ValueError, match="relu: an array begins at byte 2 of its buffer"):
        opencl.relu(cl.array.Array(queue, 4, "f4", data=data, offset=2))


# Devices


@pytest.mark.above_the_row
def test_float64_on_a_device_without_it(queue, op, monkeypatch, fresh_kernels):
    """Compares and selects need none: not a word of double is compiled for them."""
    monkeypatch.setattr(_kernels, "has_fp64", lambda device: False)
    texts = []
    build = cl.Program.build
    monkeypatch.setattr(
        cl.Program, "build", lambda it, options, devices: (texts.append(it._source), build(it, options, devices))[1]
    )
    inputs = operands(op, np.dtype("float64"), 300, numbers(op, "f8"))
    given = [give(queue, value) for value in inputs]
    if op.arithmetic or op.params:
        with pytest.raises(ValueError, match=f"{op.name}: .* cannot compute in float64"):
            getattr(opencl, op.name)(*given)
    else:
        same(getattr(opencl, op.name)(*given).get(), wanted(op, inputs))
        assert "#define NO_DOUBLE" in texts[0]
        assert "#define real float" in texts[0]


DIVISIONS = {
    "bits by 6": lambda bits, rng: (bits.view("f4"), np.full(bits.size, 6, "f4")),
    "denormals": lambda bits, rng: ((bits % 2**23 | bits & 2**31).view("f4"), rng.uniform(-9, 9, bits.size)),
    "to denormals": lambda bits, rng: ((0x00400000 + bits % 0x02000000).view("f4"), rng.uniform(0.3, 40, bits.size)),
    "of any size": lambda bits, rng: (bits.view("f4"), np.exp2(rng.uniform(-120, 120, bits.size))),
}


@pytest.mark.parametrize("name", DIVISIONS)
@pytest.mark.parametrize("ulps", [0, -2.5, 2.5])
def test_division_is_rounded_by_fma(queue, name, ulps):
    """Every quotient, normal or not, on a device whose own reciprocals are off by as much as OpenCL allows."""
    rng = np.random.default_rng(0)
    a, b = DIVISIONS[name](rng.integers(0, 2**32, 2**20, np.uint32), rng)
    b = b.astype("f4")
    variant = _source.Variant(
        opencl.sigmoid.operation,
        "float32",
        (_source.ARRAY,),
        DENSE,
        False,
        64,
        half=False,
        double=False,
        exact_division=False,
    )
    text = variant.source().text.replace("1 / b", f"1 / b * {1 + ulps * 2.0**-23!r}f")
    text += """
    kernel void divide(global const float *a, global const float *b, global float *q)
    {
        const size_t i = get_global_id(0);
        q[i] = div(a[i], b[i]);
    }
    """
    kernel = cl.Kernel(cl.Program(queue.context, text).build(), "divide")
    operands = [cl.array.to_device(queue, each) for each in (a, b, np.empty_like(a))]
    kernel(queue, a.shape, None, *(each.data for each in operands))
    with np.errstate(all="ignore"):
        want = a / b
    got = operands[2].get()
    assert isnan(got[isnan(want)]).all()
    same(np.where(isnan(want), want, got), want)


@pytest.mark.drawn
def test_division_on_a_device_that_does_not_round_it(queue, op, monkeypatch, fresh_kernels):
    """The same bytes by fma alone."""
    monkeypatch.setattr(_kernels, "divides_exactly", lambda device: False)
    x = np.concatenate([np.random.default_rng(0).standard_normal(2**18, np.float32) * 20, specials("f4")])
    inputs = with_numbers(op, [x, x[::-1].copy()][: len(op.arrays)])
    same(getattr(opencl, op.name)(*[give(queue, value) for value in inputs]).get(), wanted(op, inputs))


def nan_parameters(queue, op, inputs):
    """Each parameter a NaN with some payload, as a number or an array."""
    dtype = inputs[0].dtype
    inputs = [np.where(isnan(x), dtype.type(1), x) if isinstance(x, np.ndarray) else x for x in inputs]
    some = {2: 0x7FC5 if dtype.name == "bfloat16" else 0x7D05, 4: 0xFFC12345, 8: 0x7FF8123456789ABC}[dtype.itemsize]
    payload = np.array([some], f"u{dtype.itemsize}").view(dtype)
    values = [payload, float("nan"), *([np.array([0xFFC12345], "u4").view("f4")] if dtype.itemsize == 2 else [])]
    for k, value in product(range(len(op.arrays), len(op.inputs)), values):
        given = [*inputs[:k], value, *inputs[k + 1 :]]
        got, want = getattr(opencl, op.name)(*[give(queue, each) for each in given]).get(), wanted(op, given)
        # celu and silu give such a NaN the sign of x, which cannot be told from the result.
        same(*(np.where(isnan(want), np.abs(each), each) if op.widens else each for each in (got, want)))


@pytest.mark.above_the_dtype
@pytest.mark.above_the_row
@pytest.mark.parametrize(("op", "dtype"), pairs(of_dtypes=FLOATS))
def test_nans_on_a_device_that_has_but_one(queue, op, dtype, monkeypatch, fresh_kernels):
    """Whose arithmetic gives the same NaN always, as that of GPUs: the payloads of the CPU all the same."""
    monkeypatch.setattr(_kernels, "has_one_nan", lambda device: True)
    words = _source.WORDS
    for number in ("a + b", "a - b", "a * b", "a / b", "widen(a) + widen(b)", "widen(a) * b", "widen(a) * widen(b)"):
        assert f"return {number}; }}" in words or f"narrow({number})" in words
        words = words.replace(f"return {number}; }}", f"return ONE({number}); }}")
        words = words.replace(f"narrow({number})", f"narrow(ONE({number}))")
    words = words.replace("narrow(result)", "narrow(ONE(result))")
    words = re.sub(r"#define fma (__builtin_fmaf?)", r"#define fma(a, b, c) ONE(\1(a, b, c))", words)
    one = "RS_INLINE real ONE(real v) { return v != v ? NAN : v; }\n"
    words = words.replace("// A type of its own", f"{one}// A type of its own")
    monkeypatch.setattr(_source, "WORDS", words)
    for params in [None, numbers(op, dtype)] if op.params else [None]:
        inputs = operands(op, dtype, 5000, params)
        if op.computes and params is None:
            continue  # an array of parameters has special values, which may meet
        same(getattr(opencl, op.name)(*[give(queue, value) for value in inputs]).get(), wanted(op, inputs))
    nan_parameters(queue, op, operands(op, dtype, 500, numbers(op, dtype)))


@pytest.mark.above_the_row
def test_nans_where_the_device_converts_float16(queue, op, monkeypatch, fresh_kernels):
    """And its conversions give the same NaN always; the payloads are those of the CPU, also of parameters."""
    words = _source.WORDS
    start = words.index("// On the bits: vload_half")
    ours = words[start : words.index("#endif", start)]
    ours = ours.replace("widen(bits", "converted_from(bits").replace("narrow(real", "converted_to(real")
    for theirs, simulated in (
        ("#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n", ours),
        ("convert_float(as_half(x))", "((x & 0x7fff) > 0x7c00 ? NAN : converted_from(x))"),
        ("as_ushort(convert_half_rte(f))", "(f != f ? 0x7fff : converted_to(f))"),
    ):
        assert theirs in words
        words = words.replace(theirs, simulated)
    monkeypatch.setattr(_source, "WORDS", words)
    monkeypatch.setattr(_kernels, "has_fp16", lambda device: True)
    monkeypatch.setattr(_kernels, "has_one_nan", lambda device: True)
    inputs = with_numbers(op, operands(op, np.dtype("f2"), 5000)[: len(op.arrays)])
    same(getattr(opencl, op.name)(*[give(queue, value) for value in inputs]).get(), wanted(op, inputs))
    nan_parameters(queue, op, inputs)


def test_kernels_are_kept_and_bounded(queue, fresh_kernels):
    x = give(queue, np.ones(4, "f4"))
    for _ in range(3):
        opencl.relu(x)
        opencl.relu(give(cl.CommandQueue(queue.context), np.ones(4, "f4")))
    assert _kernels._built.cache_info().currsize == 1
    assert _kernels.THREAD.launcher.cache_info().currsize == 1
    context = cl.Context([DEVICE])
    opencl.relu(give(cl.CommandQueue(context), np.ones(4, "f4")))
    assert _kernels._built.cache_info().currsize == 2
    assert _kernels._built.cache_info().maxsize == _kernels.THREAD.launcher.cache_info().maxsize == _kernels.KEPT


def test_a_kernel_that_does_not_build(queue, monkeypatch, fresh_kernels):
    monkeypatch.setattr(_source, "WORDS", "this is no C")
    with pytest.raises(RuntimeError, match=r"relu: no kernel for .*POCL_CACHE_DIR"):
        opencl.relu(give(queue, np.ones(4, "f4")))


def test_no_platform_and_no_device(monkeypatch):
    class Empty:
        name = "Some GPU"

        def get_devices(self):
            raise cl.LogicError("clGetDeviceIDs", cl.status_code.DEVICE_NOT_FOUND)

    def none():
        raise cl.LogicError("clGetPlatformIDs", -1001)

    for platforms in (none, list, lambda: [Empty()]):
        monkeypatch.setattr(cl, "get_platforms", platforms)
        with pytest.raises(RuntimeError, match=r"no OpenCL device: install .*relu-simd\[opencl\]"):
            opencl.devices()
    Empty.name = "Portable Computing Language"
    with pytest.raises(RuntimeError, match=r"PoCL offers no device.*set POCL_CACHE_DIR"):
        opencl.devices()


def test_without_pyopencl(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("relu_simd.opencl")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pyopencl", None)
    with pytest.raises(ImportError, match=r'pip install "relu-simd\[opencl\]"'):
        __import__("relu_simd.opencl")


def test_out_that_ends_where_an_input_begins(queue):
    """And the other way round: the two meet, and share nothing."""
    x = np.arange(-5, 5, dtype=np.float32)
    for source, target in ((np.s_[5:], np.s_[:5]), (np.s_[:5], np.s_[5:])):
        array = give(queue, x)
        opencl.tanh(array[source], out=array[target])
        same(array[target].get(), relu_simd.tanh(x[source]))
