# SPDX-License-Identifier: BSD-3-Clause
"""The kernels called from C, Cython, ctypes, cffi and numba: what is declared, exported and computed is one."""

import ctypes
import importlib.util
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from cases import OPS, numbers, operands, same

import relu_simd
from relu_simd import _core, c_api, reference

HEADER = Path(relu_simd.get_include(), "relu_simd.h").read_text(encoding="utf-8")
PXD = Path(c_api.__file__).with_suffix(".pxd").read_text(encoding="utf-8")
SHORT = {"int": "i", "uint": "u", "float": "f", "bfloat": "bf"}


MASKS = ("relu_with_mask", "relu_backward_from_mask")


def c_name(function, dtype):
    """As the functions end: relu_f32."""
    word, bits = re.fullmatch(r"([a-z]+)(\d+)", getattr(dtype, "name", dtype)).groups()
    return f"{function}_{SHORT[word]}{bits}"


def pointer(array):
    return array.ctypes.data


@pytest.fixture
def sized():
    """A vector step and a tail, and enough for threads."""
    return [0, 1, 77, 300_000]


def test_every_row_is_a_function():
    of_operations = {c_name(op.name, dtype) for op in OPS.values() for dtype in op.dtypes}
    of_masks = {c_name(name, dtype) for name in MASKS for dtype in _core.DTYPES}
    assert set(c_api.signatures()) == of_operations | of_masks


def test_header_and_pxd_declare_what_there_is():
    signatures = c_api.signatures()
    assert dict(re.findall(r'\{"(\w+)", "([^"]+)", offsetof', HEADER)) == signatures
    for text, pattern in ((HEADER, r"void \(\*(\w+)\)\((.*)\);"), (PXD, r"cdef void (\w+)\((.*)\) noexcept nogil")):
        declared = {}
        for name, arguments in re.findall(pattern, text):
            kinds = [re.sub(r"const (\w+) \*", r"\1 const *", argument) for argument in arguments.split(", ")]
            declared[name] = f"void ({', '.join(re.sub(r'(?<=[ *])[a-z_]+$', '', kind).strip() for kind in kinds)})"
            declared[name] = declared[name].replace("Py_ssize_t n", "Py_ssize_t")
        assert declared == signatures
    assert f"#define RELU_SIMD_ABI {c_api.ABI}\n" in HEADER


@pytest.mark.above_the_dtype
def test_every_operation_by_ctypes(op, dtype, sized):
    function = c_api.as_ctypes(c_name(op.name, dtype))
    for n in sized:
        given = operands(op, dtype, n, numbers(op, dtype))
        want = getattr(relu_simd, op.name)(*given)
        out = np.full(n, 7, dtype)
        passed = [pointer(value) if isinstance(value, np.ndarray) else value for value in given]
        assert function(*passed, pointer(out), n) is None
        same(out, want)
        own = given[0].copy()
        function(pointer(own), *passed[1:], pointer(own), n)
        same(own, want)


def test_masks_by_ctypes(dtype, sized):
    forward, backward = (c_api.as_ctypes(c_name(name, dtype)) for name in MASKS)
    for n in sized:
        (x,), (grad_output,) = operands(OPS["relu"], dtype, n), operands(OPS["relu"], dtype, n, seed=1)
        y, mask, grad_x = np.empty_like(x), np.full((n + 7) // 8, 255, np.uint8), np.empty_like(x)
        forward(pointer(x), pointer(y), pointer(mask), n)
        backward(pointer(grad_output), pointer(mask), pointer(grad_x), n)
        with np.errstate(invalid="ignore"):  # ml_dtypes reports signalling NaNs
            want, want_mask = reference.relu_with_mask(x)
        same(y, want)
        same(mask, want_mask)
        same(grad_x, reference.relu_backward_from_mask(grad_output, want_mask))


def test_a_negative_length_is_nothing_to_do():
    out = np.full(3, 7, np.float32)
    mask = np.full(3, 7, np.uint8)
    c_api.as_ctypes("relu_f32")(pointer(out), pointer(out), -3)
    c_api.as_ctypes("relu_with_mask_f32")(pointer(out), pointer(out), pointer(mask), -3)
    c_api.as_ctypes("relu_backward_from_mask_f32")(pointer(out), pointer(mask), pointer(out), -3)
    assert (out == 7).all()
    assert (mask == 7).all()


@pytest.mark.parametrize("find", [c_api.address, c_api.as_ctypes])
def test_an_unknown_name_is_a_value_error(find):
    with pytest.raises(ValueError, match=r"no function 'relu_f33': relu_simd.c_api.signatures\(\) has them all"):
        find("relu_f33")


def test_capsules_are_named_by_their_signature():
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    assert {key: name(capsule).decode() for key, capsule in c_api.__pyx_capi__.items()} == c_api.signatures()


def build(folder, source, *flags):
    """Compile an extension module, by what compiled Python, warnings as errors; import it."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    compiler = (sysconfig.get_config_var("CC") or "").split()
    if not compiler or subprocess.run([*compiler, "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("there is no C compiler")
    target = folder / (source.stem + suffix)
    include = [f"-I{sysconfig.get_path('include')}", f"-I{relu_simd.get_include()}"]
    subprocess.run(
        [*compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", *flags, *include, str(source), "-o", str(target)],
        check=True,
    )
    spec = importlib.util.spec_from_file_location(source.stem, target)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CYTHON = """\
# cython: language_level=3
from relu_simd.c_api cimport relu_f32, leaky_relu_backward_f64

def forward(const float[::1] x, float[::1] y):
    with nogil:
        relu_f32(&x[0], &y[0], x.shape[0])

def backward(const double[::1] g, const double[::1] x, double slope, double[::1] out):
    with nogil:
        leaky_relu_backward_f64(&g[0], &x[0], slope, &out[0], x.shape[0])
"""


@pytest.mark.wide
def test_a_cython_module(tmp_path):
    pytest.importorskip("Cython", reason="Cython is not installed")
    source = tmp_path / "ten_lines.pyx"
    source.write_text(CYTHON, encoding="utf-8")
    package = str(Path(relu_simd.__file__).parents[1])  # an editable one is not on sys.path, where Cython looks
    command = [sys.executable, "-m", "cython", "-I", package, str(source)]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    module = build(tmp_path, source.with_suffix(".c"), "-Wno-unused")
    x = np.array([-2, -0.0, 3, np.nan], np.float32)
    y = np.empty_like(x)
    module.forward(x, y)
    same(y, relu_simd.relu(x))
    g, x, out = np.array([5.0, 6.0]), np.array([-1.0, 1.0]), np.empty(2)
    module.backward(g, x, 0.5, out)
    assert out.tolist() == [2.5, 6.0]


C = """\
#include <relu_simd.h>

static PyObject *forward(PyObject *module, PyObject *argument)
{
    float x[3] = {-2, (float)PyFloat_AsDouble(argument), -1};
    (void)module;
    relu_simd.relu_f32(x, x, 3);
    return Py_BuildValue("(ddd)", x[0], x[1], x[2]);
}

static PyMethodDef methods[] = {{"forward", forward, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "in_c", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_in_c(void) { return import_relu_simd() < 0 ? NULL : PyModule_Create(&definition); }
"""


@pytest.fixture
def c_source(tmp_path):
    source = tmp_path / "in_c.c"
    source.write_text(C, encoding="utf-8")
    return source


def test_a_c_module(c_source):
    assert build(c_source.parent, c_source, "-Werror").forward(4.0) == (0, 4, 0)


def test_a_c_module_of_another_version_is_refused(c_source, monkeypatch):
    """At import, and by name: another ABI, a function that this build lacks, one whose arguments have changed."""
    monkeypatch.setattr(c_api, "ABI", 2)
    with pytest.raises(ImportError, match="compiled for the C API 1 of relu_simd, and this one has 2: build it again"):
        build(c_source.parent, c_source)
    monkeypatch.undo()
    monkeypatch.delitem(c_api.__pyx_capi__, "tanh_f64")
    with pytest.raises(ImportError, match="this relu_simd has no tanh_f64: upgrade it"):
        build(c_source.parent, c_source)
    monkeypatch.undo()
    monkeypatch.setitem(c_api.__pyx_capi__, "tanh_f64", c_api.__pyx_capi__["tanh_f32"])
    with pytest.raises(ValueError, match="incorrect name"):
        build(c_source.parent, c_source)


def test_cffi():
    cffi = pytest.importorskip("cffi", reason="cffi is not installed: make test-c-api")
    ffi = cffi.FFI()
    kind = "void (*)(const float *, float, float *, ptrdiff_t)"
    leaky_relu = ffi.cast(kind, c_api.address("leaky_relu_f32"))
    x = np.array([-2, 3], np.float32)
    leaky_relu(ffi.from_buffer("float[]", x), 0.5, ffi.from_buffer("float[]", x), x.size)
    assert x.tolist() == [-1, 3]


def test_numba():
    numba = pytest.importorskip("numba", reason="numba is not installed: make test-c-api")
    relu_f32, add_relu_f64 = c_api.as_ctypes("relu_f32"), c_api.as_ctypes("add_relu_f64")

    @numba.njit
    def both(x, a, b, out):
        relu_f32(x.ctypes.data, x.ctypes.data, x.size)
        add_relu_f64(a.ctypes.data, b.ctypes.data, out.ctypes.data, a.size)

    x, a, b = np.array([-2, 3, -4], np.float32), np.array([-2.0, 3.0]), np.array([1.0, 1.0])
    out = np.empty(2)
    both(x, a, b, out)
    assert x.tolist() == [0, 3, 0]
    assert out.tolist() == [0, 4]


def test_numba_by_cython_address():
    extending = pytest.importorskip("numba.extending", reason="numba is not installed: make test-c-api")
    where = extending.get_cython_function_address("relu_simd.c_api", "relu_f32")
    assert where == c_api.address("relu_f32")
