# SPDX-License-Identifier: BSD-3-Clause
"""A short run of the fuzzer, what it has found so far, and that it finds. `make fuzz` is the long run."""

import random

import numpy as np
import pytest
from cases import EMULATED, OPS, here
from tools.fuzz import OTHERS, Case, View, fuzz, made_up, main, run_case, shown

import relu_simd
from relu_simd import _core

# Calls that failed once, as simple as the fuzzer made them.
FOUND = [
    # Of injected faults: the output over the end of an input, and a bias with a gap between its axes.
    Case(
        "tanh",
        "bfloat16",
        (65,),
        (View((0,), (1,)),),
        out="overlap",
        out_view=View((0,), (1,)),
        shift=64,
        seed=337271420,
    ),
    Case(
        "sigmoid_backward",
        "float16",
        (1, 2, 2, 2),
        (View((0, 1, 2, 3), (1, 1, 1, 1)), View((0, 1, 2, 3), (1, 1, 1, 1), ones=(2,))),
        seed=2166960629,
    ),
    # Of the fuzzer: NumPy's cast of sums in float64 beyond uint32, which is not the same for every layout.
    Case(
        "add_relu",
        "uint32",
        (8,),
        (View((0,), (1,)), View((0,), (-3,))),
        out="operand",
        out_view=View((0,), (1,)),
        operand=1,
        cast="float64",
        casting="unsafe",
        seed=2715335038,
    ),
]


@pytest.mark.parametrize("case", FOUND, ids=lambda case: f"{case.function}-{case.dtype}")
def test_found(case):
    run_case(case)


def test_short_run():
    found = fuzz(300 if EMULATED else 2000, seed=8)  # `make fuzz` goes on
    assert found is None, f"{found[2]}: {shown(found[1])}"


def wrong_where_reversed(op):
    """A function that is wrong for one layout alone."""
    right = getattr(relu_simd, op)

    def wrong(*args, **kwargs):
        result = right(*args, **kwargs)
        if args[0].ndim and args[0].strides[-1] < 0 and args[0].size > 1:
            result[..., -1] += 1
        return result

    return wrong


def test_finds_and_simplifies(monkeypatch, capsys):
    """An injected fault is found, and shown as the smallest call that has it, which can be pasted above."""
    monkeypatch.setattr(relu_simd, "relu6", wrong_where_reversed("relu6"))
    assert main(["--cases", "5000", "--seed", "8"]) == 1
    shown_case = capsys.readouterr().out.splitlines()[-1].strip().rstrip(",")
    case = eval(shown_case, {"Case": Case, "View": View})
    assert case.function == "relu6"
    assert case.isa == "scalar"
    assert [case.where, case.cast, case.order, case.subclass, case.ufunc] == [False, None, None, False, False]
    assert sum(extent for extent in case.shape) <= 4
    assert case.views[0].steps[-1] < 0
    with pytest.raises(AssertionError, match="differ"):
        run_case(case)
    monkeypatch.undo()
    run_case(case)


def test_finds_a_changed_input(monkeypatch):
    right = relu_simd.add_relu

    def changing(a, b, **kwargs):
        result = right(a, b, **kwargs)
        if b.size and b.flags.writeable and not np.shares_memory(b, result):
            b[...] = 0
        return result

    monkeypatch.setattr(relu_simd, "add_relu", changing)
    _, case, _ = fuzz(5000, seed=8)
    assert case.function == "add_relu"


def test_the_same_seed_makes_the_same_calls(capsys):
    for _ in range(2):
        assert main(["--cases", "50", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert out.count("50 passed, 0 failed") == 2
    assert out.count("with seed 3") == 2


def test_every_function_and_argument_is_among_them():
    cases = [made_up(random.Random(f"0/{k}")) for k in range(12_000)]
    assert {case.function for case in cases} == {*OPS, *OTHERS}
    assert {case.dtype for case in cases} == {dtype.name for dtype in here(_core.DTYPES)}
    for name in (
        "where",
        "cast",
        "casting",
        "order",
        "subclass",
        "positional",
        "ufunc",
        "slope",
        "out",
        "axis",
        "keepdims",
    ):
        assert sum(bool(getattr(case, name)) for case in cases) >= 20, name
    views = [view for case in cases for view in case.views]
    for name in ("offset", "swapped", "ones", "dropped"):
        assert sum(bool(getattr(view, name)) for view in views) >= 20, name
