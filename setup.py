# SPDX-License-Identifier: BSD-3-Clause
"""The compiled module; everything else about the package stands in pyproject.toml.

No flag here is above the architecture's baseline: the ISA files open their own target regions.
The sources are the same for every platform, files for another architecture compile to nothing.
"""

import os
import runpy
import shutil
import sys
import sysconfig
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

# Contraction to fma would make results differ between compilers and ISAs. Nobody reads the floating-point
# flags of a kernel, and without them GCC vectorises the scalar ISA (leaky_relu: 15 times as fast).
FLAGS = {
    "msvc": ["/O2", "/std:c11", "/fp:precise"],
    "unix": ["-O3", "-g0", "-ffp-contract=off", "-fno-trapping-math", "-fvisibility=hidden"],
}
if "-fsanitize" in os.environ.get("CC", ""):  # scripts/sanitize.sh: its reports are to name lines
    FLAGS["unix"] = ["-O1", "-g", *FLAGS["unix"][2:]]

# Last, so that they prevail over what CFLAGS, CPPFLAGS, LDFLAGS or CC hold: with -ffast-math a NaN would count as a
# number, and a link with it adds code that switches denormals off for the whole process. What a compiler calls
# otherwise, compiler.h refuses.
EXACT = {
    "msvc": ["/fp:precise"],
    "unix": [
        "-fno-fast-math",
        "-fno-unsafe-math-optimizations",
        "-fno-finite-math-only",
        "-fno-associative-math",
        "-fno-reciprocal-math",
        "-fsigned-zeros",
        "-fno-trapping-math",
        "-ffp-contract=off",
    ],
}
EXACT_LINK = {"msvc": [], "unix": ["-O2", "-fno-fast-math", "-fno-unsafe-math-optimizations"]}

OPENMP = {"msvc": "/openmp", "unix": "-fopenmp"}


def links_openmp(compiler, flag):
    """Whether this compiler takes the flag and finds its runtime: Apple's Clang, for one, does not."""
    with TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
        try:
            objects = compiler.compile([str(source)], output_dir=folder, extra_postargs=[flag])
            compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=[flag])
        except (CompileError, LinkError):
            return False
    return True


def require_compiler(compiler):
    """End with a sentence that says what to do, before the first error of a tool does."""
    program = (getattr(compiler, "compiler_so", None) or [None])[0]  # MSVC is looked for by setuptools
    if program is not None and shutil.which(program) is None:
        sys.exit(
            f"relu-simd: there is no C compiler {program!r} here. Install one (Debian, Ubuntu: apt install gcc"
            " python3-dev; Fedora: dnf install gcc python3-devel; macOS: xcode-select --install), or name yours in the"
            " variable CC."
        )
    headers = sysconfig.get_path("include")
    if not Path(headers, "Python.h").exists():
        sys.exit(
            f"relu-simd: this Python's headers are not installed: there is no Python.h in {headers}."
            " Debian, Ubuntu: apt install python3-dev; Fedora: dnf install python3-devel."
        )


class BuildExt(build_ext):
    def build_extensions(self):
        require_compiler(self.compiler)
        kind = "msvc" if self.compiler.compiler_type == "msvc" else "unix"
        flags, openmp = FLAGS[kind], OPENMP[kind]
        link = []
        if links_openmp(self.compiler, openmp):
            flags = [*flags, openmp]
            link = [openmp] if kind == "unix" else []
        else:
            print("relu-simd: this compiler has no OpenMP: building for one thread")
        for extension in self.extensions:
            extension.extra_compile_args += flags + EXACT[kind]
            extension.extra_link_args += link + EXACT_LINK[kind]
        super().build_extensions()


# The header and the .pxd of the C API.
runpy.run_path(str(Path("src", "make_c_api.py")))

core = Extension(
    "relu_simd._core",
    ["src/_core.pyx", *sorted(glob("csrc/*.c"))],
    include_dirs=["csrc", "src", np.get_include()],
    libraries=[] if os.name == "nt" else ["m"],
    depends=["setup.py", *sorted(glob("csrc/*.h") + glob("csrc/*.def") + glob("src/*.h") + glob("src/*.pxi"))],
    define_macros=[
        ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
        ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"),
    ],
)

setup(ext_modules=cythonize([core], build_dir="build"), cmdclass={"build_ext": BuildExt})
