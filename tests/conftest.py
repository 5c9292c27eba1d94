# SPDX-License-Identifier: BSD-3-Clause
import os
import re
import sys
import zlib

import numpy as np
import pytest
from cases import FLOATS, ISAS, OPS, dtypes, pairs

import relu_simd
from relu_simd import _core

if not os.environ.get("OMP_NUM_THREADS", "set"):
    del os.environ["OMP_NUM_THREADS"]  # libgomp complains of an empty one, in every process that a test starts


def pytest_addoption(parser):
    parser.addoption(
        "--sample",
        metavar="N,SEED",
        help="of the tests that are wide because of their row, dtype or instruction set, or long, one in N, by SEED",
    )
    parser.addoption("--may-skip", metavar="REGEX", help="a skip whose reason does not contain REGEX is a failure")


def pytest_sessionfinish(session):
    """In CI a test that was meant to run and did not is no success."""
    allowed = session.config.getoption("--may-skip")
    terminal = session.config.pluginmanager.getplugin("terminalreporter")
    if allowed is None or terminal is None:  # a worker of pytest-xdist has none: what it skips, its master reports
        return
    reasons = {report.longrepr[2] for report in terminal.stats.get("skipped", ())}
    for reason in sorted(reasons):
        if not re.search(allowed, reason):
            terminal.write_line(f"--may-skip={allowed} does not allow: {reason}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)  # the instruction sets of a pair come one after the other, and share what is expected
def pytest_generate_tests(metafunc):
    """`op` is every operation, `dtype` and `float_dtype` every dtype; together they are every pair that there is."""
    marked = ",".join(str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize"))
    wanted = [name for name in ("op", "dtype", "float_dtype") if name in metafunc.fixturenames]
    if any(f"{name!r}" in marked or name in marked.split(",") for name in wanted):
        return  # the test has its own
    if wanted == ["op", "dtype"]:
        metafunc.parametrize(wanted, pairs())
    elif wanted == ["op", "float_dtype"]:
        metafunc.parametrize(wanted, pairs(of_dtypes=FLOATS))
    elif wanted == ["op"]:
        metafunc.parametrize("op", OPS.values(), ids=OPS)
    elif wanted == ["dtype"]:
        metafunc.parametrize("dtype", dtypes(_core.DTYPES))
    elif wanted == ["float_dtype"]:
        metafunc.parametrize("float_dtype", dtypes(FLOATS))


def kind_of_row(op):
    """What the code above the kernels sees of an operation."""
    return len(op.arrays), len(op.params), op.weight, op.takes_integers, op.arithmetic, op.widens, op.computes


def inputs_of_row(op):
    return len(op.arrays), len(op.params)


def first_rows(kind):
    return {kind(op): op for op in reversed(OPS.values())}.values()


@pytest.hookimpl(tryfirst=True)  # before pytest drops what -m leaves out
def pytest_collection_modifyitems(config, items):
    """What tests code above the instruction sets runs on the best one, above the dtypes on float32, and above the rows
    on the first of each kind. All others run in `make test-wide`.
    """
    left_out = []
    first, first_of_inputs = first_rows(kind_of_row), first_rows(inputs_of_row)
    for item in items:
        by_isa = item.get_closest_marker("above_the_isa") and item.callspec.params["isa"] != ISAS[0]
        by_dtype = item.get_closest_marker("above_the_dtype") and item.callspec.params["dtype"] != np.float32
        by_row = item.get_closest_marker("above_the_row") or (
            item.get_closest_marker("row_or_isa") and item.callspec.params["isa"] != ISAS[0]
        )
        by_inputs = item.get_closest_marker("above_the_row_and_kind")
        if (
            item.get_closest_marker("drawn")
            or by_isa
            or by_dtype
            or (by_row and item.callspec.params["op"] not in first)
            or (by_inputs and item.callspec.params["op"] not in first_of_inputs)
        ):
            item.add_marker("wide")
            left_out += [item] * not_drawn(item.nodeid, config.getoption("--sample"))
    if left_out:
        without = set(left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in without]


def not_drawn(name, sample):
    """Whether --sample leaves this test out."""
    if sample is None:
        return False
    count, seed = sample.split(",")
    return zlib.crc32(f"{seed} {name}".encode()) % int(count) != 0


@pytest.fixture(params=ISAS)
def isa(request):
    """Every instruction set in turn."""
    before = relu_simd.isa()
    relu_simd.set_isa(request.param)
    yield request.param
    relu_simd.set_isa(before)


@pytest.fixture(autouse=True)
def threads():
    """Each test starts and ends with the same number of threads."""
    before = relu_simd.get_num_threads()
    yield before
    relu_simd.set_num_threads(before)


@pytest.fixture(autouse=True)
def torch_gradients():
    """The benchmark's load_torch turns PyTorch's gradients off, for the whole process."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_grad_enabled(True)
