# SPDX-License-Identifier: BSD-3-Clause
"""An editor with clangd finds no error in any C file: the flags of .clangd are enough to compile each by itself."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cases import EMULATED

ROOT = Path(__file__).parents[1]
COMPILER = shutil.which("clang") or shutil.which("gcc") or shutil.which("cc")
FILES = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("csrc/**/*.[ch]"))]

pytestmark = [
    pytest.mark.wide,  # no part of what is installed
    pytest.mark.skipif(
        EMULATED or sys.platform == "win32" or COMPILER is None, reason="no GCC or Clang to compile with"
    ),
]


def flags(file):
    """What the fragments of .clangd add for this file."""
    words = []
    for fragment in (ROOT / ".clangd").read_text(encoding="utf-8").split("---\n"):
        paths = re.search(r'PathMatch: "(.*)"', fragment)
        if paths is None or re.fullmatch(paths[1].replace("\\\\", "\\"), file):
            words += re.search(r"Add: \[(.*)\]", fragment)[1].split(", ")
    return words


@pytest.mark.parametrize("file", FILES)
def test_a_file_by_itself(file):
    command = [COMPILER, *flags(file), "-Werror=implicit-function-declaration", "-fsyntax-only", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "error" not in done.stderr
    assert done.returncode == 0
