# SPDX-License-Identifier: BSD-3-Clause
"""Digests of what every function makes of the same inputs, by dtype: how machines are compared byte for byte.

`RELU_SIMD_ISA=scalar PYTHONPATH=tests python -m tools.digests >FILE` on one machine, `RELU_SIMD_DIGESTS=FILE` for
tests/test_digests.py on another; `make test-aarch64` and `make test-old-cpus` do both.

Inputs are made of integers and bit patterns, which no mathematical library has rounded. One thing is left out: of a
NaN that the hardware makes (infinity times 0, infinity less infinity), or chooses where two NaNs meet in arithmetic,
it is compared that it is a NaN, and not its sign and payload.
"""

import hashlib
import json
from functools import cache

import numpy as np
from cases import FLOATS, OPS, bits, frozen, here, isnan, lanes, operand_dtypes, param_dtype, specials, streaming

import relu_simd
from relu_simd import _core

STREAMED = 70_000  # elements; of every dtype enough


def sizes(dtype):
    """Around every tail, the unrolled step and its alignment prologue, and what is streamed."""
    width = lanes(dtype)
    return [*range(width + 2), *(k * width + d for k in (2, 4, 5, 16, 17) for d in (-1, 0, 1)), STREAMED]


@cache
def inputs(dtype, seed):
    """STREAMED values: a third any bit pattern, a third special, a third ordinary."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, STREAMED * dtype.itemsize, np.uint8).view(dtype)
    special = specials(dtype)
    which = rng.integers(0, 3, STREAMED)
    x = np.where(which == 0, special[rng.integers(0, special.size, STREAMED)], x)
    if dtype.name in FLOATS:
        ordinary = (rng.integers(-(2**20), 2**20, STREAMED) / 2.0**17).astype(dtype)  # -8 .. 8
        x = np.where(which == 1, ordinary, x)
    return frozen(x)


def left_to_hardware(op, given):
    """Where a NaN of the result is one of two, or made of what is none: the hardware has a say in it."""
    if not op.arithmetic or given[0].dtype.name not in FLOATS:
        return np.False_
    nans = [isnan(value) for value in given]
    numbers = [np.where(nan, value.dtype.type(-0.5), value) for nan, value in zip(nans, given, strict=True)]
    return (sum(nan.astype(np.int8) for nan in nans) > 1) | isnan(getattr(relu_simd, op.name)(*numbers))


def alike(result, free):
    """`result` with one and the same NaN where `free`."""
    return np.where(isnan(result) & free, np.array(np.nan, result.dtype), result) if np.any(free) else result


class Digest:
    def __init__(self):
        self.sha = hashlib.sha256()

    def add(self, array):
        self.sha.update(f"{array.dtype} {array.shape}".encode())
        self.sha.update(array.tobytes())

    def __str__(self):
        return self.sha.hexdigest()[:16]


def of_operation(op, dtype):
    """New, into `out` at an odd place, in place, with a number as the last operand, past the cache."""
    digest, function = Digest(), getattr(relu_simd, op.name)
    arrays = [inputs(each, seed) for seed, each in enumerate(operand_dtypes(op, dtype))]
    number = -0.375 if op.params else 3.0
    for n in sizes(dtype):
        given = [array[:n] for array in arrays]
        free = left_to_hardware(op, given)
        with streaming():
            digest.add(alike(function(*given), free))
        out = np.zeros(n + 1, dtype)[1:]
        digest.add(alike(function(*given, out=out), free))
        own = given[0].copy()
        digest.add(alike(function(own, *given[1:], out=own), free))
        if len(given) > 1 and dtype.name in FLOATS:
            last = param_dtype(dtype) if op.params else dtype
            free = left_to_hardware(op, [*given[:-1], np.full(n, number, last)])
            digest.add(alike(function(*given[:-1], number), free))
    return digest


def of_mask(dtype):
    digest, x, grad_output = Digest(), inputs(dtype, 1), inputs(dtype, 2)
    for n in sizes(dtype):
        with streaming():
            y, mask = relu_simd.relu_with_mask(x[:n])
            grad_x = relu_simd.relu_backward_from_mask(grad_output[:n], mask)
        for array in (y, mask, grad_x):
            digest.add(array)
    return digest


def shapes(dtype):
    """Runs, rows and columns, and channels between them."""
    width = lanes(dtype)
    return [(n,) for n in sizes(dtype)] + [(37, n) for n in (1, 3, width - 1, width, 3 * width + 5)] + [(5, 7, 63)]


def of_count(dtype):
    digest, x = Digest(), inputs(dtype, 1)
    for shape in shapes(dtype):
        array = x[: np.prod(shape)].reshape(shape)
        digest.add(np.array([relu_simd.count_active(array)]))
        for axis in range(array.ndim):
            digest.add(np.asarray(relu_simd.count_active(array, axis=axis)))
    return digest


def of_prelu_backward(dtype):
    """Its sums; grad_x is leaky_relu_backward's."""
    digest, weight = Digest(), param_dtype(dtype).type(0.25)
    finite = [inputs(dtype, seed).copy() for seed in (1, 2)]
    for array in finite:
        array[~np.isfinite(array.astype(np.float64))] = 2
        array[np.abs(array.astype(np.float64)) > 1e150] = 3  # of an infinite sum there would be nothing to compare
    for shape in shapes(dtype):
        grad_output, x = (array[: np.prod(shape)].reshape(shape) for array in finite)
        for axis in range(x.ndim):
            kept = [extent if k == axis else 1 for k, extent in enumerate(shape)]
            for extents in (kept, [1] * x.ndim):
                digest.add(relu_simd.prelu_backward(grad_output, x, np.full(extents, weight))[1])
    return digest


CASES = {f"{op.name}-{name}": (of_operation, op, name) for op in OPS.values() for name in op.dtypes}
for _name in _core.DTYPES:
    CASES[f"mask-{_name}"] = (of_mask, _name)
    CASES[f"count_active-{_name}"] = (of_count, _name)
for _name in FLOATS:
    CASES[f"prelu_backward-{_name}"] = (of_prelu_backward, _name)


def digest(case):
    """By the active instruction set."""
    make, *arguments, name = CASES[case]
    (dtype,) = here([name])
    with np.errstate(all="ignore"):
        return str(make(*arguments, dtype))


def where_it_bends(op, dtype):
    """Of exact multiples of one number, from -19.7 to 19.7, rounded to float32 for that; a gradient's other input is 1.

    By this digest tests/test_digests.py knows the results whose error was judged.
    """
    x = (np.arange(-(2**18), 2**18) * (20_261_127 * 2.0**-38)).astype(dtype)
    result = getattr(relu_simd, op.name)(*[np.ones_like(x)] * (len(op.arrays) - 1), x)
    return hashlib.sha256(result.tobytes()).hexdigest()[:16]


def of_inputs():
    """Whether two machines start from the same."""
    whole = Digest()
    for dtype in here(_core.DTYPES):
        for seed in range(3):
            whole.add(bits(inputs(dtype, seed)))
    return str(whole)


if __name__ == "__main__":
    cases = [case for case, (*_, name) in CASES.items() if here([name])]
    print(json.dumps({"inputs": of_inputs()} | {case: digest(case) for case in cases}, indent=1))
