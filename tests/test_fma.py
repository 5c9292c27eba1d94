# SPDX-License-Identifier: BSD-3-Clause
"""The scalar instruction set's own fma gives what the hardware gives, to the bit."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cases import EMULATED

import relu_simd

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(EMULATED, reason="emulation has no say in it")
@pytest.mark.skipif("avx2" not in relu_simd.available_isas(), reason="the hardware to compare with is x86-64 with FMA")
def test_fma(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the comparison with")
    program = tmp_path / "fma"
    flags = ["-std=c11", "-O2", "-ffp-contract=off", f"-I{ROOT / 'csrc'}"]
    subprocess.run([compiler, *flags, "-o", program, ROOT / "tests" / "fma.c", "-lm"], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout == "16109744 agree\n"
