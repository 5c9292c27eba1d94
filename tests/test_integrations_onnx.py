# SPDX-License-Identifier: BSD-3-Clause
"""onnx: our operators against the stock ones in the reference evaluator."""

import doctest
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("onnx")
import onnx
from onnx import TensorProto, helper
from onnx.defs import onnx_opset_version
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


def gelu_by_erfc(x, approximate="none"):
    argument = 0.7978845608028654 * (x + 0.044715 * x**3) if approximate == "tanh" else -x / 2**0.5
    return x / (1 + np.exp(-2 * argument)) if approximate == "tanh" else x / 2 * np.vectorize(math.erfc, "d")(argument)


# 16-bit floats: half a unit in the last place, and the parameter in float32.
DIGITS = {"bfloat16": 1.01 * 2.0**-8, "float16": 1.01 * 2.0**-11, "float32": 2.0**-22, "float64": 2.0**-48}
EXACT = {"Relu", "Clip", "Shrink", "ThresholdedRelu"}
FORMULAS = {
    # The stock operators are functions of others, with constants in float32.
    "Gelu": gelu_by_erfc,
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    # The stock operator fails at an array without axes.
    "Softsign": lambda x: x / (1 + np.abs(x)),
}


def agree(operator, *inputs, opset=20, **attributes):
    """Type and shape are the stock operator's. So are the values, in float64 where they are rounded."""
    dtype = inputs[0].dtype
    exact = operator in EXACT or dtype.kind in "iu" or (operator in ("LeakyRelu", "PRelu") and dtype.itemsize > 2)
    made, feed = model(operator, *inputs, opset=opset, **attributes)
    got = ReferenceEvaluator(made, new_ops=ours.new_ops).run(None, feed)[0]
    wide = [x if exact or x is None else x.astype("f8") for x in inputs]
    if operator in FORMULAS:
        want = FORMULAS[operator](*wide, **attributes)
    else:
        made, feed = model(operator, *wide, opset=opset, **attributes)
        want = ReferenceEvaluator(made).run(None, feed)[0]
    assert got.dtype == dtype
    assert got.shape == want.shape
    if exact:
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)
    else:
        digits = DIGITS[dtype.name]
        np.testing.assert_allclose(got.astype(float), want, rtol=digits, atol=digits / 8)


@pytest.fixture
def spy(monkeypatch):
    """Names of our functions in the order they are called: what shows that an operator is ours."""
    called = []

    def watched(name, function):
        return lambda *args: called.append(name) or function(*args)

    for name in relu_simd._core.__all__:
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


FLOATS = ["float16", "bfloat16", "float32", "float64"]
ATTRIBUTES = [
    ("Celu", {}, ["celu"]),
    ("Celu", {"alpha": 0.3}, ["celu"]),
    ("Celu", {"alpha": 2.5}, ["celu"]),
    ("Elu", {}, ["elu"]),
    ("Elu", {"alpha": 0.3}, ["elu"]),
    ("Elu", {"alpha": 0.0}, ["elu"]),
    ("Elu", {"alpha": -2.0}, ["elu"]),
    ("Gelu", {}, ["gelu"]),
    ("Gelu", {"approximate": "none"}, ["gelu"]),
    ("Gelu", {"approximate": "tanh"}, ["gelu_tanh"]),
    ("HardSigmoid", {}, ["hardtanh"]),
    ("HardSigmoid", {"alpha": 1 / 6}, ["hardtanh"]),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.7}, ["hardtanh"]),
    ("HardSigmoid", {"alpha": -0.3, "beta": -0.1}, ["hardtanh"]),
    ("HardSwish", {}, ["hardswish"]),
    ("Mish", {}, ["mish"]),
    ("Selu", {}, ["elu"]),
    ("Selu", {"alpha": 2.0, "gamma": 3.0}, ["elu"]),
    ("Selu", {"alpha": 0.5, "gamma": -1.5}, ["elu"]),
    ("Softplus", {}, ["softplus"]),
    ("Softsign", {}, ["softsign"]),
    ("Swish", {}, ["silu"]),
    ("Swish", {"alpha": 1.702}, ["silu"]),
    ("Swish", {"alpha": -0.5}, ["silu"]),
    ("ThresholdedRelu", {}, ["threshold"]),
    ("ThresholdedRelu", {"alpha": 2.5}, ["threshold"]),
    ("ThresholdedRelu", {"alpha": -1.0}, ["threshold"]),
    ("Shrink", {}, ["hardshrink"]),
    ("Shrink", {"lambd": 1.5}, ["hardshrink"]),
    ("Shrink", {"lambd": 1.5, "bias": 1.5}, ["softshrink"]),
    ("Shrink", {"lambd": 0.0}, ["hardshrink"]),
    ("Shrink", {"lambd": 1.5, "bias": 0.5}, []),
    ("Shrink", {"lambd": -1.5}, []),
    ("Shrink", {"lambd": -1.5, "bias": -1.5}, []),
]
# The first opset of those that came later than the others.
SINCE = {"Celu": 12, "Gelu": 20, "HardSwish": 14, "Mish": 18, "Shrink": 9, "Swish": 24, "ThresholdedRelu": 10}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(30, 4), (), (0, 2)], ids=str)
@pytest.mark.parametrize(("operator", "attributes", "called"), ATTRIBUTES, ids=str)
def test_activations(operator, attributes, called, dtype, shape, spy):
    """In their newest version, with all attributes."""
    x = np.asarray(some(typed(dtype), *shape))
    x.flat[:4] = 0, 1.5, -1.5, 3  # on limits
    agree(operator, x, opset=onnx_opset_version(), **attributes)
    assert spy == called


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("operator", "attributes", "called"), ATTRIBUTES, ids=str)
def test_first_versions(operator, attributes, called, dtype, spy):
    """From opset 6 on, before which attributes had other defaults."""
    agree(operator, some(dtype, 5, 6), opset=SINCE.get(operator, 6), **attributes)
    assert spy == called


@pytest.mark.parametrize("operator", ["Elu", "HardSigmoid", "Relu", "Sigmoid", "Softplus", "Tanh"])
def test_version_1(operator):
    """It has an attribute that says nothing about the result."""
    agree(operator, some("float32", 5, 6), opset=1)
    if operator != "Softplus":
        agree(operator, some("float32", 5, 6), opset=1, consumed_inputs=[0])


def test_defaults_of_version_1():
    """Selu's constants had five digits, of which the stock operator does not know."""
    x = np.array([-2.0, 3.0])
    made, feed = model("Selu", x, opset=1)
    (got,) = ReferenceEvaluator(made, new_ops=ours.new_ops).run(None, feed)
    alpha, gamma = np.float64(np.float32([1.6732, 1.0507]))
    np.testing.assert_allclose(got, [gamma * alpha * np.expm1(-2), gamma * 3], rtol=1e-15)


@pytest.mark.filterwarnings("ignore:invalid value")  # in the stock operators
@pytest.mark.parametrize(("operator", "attributes", "called"), ATTRIBUTES, ids=str)
def test_as_the_stock_operators(operator, attributes, called):
    """To the digits of float32, which is what constants have in some of them; a NaN is beyond no limit."""
    x = np.array([np.nan, 1.5, -0.25, 0, 40, -3])
    got, want = both(operator, x, opset=onnx_opset_version(), **attributes)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("operator", "lower", "upper"),
    [
        ("Celu", -1, np.inf),
        ("Elu", -1, np.inf),
        ("Gelu", 0, np.inf),
        ("HardSigmoid", 0, 1),
        ("HardSwish", 0, np.inf),
        ("Mish", 0, np.inf),
        ("Shrink", -np.inf, np.inf),
        ("Softplus", 0, np.inf),
        ("Softsign", -1, 1),
        ("Swish", 0, np.inf),
        ("ThresholdedRelu", 0, np.inf),
    ],
)
def test_limits(operator, lower, upper):
    """Of five of them, where the formula has infinity times 0, the stock operator has a NaN."""
    with np.errstate(all="raise"):
        made, feed = model(operator, np.array([-np.inf, np.inf], np.float32), opset=onnx_opset_version())
        (got,) = ReferenceEvaluator(made, new_ops=ours.new_ops).run(None, feed)
    assert got.tolist() == [lower, upper]


def test_gelu_of_another_kind():
    made, feed = model("Gelu", some("float32", 3), approximate="sigmoid")
    with pytest.raises(ValueError, match="Gelu: approximate must be 'none' or 'tanh', not 'sigmoid'"):
        ReferenceEvaluator(made, new_ops=ours.new_ops).run(None, feed)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint32", "uint64"])
@pytest.mark.parametrize(
    "attributes",
    [{}, {"lambd": 3.0}, {"lambd": 2.5}, {"lambd": 2.0, "bias": 2.0}, {"lambd": 2.0, "bias": 1.0}, {"lambd": np.inf},
     {"lambd": 2.5, "bias": 2.5}, {"lambd": -1.0}],
    ids=str,
)  # fmt: skip
def test_shrink_of_integers(dtype, attributes):
    x = np.arange(-8, 9).astype(dtype) if dtype[0] == "i" else np.arange(17, dtype=dtype)
    agree("Shrink", x, **attributes)


def test_shrink_keeps_large_integers():
    """The stock operator takes them through float64."""
    x = np.array([2**60 + 1, -(2**60) - 1, 2])
    for attributes, want in (({}, x), ({"lambd": 2.0, "bias": 2.0}, [2**60 - 1, -(2**60) + 1, 0])):
        made, feed = model("Shrink", x, **attributes)
        (got,) = ReferenceEvaluator(made, new_ops=ours.new_ops).run(None, feed)
        assert got.tolist() == list(want)


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
@pytest.mark.parametrize("values", [(0, 6), (0.75, 5.3), (0,), (None, 6), (0, None), (6, 0)], ids=str)
def test_clip(dtype, values, spy):
    agree("Clip", some(typed(dtype), 5, 6), *limits(typed(dtype), *values), opset=13)
    assert spy == ["hardtanh"]


@pytest.mark.parametrize("values", [(), (None, None)], ids=str)
def test_clip_without_limits(values, spy):
    agree("Clip", some("float32", 5, 6), *limits("float32", *values), opset=13)
    assert spy == []


@pytest.mark.parametrize("values", [(np.nan, 6), (0, np.nan), ([1], 6)], ids=str)
def test_clip_to_what_is_no_number(values, spy):
    """NumPy's clip makes NaN of it; and takes a limit that has an axis, which the specification forbids."""
    agree("Clip", some("float32", 5, 6), *limits("float32", *values), opset=13)
    assert spy == []


def test_clip_keeps_large_integers(spy):
    x = np.array([2**64 - 1, 2**64 - 3, 5], np.uint64)
    agree("Clip", x, np.array(7, np.uint64), opset=13)
    agree("Clip", x, None, np.array(2**64 - 2, np.uint64), opset=13)
    assert spy == ["hardtanh"] * 2


@pytest.mark.parametrize("opset", [6, 7, 10])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "attributes", [{}, {"min": 0.0}, {"max": 6.0}, {"min": 0.0, "max": 6.0}, {"min": -1.0}, {"max": 5.3}], ids=str
)
def test_clip_by_attributes(attributes, dtype, opset):
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


@pytest.mark.parametrize("kind", [int, np.float64, np.array])
@pytest.mark.parametrize(
    ("operator", "name", "value", "want"),
    [("LeakyRelu", "alpha", 2, [-8, 4, 0]), ("Shrink", "bias", 0, [-4, 4, 0]), ("Clip", "max", 1, [-4, 1, 0])],
)
def test_attributes_of_a_function(operator, name, value, want, kind):
    """They may come from the function that the node is in, as any number, and keep the type."""
    node = helper.make_node(operator, ["x"], ["y"])
    node.attribute.append(onnx.AttributeProto(name=name, type="FLOAT", ref_attr_name="outer"))
    opsets = [helper.make_opsetid("", 10)]
    function = helper.make_function("own", "Own", ["x"], ["y"], [node], opsets, ["outer"])
    run = ReferenceEvaluator(function, new_ops=ours.new_ops).run
    for dtype in (np.float32, np.int32) if operator == "Shrink" else (np.float32,):
        (got,) = run(None, {"x": np.array([-4, 4, 0], dtype)}, attributes={"outer": kind(value)})
        assert got.tolist() == want
        assert got.dtype == dtype


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
    for operator in ours.new_ops:
        assert getattr(ours, operator.__name__) is operator
        assert operator.__doc__


def test_example():
    results = doctest.testmod(ours)
    assert results.attempted >= 7
    assert results.failed == 0


def test_without_onnx_it_says_what_to_install():
    code = "import sys; sys.modules['onnx'] = None; import relu_simd.integrations.onnx"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'ImportError: onnx is not installed: pip install "relu-simd[onnx]"' in done.stderr
