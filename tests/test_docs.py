# SPDX-License-Identifier: BSD-3-Clause
"""What the pages say is true: examples run, tables list what there is."""

import doctest
import re
from pathlib import Path

import pytest

import relu_simd

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if ">>>" in page.read_text()]
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
    text = (ROOT / page).read_text()
    named = re.findall(r"`((?:csrc|src|relu_simd|tests|scripts|docs)/[\w./]+)`|\]\(([\w./]+)\)", text)
    assert named
    for path in (first or second for first, second in named):
        assert (ROOT / path).exists(), path


def test_the_whole_network_is_cured(capsys):
    """The script of the page on dying neurons, as a reader copies it."""
    page = (ROOT / "docs" / "howto" / "dying-neurons.md").read_text()
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
    assert re.sub(r"\d+", "0", shown.splitlines()[1]) == re.sub(r"\d+", "0", printed.splitlines()[1])
