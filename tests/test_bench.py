# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark: that it measures what it says, checks first, and fails with a sentence. No times."""

import json
import sys

import numpy as np
import pytest

import relu_simd
from relu_simd import __main__ as command
from relu_simd import _core, reference
from relu_simd.bench.idioms import IDIOMS
from relu_simd.bench.ways import MODES, Library, Way, ours

OPS = {op.name: op for op in _core.OPS}
QUICK = ["--sizes", "16,1_000", "--seconds", "0.002"]


@pytest.fixture
def needed():
    """What the benchmark needs beyond NumPy."""
    for module in ("rich", "matplotlib", "sklearn"):
        pytest.importorskip(module)


def bench(*words):
    return command.main(["bench", *QUICK, *map(str, words)])


def test_every_operation_has_its_idioms():
    assert IDIOMS.keys() == OPS.keys()
    for ways in IDIOMS.values():
        assert ways[0].new, "the first idiom is what a new array is compared with"


def test_statements_of_ours():
    way = ours(OPS["leaky_relu_backward"])
    assert way.new == "relu_simd.leaky_relu_backward(g, x, a)"
    assert way.out == "relu_simd.leaky_relu_backward(g, x, a, out=out)"
    assert way.inplace == "relu_simd.leaky_relu_backward(g, x, a, out=g)"


def test_files_and_table(needed, tmp_path, capsys):
    assert bench("--out", tmp_path / "new" / "folder") == 0
    shown = capsys.readouterr()
    for op in OPS:
        assert f"{op} float32" in shown.out
        assert f"{op} float64" in shown.out
    assert "np.maximum(x, 0)" in shown.out
    assert "…" not in shown.out
    assert "bench.json" in shown.err

    run = json.loads((tmp_path / "new" / "folder" / "bench.json").read_text())
    assert run["machine"]["NumPy"] == np.__version__
    assert run["command"].startswith("python -m relu_simd bench --sizes 16,1_000")
    cells = {(cell["op"], cell["dtype"], cell["n"]): cell for cell in run["cells"]}
    assert len(cells) == len(OPS) * 2 * 2
    for cell in cells.values():
        assert {time["mode"] for time in cell["times"] if time["library"] == "relu_simd"} == set(MODES)
        for time in cell["times"]:
            assert 0 < min(time["samples"]) <= time["median"] <= max(time["samples"])
        for ratio in cell["ratios"].values():
            assert 0 < ratio["best"]["numpy"] <= ratio["first"]
    first = cells["relu", "float32", 16]["ratios"]
    assert first["new"]["first_statement"] == "np.maximum(x, 0)"
    assert first["out"]["first_statement"] == "np.maximum(x, 0, out=out)"
    assert cells["relu_backward", "float64", 16]["ratios"]["out"]["first_statement"] == "np.where(x > 0, g, 0)"

    picture = (tmp_path / "new" / "folder" / "bench.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) > 20_000


def test_peers(needed, tmp_path, monkeypatch, capsys):
    from relu_simd.bench import cli, peers, results

    def load_fake(threads):
        def prepare(op, names):
            return {"views": {name: names[name][:] for name in ("x", "out") if name in names}}

        relu = Way("np.fmax(views['x'], 0)", out="np.fmax(views['x'], 0, out=views['out'])")
        return Library("fake", {"relu": (relu,)}, prepare, dtypes=("float32",))

    def load_absent(threads):
        raise ImportError

    assert list(peers.LOADERS) == cli.PEERS
    monkeypatch.setattr(peers, "LOADERS", {"fake": load_fake, "absent": load_absent})
    monkeypatch.setattr(cli, "PEERS", ["fake", "absent"])
    monkeypatch.setattr(results, "version", lambda name: "7.8")
    assert bench("--peers", "--ops", "relu,relu_backward", "--sizes", "16,1e5", "--out", tmp_path) == 0
    shown = capsys.readouterr()
    assert "with fake" in shown.err
    assert "not installed: absent" in shown.err
    assert "x fake" in shown.out

    run = json.loads((tmp_path / "bench.json").read_text())
    assert run["peers"] == {"fake": "7.8"}
    took_part = {(cell["op"], cell["dtype"]) for cell in run["cells"] if "fake" in cell["ratios"]["inplace"]["best"]}
    assert took_part == {("relu", "float32")}

    shares = {(cell["n"], cell["ratios"]["out"]["of_copy"] is None) for cell in run["cells"]}
    assert shares == {(16, True), (100_000, False)}

    page = (tmp_path / "peers.md").read_text()
    assert "NumPy" in page
    assert "fake 7.8" in page
    assert "| relu_backward | in place |" in page
    picture = (tmp_path / "peers.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) > 20_000


@pytest.mark.parametrize("name", ["torch", "jax", "numba", "numexpr", "onnxruntime", "thinc", "simd-ml-kernels"])
def test_peers_that_are_installed_compute_the_same(needed, name):
    from relu_simd.bench import peers
    from relu_simd.bench.contest import Cell

    try:
        library = peers.LOADERS[name](1)
    except ImportError:
        pytest.skip(f"{name} is not installed")
    for op in OPS.values():
        for dtype in ("float32", "float64"):
            cell = Cell(op, dtype, 100, [library])
            assert bool(cell.contestants) == (op.name in library.ways and dtype in library.dtypes)
            cell.check()


def test_json_alone_on_stdout(needed, tmp_path, capsys):
    assert bench("--ops", "relu", "--dtypes", "float64", "--threads", 1, "--json", "--out", tmp_path) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads((tmp_path / "bench.json").read_text())
    assert shown["machine"]["threads"] == 1
    assert {(cell["op"], cell["dtype"]) for cell in shown["cells"]} == {("relu", "float64")}


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_data_are_real_and_both_signs(needed, op, dtype):
    from relu_simd.bench import data

    for values in data.inputs(op, dtype, 100_000)[: len(op.inputs) - (op.default is not None)]:
        assert values.dtype == dtype
        assert values.shape == (100_000,)
        assert np.isfinite(values).all()
        assert 0.2 < np.mean(values > 0) < 0.8
        assert np.unique(values).size > 10_000


def test_in_place_leaves_the_data_mixed(needed):
    """Repeated in-place calls must not wear the data down to zeros or denormals."""
    from relu_simd.bench.contest import Cell
    from relu_simd.bench.idioms import NUMPY
    from relu_simd.bench.ways import RELU_SIMD

    cell = Cell(OPS["leaky_relu_backward"], "float32", 1000, [RELU_SIMD, NUMPY])
    for _ in range(50):
        cell.check()
    for contestant in cell.contestants:
        np.testing.assert_array_equal(contestant.names["g"], cell.inputs["g"])


@pytest.mark.parametrize("mode", MODES)
def test_a_wrong_result_stops_it(needed, mode, tmp_path, monkeypatch, capsys):
    def wrong(x, out=None):
        given = "new" if out is None else "inplace" if out is x else "out"
        result = relu_simd.ufuncs.relu(x, out=out)
        if given == mode:
            result[3] = np.nextafter(result[3], 1)  # the last bit
        return result

    monkeypatch.setattr(relu_simd, "relu", wrong)
    assert bench("--ops", "relu", "--out", tmp_path) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "wrong result" in shown.err
    assert "relu_simd.reference.relu: element 3 is" in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "bench.json").exists()


@pytest.mark.parametrize("wrong", [lambda x: reference.relu(x) + 1, lambda x: reference.relu(x).astype(np.float16)])
def test_a_wrong_idiom_stops_it(needed, wrong, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(np, "where", lambda condition, x, y: wrong(x), raising=True)
    monkeypatch.setattr(reference, "relu", lambda x: np.maximum(x, 0))
    assert bench("--ops", "relu", "--out", tmp_path) == 1
    assert "np.where(x > 0, x, 0) (numpy)" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["rich", "matplotlib", "sklearn"])
def test_missing_package(module, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert bench("--out", tmp_path) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert 'pip install "relu-simd[bench]"' in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--ops", "relu,gelu", "unknown function 'gelu' (choose from relu,"),
        ("--dtypes", "int3", "unknown dtype 'int3' (choose from float32, float64"),
        ("--sizes", "0", "'0' is not a number of elements"),
        ("--sizes", "1.5", "'1.5' is not a number of elements"),
        ("--sizes", "16,,32", "'' is not a number of elements"),
        ("--sizes", "inf", "'inf' is not a number of elements"),
        ("--sizes", "many", "'many' is not a number of elements"),
        ("--sizes", "1e15", "1e15 elements need about"),
        ("--threads", "0", "'0' is not a number of threads"),
        ("--threads", "2000", "'2000' is not a number of threads"),
        ("--seconds", "-1", "'-1' is not a number of seconds"),
        ("--seconds", "nan", "'nan' is not a number of seconds"),
        ("--size", "lots", "'lots' is not a number of elements"),
        ("--flavour", "x", "unrecognized arguments: --flavour x"),
    ],
)
def test_wrong_options(option, value, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        bench(option, value)
    assert says in capsys.readouterr().err.splitlines()[-1]


def test_folder_that_cannot_be_written(needed, tmp_path, capsys):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert bench("--out", in_the_way) == 1
    shown = capsys.readouterr()
    assert f"cannot write to {in_the_way}" in shown.err
    assert "Traceback" not in shown.err
