# SPDX-License-Identifier: BSD-3-Clause
"""Check a wheel: nothing in it but what a user needs, and it works in a fresh environment."""

import subprocess
import sys
import venv
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import ZipFile

SMOKE = """
import numpy as np, relu_simd
x = np.array([-2, 0, 3], np.float32)
assert relu_simd.relu(x).tolist() == [0, 0, 3], relu_simd.relu(x)
assert relu_simd.ufuncs.relu_backward(x, x).tolist() == [0, 0, 3]
assert relu_simd.sigmoid(x.astype(np.float16))[1] == 0.5
assert relu_simd.relu(x.astype(np.int8)).tolist() == [0, 0, 3]
print(f"wheel: relu_simd {relu_simd.__version__} works, instruction set {relu_simd.isa()}")
"""


def unwanted(name: PurePosixPath) -> bool:
    """Neither metadata nor something that Python or a type checker reads."""
    if name.parts[0].endswith(".dist-info"):
        return False
    wanted = name.name == "py.typed" or name.suffix in {".py", ".pyi", ".so", ".pyd", ".cl"}
    return not (wanted and name.parts[0] == "relu_simd")


wheel = Path(sys.argv[1]).resolve()
names = set(ZipFile(wheel).namelist())
if extra := sorted(name for name in names if unwanted(PurePosixPath(name))):
    sys.exit(f"{wheel.name}: not wanted in it: {', '.join(extra)}")
if missing := {"relu_simd/py.typed", "relu_simd/_core.pyi"} - names:
    sys.exit(f"{wheel.name}: missing from it: {', '.join(missing)}")

with TemporaryDirectory() as folder:
    venv.create(folder, with_pip=True)
    python = Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python")
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel]
    subprocess.run(install, cwd=folder, check=True)
    subprocess.run([python, "-c", SMOKE], cwd=folder, check=True)
