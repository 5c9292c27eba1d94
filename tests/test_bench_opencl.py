# SPDX-License-Identifier: BSD-3-Clause
"""`bench --opencl`: what it writes and shows, that it checks first, and that it fails with a sentence. No times."""

import json
import re
import sys

import numpy as np
import pytest
from test_opencl import DEVICE, cl, give, opencl

from relu_simd import __main__ as command
from relu_simd import _core

pytest.importorskip("rich", reason="rich, of the extra `bench`, is not installed")

from relu_simd.bench import opencl_device


def bench(*words):
    return command.main(["bench", "--opencl", "--sizes", "1_000", *map(str, words)])


@pytest.fixture
def one_device(monkeypatch):
    monkeypatch.setattr(opencl_device, "all_devices", lambda: [DEVICE])


@pytest.mark.wide
def test_every_function(one_device, tmp_path, capsys):
    assert bench("--out", tmp_path, "--dtypes", "float32,float64") == 0
    shown = capsys.readouterr()
    assert DEVICE.name.strip() in shown.out
    for op in _core.OPS:
        assert len(re.findall(rf"^ +{op.name} +float", shown.out, re.MULTILINE)) == 2
    assert shown.err.splitlines()[-1] == f"wrote {tmp_path / 'opencl.json'}"

    document = json.loads((tmp_path / "opencl.json").read_text(encoding="utf-8"))
    assert document["command"].startswith("python -m relu_simd bench --opencl --sizes 1_000")
    (measured,) = document["devices"]
    assert {(cell["op"], cell["dtype"]) for cell in measured["cells"]} == {
        (op.name, dtype) for op in _core.OPS for dtype in ("float32", "float64")
    }
    for cell in measured["cells"]:
        times = cell["times"]
        assert {"relu_simd.opencl", "copy kernel", "clEnqueueCopyBuffer", "ElementwiseKernel"} <= times.keys()
        assert ("pyopencl.array" in times) == (cell["op"] in ("relu", "relu_backward"))
        assert all(0 < min(time["samples"]) <= time["median"] for time in times.values())
    assert all(taken > 0 for taken in measured["calls"].values())


@pytest.mark.drawn
def test_the_peer_computes_the_same(op):
    """Its expression is the row's definition: of numbers it gives what ours does."""
    context = cl.Context([DEVICE])
    queue = cl.CommandQueue(context)
    inputs = [np.random.default_rng(k).standard_normal(300, np.float32) for k in range(len(op.inputs))]
    given = [give(queue, value) for value in inputs]
    given[len(op.arrays) :] = [np.float32(0.1), np.float32(0.7)][: len(op.params)]
    theirs = cl.array.empty_like(given[0])
    opencl_device.elementwise(context, op, "float32")(theirs, *given)
    assert theirs.get() == pytest.approx(getattr(opencl, op.name)(*given).get(), rel=1e-5, abs=1e-6)


def test_json_on_the_screen(one_device, tmp_path, capsys):
    assert bench("--out", tmp_path, "--ops", "relu", "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "opencl.json").read_text(encoding="utf-8"))


def test_wrong_results_are_not_timed(one_device, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(opencl, "relu", opencl.tanh)
    assert bench("--out", tmp_path, "--ops", "relu") == 1
    assert "wrong result, nothing written: relu_simd.opencl.relu on float32" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_errors_are_a_sentence(one_device, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert bench("--out", tmp_path / "file", "--ops", "relu") == 1
    assert "cannot write to" in capsys.readouterr().err
    assert bench("--out", tmp_path, "--ops", "count_active") == 1
    assert "nothing to do" in capsys.readouterr().err

    def none():
        raise RuntimeError("no OpenCL device: install")

    monkeypatch.setattr(opencl_device, "all_devices", none)
    assert bench("--out", tmp_path) == 1
    assert capsys.readouterr().err == "python -m relu_simd bench --opencl: no OpenCL device: install\n"


def test_without_pyopencl(monkeypatch, capsys):
    loaded = [name for name in sys.modules if name.startswith(("relu_simd.opencl", "relu_simd.bench.opencl"))]
    for module in sorted(loaded, reverse=True):  # what a package holds before it
        monkeypatch.delitem(sys.modules, module)
        package, _, name = module.rpartition(".")
        monkeypatch.delattr(sys.modules[package], name)
    monkeypatch.setitem(sys.modules, "pyopencl", None)
    assert bench() == 1
    assert 'pip install "relu-simd[opencl,bench]"' in capsys.readouterr().err
