# SPDX-License-Identifier: BSD-3-Clause
"""`make gpu`: chooses a device, says what it looked for, and shows what differs. No times."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_opencl import DEVICE, opencl

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    sys.modules.pop("gpu", None)
    import gpu

    return gpu


def name():
    """Of the tests' device, as the script knows it."""
    return f"{DEVICE.name.strip()} ({DEVICE.platform.name.strip()})"


@pytest.mark.wide
def test_all_of_it(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "gpu.py"), "--device", name(), "--tests", "one", "--elements", "131_072",
         "--dtypes", "float32", "--out", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record, page = (
        json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8")),
        (tmp_path / "gpu.md").read_text(encoding="utf-8"),
    )
    assert page in done.stdout
    assert record["tests"]["passed"]
    assert "byte for byte: 12 passed" in page
    assert {cell["equal"] for cell in record["bandwidth"]} == {True}
    assert len(record["bandwidth"]) > 10
    assert "| relu | float32 |" in page
    assert "worth the way there and back" in page


def test_without_a_gpu(gpu, monkeypatch, tmp_path):
    """A sentence with what was looked for; and a device that is there by another name."""
    monkeypatch.setattr(gpu, "VENDORS", tmp_path)
    monkeypatch.setattr(gpu, "FOLDERS", [tmp_path])
    monkeypatch.setattr(opencl, "devices", list)
    device, problem = gpu.choose("", tmp_path)
    assert device is None
    for word in ("no GPU with an OpenCL driver", "OCL_ICD_VENDORS", gpu.DRIVER, f"{tmp_path}: no ICD file", "GPU_ARGS"):
        assert word in problem
    monkeypatch.setattr(opencl, "devices", lambda: [DEVICE])
    assert gpu.choose(name()[:-3].upper(), tmp_path) == (DEVICE, "")
    assert "no device is called Voodoo. Looked for: OpenCL devices: " in gpu.choose("Voodoo", tmp_path)[1]


def test_a_driver_that_no_file_names(gpu, monkeypatch, tmp_path):
    """The script starts again with OCL_ICD_VENDORS, and the vendors that there were."""
    vendors, out, started = tmp_path / "vendors", tmp_path / "out", []
    vendors.mkdir()
    (vendors / "pocl.icd").write_text("libpocl.so.2\n", encoding="utf-8")
    (tmp_path / gpu.DRIVER).write_text("", encoding="utf-8")
    monkeypatch.setattr(gpu, "VENDORS", vendors)
    monkeypatch.setattr(gpu, "FOLDERS", [tmp_path])
    monkeypatch.delenv("OCL_ICD_VENDORS", raising=False)
    monkeypatch.setattr(gpu.os, "execv", lambda *words: started.append(words))
    gpu.point_to_driver(out)
    assert len(started) == 1
    folder = Path(gpu.os.environ.pop("OCL_ICD_VENDORS"))
    assert (folder / "nvidia.icd").read_text(encoding="utf-8") == f"{tmp_path / gpu.DRIVER}\n"
    assert (folder / "pocl.icd").read_text(encoding="utf-8") == "libpocl.so.2\n"
    (vendors / "nvidia.icd").write_text("libnvidia-opencl.so.1\n", encoding="utf-8")
    gpu.point_to_driver(out)
    assert len(started) == 1


def test_tests_that_fail(gpu, monkeypatch, tmp_path):
    """Their names are on the page."""
    output = "FAILED tests/test_opencl.py::test_sizes[relu]\n1 failed, 3 passed in 2.00s\n"

    def run(*_, stdout, **__):
        stdout.write(output)
        return subprocess.CompletedProcess([], 1)

    monkeypatch.setattr(gpu.subprocess, "run", run)
    found = gpu.run_tests(DEVICE, "usual", tmp_path)
    assert found["summary"] == "1 failed, 3 passed"
    assert found["passed"] is False
    assert found["failed"] == ["tests/test_opencl.py::test_sizes[relu]"]


def test_from_which_size_on_it_pays(gpu):
    from gpu_measure import pays_from

    def record(n, device, cpu):
        return {"n": n, "times": {"there": 1, "back": 1, "relu on the device": device, "relu on the CPU": cpu}}

    assert pays_from([record(10, 1, 4), record(100, 1, 2), record(1000, 1, 5), record(10_000, 2, 50)], "relu") == 1000
    assert pays_from([record(10, 1, 2)], "relu") is None
