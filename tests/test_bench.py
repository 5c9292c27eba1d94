# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark: that it measures what it says, checks first, and fails with a sentence. No times."""

import importlib.util
import json
import sys
import threading
import time

import numpy as np
import pytest
from cases import run

import relu_simd
from relu_simd import __main__ as command
from relu_simd import _core, reference
from relu_simd._rows import Way
from relu_simd.bench import data
from relu_simd.bench.functions import FUNCTIONS
from relu_simd.bench.ways import Library, ours

MODES = ("new", "out", "inplace")
QUICK = ["--sizes", "16,1_000", "--seconds", "0.002"]
NEEDED = ["rich", "matplotlib", "sklearn"]


@pytest.fixture
def needed():
    """What the benchmark needs beyond NumPy."""
    for module in NEEDED:
        pytest.importorskip(module)


def bench(*words):
    return command.main(["bench", *QUICK, *map(str, words)])


def test_every_function_has_its_idioms():
    assert FUNCTIONS.keys() >= {op.name for op in _core.OPS}
    assert {each.call.partition("(")[0] for each in FUNCTIONS.values()} == set(_core.__all__)
    for function in FUNCTIONS.values():
        assert function.idioms[0].new, "the first idiom is what a new array is compared with"


def test_statements_of_ours():
    way = ours(FUNCTIONS["leaky_relu_backward"])
    assert way.new == "relu_simd.leaky_relu_backward(g, x, slope)"
    assert way.out == "relu_simd.leaky_relu_backward(g, x, slope, out=out)"
    assert way.inplace == "relu_simd.leaky_relu_backward(g, x, slope, out=g)"
    assert ours(FUNCTIONS["relu_with_mask"]).inplace == "relu_simd.relu_with_mask(x, out=(x, mask))"
    assert ours(FUNCTIONS["count_active"]) == Way("relu_simd.count_active(x)")
    assert ours(FUNCTIONS["count_active_axis0"]) == Way("relu_simd.count_active(x, axis=0)")


def test_every_function_is_right(needed, tmp_path, monkeypatch):
    """Without the picture, which takes longer than all of them."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert bench("--sizes", "16", "--out", tmp_path) == 0
    cells = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["cells"]
    assert {(cell["op"], cell["dtype"]) for cell in cells} == {
        (name, dtype) for name in FUNCTIONS for dtype in ("float32", "float16")
    }


def test_files_and_table(needed, tmp_path, capsys):
    chosen = ("relu", "relu_backward", "relu_with_mask", "gelu", "count_active_axis0")
    assert bench("--ops", ",".join(chosen), "--out", tmp_path / "new" / "folder") == 0
    shown = capsys.readouterr()
    for name in chosen:
        assert f"{name} float32" in shown.out
        assert f"{name} float16" in shown.out
    assert "np.maximum(x, 0)" in shown.out
    assert "…" not in shown.out
    assert "bench.json" in shown.err

    run = json.loads((tmp_path / "new" / "folder" / "bench.json").read_text(encoding="utf-8"))
    assert run["machine"]["NumPy"] == np.__version__
    assert run["command"].startswith("python -m relu_simd bench --sizes 16,1_000")
    cells = {(cell["op"], cell["dtype"], cell["n"]): cell for cell in run["cells"]}
    assert len(cells) == len(chosen) * 2 * 2
    for cell in cells.values():
        modes = {time["mode"] for time in cell["times"] if time["library"] == "relu_simd"}
        assert modes == set(data.modes(FUNCTIONS[cell["op"]]))
        for taken in cell["times"]:
            assert 0 < min(taken["samples"]) <= taken["median"] <= max(taken["samples"])
        for ratio in cell["ratios"].values():
            assert 0 < ratio["best"]["numpy"] <= ratio["first"]
    first = cells["relu", "float32", 16]["ratios"]
    assert first["new"]["first_statement"] == "np.maximum(x, 0)"
    assert first["out"]["first_statement"] == "np.maximum(x, 0, out=out)"
    assert cells["relu_backward", "float16", 16]["ratios"]["out"]["first_statement"] == "np.where(x > 0, g, 0)"
    assert cells["relu_with_mask", "float16", 1000]["bytes"] == 2000 + 2000 + 125

    picture = (tmp_path / "new" / "folder" / "bench.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) > 20_000


@pytest.mark.wide
def test_peers(needed, tmp_path, monkeypatch, capsys):
    from relu_simd.bench import cli, peers, results

    def load_fake(threads):
        def prepare(function, names):
            return {"views": {name: names[name][:] for name in ("x", "out") if name in names}}

        relu = Way("np.fmax(views['x'], 0)", out="np.fmax(views['x'], 0, out=views['out'])")
        return Library("fake", {"relu": (relu,)}, prepare, dtypes=("float32",))

    def load_absent(threads):
        raise ImportError

    monkeypatch.setattr(peers, "LOADERS", {"fake": load_fake, "absent": load_absent})
    monkeypatch.setattr(cli, "PEERS", ["fake", "absent"])
    monkeypatch.setattr(results, "version", lambda name: "7.8")
    ops = "relu,relu_backward,sigmoid,count_active"
    assert bench("--peers", "--ops", ops, "--sizes", "16,1e5", "--out", tmp_path) == 0
    shown = capsys.readouterr()
    assert "with fake" in shown.err
    assert "not installed: absent" in shown.err
    assert "x fake" in shown.out

    run = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert run["peers"] == {"fake": "7.8"}
    took_part = {(cell["op"], cell["dtype"]) for cell in run["cells"] if "fake" in cell["ratios"]["new"]["best"]}
    assert took_part == {("relu", "float32")}

    # Of a copy: where enough bytes are moved, and memory is what decides.
    shares = {(cell["op"], cell["dtype"], cell["n"]) for cell in run["cells"] if cell["ratios"]["new"]["of_copy"]}
    halves = {(op, "float16", 100_000) for op in ("relu", "relu_backward")}
    assert shares == halves | {(op, "float32", 100_000) for op in ("relu", "relu_backward", "count_active")}

    page = (tmp_path / "peers.md").read_text(encoding="utf-8")
    assert "NumPy" in page
    assert "fake 7.8" in page
    assert "| relu_backward | in place |" in page
    assert "| count_active | new array |" in page
    assert "| count_active | in place |" not in page
    picture = (tmp_path / "peers.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) > 20_000


@pytest.mark.parametrize(
    "name",
    [
        *("torch", "jax", "numexpr", "onnxruntime", "scipy", "thinc", "simd-ml-kernels"),
        pytest.param("numba", marks=pytest.mark.wide),  # compiles each function
    ],
)
def test_peers_that_are_installed_compute_the_same(needed, name):
    from relu_simd.bench import peers
    from relu_simd.bench.contest import Cell

    try:
        library = peers.LOADERS[name](1)
    except ImportError:
        pytest.skip(f"{name} is not installed")
    pytest.importorskip("ml_dtypes")
    for function in FUNCTIONS.values():
        for dtype in function.dtypes:
            cell = Cell(function, dtype, 96, [library])
            assert bool(cell.contestants) == bool(library.ways_for(function, dtype))
            cell.check()


def test_json_alone_on_stdout(needed, tmp_path, capsys):
    assert bench("--ops", "relu", "--dtypes", "float64", "--threads", 1, "--json", "--out", tmp_path) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert shown["machine"]["threads"] == 1
    assert {(cell["op"], cell["dtype"]) for cell in shown["cells"]} == {("relu", "float64")}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_data_are_real_and_both_signs(needed, function, dtype):
    for name, values in data.inputs(function, dtype, 100_000).items():
        if name in {"x", "g", "a", "b"}:
            assert values.dtype == dtype
            assert values.size == 100_000
            assert np.isfinite(values).all()
            assert 0.2 < np.mean(values > 0) < 0.8
            assert np.unique(values).size > 10_000


@pytest.mark.parametrize("dtype", _core.DTYPES)
def test_every_dtype_is_right(needed, dtype):
    """Ours and NumPy's ways alike, by the check that stops a run."""
    from relu_simd.bench.contest import Cell
    from relu_simd.bench.ways import NUMPY, RELU_SIMD

    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    for function in FUNCTIONS.values():
        if dtype in function.dtypes:
            Cell(function, dtype, 1000, [RELU_SIMD, NUMPY]).check()


def test_sizes_and_channels(needed):
    shapes = {n: data.inputs(FUNCTIONS["prelu"], "float32", n)["x"].shape for n in (1, 16, 1000, 10**6, 1009)}
    assert shapes == {1: (1, 1), 16: (1, 16), 1000: (8, 125), 10**6: (8000, 125), 1009: (1009, 1)}


@pytest.mark.parametrize("name", [name for name, each in FUNCTIONS.items() if each.outputs])
def test_in_place_keeps_the_data(needed, name):
    """Calls in place are measured where many of them neither wear the data down to denormals nor let them grow."""
    from relu_simd.bench.contest import Cell, Contestant
    from relu_simd.bench.ways import NUMPY, RELU_SIMD

    def lasts(contestant):
        values, sizes = contestant.names[cell.target], []
        values[...] = cell.inputs[cell.target]
        for calls in (1, 100, 100):
            for _ in range(calls):
                exec(contestant.statement, dict(contestant.names))
            sizes.append(np.abs(values))
        once, before, after = sizes
        with np.errstate(over="ignore"):
            alike = (before <= 8 * after) & (after <= 8 * before) & np.isfinite(after)
        return np.all(alike & (after >= np.where(once == 0, 0, np.finfo("f4").tiny)))

    cell = Cell(FUNCTIONS[name], "float32", 1000, [RELU_SIMD, NUMPY])
    if "inplace" in cell.modes:
        assert all(lasts(each) for each in cell.contestants if each.mode == "inplace")
    else:
        names = cell.names["new"] | data.neutral(cell.inputs, cell.target)
        assert not lasts(Contestant(RELU_SIMD, "inplace", ours(cell.function).inplace, names))


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
    assert "relu_simd.reference.relu(x): element 3 is" in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "bench.json").exists()


@pytest.mark.parametrize("wrong", [lambda x: reference.relu(x) + 1, lambda x: reference.relu(x).astype(np.float16)])
def test_a_wrong_idiom_stops_it(needed, wrong, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(np, "where", lambda condition, x, y: wrong(x), raising=True)
    monkeypatch.setattr(reference, "relu", lambda x: np.maximum(x, 0))
    assert bench("--ops", "relu", "--out", tmp_path) == 1
    assert "np.where(x > 0, x, 0) (numpy)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("dtype", "off", "max_ulp", "passes"),
    [
        ("float32", 0, 0, True),
        ("float32", 1, 0, False),
        ("float64", 1, 1, True),
        ("float16", -1, 1, True),
        ("float32", 2, 1, False),
        ("bfloat16", 4, None, True),
        ("float16", 80, None, False),
    ],
)
def test_how_far_off_a_result_may_be(dtype, off, max_ulp, passes):
    from relu_simd.bench import check

    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    want = np.array([1.5, -0.0, 0.25], dtype)
    got = want.copy()
    got.view(f"i{got.itemsize}")[2] += off
    assert (check.problem(got, want, want, max_ulp) is None) == passes


def test_what_no_tolerance_covers():
    from relu_simd.bench import check

    want = np.array([1.0, -0.0, 2.0])
    positive = np.array([1.0, 0.0, 2.0])
    assert check.problem(positive, want, want, 0) == "element 1 is np.float64(0.0), not np.float64(-0.0)"
    assert check.problem(positive, want, want, None) is None
    assert check.problem(np.array([1.0, 0.0, np.nan]), want, want, None).startswith("element 2 is np.float64(nan)")
    assert check.problem(want.astype("f4"), want, want, None) == "float32[3], not float64[3]"
    assert check.problem(want[:2], want, want, None) == "float64[2], not float64[3]"
    bits = np.array([5], np.uint8)
    assert check.problem(np.array([True, False, True]), bits, want, 0) is None
    assert check.problem(np.array([True, True, True]), bits, want, None)
    assert check.problem(np.array(4), np.array(5), want, None)


def test_a_wrong_mask_stops_it(needed, tmp_path, monkeypatch, capsys):
    right = relu_simd.relu_with_mask

    def wrong(x, out=None):
        y, mask = right(x, out=out)
        mask[0] ^= 1
        return y, mask

    monkeypatch.setattr(relu_simd, "relu_with_mask", wrong)
    assert bench("--ops", "relu_with_mask", "--out", tmp_path) == 1
    assert "reference.relu_with_mask(x): element 0 is np.uint8" in capsys.readouterr().err


@pytest.mark.parametrize(
    "absent",
    [
        NEEDED,
        pytest.param(["matplotlib"], marks=pytest.mark.wide),
        pytest.param(["sklearn"], marks=pytest.mark.wide),
    ],
    ids=str,
)
def test_numpy_alone_is_enough(absent, tmp_path):
    """What is missing is said once; there are random data then, and no pictures."""
    absent = {*absent, *(module for module in NEEDED if importlib.util.find_spec(module) is None)}
    blocked = "".join(f"sys.modules[{module!r}] = None; " for module in absent)
    code = f"import sys; {blocked}from relu_simd.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = run("-c", code, "bench", *QUICK, "--ops", "relu,prelu_backward", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("not installed"))
    assert said.endswith('pip install "relu-simd[bench]"')
    assert ("no pictures" in said) == ("matplotlib" in absent)
    assert ("random numbers" in said) == ("sklearn" in absent)
    assert {path.name for path in tmp_path.iterdir()} == {
        "bench.json",
        *([] if "matplotlib" in absent else ["bench.png"]),
    }
    assert len(json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["cells"]) == 8


@pytest.mark.wide
def test_rows_fit_the_terminal_and_come_one_by_one(needed, tmp_path, monkeypatch, capsys):
    from relu_simd.bench import runner

    seen = []

    def measured(contestants, *rest):
        seen.append(capsys.readouterr().out)
        return measure(contestants, *rest)

    measure = runner.measure
    monkeypatch.setattr(runner, "measure", measured)
    shown = ""
    for sizes, ops in (("16,1e7", "relu"), ("16", "add_relu_bias,prelu_backward")):
        seen.clear()
        words = ["--sizes", sizes, "--seconds", "0.001", "--dtypes", "float32", "--ops", ops]
        assert command.main(["bench", *words, "--out", str(tmp_path)]) == 0
        seen.append(capsys.readouterr().out)
        shown += "".join(seen).partition("first is:")[0]
        assert "16  new array" in seen[1]
        assert len(seen[-1].partition("summary:")[2].splitlines()) <= 10
    assert max(map(len, shown.splitlines())) <= 60
    assert "10,000,000  new array" in shown


def test_interrupted_in_the_midst(needed, tmp_path, monkeypatch, capsys):
    """What was measured is shown and written."""
    from relu_simd.bench import runner

    measure, calls = runner.measure, []

    def measured(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(runner, "measure", measured)
    assert bench("--ops", "relu,tanh", "--out", tmp_path) == 130
    shown = capsys.readouterr()
    assert "interrupted: 3 of 8 cells" in shown.err
    assert "summary:" in shown.out
    assert len(json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["cells"]) == 3
    assert (tmp_path / "bench.png").exists()


def test_interrupted_before_anything(needed, tmp_path, monkeypatch, capsys):
    from relu_simd.bench import runner

    def measured(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "measure", measured)
    assert bench("--ops", "relu", "--out", tmp_path) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert not (tmp_path / "bench.json").exists()


def test_a_sample_waits_for_the_threads_of_the_one_before():
    from relu_simd.bench import timing

    def stay_awake():
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass

    waited = False
    for _ in range(10):  # on a busy machine the thread may have no CPU, and look asleep
        thread = threading.Thread(target=stay_awake)
        thread.start()
        timing._settle()
        waited |= not thread.is_alive()
        thread.join()
        if waited:
            return
    assert waited


def test_news_where_nobody_sees_the_rows(needed, tmp_path, monkeypatch, capsys):
    from relu_simd.bench import runner

    monkeypatch.setattr(runner, "NEWS_SECONDS", 0)
    assert bench("--ops", "relu", "--json", "--out", tmp_path) == 0
    shown = capsys.readouterr()
    assert "1 of 4: relu float32 16" in shown.err
    json.loads(shown.out)


def test_bfloat16_needs_ml_dtypes(needed, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    assert bench("--dtypes", "float32,bfloat16", "--out", tmp_path) == 1
    assert capsys.readouterr().err.endswith("bfloat16 needs ml_dtypes: pip install ml_dtypes\n")


def test_dtypes_that_a_function_lacks_are_left_out(needed, tmp_path, capsys):
    assert bench("--ops", "tanh,relu", "--dtypes", "int8,float64", "--sizes", "16", "--json", "--out", tmp_path) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    took_part = [(cell["op"], cell["dtype"]) for cell in cells]
    assert took_part == [("tanh", "float64"), ("relu", "int8"), ("relu", "float64")]
    assert bench("--ops", "tanh,prelu", "--dtypes", "int8,uint8", "--out", tmp_path) == 1
    assert capsys.readouterr().err.endswith("nothing to do: no int8 and no uint8 in tanh, prelu\n")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--ops", "relu,glue", "unknown function 'glue' (choose from relu,"),
        ("--dtypes", "int3", "unknown dtype 'int3' (choose from int8, uint8"),
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
    in_the_way.write_text("", encoding="utf-8")
    assert bench("--out", in_the_way) == 1
    shown = capsys.readouterr()
    assert f"cannot write to {in_the_way}" in shown.err
    assert "Traceback" not in shown.err
