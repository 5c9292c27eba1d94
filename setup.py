# SPDX-License-Identifier: BSD-3-Clause
"""The compiled module; everything else about the package stands in pyproject.toml.

No flag here is above the architecture's baseline: the ISA files open their own target regions.
The sources are the same for every platform, files for another architecture compile to nothing.
"""

import os
import re
import runpy
import shutil
import sys
import sysconfig
import tomllib
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Contraction to fma would make results differ between compilers and ISAs. Nobody reads the floating-point
# flags of a kernel, and without them GCC vectorises the scalar ISA (leaky_relu: 15 times as fast).
FLAGS = {
    "msvc": ["/O2", "/std:c11", "/fp:precise"],
    "unix": ["-O3", "-g0", "-ffp-contract=off", "-fno-trapping-math", "-fvisibility=hidden"],
}
if "-fsanitize" in os.environ.get("CC", ""):  # scripts/sanitize.sh: its reports are to name lines
    FLAGS["unix"] = ["-O1", "-g1", *FLAGS["unix"][2:]]
elif os.environ.get("RELU_SIMD_DEBUG"):  # make debug
    FLAGS["unix"] = ["-Og", "-g3", *FLAGS["unix"][2:]]
    FLAGS["msvc"] = ["/Od", "/Z7", *FLAGS["msvc"][1:]]

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


def compile_side_by_side(compiler):
    """Let the compiler work on as many source files at once as there are CPUs, not one after another."""
    one_after_another = compiler.compile

    def compile_each(sources, **options):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return [
                name
                for names in pool.map(lambda source: one_after_another([source], **options), sources)
                for name in names
            ]

    compiler.compile = compile_each


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
        for extension in self.extensions:
            extension.extra_compile_args += FLAGS[kind] + EXACT[kind]
            extension.extra_link_args += EXACT_LINK[kind]
        compile_side_by_side(self.compiler)
        super().build_extensions()


def long_description():
    """The README, whose links work on PyPI, too: into the repository where [project.urls] names it, else as words."""
    source = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"].get("urls", {}).get("Source")

    def replace(link):
        is_picture, words, target = link.groups()
        if target.startswith(("https:", "#")):
            return link[0]
        if source is None:
            return "" if is_picture else words
        return f"{is_picture}[{words}]({source}/{'raw' if is_picture else 'blob'}/main/{target})"

    return re.sub(r"(!?)\[([^][]*)\]\(([^()]+)\)", replace, Path("README.md").read_text(encoding="utf-8"))


# The header and the .pxd of the C API, and what OpenCL compiles.
runpy.run_path(str(Path("src", "make_c_api.py")))

core = Extension(
    "relu_simd._core",
    ["src/_core.pyx", *sorted(glob("csrc/*/*.c"))],
    include_dirs=["csrc", "src", np.get_include()],
    libraries=[] if os.name == "nt" else ["m"],
    depends=["setup.py", *sorted(glob("csrc/**/*.[hd]*", recursive=True) + glob("src/*.h") + glob("src/*.pxi"))],
    define_macros=[
        ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
        ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"),
    ],
)

setup(
    ext_modules=cythonize([core], build_dir="build"),
    cmdclass={"build_ext": BuildExt},
    long_description=long_description(),
    long_description_content_type="text/markdown",
)
