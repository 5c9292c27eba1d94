# SPDX-License-Identifier: BSD-3-Clause
"""All 65,536 float16 and all bfloat16, through every operation on every ISA. Float32: tests/tools/exhaustive.py."""

import re
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pytest
from cases import (
    HALVES,
    OPS,
    bits,
    dtypes,
    expected,
    faces,
    isnan,
    ordinary,
    pairs,
    reference,
    run,
    same,
    specials,
)

import relu_simd

pytestmark = pytest.mark.usefixtures("isa")

SLOPES = [0.01, 0.25, -1.0, 0.0, -0.0, 1.5, 1e-8, 3e38, 1e-45, np.inf, 0.3333333432674408, -7.1e-4]


@cache
def everything(dtype):
    x = np.arange(2**16, dtype=np.uint16).view(dtype)
    x.flags.writeable = False
    return x


@cache
def grid(dtype):
    """Gradients, or what is added: special ones and ordinary ones."""
    rng = np.random.default_rng(0)
    return np.concatenate([specials(dtype), (4 * rng.standard_normal(13)).astype(dtype)])


@lru_cache(8)  # large, and the instruction sets of one operation come one after the other
def wanted(name, *inputs):
    """The right answer; arrays by what makes them, numbers with their text: 0.0 is not -0.0."""
    return expected(OPS[name], [make(dtype) if callable(make) else make for make, dtype in inputs])


def of(arrays, params):
    """Parameters: the operations of so many arrays and so many parameters, with each 16-bit float."""
    return pytest.mark.parametrize(
        ("op", "dtype"), pairs(lambda op: (len(op.arrays), len(op.params)) == (arrays, params), HALVES)
    )


@of(1, 0)
def test_unary(op, dtype):
    x = everything(dtype)
    want = wanted(op.name, (everything, dtype))
    for face in faces(op):
        same(face(x), want)


@of(1, 1)
def test_slopes(op, dtype):
    x = everything(dtype)
    for slope in [value for value in SLOPES if not op.computes or ordinary(value)]:
        want = wanted(op.name, (everything, dtype), (slope, repr(slope)))
        for face in faces(op):
            same(face(x, slope), want)
        same(faces(op)[0](x, np.full(2**16, slope, np.float32)), want)


def of_column(dtype, step=1):
    chosen = grid(dtype)[::step]
    return np.ascontiguousarray(np.broadcast_to(chosen[:, None], (chosen.size, 2**16)))


def of_row(dtype, step=1):
    return np.ascontiguousarray(np.broadcast_to(everything(dtype), (grid(dtype)[::step].size, 2**16)))


def some_of_column(dtype):
    return of_column(dtype, 9)


def some_of_row(dtype):
    return of_row(dtype, 9)


ALL, SOME = (of_column, of_row), (some_of_column, some_of_row)


def grids():
    """As of(2, 0). Where the reference computes, all of the grid takes seconds: this belongs to `make test-wide`."""
    for pair in pairs(lambda op: (len(op.arrays), len(op.params)) == (2, 0), HALVES):
        op = pair.values[0]
        yield pytest.param(
            *pair.values, ALL, id=f"{pair.id}-all", marks=[*pair.marks, *[pytest.mark.drawn] * op.computes]
        )
        if op.computes:
            yield pytest.param(*pair.values, SOME, id=f"{pair.id}-some", marks=pair.marks)


@pytest.mark.parametrize(("op", "dtype", "columns_and_rows"), [*grids()])
@pytest.mark.parametrize("grid_first", [True, False], ids=["g of the grid", "x of the grid"])
def test_against_a_grid(op, dtype, columns_and_rows, grid_first):
    """Each bit pattern in one operand, each of the grid in the other."""
    first, second = columns_and_rows if grid_first else columns_and_rows[::-1]
    a, b = first(dtype), second(dtype)
    want = wanted(op.name, (first, dtype), (second, dtype))
    got = faces(op)[0](a, b)
    if op.arithmetic:
        # Of two NaNs the hardware chooses the payload.
        two = isnan(a) & isnan(b) & isnan(want)
        assert isnan(got[two]).all()
        got, want = np.where(two, 0, bits(got)), np.where(two, 0, bits(want))
    same(got, want)


def of_gradients_with_a_parameter():
    """As of(2, 1). Where the reference computes it takes seconds, and belongs to `make test-wide`."""
    for pair in pairs(lambda op: (len(op.arrays), len(op.params)) == (2, 1), HALVES):
        slow = [pytest.mark.drawn] if pair.values[0].computes else []
        yield pytest.param(*pair.values, id=pair.id, marks=[*pair.marks, *slow])


@pytest.mark.parametrize(("op", "dtype"), [*of_gradients_with_a_parameter()])
def test_scaled_backward_against_a_grid(op, dtype):
    """As gradient each pattern, x of either sign; and each as x beside a grid of gradients."""
    column, row = of_column(dtype), of_row(dtype)
    two = isnan(column) & isnan(row) if op.computes else np.False_  # of these the hardware chooses the payload
    for slope in (0.01, -1.5, 0.25 if op.computes else 0.0):
        want = wanted(op.name, (of_column, dtype), (of_row, dtype), (slope, repr(slope)))
        same(np.where(two, 0, bits(faces(op)[0](column, row, slope))), np.where(two, 0, bits(want)))
        want = wanted(op.name, (of_row, dtype), (of_column, dtype), (slope, repr(slope)))
        same(np.where(two, 0, bits(faces(op)[0](row, column, slope))), np.where(two, 0, bits(want)))


BOUNDS = [(-1.0, 1.0), (0.1, 0.3), (-0.0, 0.0), (3.0, -3.0), (-np.inf, 1e-8), (np.nan, 2.5), (-70000.0, 1e30)]


@of(1, 2)
def test_two_parameters(op, dtype):
    x = everything(dtype)
    for pair in BOUNDS:
        want = expected(op, [x, *pair])
        for face in faces(op):
            same(face(x, *pair), want)
        same(faces(op)[0](x, *(np.full(2**16, value, np.float32) for value in pair)), want)


@of(2, 2)
def test_two_parameters_backward(op, dtype):
    x, g = everything(dtype), everything(dtype)[::-1].copy()
    for pair in BOUNDS:
        same(faces(op)[0](g, x, *pair), expected(op, [g, x, *pair]))


@pytest.mark.parametrize("dtype", dtypes(HALVES))
def test_masks_and_counts(dtype):
    x = everything(dtype)
    with np.errstate(invalid="ignore"):
        y, mask = reference.relu_with_mask(x)
        got = relu_simd.relu_with_mask(x)
        active = int(reference.count_active(x))
    same(got[0], y)
    same(got[1], mask)
    assert relu_simd.count_active(x) == active
    same(relu_simd.relu_backward_from_mask(x, mask), relu_simd.relu_backward(x, x))


WRONG = {  # operation, its fault: a place among 8,192 patterns, where the result is one float lower
    "unlike NumPy": ("relu", 5000, "best", r"relu of 0x00001388 .*: 0x00001387 .*, not 0x00001388"),
    "a step back": ("sigmoid", 4096, "best", r"sigmoid of 0x00001000 .* a step back from"),
    "unlike the best ISA": ("tanh", 77, "all", r"tanh of 0x0000004D .* on scalar: 0x0000004C .*, and 0x0000004D on "),
}


@pytest.mark.parametrize("name", ["exhaustive", "fuzz"])
def test_the_help_of_a_tool_is_where_its_file_is(name, tmp_path, monkeypatch):
    if name == "exhaustive":
        pytest.importorskip("rich", reason="rich, of the extra `bench`, is not installed")
    path = Path(__file__).with_name("tools") / f"{name}.py"
    monkeypatch.chdir(tmp_path)
    done = run(str(path), "--help")
    assert done.returncode == 0, done.stderr
    assert f"python tests/tools/{name}.py" in done.stdout


@pytest.mark.parametrize(("name", "place", "isas", "says"), WRONG.values(), ids=WRONG)
def test_the_check_of_all_float32_reports(name, place, isas, says, monkeypatch, capsys):
    """One wrong result, in the first chunk or on the border to the second, is found and named."""
    exhaustive = pytest.importorskip("tools.exhaustive", reason="rich, of the extra `bench`, is not installed")
    monkeypatch.setattr(exhaustive, "PATTERNS", 2**13)
    monkeypatch.setattr(exhaustive, "CHUNK", 2**12)
    function = getattr(relu_simd, name)

    def faulty(x):
        y = function(x)
        if isas == "best" or relu_simd.isa() == "scalar":
            y[bits(x) == place] = np.nextafter(y[bits(x) == place], np.float32(0))
        return y

    assert exhaustive.main(["--ops", name, "--isas", isas]) == 0
    if isas == "all" and len(relu_simd.available_isas()) == 1:
        pytest.skip("there is one instruction set alone, and none to compare it with")
    monkeypatch.setattr(relu_simd, name, faulty)
    assert exhaustive.main(["--ops", name, "--isas", isas]) == 1
    assert re.search(says, capsys.readouterr().out)
