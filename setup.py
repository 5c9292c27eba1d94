# SPDX-License-Identifier: BSD-3-Clause
"""The compiled module; everything else about the package stands in pyproject.toml.

No flag here is above the architecture's baseline: the ISA files open their own target regions.
The sources are the same for every platform, files for another architecture compile to nothing.
"""

import os
import runpy
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
    FLAGS["unix"] = ["-O1", "-g", *FLAGS["unix"][2:]]
elif os.environ.get("RELU_SIMD_DEBUG"):  # make debug
    FLAGS["unix"] = ["-Og", "-g3", *FLAGS["unix"][2:]]
    FLAGS["msvc"] = ["/Od", "/Z7", *FLAGS["msvc"][1:]]


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


class BuildExt(build_ext):
    def build_extensions(self):
        flags = FLAGS["msvc" if self.compiler.compiler_type == "msvc" else "unix"]
        for extension in self.extensions:
            extension.extra_compile_args += flags
        compile_side_by_side(self.compiler)
        super().build_extensions()


# The header and the .pxd of the C API, and what OpenCL compiles.
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
