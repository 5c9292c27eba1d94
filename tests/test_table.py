# SPDX-License-Identifier: BSD-3-Clause
"""Every row of ops.def is whole: reference, docstring, stub, both faces, benchmark."""

import ast
import doctest
import inspect
from pathlib import Path

import pytest

import relu_simd
from relu_simd import _core, _docs, reference, ufuncs
from relu_simd.bench import idioms

OTHERS = sorted(set(_core.__all__) - {op.name for op in _core.OPS})
README = (Path(__file__).parents[1] / "README.md").read_text()
STUB = ast.parse(Path(_core.__file__).with_name("_core.pyi").read_text())


def test_reference(op):
    assert op.name in reference.__all__, f"{op.name} is missing in relu_simd/reference.py, or in its __all__"
    parameters = inspect.signature(getattr(reference, op.name)).parameters
    assert tuple(parameters) == op.inputs
    defaults = [parameters[name].default for name in op.params]
    assert op.defaults == tuple(None if default is inspect.Parameter.empty else default for default in defaults)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_ufunc(name):
    """It has its own signature, in the docstring, the stub and the reference, but for `out`."""
    stub = next(node for node in STUB.body if isinstance(node, ast.FunctionDef) and node.name == name)
    own = list(inspect.signature(getattr(relu_simd, name)).parameters)
    assert [argument.arg for argument in (*stub.args.args, *stub.args.kwonlyargs)] == own
    assert list(inspect.signature(getattr(reference, name)).parameters) == [k for k in own if k != "out"]
    assert all(f"\n{k} : " in inspect.getdoc(getattr(relu_simd, name)) for k in own)


@pytest.mark.parametrize("name", _core.__all__)
def test_readme(name):
    assert f"\n| `{name}(" in README, f"{name} has no row in README.md"


def test_function(op):
    function = getattr(relu_simd, op.name)
    assert function.__name__ == op.name
    assert function.__module__ == "relu_simd"
    assert op.name in relu_simd.__all__
    parameters = inspect.signature(function).parameters
    assert [*parameters][: len(op.inputs) + 1] == [*op.inputs, "out"]


def test_ufunc(op):
    assert op.summary in getattr(ufuncs, op.name).__doc__
    assert op.name in ufuncs.__all__


def test_docstring(op):
    doc = inspect.getdoc(getattr(relu_simd, op.name))
    sections = ["Parameters\n---", "Returns\n---", "Raises\n---", "Notes\n---", "Examples\n---"]
    assert [doc.index(section) for section in sections] == sorted(doc.index(section) for section in sections)
    assert all(f"\n{name} : " in doc for name in (*op.inputs, "out"))
    assert "NaN" in doc
    assert doc.startswith(op.summary)


def test_examples(op):
    """Each docstring's example gives what it says."""
    doc = getattr(relu_simd, op.name).__doc__
    tests = doctest.DocTestParser().get_doctest(doc, {}, op.name, None, 0)
    assert len(tests.examples) == 3
    assert doctest.DocTestRunner().run(tests).failed == 0


def test_examples_of_the_other_functions():
    found = 0
    for name in set(relu_simd.__all__) - {op.name for op in _core.OPS} - {"ufuncs", "show_config"}:
        for test in doctest.DocTestFinder().find(getattr(relu_simd, name), name, globs=dict(vars(relu_simd))):
            assert doctest.DocTestRunner().run(test).failed == 0
            found += bool(test.examples)
    assert found >= 5


def test_stub(op):
    """Type checkers and editors are told of every input, and of its default."""
    stub = next(node for node in STUB.body if isinstance(node, ast.FunctionDef) and node.name == op.name)
    assert [argument.arg for argument in stub.args.args] == [*op.inputs, "out"]
    told = [ast.literal_eval(default) for default in stub.args.defaults]
    assert told == [default for default in op.defaults if default is not None] + [None]
    assert ast.get_docstring(stub).startswith(op.summary)


def test_stub_exports_what_the_module_does():
    exports = next(node.value for node in STUB.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__")
    assert sorted(ast.literal_eval(exports)) == sorted(_core.__all__)


def test_benchmark(op):
    assert op.name in idioms.IDIOMS, f"{op.name} is missing in relu_simd/bench/idioms.py"


def test_parameters_are_described(op):
    missing = set(op.inputs) - set(_docs._INPUTS)
    assert not missing, f"_INPUTS of relu_simd/_docs.py does not describe {missing}"
