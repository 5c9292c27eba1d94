# SPDX-License-Identifier: BSD-3-Clause
"""bfloat16 is ml_dtypes': nobody pays for it who has none, and who has it need not say so first."""

import copy
import pickle

import numpy as np
import pytest
from cases import OPS, expected, faces, operand_dtypes, operands, run, same

import relu_simd

ml_dtypes = pytest.importorskip("ml_dtypes", reason="bfloat16 needs ml_dtypes, which is not installed")
BF16 = np.dtype(ml_dtypes.bfloat16)


def test_importing_relu_simd_does_not_import_ml_dtypes():
    code = """if 1:
        import sys, numpy as np, relu_simd
        relu_simd.relu(np.ones(9, np.float16))
        relu_simd.leaky_relu(np.ones(9, np.float16), 0.1)
        print("ml_dtypes" in sys.modules)
    """
    done = run("-c", code)
    assert (done.stdout, done.stderr) == ("False\n", "")


FIRST_USES = {
    "function": "relu_simd.{name}(*inputs)",
    "ufunc": "relu_simd.ufuncs.{name}(*inputs)",
    "strided": "relu_simd.{name}(*(x[::2] for x in inputs))",
    "where": "relu_simd.{name}(*inputs, where=np.ones(40, bool), out=np.zeros(40, inputs[0].dtype))",
    "0-d": "relu_simd.{name}(*(x[0] for x in inputs))",
    "mixed": "relu_simd.{name}(*inputs[:-1], inputs[-1].astype('f4')).astype(inputs[0].dtype)",
}


@pytest.mark.parametrize(
    "imports", ["import relu_simd, ml_dtypes", pytest.param("import ml_dtypes, relu_simd", marks=pytest.mark.wide)]
)
@pytest.mark.parametrize("use", FIRST_USES.values(), ids=FIRST_USES)
def test_the_first_use_whichever_is_imported_first(imports, use):
    """Each a process of its own, in which no loop for bfloat16 is there yet."""
    calls = "\n".join(
        f"        inputs = [ones] * {len(op.inputs)}; print({use.format(name=op.name)}.dtype)" for op in OPS.values()
    )
    code = f"""if 1:
        import numpy as np
        {imports}
        ones = np.ones(40, ml_dtypes.bfloat16)
{calls}
    """
    done = run("-c", code)
    assert done.stderr == ""
    assert done.stdout.split() == ["bfloat16"] * len(OPS)


@pytest.mark.parametrize(
    "call",
    [
        "relu_with_mask(ones)[0].dtype",
        "relu_backward_from_mask(ones, np.array([255], np.uint8)).dtype",
        "prelu_backward(ones, ones, ones)[0].dtype",
        "leaky_relu(ones).dtype",
        "leaky_relu(ones, 0.5).dtype",
        "prelu(ones, 0.5).dtype",
    ],
)
def test_the_first_use_is_no_ufunc(call):
    code = f"import numpy as np, ml_dtypes, relu_simd; ones = np.ones(8, ml_dtypes.bfloat16); print(relu_simd.{call})"
    done = run("-c", code)
    assert (done.stdout, done.stderr) == ("bfloat16\n", "")
    code = "import numpy as np, ml_dtypes, relu_simd; print(relu_simd.count_active(np.ones(8, ml_dtypes.bfloat16)))"
    assert run("-c", code).stdout == "8\n"


def test_every_way_of_calling(op):
    inputs = operands(op, BF16, 120, seed=3)
    want = expected(op, inputs)
    where = np.arange(120) % 3 == 0
    for face in faces(op):
        same(face(*inputs), want)
        same(face(*(value[::3] for value in inputs)), want[::3])
        out = np.full(120, 7, BF16)
        face(*inputs, out=out, where=where)
        same(out, np.where(where, want, BF16.type(7)))
        same(face(*(value.reshape(4, 30).T for value in inputs)), want.reshape(4, 30).T)
        wide = np.zeros(120, np.float32)
        with np.errstate(invalid="ignore"):
            face(*inputs, out=wide)
            np.testing.assert_array_equal(wide, want.astype(np.float32))


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if len(op.inputs) > 1])
def test_beside_float32(name):
    """The result is float32, but for a slope, which that is in any case."""
    op = OPS[name]
    x, y = np.linspace(-3, 3, 50, dtype=np.float32), np.linspace(1, -1, 50).astype(BF16)
    inputs = [x] + [y] * (len(op.inputs) - 1)
    for face in faces(op):
        got = face(*inputs)
        assert got.dtype == np.float32
        same(got, expected(op, [value.astype(np.float32) for value in inputs]))
        assert face(*inputs[::-1]).dtype == (BF16 if op.params else np.float32)


@pytest.mark.parametrize("slope", [0.1, np.float32(0.1), np.float64(0.1), 2])
def test_slopes_leave_it_bfloat16(slope):
    """A weight of NumPy's own float64 has that dtype, as in NumPy; a slope is only a number."""
    x = np.linspace(-3, 3, 50).astype(BF16)
    for name in ("leaky_relu", "prelu") if type(slope) is not np.float64 else ("leaky_relu",):
        for given in (x, x[::2], x.reshape(5, 10).T, x[0]):
            want = expected(OPS[name], [np.asarray(given), float(slope)])
            same(np.asarray(getattr(relu_simd, name)(given, slope)), want)


def test_refused_neighbours_are_still_refused():
    for bad in (np.ones(3, bool), np.ones(3, complex), np.ones(3, object)):
        with pytest.raises(TypeError):
            relu_simd.add_relu(np.ones(3, BF16), bad)
        with pytest.raises(TypeError):
            relu_simd.relu(bad)


def test_pickles_and_copies_of_results():
    y = relu_simd.relu(np.array([-1, 2], BF16))
    same(pickle.loads(pickle.dumps(y)), np.array([0, 2], BF16))
    same(copy.deepcopy(y), np.array([0, 2], BF16))


def test_not_native():
    x = np.linspace(-3, 3, 50).astype(BF16)
    swapped = x.astype(BF16.newbyteorder())
    for face in faces(OPS["relu"]):
        same(face(swapped), np.where(x < 0, BF16.type(0), x))


DEMANDS = {
    "dtype": "dtype=d",
    "signature of the result": "signature=(None,) * {nin} + (d,)",
    "signature of the first input": "signature=(d,) + (None,) * {nin}",
    "whole signature": "signature=(d,) * ({nin} - {scaled}) + (np.float32,) * {scaled} + (d,)",
}
INPUTS = {
    "float32": "x",
    "float64": "x.astype('f8')",
    "float16": "x.astype('f2')",
    "integers": "np.arange(-20, 20)",
    "strided": "np.repeat(x, 2)[::2]",
    "0-d": "x[0]",
    "bfloat16": "x.astype(ml_dtypes.bfloat16)",
}


ON_DEMAND = """
        arrays = {arrays}
        for text in {inputs}:
            y = eval(text)
            inputs = [y] * arrays + [np.float32(2)] * {slopes}
            cast = [np.asarray(y).astype(d)] * arrays + inputs[arrays:]
            for f in (relu_simd.{name}, relu_simd.ufuncs.{name}):
                with np.errstate(all="ignore"):
                    want, got = f(*cast), f(*inputs, {demand}, casting="unsafe")
                assert got.dtype == want.dtype == d, (f, text, got.dtype)
                assert got.tobytes() == want.tobytes(), (f, text, got, want)
                count += 1
"""


@pytest.mark.parametrize("wanted", ["np.float16", "ml_dtypes.bfloat16"])
@pytest.mark.parametrize("first", ["", "relu_simd.relu(np.ones(9, ml_dtypes.bfloat16))"], ids=["first", "after others"])
def test_a_16_bit_float_on_demand(wanted, first, tmp_path):
    """The result of every function and ufunc, from any input: the inputs are cast, and slopes stay float32."""
    calls = ""
    for op in OPS.values():
        nin = len(op.inputs)
        slopes = sum(dtype == np.float32 for dtype in operand_dtypes(op, "float16"))
        for demand in DEMANDS.values():
            calls += ON_DEMAND.format(
                arrays=nin - slopes,
                slopes=slopes,
                inputs=list(INPUTS.values()),
                name=op.name,
                demand=demand.format(nin=nin, scaled=slopes),
            )
    file = tmp_path / "calls.py"  # too long for an argument
    file.write_text(
        f"""if 1:
        import numpy as np, ml_dtypes, relu_simd
        {first}
        d, count = np.dtype({wanted}), 0
        x = np.linspace(-4, 4, 40, dtype=np.float32)
{calls}
        print(count)
    """,
        encoding="utf-8",
    )
    done = run(str(file))
    assert (done.stderr, done.stdout) == ("", f"{len(OPS) * len(DEMANDS) * len(INPUTS) * 2}\n")


@pytest.mark.parametrize(
    "demand", ["dtype=BF16", "signature=(BF16, BF16)", "signature=(None, BF16)", "dtype='bfloat16'"]
)
def test_the_first_bfloat16_is_a_keyword(demand):
    """Each in a process where nothing else has made the loops."""
    code = f"""if 1:
        import numpy as np, ml_dtypes, relu_simd
        BF16, x = ml_dtypes.bfloat16, np.array([-1, 2], np.float32)
        print(relu_simd.relu(x, {demand}, casting="unsafe").dtype, relu_simd.ufuncs.relu(x, dtype=BF16).dtype)
    """
    done = run("-c", code)
    assert (done.stderr, done.stdout) == ("", "bfloat16 bfloat16\n")


def test_what_cannot_be_demanded():
    x = np.ones(3, np.float32)
    for dtype in (bool, complex, np.longdouble, "U3", object):
        with pytest.raises(TypeError):
            relu_simd.leaky_relu(x, 0.1, dtype=dtype, casting="unsafe")
    with pytest.raises(TypeError):
        relu_simd.leaky_relu(x, 0.1, dtype=np.int32, casting="unsafe")
    with pytest.raises(TypeError, match="casting rule"):
        relu_simd.leaky_relu(x, 0.1, dtype=BF16, casting="safe")
    with pytest.raises(TypeError):
        relu_simd.relu(x, signature=(np.float64, BF16), casting="unsafe")
    with pytest.raises(TypeError, match="bool"):
        relu_simd.relu(np.ones(3, bool), dtype=BF16, casting="unsafe")
