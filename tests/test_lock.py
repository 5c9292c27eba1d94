# SPDX-License-Identifier: BSD-3-Clause
"""requirements-dev.lock is what `make` installs from: it has all that pyproject.toml asks for, each with a hash."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

packaging = pytest.importorskip("packaging.requirements", reason="packaging is not installed")

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")


def requirements(*arguments):
    command = [sys.executable, ROOT / "scripts" / "requirements.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def versions(name):
    pattern = re.compile(rf"^{re.sub('[-_.]+', '[-_.]', name)}==([^ ]+)", re.MULTILINE | re.IGNORECASE)
    return pattern.findall(LOCK)


@pytest.mark.parametrize("requirement", sorted(set(requirements("--unlocked").stdout.splitlines())))
def test_it_meets_every_requirement(requirement):
    parsed = packaging.Requirement(requirement)
    found = versions(parsed.name)
    assert found, "run `make lock`"
    assert all(version in parsed.specifier for version in found), "run `make lock`"


def test_every_entry_has_a_hash_and_none_names_a_host():
    entries = re.findall(r"^\w.*(?:\n    .*)*", LOCK, re.MULTILINE)
    assert len(entries) > 20
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK
    assert "index" not in re.sub(r"(?m)^ *#.*", "", LOCK)


def test_what_a_name_needs_comes_with_it():
    printed = requirements("test").stdout
    for name in ("pytest", "pluggy", "hypothesis", "sortedcontainers"):
        assert re.search(rf"^{name}==", printed, re.MULTILINE)
    assert "ruff==" not in printed
    # both versions, where Pythons differ
    assert printed.count("\nnumpy==") == len(versions("numpy"))


def test_an_unknown_name_is_refused():
    done = requirements("tests")
    assert done.returncode == 1
    assert done.stderr.startswith("pyproject.toml has no tests: choose from build, run, ")
