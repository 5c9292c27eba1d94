# SPDX-License-Identifier: BSD-3-Clause
"""Which instruction set runs, and who may say so."""

import platform

import pytest
from cases import ISAS, run

import relu_simd


def test_the_best_one_is_the_default():
    assert run("-c", "import relu_simd; print(relu_simd.isa())", RELU_SIMD_ISA="").stdout.strip() == ISAS[0]


def test_available():
    on = {"x86_64": ("avx512", "avx2", "scalar"), "AMD64": ("avx512", "avx2", "scalar"), "aarch64": ("neon", "scalar")}
    known = on.get(platform.machine(), ("scalar",))
    assert tuple(name for name in known if name in ISAS) == ISAS, "tests/test_dispatch.py: what has each platform?"
    assert ISAS[-1] == "scalar"


@pytest.mark.parametrize("name", ISAS)
def test_the_forced_one_runs(name):
    """isa() reads the name out of the very table that the kernels are called through."""
    code = """if 1:
        import numpy, relu_simd
        relu_simd.relu(numpy.ones(9))
        print(relu_simd.isa())
    """
    assert run("-c", code, RELU_SIMD_ISA=name).stdout.strip() == name


@pytest.mark.parametrize("name", ["sse9", "AVX2", " ", "x" * 100_000, "avx2;", "scälar"])
def test_an_unknown_one_is_an_import_error(name):
    done = run("-c", "import relu_simd", RELU_SIMD_ISA=name)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: RELU_SIMD_ISA: instruction set ")
    assert last.endswith(f"choose one of {', '.join(ISAS)}")


def test_set_isa():
    before = relu_simd.isa()
    for name in ISAS:
        relu_simd.set_isa(name)
        assert relu_simd.isa() == name
    relu_simd.set_isa(before)
