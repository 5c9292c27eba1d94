# SPDX-License-Identifier: BSD-3-Clause
"""Builds that could surprise: flags that trade results for speed, no compiler, a checkout that was not built."""

import ast
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cases import EMULATED, SANITIZED

ROOT = Path(__file__).parents[1]
SETUP = (ROOT / "setup.py").read_text(encoding="utf-8")
COMPILER = shutil.which("gcc") or shutil.which("cc")

pytestmark = [
    pytest.mark.skipif(EMULATED or SANITIZED, reason="as on the machine itself"),
    pytest.mark.skipif(sys.platform == "win32" or COMPILER is None, reason="no GCC or Clang to build with"),
]

FAST = [
    "-ffast-math",
    "-Ofast",
    "-funsafe-math-optimizations",
    "-ffinite-math-only",
    "-fassociative-math -fno-signed-zeros -fno-trapping-math",
    "-freciprocal-math",
    "-fno-signed-zeros",
    "-Ofast -ffast-math -funsafe-math-optimizations -ffinite-math-only",
]


def flags(name):
    """A table of setup.py, for GCC and Clang."""
    return ast.literal_eval(re.search(rf"^{name} = (\{{.*?\}})\n(?!    )", SETUP, re.MULTILINE | re.DOTALL)[1])["unix"]


def call(*words, **environment):
    return subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | environment, cwd=ROOT)


@pytest.mark.parametrize("fast", FAST)
def test_flags_of_the_environment_are_overridden(fast, tmp_path):
    """They stand before ours, wherever they come from; with ours after them the sources compile."""
    done = call(COMPILER, "-std=c11", *fast.split(), *flags("EXACT"), "-Icsrc", "-fsyntax-only", "csrc/run/dispatch.c")
    assert (done.returncode, done.stderr) == (0, "")


NATIVE = ["neon"] if platform.machine() == "aarch64" else ["avx2", "avx512"]


@pytest.mark.parametrize("isa", ["scalar", *(pytest.param(name, marks=pytest.mark.wide) for name in NATIVE)])
def test_a_mask_is_no_vector(isa, tmp_path):
    """An expression that selects with its arguments in another order does not compile."""
    right, wrong = "select(above(x, 0), x, mul(x, weight))", "select(x, above(x, 0), mul(x, weight))"
    sources = shutil.copytree(ROOT / "csrc", tmp_path / "csrc")
    expressions = sources / "kernels.h"
    command = COMPILER, "-std=c11", "-ffp-contract=off", "-fsyntax-only", f"-I{sources}", sources / "isa" / f"{isa}.c"
    done = call(*command)
    assert (done.returncode, done.stderr) == (0, "")
    text = expressions.read_text(encoding="utf-8")
    assert text.count(right) == 1
    expressions.write_text(text.replace(right, wrong), encoding="utf-8")
    done = call(*command)
    assert done.returncode != 0
    assert "incompatible type" in done.stderr


@pytest.mark.parametrize("fast", FAST)
def test_what_is_not_overridden_is_refused(fast):
    """As flags that a wrapper adds after ours."""
    done = call(
        COMPILER, "-std=c11", "-O2", *flags("EXACT"), *fast.split(), "-Icsrc", "-fsyntax-only", "csrc/run/dispatch.c"
    )
    if done.returncode == 0:  # GCC lets -ffast-math alone imply some of them; then they must mean nothing here
        seen = call(COMPILER, *flags("EXACT"), *fast.split(), "-dM", "-E", "-x", "c", os.devnull).stdout
        assert not re.search(
            r"__FAST_MATH__|__FINITE_MATH_ONLY__ 1|__(ASSOCIATIVE|RECIPROCAL)_MATH__|SIGNED_ZEROS", seen
        )
    else:
        assert "results would be wrong" in done.stderr


@pytest.mark.parametrize("fast", FAST)
def test_linking_leaves_denormals_alone(fast, tmp_path):
    """GCC before 13 links code that switches them off, when the library is loaded, for the whole process."""
    library, source = tmp_path / "library.so", tmp_path / "library.c"
    source.write_text("int nothing;\n", encoding="utf-8")
    linked = call(COMPILER, "-shared", "-fPIC", *fast.split(), source, *flags("EXACT_LINK"), "-o", library)
    assert linked.returncode == 0, linked.stderr
    code = f"import ctypes; x = ctypes.c_double(5e-324); ctypes.CDLL({str(library)!r}); print(x.value * 1)"
    assert call(sys.executable, "-c", code).stdout == "5e-324\n"


CHECK = """if 1:
    import numpy as np, relu_simd as rs
    from relu_simd import _core
    assert _core.__file__.startswith(BASE), _core.__file__
    for dtype in "efd":
        x = np.full(40, np.nan, dtype)
        ones = np.ones_like(x)
        for y in (rs.relu(x), rs.relu6(x), rs.leaky_relu(x), rs.sigmoid(x), rs.tanh(x), rs.add_relu(x, ones)):
            assert np.isnan(y).all(), y
        assert (rs.relu_backward(ones, x) == 1).all() and (rs.relu6_backward(ones, x) == 1).all()
        assert np.signbit(rs.relu(-0 * ones)).all() == np.signbit(-0 * ones).all()
        assert (rs.relu_backward(x, -ones) == 0).all()
    tiny = np.full(40, 1e-40, np.float32)
    assert (tiny * np.float32(1) == tiny).all() and (tiny != 0).all() and (rs.leaky_relu(-tiny, 0.5) != 0).all()
    x = np.linspace(-20, 20, 9999)
    best = rs.sigmoid(x).tobytes(), rs.tanh(x).tobytes()
    rs.set_isa("scalar")
    assert best == (rs.sigmoid(x).tobytes(), rs.tanh(x).tobytes())
"""


@pytest.mark.skipif("RELU_SIMD_TEST_BUILDS" not in os.environ, reason="a whole build: make test-builds does it")
def test_a_build_with_all_of_them_everywhere(tmp_path):
    fast = "-O3 -ffast-math -ffinite-math-only"
    variables = {"CC": "gcc -Ofast -ffast-math", "CFLAGS": fast, "CPPFLAGS": fast, "LDFLAGS": "-Ofast -ffast-math"}
    built = call(sys.executable, "setup.py", "--quiet", "build", "--build-base", str(tmp_path), **variables)
    assert built.returncode == 0, built.stderr
    (library,) = tmp_path.glob("lib.*")
    for isa in ("", "scalar"):
        path = {"PYTHONPATH": str(library), "PYTHONSAFEPATH": "1", "RELU_SIMD_ISA": isa}
        done = call(sys.executable, "-c", f"BASE = {str(library)!r}\n{CHECK}", **path)
        assert (done.returncode, done.stderr) == (0, "")


def test_no_compiler(tmp_path):
    done = call(sys.executable, "setup.py", "build", "--build-base", str(tmp_path), CC="/nowhere/cc")
    assert done.returncode == 1
    assert (
        done.stderr.strip().splitlines()[-1].startswith("relu-simd: there is no C compiler '/nowhere/cc' here. Install")
    )
    assert "OpenMP" not in done.stdout + done.stderr


def test_a_checkout_that_was_not_built(tmp_path):
    shutil.copytree(ROOT / "relu_simd", tmp_path / "relu_simd", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import relu_simd"],  # -S: an editable install would be found, too
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: relu_simd is not compiled for this Python in ")
    assert "pip install ." in last
