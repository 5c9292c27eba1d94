# SPDX-License-Identifier: BSD-3-Clause
"""Print what pip is to install for the given names, pinned and hashed: requirements of pyproject.toml by name,
and all that these need, as they stand in requirements-dev.lock.

`build` is what builds the package, `run` what it needs at run time, any other name an extra.
pyproject.toml is the one place that names them; the Makefile and emulation.sh ask here.

With --unlocked: the requirements as pyproject.toml has them, of all names if none is given. `make lock` makes the
lock of them.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def normal(requirement):
    """The package's name alone, in its normal form."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def read_lock(text):
    """(package, who needs it, the lines to install it by) of each entry; the lock says `# via` for the second."""
    entries = []
    for line in text.splitlines():
        if line.startswith("    # "):
            entries[-1][1].update(normal(word) for word in line.split() if word not in {"#", "via"} and word[0] != "-")
        elif line and line[0] not in "# ":
            entries.append((normal(line), set(), [line]))
        elif line.startswith("    "):
            entries[-1][2].append(line)
    return entries


def locked(requirements):
    """The entries of these requirements and of what they need."""
    entries = read_lock((ROOT / "requirements-dev.lock").read_text(encoding="utf-8"))
    wanted = {normal(requirement) for requirement in requirements}
    if missing := sorted(wanted - {name for name, _, _ in entries}):
        sys.exit(f"requirements-dev.lock lacks {', '.join(missing)}: run `make lock`")
    size = 0
    while size != len(wanted):
        size = len(wanted)
        wanted.update(name for name, needed_by, _ in entries if needed_by & wanted)
    return [line for name, _, lines in entries if name in wanted for line in lines]


pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
lists = {
    "build": pyproject["build-system"]["requires"],
    "run": pyproject["project"]["dependencies"],
    **pyproject["project"]["optional-dependencies"],
}
names = sys.argv[1:]
unlocked = "--unlocked" in names
if unlocked:
    # PyTorch is not locked: its builds for CPUs and for CUDA have one name, and the latter needs gigabytes more.
    names = [name for name in names if name != "--unlocked"] or [name for name in lists if name != "torch"]
if unknown := set(names) - set(lists):
    sys.exit(f"pyproject.toml has no {', '.join(sorted(unknown))}: choose from {', '.join(lists)}")
requirements = [requirement for name in names for requirement in lists[name]]
print(*(requirements if unlocked else locked(requirements)), sep="\n")
