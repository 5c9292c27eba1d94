# SPDX-License-Identifier: BSD-3-Clause
"""Every row of ops.def is whole. What is missing is named with the file that it belongs in."""

import ast
import doctest
import inspect
import runpy
from pathlib import Path

import pytest
from test_accuracy import FOUND
from test_digests import STORED
from tools.digests import where_it_bends

import relu_simd
from relu_simd import _core, _docs, reference, ufuncs
from relu_simd._rows import SHORT
from relu_simd.reference import ROWS

OTHERS = sorted(set(_core.__all__) - {op.name for op in _core.OPS})
ROOT = Path(__file__).parents[1]
README, CHANGELOG = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CHANGELOG.md"))
GROUPS = runpy.run_path(str(ROOT / "docs" / "groups.py"))["groups"](README)
STUB = ast.parse(Path(_core.__file__).with_name("_core.pyi").read_text(encoding="utf-8"))


def short(op):
    return [SHORT.get(name, name) for name in op.inputs]


def test_reference(op):
    call = f"{op.name}({', '.join(op.inputs)})"
    assert hasattr(reference, op.name), f"relu_simd/reference.py: define {call} there"
    assert op.name in ROWS, f"relu_simd/reference.py: mark the definition of {op.name} as @row(...)"
    assert op.name in reference.__all__
    parameters = inspect.signature(getattr(reference, op.name)).parameters
    assert tuple(parameters) == op.inputs, f"relu_simd/reference.py: {op.name} should be {call}, as in csrc/ops.def"
    defaults = [parameters[name].default for name in op.params]
    defaults = tuple(None if default is inspect.Parameter.empty else default for default in defaults)
    assert defaults == op.defaults, (
        f"relu_simd/reference.py: the defaults of {op.name} are {op.defaults} in csrc/ops.def"
    )


def test_idioms(op):
    idioms = ROWS[op.name].idioms
    wanted = f'relu_simd/reference.py: give @row of {op.name} a Way("...") that says what people write in NumPy'
    assert idioms, wanted
    assert idioms[0].new, f"{wanted} for a new array"


def test_gradient(op):
    """That it is stated, in words that there are; tests/test_integrations_autograd.py shows whether it is right."""
    gradient = ROWS[op.name].gradient
    if op.inputs[0] != "grad_output":
        wanted = f'relu_simd/reference.py: give @row of {op.name} gradient={{"{op.inputs[0]}": "..."}}, its derivative'
        assert any(name in gradient for name in short(op)[: len(op.arrays)]), wanted
    where = f"relu_simd/reference.py: gradient of {op.name}"
    for name, expression in gradient.items():
        assert name in short(op)[op.inputs[0] == "grad_output" :], f"{where}: {name} is none of its inputs"
        words = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
        unknown = words - {"np", "v", "y", *short(op), *(each.name for each in _core.OPS)}
        known = "np, v, y, the inputs and the functions of relu_simd"
        assert not unknown, f"{where} by {name}: it can use {known}, not {', '.join(unknown)}"


@pytest.mark.parametrize("name", ROWS)
def test_no_definition_without_a_row(name):
    assert name in {op.name for op in _core.OPS}, f"csrc/ops.def: no row for {name} of relu_simd/reference.py"


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
    tables = [title for title, names in GROUPS.items() for each in names if each == name]
    assert tables, f"README.md: no table of functions has {name} in its first column or, a gradient, in its last"
    assert len(tables) == 1, f"README.md: {name} stands in more than one row: {tables}"


@pytest.mark.parametrize("name", sorted(name for names in GROUPS.values() for name in names))
def test_readme_has_no_other_functions(name):
    assert callable(getattr(relu_simd, name, None)), f"README.md: there is no function {name}"


@pytest.mark.parametrize("title", GROUPS)
def test_site(title):
    """The tables of the README are the pages of the site."""
    pages = [
        page.name
        for page in (ROOT / "docs" / "api").glob("*.rst")
        if f"|functions of {title}|" in page.read_text(encoding="utf-8")
    ]
    assert len(pages) == 1, f"docs/api: a page should say |functions of {title}|, a heading of the README, not {pages}"
    assert (ROOT / "docs" / "api" / pages[0]).read_text(encoding="utf-8").startswith(f"{title}\n{'=' * len(title)}\n")


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


def test_changelog(op):
    if op.inputs[0] != "grad_output":  # those of its gradient may go without saying
        assert f"`{op.name}`" in CHANGELOG, f"CHANGELOG.md: nothing is said of {op.name}"


def test_bytes_that_were_judged(op):
    """A result that may be off has a digest: by nothing else is it known that it is off by what was found."""
    wanted = ["float32", "float64"] if op.accuracy.max_ulp else []
    stored = [dtype for name, dtype in STORED if name == op.name]
    lines = [f'    ("{op.name}", "{k}"): "{where_it_bends(op, k)}",' for k in wanted if k not in stored]
    assert not lines, "\n".join(["tests/test_digests.py: add to STORED, as soon as the error was judged,", *lines])
    assert set(stored) <= set(wanted), f"tests/test_digests.py: STORED has {op.name}, whose bytes the table determines"


def test_error_that_was_found(op):
    """Functions of one array are held to it, gradients to the table's bound alone (tests/test_accuracy.py)."""
    found = {size for name, size in FOUND if name == op.name}
    if op.accuracy.max_ulp and len(op.arrays) == 1:
        command = f'make test-exhaustive EXHAUSTIVE_ARGS="--isas best --ops {op.name}"'
        line = f'FOUND |= {{("{op.name}", 4): ...}}'
        wanted = f"tests/test_accuracy.py: add `{line}` with the error that `{command}` prints, rounded up"
        assert 4 in found, wanted
    else:
        assert not found, f"tests/test_accuracy.py: FOUND has {op.name}, of which no test there measures the error"


def test_an_input_that_is_not_described(monkeypatch):
    """It would be an import that fails: with a sentence."""
    op = _core.OPS[0]
    monkeypatch.delitem(_docs._INPUTS, "x")
    with pytest.raises(LookupError, match=f"relu_simd/_docs.py: _INPUTS does not say what x is, an input of {op.name}"):
        _docs.function_doc(op)
