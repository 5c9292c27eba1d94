# SPDX-License-Identifier: BSD-3-Clause
"""`python -m relu_simd` and the configuration it shows."""

import json
import sys

import numpy as np
import pytest
from cases import run

import relu_simd
from relu_simd import __main__ as command
from relu_simd import _config


def test_prints_what_was_detected():
    done = run("-m", "relu_simd", RELU_SIMD_ISA="scalar", RELU_SIMD_NUM_THREADS="1")
    assert done.returncode == 0
    assert done.stderr == ""
    shown = {line[:17].strip(): line[17:].strip() for line in done.stdout.splitlines()}
    assert shown["relu-simd"] == relu_simd.__version__
    assert shown["instruction set"] == "scalar"
    assert shown["available"] == ", ".join(relu_simd.available_isas())
    assert shown["threads"] == "1"
    assert shown["NumPy"] == np.__version__
    assert shown["environment"] == "RELU_SIMD_ISA=scalar, RELU_SIMD_NUM_THREADS=1"


def test_config_is_json_and_complete():
    facts = json.loads(json.dumps(_config.config()))
    assert facts["caches"].keys() == {"L1d", "L2", "L3"}
    assert facts["CPU"]
    assert facts["threads"] == relu_simd.get_num_threads()


def test_caches_that_the_system_does_not_tell(monkeypatch, capsys):
    monkeypatch.setattr(_config._core, "_cache_bytes", lambda level: (0, 32 << 10, 1 << 20, 32 << 20)[level - 1])
    _config.show_config()
    assert "L1d unknown, L2 32 KiB, L3 1 MiB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("levels", "cpus", "counted"),
    [
        ((32 << 10, 1 << 20, 32 << 20), 2, 32 << 20),  # a part of a chip that has so much
        ((48 << 10, 2 << 20, 300 << 20), 2, 32 << 20),  # a whole server's, told to two of its CPUs
        ((48 << 10, 2 << 20, 300 << 20), 64, 300 << 20),  # and to all of them
        ((48 << 10, 24 << 20, 480 << 20), 2, 48 << 20),  # never less than the second level
        ((32 << 10, 1 << 20, 0), 4, 4 << 20),
        ((0, 0, 0), 1, 32 << 20),
    ],
)
def test_cache_that_is_counted_on(levels, cpus, counted):
    assert _config._core._cache_share(levels, cpus) == counted


def test_without_opencl_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyopencl", None)
    assert _config.config()["OpenCL"] == "pyopencl is not installed"


def test_opencl_devices_are_listed(monkeypatch):
    class Thing:
        def __init__(self, name, devices=()):
            self.name, self.get_devices = name, lambda: devices

    class OpenCL:
        Error = RuntimeError
        get_platforms = staticmethod(lambda: [Thing("Portable ", [Thing("CPU one"), Thing("CPU two")])])

    monkeypatch.setitem(sys.modules, "pyopencl", OpenCL)
    assert _config.config()["OpenCL"] == ["CPU one (Portable)", "CPU two (Portable)"]
    OpenCL.get_platforms = staticmethod(list)
    assert _config.config()["OpenCL"] == "no device"


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        command.main(["--version"])
    assert capsys.readouterr().out == f"relu-simd {relu_simd.__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["bench", "--help"]])
def test_help_teaches_by_example(words, capsys):
    with pytest.raises(SystemExit, match="0"):
        command.main(words)
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert "python -m relu_simd bench" in shown


def test_interrupted(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command.cli, "run", interrupt)
    assert command.main(["bench"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
