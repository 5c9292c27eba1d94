# SPDX-License-Identifier: BSD-3-Clause
"""bfloat16 is ml_dtypes': nobody pays for it who has none, and who has it need not say so first."""

import copy
import pickle

import numpy as np
import pytest
from cases import OPS, expected, faces, operands, run, same

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


@pytest.mark.parametrize("imports", ["import relu_simd, ml_dtypes", "import ml_dtypes, relu_simd"])
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
