# SPDX-License-Identifier: BSD-3-Clause
"""Print the requirements that pyproject.toml lists under the given names, one a line.

`build` is what builds the package, `run` what it needs at run time, any other name an extra.
pyproject.toml is the one place that names them; the Makefile and emulation.sh ask here.
"""

import sys
import tomllib
from pathlib import Path

pyproject = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
lists = {
    "build": pyproject["build-system"]["requires"],
    "run": pyproject["project"]["dependencies"],
    **pyproject["project"]["optional-dependencies"],
}
for name in sys.argv[1:]:
    print(*lists[name], sep="\n")
