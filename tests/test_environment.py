# SPDX-License-Identifier: BSD-3-Clause
"""Whatever the environment holds: the default, or one sentence that names the variable."""

import os
import subprocess
import sys

import pytest
from cases import ISAS, run

import relu_simd
from relu_simd import settings

EXPECTED = {
    "RELU_SIMD_ISA": f"choose one of {', '.join(ISAS)}",
    "RELU_SIMD_NUM_THREADS": "expected a number of threads from 1 to 1024",
    "RELU_SIMD_POOL_LIMIT": "expected a number of bytes, 0 for none",
}
JUNK = [
    b" ",
    b"\t\n",
    b"\xff\xfe",
    b"avx2\xff",
    b"1 2",
    b"0x2",
    b"1e3",
    b"-1",
    b"nan",
    b"\xc2\xb2",
    b"x" * 100_000,
    b"9" * 100_000,
]
# Where the system's own limit of a variable is below that, another program may set more in its own process.
MILLION = ["x" * 1_000_000, "9" * 1_000_000, " " * 1_000_000, "\udcff" * 1_000_000, "é" * 1_000_000]
CALL = "import relu_simd, numpy; print((relu_simd.relu(numpy.array([-1.0, 2.0])) == [0, 2]).all())"


def as_text(value):
    """What Python makes of a variable's bytes, which need be no text at all."""
    return value.decode("utf-8", "surrogateescape")


def process(words, variables, keep=True):
    """A Python process whose variables are bytes, over this one's or alone."""
    own = {
        os.fsencode(k): os.fsencode(v) for k, v in os.environ.items() if not k.startswith("RELU_SIMD_") or "TEST" in k
    }
    needed = (b"PYTHONPATH", b"PYTHONSAFEPATH", b"LD_PRELOAD", b"ASAN_OPTIONS", b"SYSTEMROOT")
    environment = (own if keep else {k: v for k, v in own.items() if k in needed}) | variables
    if os.name == "nt":  # where variables are text
        environment = {as_text(k): as_text(v) for k, v in environment.items()}
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, check=False, timeout=300)
    done.stdout = done.stdout.replace(os.linesep.encode(), b"\n")
    return done


def says(done, variable):
    """An ImportError of one line, not too long, about the variable, and nothing about how it was read."""
    text = done.stderr.decode("utf-8", "replace").strip()
    last = text.splitlines()[-1]
    assert done.returncode == 1, text
    assert last.startswith(f"ImportError: {variable}: "), text
    assert EXPECTED[variable] in last
    assert len(last) < 800
    assert "ValueError" not in text


@pytest.mark.parametrize("variable", EXPECTED)
def test_junk(variable):
    for junk in (b"\xff\xfe", b"x" * 100_000):
        says(process(["-c", CALL], {variable.encode(): junk}), variable)


@pytest.mark.parametrize("variable", EXPECTED)
def test_more_junk(variable, monkeypatch):
    """As at import, without a process for each; what would be shown is this error alone."""
    isa = relu_simd.isa()
    most = 32_000 if os.name == "nt" else 1_000_000  # characters: the system allows 32,767 with the name
    for text in (*map(as_text, JUNK), *MILLION):
        monkeypatch.setenv(variable, text[:most])
        with pytest.raises(ImportError) as caught:
            settings._apply_environment()
        assert str(caught.value).startswith(f"{variable}: ")
        assert EXPECTED[variable] in str(caught.value)
        assert len(str(caught.value)) < 800
        assert caught.value.__suppress_context__
    relu_simd.set_isa(isa)


@pytest.mark.parametrize("junk", [*JUNK, b"", b"0", b"4,2", b"1025", b"99999999999"], ids=lambda junk: ascii(junk[:8]))
def test_what_other_libraries_read_too(junk):
    """Variables that OpenMP would read: everything works."""
    code = f"import relu_simd, numpy; relu_simd.relu(numpy.ones(1_000_000)); {CALL}"
    names = b"OMP_NUM_THREADS", b"OMP_STACKSIZE", b"OMP_THREAD_LIMIT", b"OMP_DYNAMIC", b"OMP_WAIT_POLICY"
    done = process(["-c", code], dict.fromkeys(names, junk))
    assert (done.stdout, done.returncode) == (b"True\n", 0), done.stderr


@pytest.mark.parametrize("variable", EXPECTED)
def test_empty_is_unset(variable):
    done = process(["-c", CALL], {variable.encode(): b""})
    assert (done.stdout, done.stderr, done.returncode) == (b"True\n", b"", 0)


LOCALES = {
    "none": {},
    "C": {b"LC_ALL": b"C"},
    "C, and Python keeps to it": {b"LC_ALL": b"C", b"PYTHONCOERCECLOCALE": b"0", b"PYTHONUTF8": b"0"},
    "one that there is not": {b"LC_ALL": b"xx_YY.nothing", b"LANG": b"\xff"},
    "ASCII output": {b"PYTHONIOENCODING": b"ascii"},
    "strict UTF-8 output": {b"PYTHONIOENCODING": b"utf-8:strict"},
}


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
@pytest.mark.parametrize(
    "keep", [True, pytest.param(False, marks=pytest.mark.wide)], ids=["with the rest", "without the rest"]
)
def test_locales(locale, keep):
    """What cannot be written in the output's encoding is escaped, and what is long is cut."""
    odd = {
        b"RELU_SIMD_NUM_THREADS": b"1",
        b"RELU_SIMD_ODD": b"\xff\xfe \xc3\xbc\xe2\x82\xac\n\x1b[1m",
        "RELU_SIMD_Ü".encode(): b"x" * 100_000,
    }
    done = process(["-m", "relu_simd"], odd | locale, keep)
    assert (done.stderr, done.returncode) == (b"", 0)
    assert b"RELU_SIMD_NUM_THREADS=1" in done.stdout
    assert len(done.stdout) < 5000


@pytest.mark.skipif(os.name == "nt", reason="a process's working directory cannot be removed on this system")
def test_no_home_and_no_working_directory(tmp_path):
    def outside(code):
        gone = tmp_path / "gone"
        gone.mkdir()
        leave = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); os.environ.clear()"
        return process(["-c", f"{leave}; {code}"], {}, keep=True)

    if sys.version_info[:2] == (3, 13) and outside("import numpy").returncode:
        pytest.skip("this Python, as 3.13.0, cannot import NumPy without a working directory")
    done = outside(f"{CALL}; relu_simd.show_config()")
    assert (done.stderr, done.returncode) == (b"", 0)
    assert done.stdout.startswith(b"True\n")


def test_the_settings_in_use_are_shown():
    done = run("-c", "import relu_simd; relu_simd.show_config()", RELU_SIMD_POOL_LIMIT="123")
    assert "RELU_SIMD_POOL_LIMIT=123" in done.stdout
    assert relu_simd.pool_info()["limit"] > 123


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("64MB", 64 << 20),
        ("64MiB", 64 << 20),
        ("1 GB", 1 << 30),
        ("5k", 5 << 10),
        ("7", 7),
        ("0MB", 0),
        (" 3m ", 3 << 20),
    ],
)
def test_memory_with_a_unit(text, limit):
    done = run("-c", "import relu_simd; print(relu_simd.pool_info()['limit'])", RELU_SIMD_POOL_LIMIT=text)
    assert (done.stdout, done.stderr) == (f"{limit}\n", "")


@pytest.mark.parametrize("text", ["MB", "b", "1.5MB", "-1MB", "64TB", "64 M B", "1e3k", "7b", "9" * 30 + "GB", "i"])
def test_memory_with_junk(text, monkeypatch):
    monkeypatch.setenv("RELU_SIMD_POOL_LIMIT", text)
    with pytest.raises(ImportError, match="expected a number of bytes, 0 for none, or such as 64MB, not"):
        settings._apply_environment()


@pytest.mark.parametrize(
    "words", [["-m", "relu_simd"], ["-m", "relu_simd", "bench"], ["-W", "error", "-m", "relu_simd"]], ids=str
)
@pytest.mark.parametrize("variable", EXPECTED)
def test_the_command_line_says_it_in_one_line(words, variable):
    done = process(words, {variable.encode(): b"junk"})
    text = done.stderr.decode()
    assert done.returncode == 1
    assert text.startswith(f"python -m relu_simd: {variable}: ")
    assert text.count("\n") == 1
    assert done.stdout == b""


def test_other_modules_on_the_command_line_get_an_importerror(tmp_path):
    (tmp_path / "other.py").write_text("import relu_simd", encoding="utf-8")
    done = process(["-m", "other"], {b"RELU_SIMD_ISA": b"junk", b"PYTHONPATH": os.fsencode(tmp_path)})
    says(done, "RELU_SIMD_ISA")


@pytest.mark.parametrize(("quota", "most"), [(None, settings.MAX_THREADS), (1, 1), (5000, settings.MAX_THREADS)])
def test_the_quota_of_a_container_bounds_the_default(monkeypatch, quota, most):
    """So many threads, but no more than the CPUs of the calling thread."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(settings, "_quota_cpus", lambda: quota)
    asked = []
    monkeypatch.setattr(settings._core, "_use_threads", lambda n, follow=False: asked.append((n, follow)))
    settings._use_default_threads()
    assert asked == [(most, True)]


@pytest.mark.parametrize(("text", "cpus"), [("120000 100000", 2), ("100000 100000", 1), ("100001 100000", 2)])
def test_part_of_a_cpu_counts_as_one(tmp_path, text, cpus):
    file = tmp_path / "cpu.max"
    file.write_text(text, encoding="utf-8")
    assert settings._quota_cpus(file) == cpus
