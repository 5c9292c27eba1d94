# SPDX-License-Identifier: BSD-3-Clause
"""Inputs and comparisons shared by the tests. Everything is derived from the operation table."""

import os
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from functools import cache, lru_cache

import numpy as np
import pytest
from definition import evaluate

import relu_simd
from relu_simd import _core, reference, ufuncs

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

OPS = {op.name: op for op in _core.OPS}
ISAS = relu_simd.available_isas()
EMULATED = os.environ.get("RELU_SIMD_TEST_PROFILE") == "emulated"
SANITIZED = os.environ.get("RELU_SIMD_TEST_PROFILE") in ("address", "threads")
NO_GIL = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))  # what this Python was built for

INTEGERS = [name for name in _core.DTYPES if "int" in name]
FLOATS = [name for name in _core.DTYPES if "int" not in name]
HALVES = [name for name in FLOATS if name.endswith("16")]

WIDE = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant


def dtypes(names):
    """Parameters for a test, of dtypes by name. Without ml_dtypes there is no bfloat16, and pytest says so."""
    absent = pytest.mark.skip(reason="bfloat16 needs ml_dtypes, which is not installed")
    return [
        pytest.param(name, id=name, marks=absent)
        if name == "bfloat16" and ml_dtypes is None
        else pytest.param(np.dtype(name), id=name)
        for name in names
    ]


def here(names):
    """The dtypes themselves, for a loop: those that there are in this installation."""
    return [parameter.values[0] for parameter in dtypes(names) if not parameter.marks]


def pairs(such=lambda op: True, of_dtypes=_core.DTYPES):
    """Parameters: each operation for which `such` holds, with each of these dtypes that it has kernels for."""
    return [
        pytest.param(op, *parameter.values, id=f"{op.name}-{parameter.id}", marks=parameter.marks)
        for op in OPS.values()
        if such(op)
        for parameter in dtypes(name for name in op.dtypes if name in of_dtypes)
    ]


def with_operand(first=0, of_dtypes=None):
    """Parameters: each operation, the number of each input from `first` on and, if given, each of these dtypes."""
    cases = [
        (op, which, parameter)
        for op in OPS.values()
        for which in range(first, len(op.inputs))
        for parameter in (dtypes(name for name in op.dtypes if name in of_dtypes) if of_dtypes else [pytest.param()])
    ]
    return pytest.mark.parametrize(
        ("op", "which", "dtype") if of_dtypes else ("op", "which"),
        [
            pytest.param(
                op,
                which,
                *parameter.values,
                id="-".join(filter(None, [op.name, op.inputs[which], parameter.id])),
                marks=parameter.marks,
            )
            for op, which, parameter in cases
        ],
    )


def is_float(dtype):
    return np.dtype(dtype).name in FLOATS


def finfo(dtype):
    return np.finfo(dtype) if np.dtype(dtype).name != "bfloat16" else ml_dtypes.finfo(dtype)


def lanes(dtype):
    """Of the widest vector that any instruction set has, 64 bytes; narrower ones divide it."""
    return 64 // np.dtype(dtype).itemsize


def sizes(dtype):
    """Around every tail, the unrolled step, its alignment prologue; then shared among threads, and not evenly."""
    width = lanes(dtype)
    around = [k * width + d for k in (2, 3, 4, 5, 8, 16, 17, 20) for d in (-1, 0, 1, 2)]
    return [*range(width + 3), *around, (150_000 if EMULATED else 900_000) // np.dtype(dtype).itemsize + 3]


def run(*words, **environment):
    """A Python process with these arguments and variables, and no RELU_SIMD_* that this one may have."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELU_SIMD_")}
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env=inherited | environment,
        check=False,
        timeout=300,
    )


@contextmanager
def using_isa(name):
    before = relu_simd.isa()
    relu_simd.set_isa(name)
    try:
        yield
    finally:
        relu_simd.set_isa(before)


@contextmanager
def streaming():
    """As for results that no cache can hold."""
    before = _core._assume_cache(1)
    try:
        yield
    finally:
        _core._assume_cache(before)


@contextmanager
def noting(text):
    """A failure within says which of several cases it was."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"case: {text}")
        raise


def bits(array):
    """The elements as unsigned integers."""
    return np.asarray(array, order="C").view(f"u{array.dtype.itemsize}")


def same(got, want):
    """Equal dtype, shape and bytes: NaN payloads and the sign of zero count."""
    want = np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    got_bits, want_bits = got.tobytes(), want.tobytes()
    if got_bits != want_bits:
        differ = np.flatnonzero(bits(np.ravel(got)) != bits(np.ravel(want)))
        first = differ[0]
        raise AssertionError(f"{differ.size} differ, first at {first}: {shown(got, first)}, not {shown(want, first)}")


def shown(array, k):
    """Element k with its bits, because NaNs and zeros look alike."""
    element = array.reshape(-1)[k : k + 1]
    return f"{element[0]!r} (0x{int(bits(element)[0]):0{2 * element.itemsize}x})"


def order(x):
    """Integers in the order of the floats, consecutive for consecutive ones; both zeros are 0. NaNs are beyond."""
    sign = 1 << x.dtype.itemsize * 8 - 1
    patterns = bits(x).astype(np.int64 if x.dtype.itemsize < 8 else np.uint64).view(np.int64)
    magnitude = patterns & (sign - 1)
    return np.where(patterns & sign != 0 if x.dtype.itemsize < 8 else patterns < 0, -magnitude, magnitude)


def slack(op, inputs):
    """How far off the gradient of an approximation may be besides, its factor times grad_output.

    By 2 denormals, or where the factor crosses zero by what the row says.
    """
    if not op.computes or len(op.arrays) == 1:
        return 0
    computed_in = np.result_type(reference.widen(inputs[0]))
    near_zero = {4: 2.0**-26, 8: 2.0**-55}[computed_in.itemsize]
    of_factor = near_zero if op.accuracy.crosses else 2 * np.finfo(computed_in).smallest_subnormal.astype(np.longdouble)
    return of_factor * np.abs(inputs[0]).astype(np.longdouble)


def floats_between(a, b):
    """From each element to the other; none where b is NaN."""
    return np.where(isnan(b), 0, np.abs(order(a) - order(b)))


def close(op, got, want, besides=0):
    """Equal dtype and shape, NaN where NaN, elsewhere as many floats away as the operation's row allows at most."""
    want = np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    np.testing.assert_array_equal(isnan(got), isnan(want))
    away = floats_between(got, want)
    if np.any(besides):
        away = np.where(np.abs(got.astype(np.longdouble) - want.astype(np.longdouble)) <= besides, 0, away)
    if (away > op.accuracy.max_ulp).any():
        k = int(np.argmax(away))
        raise AssertionError(f"{away.flat[k]} ULP at {k}: {shown(got, k)}, not {shown(want, k)}")


def isnan(x):
    with np.errstate(invalid="ignore"):  # ml_dtypes reports signalling ones
        return np.isnan(x)


def nans(dtype):
    """Quiet and signalling ones, of both signs, with low, high and full payloads."""
    info = finfo(dtype)
    infinity = int(bits(np.array([np.inf], dtype))[0])
    quiet, sign = 1 << info.nmant - 1, 1 << info.bits - 1
    payloads = [quiet, quiet | 0x2A, sign | quiet | 0x15, 5, sign | 5, quiet >> 1, sign | (1 << info.nmant) - 1]
    return np.array([infinity | payload for payload in payloads], f"u{info.bits // 8}").view(dtype)


@cache
def specials(dtype):
    """What an operation might get wrong: NaNs, infinities, zeros, denormals, extremes, ties, and all around 0 and 6."""
    if not is_float(dtype):
        info = np.iinfo(dtype)
        numbers = [info.min, info.min + 1, info.max, info.max - 1, info.max // 2 + 1, -7, -1, 0, 1, 5, 6, 7]
        return frozen(np.array([number for number in numbers if info.min <= number <= info.max], dtype))
    info = finfo(dtype)
    tiny, eps, largest = float(info.smallest_subnormal), float(info.eps), float(info.max)
    # Half of an odd number of denormal steps is a tie, and so is 1 + eps / 2, and what overflows just so.
    numbers = [0.0, tiny, 3 * tiny, 5 * tiny, float(info.smallest_normal), eps / 2, eps, 0.5, 1.0, 1 + eps, 1 + 3 * eps]
    numbers += [6.0, 6 * (1 - eps), 6 * (1 + eps), 2.0 ** (info.maxexp - info.nmant - 2), largest, np.inf]
    values = np.array([sign * number for number in numbers for sign in (1, -1)]).astype(dtype)
    return frozen(np.concatenate([values, nans(dtype)]))


def frozen(array):
    """The same array, which many tests share and none may write to."""
    array.flags.writeable = False
    return array


def sample(dtype, n, seed=0):
    """n values, mostly ordinary, with the special ones strewn in."""
    draw = short if n < 5000 else large if n * np.dtype(dtype).itemsize < 2**20 else drawn
    return draw(dtype, n, seed).copy()


def drawn(dtype, n, seed):
    rng = np.random.default_rng(seed)
    if is_float(dtype):
        x = (4 * rng.standard_normal(n)).astype(dtype)
    else:
        small = rng.integers(0 if np.dtype(dtype).kind == "u" else -10, 11, n).astype(dtype)
        x = np.where(rng.random(n) < 0.5, small, rng.integers(0, 256, (n, small.itemsize), np.uint8).view(dtype)[:, 0])
    special = specials(dtype)
    where = rng.random(n) < 0.3
    x[where] = special[rng.integers(special.size, size=np.count_nonzero(where))]
    return x


# Drawing takes longer than most of what is then tested, and all operations get the same.
short, large = lru_cache(8192)(drawn), lru_cache(64)(drawn)


def finite(dtype, n, seed=0):
    """As sample, without NaN and infinity."""
    x = sample(dtype, n, seed)
    if is_float(dtype):
        with np.errstate(invalid="ignore"):
            x[~np.isfinite(x)] = 2
    return x


def param_dtype(dtype):
    """Of an array as parameter that costs nothing: float32 beside 16-bit floats."""
    return np.dtype("float32") if np.dtype(dtype).name in HALVES else np.dtype(dtype)


def operand_dtypes(op, dtype):
    """Of each input, as the kernels take it."""
    return [np.dtype(dtype)] * len(op.arrays) + [param_dtype(dtype)] * len(op.params)


def numbers(op, dtype):
    """For each parameter of an operation a number that the dtype takes; None where there is no parameter."""
    if not op.params:
        return None
    return ((-1.25, 0.01) if is_float(dtype) else (2, 5))[-len(op.params) :]


def by_array_and_number(op, dtype):
    """What `operands` takes for its `params`: all there is for this operation."""
    return (None, numbers(op, dtype)) if op.params else (None,)


def ordinary(values):
    """Whether an approximation is held to its ULPs with such a parameter: nothing within overflows or is denormal."""
    with np.errstate(invalid="ignore"):
        return (np.abs(values) >= 1e-3) & (np.abs(values) <= 1e3)


def made_ordinary(params):
    return [np.where(ordinary(values), values, values.dtype.type(0.75)) for values in params]


def operands(op, dtype, n, params=None, seed=0):
    """Arrays for each input of an operation, in order; the parameters as the numbers `params`, or arrays.

    Where there is arithmetic, no element has two NaNs: of these the hardware chooses the payload.
    """
    arrays = [sample(each, n, seed + k) for k, each in enumerate(operand_dtypes(op, dtype))]
    if op.arithmetic:
        taken = np.zeros(n, bool)
        for array in arrays:
            array[taken & isnan(array)] = 0.25
            taken |= isnan(array)
    if op.params and params is not None:
        arrays[len(op.arrays) :] = params
    elif op.computes:
        arrays[len(op.arrays) :] = made_ordinary(arrays[len(op.arrays) :])
    return arrays


def plain_operands(op, dtype, n, seed=0):
    """As operands, without NaN and infinity: any of them may meet any other."""
    arrays = [finite(each, n, seed + k) for k, each in enumerate(operand_dtypes(op, dtype))]
    return [*arrays[: len(op.arrays)], *made_ordinary(arrays[len(op.arrays) :])] if op.computes else arrays


def by_definition(op, inputs, which):
    """The float64 nearest to the definition's value, for the elements that `which` marks."""
    mpmath = pytest.importorskip("mpmath", reason="mpmath, of the extra `test`, is not installed")
    functions = {name: lambda *given, op=op: evaluate(op, given, functions) for name, op in OPS.items()} | vars(mpmath)
    functions["erfc"] = lambda x: mpmath.erfc(mpmath.mpf(min(x, 10**4)))  # mpmath's overflows; there it is 10^-10^7
    columns = [np.broadcast_to(value, which.shape)[which].tolist() for value in inputs]
    with mpmath.workdps(400):  # 1 + the least denormal is more than 1
        return [
            float(evaluate(op, [mpmath.mpf(number) for number in numbers], functions))
            for numbers in zip(*columns, strict=True)
        ]


def expected(op, inputs):
    """The one right answer, bit for bit.

    Of an approximation the reference allows several: of these it is the one that the scalar ISA has for contiguous
    arrays.
    """
    with np.errstate(all="ignore"):
        want = getattr(reference, op.name)(*inputs)
    if op.accuracy.max_ulp == 0:
        return want
    with using_isa("scalar"):
        whole = [np.array(value, order="C") if isinstance(value, np.ndarray) else value for value in inputs]
        got = getattr(ufuncs, op.name)(*whole)
    if not WIDE and got.dtype == np.float64:  # the reference has errors of its own
        want, far = np.array(want), floats_between(got, want) > op.accuracy.max_ulp
        want[far] = by_definition(op, inputs, far)
    with np.errstate(all="ignore"):
        close(op, got, want, slack(op, inputs))
    return got


# So near to where a function turns, it changes less from one float to the next than rounding changes the result.
FLAT = 0.125


@cache
def turn(op):
    """Where a function of one input turns from falling to rising, by its reference; -infinity where it never falls."""
    x = np.linspace(-20, 20, 4001)
    y = getattr(reference, op.name)(x)
    return -np.inf if (np.diff(y) >= 0).all() else x[np.argmin(y)]


def slopes(op, x):
    """1 where the function is to rise from one float to the next, -1 where it is to fall, 0 where it is flat."""
    if turn(op) == -np.inf:
        return np.ones(x.shape, np.int64)
    from_turn = x.astype(np.float64) - turn(op)
    return np.where(np.abs(from_turn) < FLAT, 0, np.where(from_turn < 0, -1, 1))


def ulps(got, exact):
    """Distance from the exact value in units of the last place there, which does not shrink below the denormals'."""
    info = finfo(got.dtype)
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        exponent = (bits(rounded) & bits(got.dtype.type(np.inf))).view(got.dtype).astype(exact.dtype)
        away = np.abs(got.astype(exact.dtype) - exact) / np.maximum(
            exponent * float(info.eps), float(info.smallest_subnormal)
        )
    return np.where(np.isinf(rounded), np.where(got == rounded, 0, np.inf), away)


def faces(op):
    """The public function and the ufunc."""
    return getattr(relu_simd, op.name), getattr(ufuncs, op.name)
