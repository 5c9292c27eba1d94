# SPDX-License-Identifier: BSD-3-Clause
"""onnx: our operators against the stock ones in the reference evaluator."""

import doctest
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("onnx")
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import relu_simd
from relu_simd.integrations import onnx as ours

TYPES = {
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
}


def model(operator, *inputs, opset=20, **attributes):
    """One node; inputs are arrays, or None for one that is left out."""
    names = [f"input{k}" if array is not None else "" for k, array in enumerate(inputs)]
    values = [
        helper.make_tensor_value_info(name, TYPES[array.dtype.name], array.shape)
        for name, array in zip(names, inputs, strict=True)
        if name
    ]
    output = helper.make_tensor_value_info("output", TYPES[inputs[0].dtype.name], None)
    graph = helper.make_graph([helper.make_node(operator, names, ["output"], **attributes)], "one", values, [output])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return made, {name: array for name, array in zip(names, inputs, strict=True) if name}


def both(operator, *inputs, **options):
    """Our result and the stock one."""
    made, feed = model(operator, *inputs, **options)
    return (ReferenceEvaluator(made, new_ops=new_ops).run(None, feed)[0] for new_ops in (ours.new_ops, None))


def some(dtype, *shape):
    return (np.random.default_rng(0).uniform(-9, 9, shape)).astype(dtype)


def agree(operator, *inputs, **options):
    got, want = both(operator, *inputs, **options)
    assert got.dtype == want.dtype == inputs[0].dtype
    assert got.shape == want.shape
    if operator in ("Sigmoid", "Tanh") or (operator in ("LeakyRelu", "PRelu") and got.dtype.itemsize < 4):
        digits = {"bfloat16": 1e-2, "float16": 2e-3, "float32": 1e-6, "float64": 1e-14}[got.dtype.name]
        np.testing.assert_allclose(got.astype(float), want.astype(float), rtol=digits, atol=digits / 100)
    else:
        np.testing.assert_array_equal(got, want)


@pytest.fixture
def spy(monkeypatch):
    """Names of our functions in the order they are called: what shows that an operator is ours."""
    called = []

    def watched(name, function):
        return lambda *args: called.append(name) or function(*args)

    for name in ("relu", "leaky_relu", "prelu", "sigmoid", "tanh", "relu6"):
        monkeypatch.setattr(relu_simd, name, watched(name, getattr(relu_simd, name)))
    return called


def typed(dtype):
    if dtype == "bfloat16":
        return pytest.importorskip("ml_dtypes").bfloat16
    return dtype


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(("operator", "name"), [("Relu", "relu"), ("Sigmoid", "sigmoid"), ("Tanh", "tanh")])
@pytest.mark.parametrize("shape", [(3, 4), (), (0, 2)], ids=str)
def test_of_one_input(operator, name, dtype, shape, spy):
    agree(operator, np.asarray(some(typed(dtype), *shape)))
    assert spy == [name]


@pytest.mark.parametrize("dtype", ["int8", "int32"])
def test_relu_of_integers(dtype):
    agree("Relu", some(dtype, 3, 4))


def test_relu_of_special_values():
    got, want = both("Relu", np.array([np.nan, np.inf, -np.inf, -0.0], np.float32))
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("attributes", [{}, {"alpha": 0.3}, {"alpha": 0.0}, {"alpha": -2.0}], ids=str)
def test_leaky_relu(dtype, attributes, spy):
    agree("LeakyRelu", some(typed(dtype), 5, 6), **attributes)
    assert spy == ["leaky_relu"]


@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 1), (3, 1, 1), (1, 4, 5), (3, 4, 5), (4,), (3,)], ids=str)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_prelu(shape, dtype, spy):
    """The last two lie along the one axis of their length."""
    agree("PRelu", some(dtype, 3, 4, 5), np.asarray(some(dtype, *shape)))
    assert spy == ["prelu"]


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32", "uint64"])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 1), (3, 4, 5), (4,)], ids=str)
@pytest.mark.parametrize("opset", [9, 16, 20])
def test_prelu_of_integers(dtype, shape, opset):
    """They keep their type and their last digit; what is too large wraps around, without a warning."""
    info = np.iinfo(dtype)
    x = np.random.default_rng(0).integers(info.min, info.max, (3, 4, 5), dtype, endpoint=True)
    x.flat[:3] = info.min, info.max, info.max - 2
    agree("PRelu", x, np.asarray(np.random.default_rng(1).integers(0, 100, shape, dtype)), opset=opset)
    agree("PRelu", np.asarray(x[0, 0, 0]), np.asarray(np.array(3, dtype)), opset=opset)


@pytest.mark.parametrize(("x", "slope"), [((3,), (2, 3)), ((3, 1), (3, 4)), ((3, 4), (5,)), ((4, 4, 5), (4,))], ids=str)
def test_prelu_of_slopes_that_do_not_fit(x, slope):
    """The broadcast goes one way; and where two axes have the slope's length, neither is meant."""
    made, feed = model("PRelu", some("float32", *x), some("float32", *slope))
    with pytest.raises(ValueError, match=r"PRelu: slope of shape .* does not broadcast to x's"):
        ReferenceEvaluator(made, new_ops=ours.new_ops).run(None, feed)


def limits(dtype, *values):
    return [None if value is None else np.array(value, dtype) for value in values]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8"])
@pytest.mark.parametrize(
    ("values", "ours"),
    [
        ((0, 6), True),
        ((0, 5), False),
        ((1, 6), False),
        ((0,), False),
        ((None, 6), False),
        ((), False),
        ((6, 0), False),
    ],
    ids=str,
)
def test_clip(dtype, values, ours, spy):
    agree("Clip", some(typed(dtype), 5, 6), *limits(typed(dtype), *values), opset=13)
    assert spy == ["relu6"] * ours


@pytest.mark.parametrize(
    ("attributes", "ours"),
    [({"min": 0.0, "max": 6.0}, True), ({"min": 0.0, "max": 5.0}, False), ({"max": 6.0}, False), ({}, False)],
    ids=str,
)
def test_clip_by_attributes(attributes, ours, spy):
    agree("Clip", some("float32", 5, 6), opset=6, **attributes)
    assert spy == ["relu6"] * ours


@pytest.mark.parametrize("opset", [6, 7, 10])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "attributes", [{}, {"min": 0.0}, {"max": 6.0}, {"min": 0.0, "max": 6.0}, {"min": -1.0}, {"max": 3.0}], ids=str
)
def test_defaults_of_clip_by_attributes(attributes, dtype, opset):
    """An attribute that is absent is the lowest or the largest float32: infinities are clipped, too."""
    x = np.array([-np.inf, -2, 0.5, 9, np.inf, np.nan], dtype)
    with np.errstate(over="ignore"):  # of the limits in float16, in the stock operator, too
        agree("Clip", x, opset=opset, **attributes)


@pytest.mark.parametrize(("attributes", "want"), [({}, [-9, 9]), ({"min": 0.0}, [0, 9]), ({"max": 6.0}, [-9, 6])])
def test_clip_before_there_were_defaults(attributes, want):
    """In opset 1, which the stock operators lack."""
    made, feed = model("Clip", np.array([-9, 9], "f4") * np.float32(np.inf), opset=1, **attributes)
    (got,) = ReferenceEvaluator(made, new_ops=ours.new_ops).run(None, feed)
    assert got.tolist() == [value if abs(value) < 9 else np.sign(value) * np.inf for value in want]


def test_limits_of_a_function():
    """They may come from the function that the node is in."""
    node = helper.make_node("Clip", ["x"], ["y"])
    node.attribute.append(onnx.AttributeProto(name="max", type="FLOAT", ref_attr_name="limit"))
    function = helper.make_function("own", "Own", ["x"], ["y"], [node], [helper.make_opsetid("", 6)], ["limit"])
    run = ReferenceEvaluator(function, new_ops=ours.new_ops).run
    (got,) = run(None, {"x": np.array([-np.inf, 4, 9], np.float32)}, attributes={"limit": 5.0})
    assert got.tolist() == [np.finfo(np.float32).min, 4, 5]


def test_attributes_of_a_function():
    """alpha may come from the function that the node is in."""
    node = helper.make_node("LeakyRelu", ["x"], ["y"])
    node.attribute.append(onnx.AttributeProto(name="alpha", type="FLOAT", ref_attr_name="slope"))
    function = helper.make_function("own", "Own", ["x"], ["y"], [node], [helper.make_opsetid("", 20)], ["slope"])
    run = ReferenceEvaluator(function, new_ops=ours.new_ops).run
    (got,) = run(None, {"x": np.array([-4, 4], np.float32)}, attributes={"slope": 0.25})
    assert got.tolist() == [-1, 4]


@pytest.mark.wide
def test_onnx_own_cases():
    """The inputs and outputs by which onnx checks its backends."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():  # of the casts to narrow types in other operators' cases
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    operators = [operator.__name__ for operator in ours.new_ops]
    done = set()
    for case in cases:
        nodes = [node.op_type for node in case.model.graph.node]
        if len(nodes) == 1 and nodes[0] in operators:
            names = [value.name for value in case.model.graph.input]
            for inputs, (want,) in case.data_sets:
                run = ReferenceEvaluator(case.model, new_ops=ours.new_ops).run
                (got,) = run(None, dict(zip(names, inputs, strict=True)))
                assert got.dtype == want.dtype
                np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)
                done.add(nodes[0])
    assert sorted(done) == sorted(operators)


def test_every_operator_is_listed():
    assert {operator.__name__ for operator in ours.new_ops} == set(ours.__all__) - {"new_ops"}


def test_example():
    results = doctest.testmod(ours)
    assert results.attempted >= 7
    assert results.failed == 0


def test_without_onnx_it_says_what_to_install():
    code = "import sys; sys.modules['onnx'] = None; import relu_simd.integrations.onnx"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'ImportError: onnx is not installed: pip install "relu-simd[onnx]"' in done.stderr
