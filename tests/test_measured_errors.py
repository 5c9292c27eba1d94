# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/errors.py measures what it says, and the tables in the documentation keep the bounds of the docstrings."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import OPS, finfo, here, reference, ulps
from definition import precisely

import relu_simd

mpmath = pytest.importorskip("mpmath", reason="mpmath, of the extra `test`, is not installed")
pytest.importorskip("rich", reason="extra bench: rich is not installed")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def errors():
    path = list(sys.path)
    yield runpy.run_path(str(ROOT / "benchmarks" / "errors.py"))
    sys.path[:] = path


def test_help_teaches(errors, capsys):
    with pytest.raises(SystemExit, match="0"):
        errors["main"](["--help"])
    text = capsys.readouterr().out
    assert "python benchmarks/errors.py --ops gelu,silu" in text
    assert "--picture" in text


def test_what_is_unknown_is_refused(errors):
    with pytest.raises(SystemExit, match="errors: unknown function 'relu': choose from hardsigmoid, "):
        errors["main"](["--ops", "relu"])


@pytest.mark.parametrize("dtype", here(["float16", "bfloat16", "float32", "float64"]))
def test_an_error_that_is_known_is_found(errors, dtype):
    """Results of which one is 40 floats away from the right one, and one is 0."""
    op = OPS["gelu"]
    x, exact = errors["inputs"](op, dtype, 100_003)
    right = reference.narrow(exact.astype("f4"), dtype) if dtype.itemsize == 2 else exact.astype(dtype)
    k = int(np.argmin(np.abs(x.astype("f8") - 2.5)))
    assert errors["worst"](op, x, right, exact).ulp == pytest.approx(0.5, abs=5e-3)
    off = right.copy()
    off[k] += 40 * float(finfo(dtype).eps) * 2
    if dtype.itemsize > 2:  # to 16-bit floats 40 are more than half of the digits
        found = errors["worst"](op, x, off, exact)
        assert found.ulp == pytest.approx(40, abs=0.6)
        assert str(found) == f"{found.ulp:.3g} at {float(x[k]):.3g}"
    for wrong in (0.0, np.nan, np.inf):
        off[k] = wrong
        assert str(errors["worst"](op, x, off, exact)) == f"all digits at {float(x[k]):.3g}"


@pytest.mark.parametrize("dtype", here(["float32", "float64"]))
def test_the_inputs_are_where_functions_turn(errors, dtype):
    x, _ = errors["inputs"](OPS["silu"], dtype, 10_000_019)
    assert np.isfinite(x).all()
    assert x.min() == -np.finfo(dtype).max
    assert x.max() == np.finfo(dtype).max
    x = np.unique(x)
    ranks, first_zero = errors["order"](x), np.array([{4: -108.66031, 8: -751.7556304135238}[dtype.itemsize]], dtype)
    assert np.count_nonzero(np.abs(ranks - errors["order"](first_zero)) < 500) == 999  # every float there is
    around_lowest = {4: 1e-4, 8: 1e-8}[dtype.itemsize]  # where the judge cannot tell floats apart
    assert np.count_nonzero(np.abs(x + 1.2784645427610738) < around_lowest) > 1000


def test_float64_is_judged_by_many_digits(errors):
    """Long double alone is off by some tenths of an ULP where tanhshrink cancels."""
    op = OPS["tanhshrink"]
    x = np.linspace(0.0601, 0.08, 3000)
    exact = errors["truth"](op, x)
    result = relu_simd.tanhshrink(x)
    found = errors["worst"](op, x, result, exact)
    assert found.ulp < 0.85 < ulps(result, exact).max()
    with mpmath.workdps(40):
        value = precisely(op, [found.x], mpmath)
        ulp = abs(mpmath.mpf(float(relu_simd.tanhshrink(found.x))) - value) / float(np.spacing(float(value)))
    assert found.ulp == pytest.approx(float(ulp))


def test_gradients_near_zero_and_at_kinks(errors):
    """A gradient that crosses zero is judged by what can be asked of it there, and at a kink not at all."""
    op = OPS["gelu_backward"]
    x, exact = errors["inputs"](op, np.dtype("f4"), 100_003)
    assert not np.isin(x, (-3, 0, 3)).any()
    k = int(np.argmin(np.abs(exact - 1e-6) + 9 * (np.abs(x) > 1)))
    got = exact.astype("f4")
    got[k] += 2.0**-26
    assert errors["worst"](op, x, got, exact).ulp == pytest.approx(1, abs=0.1)


def test_a_run(errors, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="extra bench: matplotlib is not installed")
    options = ["--ops", "gelu,silu_backward", "--dtypes", "float32", "--libraries", "scipy", "--step", "1000003"]
    page, picture = tmp_path / "errors.md", tmp_path / "errors.svg"
    found = errors["main"]([*options, "--markdown", str(page), "--picture", str(picture)])
    assert 0.5 <= found["float32", "gelu", "relu_simd"].ulp <= 1
    assert found["float32", "gelu", "numpy"].all_digits
    assert found["float32", "silu_backward", "relu_simd"].ulp <= 3
    shown, tables = capsys.readouterr().out, page.read_text(encoding="utf-8")
    for text in (shown, tables):
        assert str(found["float32", "gelu", "numpy"]) in text
    assert tables.count("\n| `") == 2
    assert ">all digits<" in picture.read_text(encoding="utf-8")


def test_rows_that_are_measured_anew(errors, tmp_path):
    """The others stay, and so does what is known of a library that is not there; a new row says what is not."""
    path = tmp_path / "errors.md"
    options = ["--dtypes", "float32", "--step", "10000019", "--markdown", str(path)]
    errors["main"](["--ops", "softsign,hardswish_backward", "--libraries", "scipy", *options])
    before = errors["read"](path.read_text(encoding="utf-8"))
    marked = before.tables["float32"]["softsign"] | {"relu_simd": "9.99 at 1", "SciPy": "0.77 at 2"}
    before.tables["float32"]["softsign"] = marked
    path.write_text(str(before), encoding="utf-8")
    for _ in range(2):  # the second time it says the same
        errors["main"](["--ops", "softsign,hardswish", "--libraries", "", *options])
        after = errors["read"](path.read_text(encoding="utf-8"))
        table = after.tables["float32"]
        assert list(table) == ["hardswish", "hardswish_backward", "softsign"]
        assert table["hardswish_backward"] == before.tables["float32"]["hardswish_backward"]
        assert table["softsign"]["relu_simd"].startswith("0.50 at ")
        assert [table[name].get("SciPy") for name in ("softsign", "hardswish")] == ["0.77 at 2", "not measured"]
        assert after.measured == before.measured
        assert list(after.later.values()) == [["hardswish", "softsign"]]
        assert "SciPy" not in "".join(after.later)
    errors["main"](["--ops", "softsign,hardswish", "--libraries", "scipy", *options])
    assert not errors["read"](path.read_text(encoding="utf-8")).later


def test_a_page_is_not_overwritten_by_one_that_says_less(errors, tmp_path):
    path, page = tmp_path / "errors.md", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    path.write_text(page, encoding="utf-8")
    names = ",".join(errors["OPS"])
    for options in ([], ["--ops", names]):
        with pytest.raises(
            SystemExit, match=r"has a column of PyTorch, JAX, ONNX Runtime, which would not be measured"
        ):
            errors["main"]([*options, "--libraries", "scipy", "--markdown", str(path)])
    with pytest.raises(SystemExit, match="has a table of float16, bfloat16, float64, which would not be measured"):
        errors["main"](["--ops", "gelu", "--dtypes", "float32", "--markdown", str(path)])
    assert path.read_text(encoding="utf-8") == page == str(errors["read"](page))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_page_keeps_the_bounds(dtype):
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    table = page.partition(f"\n### {dtype}\n")[2].partition("\n### ")[0]
    assert re.search(r"\n\| function \| relu_simd \| NumPy \|", table)
    rows = dict(re.findall(r"\n\| `(\w+)` \| (\d+\.\d\d) at ", table))
    missing = [op.name for op in OPS.values() if op.accuracy.max_ulp and op.name not in rows]
    command = f".venv/bin/python benchmarks/errors.py --ops {','.join(missing)} --markdown docs/errors.md"
    assert not missing, f"docs/errors.md: lacks {', '.join(missing)}; `{command}` adds them"
    for name, ulp in rows.items():
        bound = 0.5 if len(OPS[name].arrays) == 1 and dtype.endswith("16") else OPS[name].accuracy.max_ulp
        assert float(ulp) <= bound, name
