# SPDX-License-Identifier: BSD-3-Clause
"""Check a wheel: nothing in it but what a user needs, nothing exported but Python's entry point, and the tests pass in
a fresh environment that has only NumPy and what the tests need.

    python scripts/check_wheel.py WHEEL [pytest arguments]
"""

import io
import os
import re
import subprocess
import sys
import venv
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import ZipFile

MAX_BYTES = 1_500_000
ROOT = Path(__file__).resolve().parents[1]

SMOKE = """
import numpy as np, relu_simd
x = np.array([-2, 0, 3], np.float32)
assert relu_simd.relu(x).tolist() == [0, 0, 3], relu_simd.relu(x)
assert relu_simd.ufuncs.relu_backward(x, x).tolist() == [0, 0, 3]
assert relu_simd.sigmoid(x.astype(np.float16))[1] == 0.5
assert relu_simd.relu(x.astype(np.int8)).tolist() == [0, 0, 3]
print(f"  relu_simd {relu_simd.__version__} works without anything but NumPy, instruction set {relu_simd.isa()}")
"""


def unwanted(name: PurePosixPath) -> bool:
    """Neither metadata nor something that Python, a compiler or a type checker reads."""
    if name.parts[0].endswith(".dist-info"):
        return False
    wanted = name.name == "py.typed" or name.suffix in {".py", ".pyi", ".pxd", ".h", ".so", ".pyd", ".cl"}
    return not (wanted and name.parts[0] in ("relu_simd", "_relu_simd_thinc.py"))


def exported(library: bytes) -> set[str]:
    """Names that an ELF library defines for others, as `nm -D --defined-only` lists them."""
    from elftools.elf.elffile import ELFFile

    symbols = ELFFile(io.BytesIO(library)).get_section_by_name(".dynsym").iter_symbols()
    return {symbol.name for symbol in symbols if symbol.name and symbol["st_shndx"] != "SHN_UNDEF"}


def contents(wheel: Path) -> None:
    archive = ZipFile(wheel)
    names = {name for name in archive.namelist() if not name.endswith("/")}
    if extra := sorted(name for name in names if unwanted(PurePosixPath(name))):
        sys.exit(f"{wheel.name}: not wanted in it: {', '.join(extra)}")
    wanted = {f"relu_simd/{name}" for name in ("py.typed", "_core.pyi", "c_api.pxd", "include/relu_simd.h")}
    if missing := (wanted | {"_relu_simd_thinc.py"}) - names:
        sys.exit(f"{wheel.name}: missing from it: {', '.join(sorted(missing))}")
    if wheel.stat().st_size > MAX_BYTES:
        sys.exit(f"{wheel.name}: {wheel.stat().st_size} bytes, and {MAX_BYTES} is the limit")
    metadata = next(archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    if dead := re.findall(r"\]\((?!https:|#)[^)]*\)", metadata):
        sys.exit(f"{wheel.name}: links of its description that lead nowhere on PyPI: {', '.join(dead)}")
    licences = {PurePosixPath(name).name for name in names if ".dist-info/licenses/" in name}
    if licences != {"LICENSE"}:
        sys.exit(f"{wheel.name}: its licences are {', '.join(sorted(licences)) or 'missing'}")
    modules = [name for name in names if name.startswith("relu_simd/_core.") and name.endswith(".so")]
    for name in modules:
        library = archive.read(name)
        if library.startswith(b"\x7fELF") and (symbols := exported(library)) != {"PyInit__core"}:
            sys.exit(f"{wheel.name}: {name} exports {', '.join(sorted(symbols))}, and only PyInit__core should be")
    print(f"  {wheel.name}: {wheel.stat().st_size // 1000} kB, contents and exported names as they should be")


def run(python: Path, *words: object) -> None:
    """In a process that finds the installed package, not that of the folder it runs in."""
    subprocess.run([python, *map(str, words)], cwd=ROOT, check=True, env={**os.environ, "PYTHONSAFEPATH": "1"})


def install(python: Path, *words: object) -> None:
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *words)


def trial(wheel: Path, tests: list[str]) -> None:
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python")
        install(python, wheel)
        run(python, "-c", SMOKE)
        needed = Path(folder, "requirements.txt")
        listed = [sys.executable, ROOT / "scripts" / "requirements.py", "run", "test", "c-api"]
        needed.write_text(subprocess.run(listed, capture_output=True, text=True, check=True).stdout, encoding="utf-8")
        install(python, "--require-hashes", "-r", needed)
        run(python, "-m", "pytest", "-p", "no:cacheprovider", "-n", "auto", "--dist", "worksteal", *tests)


if len(sys.argv) < 2:
    sys.exit(__doc__)
try:
    contents(Path(sys.argv[1]))
    trial(Path(sys.argv[1]).resolve(), sys.argv[2:])
except subprocess.CalledProcessError as error:
    sys.exit(f"check_wheel: {' '.join(map(str, error.cmd[1:4]))} ... failed")
