# SPDX-License-Identifier: BSD-3-Clause
"""What the pages say is true: examples run, tables list what there is."""

import doctest
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import relu_simd
from relu_simd import _core

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if ">>>" in page.read_text(encoding="utf-8")]
NEEDED = {"autograd": "autograd", "containers": "dask.array", "onnx": "onnx", "opencl": "pyopencl",
          "sklearn": "sklearn", "thinc": "thinc", "threads": "threadpoolctl", "torch": "torch"}  # fmt: skip


def test_readme_examples():
    results = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert results.attempted >= 6
    assert results.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page):
    if page.stem in NEEDED:
        pytest.importorskip(NEEDED[page.stem], reason=f"{NEEDED[page.stem]} is not installed")
    results = doctest.testfile(str(page), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0


def test_readme_lists_every_public_name():
    for name in set(relu_simd.__all__) - {"ufuncs"}:
        assert f"`{name}(" in README, name


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_that_pages_name_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:csrc|src|relu_simd|tests|scripts|docs)/[\w./]+)`|\]\(([\w./]+)\)", text)
    assert named
    for path in (first or second for first, second in named):
        assert (ROOT / path).exists(), path


def test_the_whole_network_is_cured(capsys):
    """The script of the page on dying neurons, as a reader copies it."""
    page = (ROOT / "docs" / "howto" / "dying-neurons.md").read_text(encoding="utf-8")
    script = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert len([line for line in script.splitlines() if line.strip()]) <= 33
    names = {}
    exec(script, names)
    printed = capsys.readouterr().out
    right = [int(each) for each in re.findall(r"(\d+)% right", printed)]
    assert right[0] < 80
    assert right[1] > 97
    dead = [sum(report.dead.size for report in names[which].reports()) for which in ("sick", "cured")]
    assert dead[0] > 12
    assert dead[1] == 0
    shown = re.search(r"```text\n(.*?)```", page, re.DOTALL)[1]
    shown_dead = sum(map(int, re.findall(r"^hidden .* % +(\d+) ", shown, re.MULTILINE)))
    assert dead[0] / 1.5 < shown_dead < dead[0] * 1.5
    assert ("never fired" in shown) == ("never fired" in printed)
    assert re.sub(r"\d+", "0", shown.splitlines()[1]) == re.sub(r"\d+", "0", printed.splitlines()[1])


@pytest.mark.wide
def test_curves(tmp_path):
    """What the site draws beside each function is its derivative, and a picture with both lines."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    curves = runpy.run_path(str(ROOT / "docs" / "curves.py"))
    drawn = [op for op in _core.OPS if curves["has_curve"](op)]
    assert {op.name for op in _core.OPS} - {op.name for op in drawn} > {"add_relu", "gelu_backward"}
    x, h = np.linspace(-4.03, 4.03, 88), 1e-6
    for op in drawn:
        _, slope = curves["values"](op, x)
        (left, _), (right, _) = (curves["values"](op, x + step) for step in (-h, h))
        np.testing.assert_allclose(slope, (right - left) / (2 * h), atol=1e-7, err_msg=op.name)
        curves["draw"](op, tmp_path / "curves" / f"{op.name}.svg")
        text = (tmp_path / "curves" / f"{op.name}.svg").read_text(encoding="utf-8")
        assert f">{curves['call'](op)}<" in text
        assert ">its gradient<" in text


def test_curves_have_gaps_where_they_jump():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    curves = runpy.run_path(str(ROOT / "docs" / "curves.py"))
    x = np.linspace(-8, 8, 4001)
    gaps = {}
    for op in _core.OPS:
        if curves["has_curve"](op):
            gaps[op.name] = [np.count_nonzero(np.isnan(curves["without_jumps"](x, y))) for y in curves["values"](op, x)]
    assert gaps["relu"] == [0, 1]
    assert gaps["hardshrink"] == [2, 2]
    assert gaps["hardsigmoid"] == [0, 2]
    assert gaps["gelu"] == gaps["tanh"] == [0, 0]
