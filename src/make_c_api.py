# SPDX-License-Identifier: BSD-3-Clause
"""Write what the package takes from the C sources: the header and the .pxd of the C API and the stub of the compiled
module, from ops.def and dtypes.def, and the expressions that relu_simd.opencl gives to a device's compiler.

setup.py runs it, so that they come with every build; git does not keep them. The functions themselves, with the same
names and arguments, are those of c_api.h: they are looked up by name when the caller's module is imported.
"""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "relu_simd"
ABI = re.search(r"^ABI = (\d+)$", (PACKAGE / "c_api.py").read_text(encoding="utf-8"), re.MULTILINE)[1]

TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\w+|[(),])')


def calls(table, macro):
    """The arguments of each macro call in a table as the preprocessor sees them: words, and strings joined."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "csrc" / table).read_text(encoding="utf-8"), flags=re.DOTALL)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    at = 0
    while text[at:].strip():
        arguments, depth = [""], 0
        while True:
            token = TOKEN.match(text, at)
            if token is None:
                raise SyntaxError(f"{table}: cannot read {text[at : at + 60]!r}")
            at, word = token.end(), token[1]
            if depth == 0 and word not in (macro, "("):
                raise SyntaxError(f"{table}: {word} where {macro}(...) was expected")
            depth += (word == "(") - (word == ")")
            if depth == 0 and word == ")":
                break
            if depth == 1 and word == ",":
                arguments.append("")
            elif not (depth == 1 and word == "(") and word != macro:
                arguments[-1] += word[1:-1] if word[0] == '"' else word
        yield arguments


def known(table, word, meanings):
    """What a word of a table means. A word that was added there and not here stops the build."""
    try:
        return meanings[word]
    except KeyError:
        raise SyntaxError(f"{table}: src/make_c_api.py knows {', '.join(meanings)}, not {word}") from None


class Op(NamedTuple):
    name: str
    arrays: list[str]
    params: list[str]
    integers: bool
    signature: str
    definition: str
    summary: str


class Dtype(NamedTuple):
    name: str
    element: str
    param: str
    integer: bool


def read_op(name, arrays, params, dtypes, half, cost, accuracy, signature, definition, summary, *_):
    names = [part.partition("=")[0] for part in signature.split(", ")]
    count = known("ops.def", params, {"NONE": 0, "ONE": 1, "TWO": 2, "WEIGHT": 1})
    if int(arrays) + count != len(names):
        raise SyntaxError(
            f"ops.def: {name} has {arrays} arrays and {count} parameters, and the signature ({signature})"
        )
    split = int(arrays)
    integers = known("ops.def", dtypes, {"ALL": True, "FLOATS": False})
    return Op(name, names[:split], names[split:], integers, signature, definition, summary)


def read_dtype(name, element, _, dtype_class):
    param = known("dtypes.def", dtype_class, {"RS_INTEGER": element, "RS_HALF": "float", "RS_WHOLE": element})
    return Dtype(name, element, param, dtype_class == "RS_INTEGER")


OPS = [read_op(*row) for row in calls("ops.def", "RS_OP")]
DTYPES = [read_dtype(*row) for row in calls("dtypes.def", "RS_DTYPE")]


def require_expressions():
    """Stop the build at a row without an expression, before the compiler does with an error for each dtype."""
    expressions = (ROOT / "csrc" / "kernels.h").read_text(encoding="utf-8")
    for op in OPS:
        macro = f"KERNEL{len(op.arrays)}" + (f"_PARAM{len(op.params)}" if op.params else "")
        if not re.search(rf"^{macro}\({op.name},", expressions, re.MULTILINE):
            inputs = ", ".join([*op.arrays, *op.params])
            raise SystemExit(
                f"csrc/kernels.h: no expression {macro}({op.name}, {inputs}) {{ ... }} for this row of ops.def"
            )


def functions():
    """(name, its arguments as (type, name), what it computes) of each."""
    for op in OPS:
        for dtype in DTYPES:
            if dtype.integer and not op.integers:
                continue
            arguments = [(f"const {dtype.element} *", name) for name in op.arrays]
            arguments += [(f"{dtype.param} ", name) for name in op.params]
            yield f"{op.name}_{dtype.name}", [*arguments, (f"{dtype.element} *", "out")], op.definition
    for dtype in DTYPES:
        x, out, mask = f"const {dtype.element} *", (f"{dtype.element} *", "out"), "uint8_t *"
        yield f"relu_with_mask_{dtype.name}", [(x, "x"), out, (mask, "mask")], "relu, and the bits of !(x <= 0)"
        given = [(x, "grad_output"), (f"const {mask}", "mask"), out]
        yield f"relu_backward_from_mask_{dtype.name}", given, "grad_output where its bit is set, else 0"


def prototype(arguments):
    return ", ".join([*(kind + name for kind, name in arguments), "Py_ssize_t n"])


def signature(arguments):
    """As Cython spells it."""
    kinds = [re.sub(r"const (\w+) \*", r"\1 const *", kind).strip() for kind, _ in arguments]
    return f"void ({', '.join(kinds)}, Py_ssize_t)"


INTRODUCTION = """\
relu_simd's kernels for other compiled code: docs/howto/c-api.md. Each applies one operation to n contiguous
elements, on as many threads as relu_simd.get_num_threads() says; n below 1 does nothing. `out` may be one of the
inputs, and overlaps them in no other way. float16 and bfloat16 are passed as their bits. The GIL is not needed.
A mask has one bit per element, the first lowest: (n + 7) / 8 bytes, apart from the arrays."""


def header():
    members, table = [], []
    for name, arguments, definition in functions():
        members.append(f"    /* {definition} */\n    void (*{name})({prototype(arguments)});")
        table.append(f'        {{"{name}", "{signature(arguments)}", offsetof(relu_simd_functions, {name})}},')
    comment = INTRODUCTION.replace("\n", "\n * ")
    return f"""\
/* SPDX-License-Identifier: BSD-3-Clause */
/* {comment}
 *
 * In the init function of an extension, once in each C file that calls them:
 *     if (import_relu_simd() < 0) return NULL;
 * and then, for example, relu_simd.relu_f32(x, out, n). */
#ifndef RELU_SIMD_H
#define RELU_SIMD_H
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RELU_SIMD_ABI {ABI}

typedef struct {{
{chr(10).join(members)}
}} relu_simd_functions;

static relu_simd_functions relu_simd;

/* Looks every function up. Returns -1 with an ImportError or a ValueError set where relu_simd is missing, or is
 * another than this header is of and lacks one of its functions; else 0. */
static inline int import_relu_simd(void)
{{
    static const struct {{
        const char *name, *signature;
        size_t offset;
    }} table[] = {{
{chr(10).join(table)}
    }};
    int done = -1;
    PyObject *functions = NULL, *abi = NULL, *module = PyImport_ImportModule("relu_simd.c_api");
    if (module == NULL || (abi = PyObject_GetAttrString(module, "ABI")) == NULL
        || (functions = PyObject_GetAttrString(module, "__pyx_capi__")) == NULL) {{
        goto end;
    }}
    if (PyLong_AsLong(abi) != RELU_SIMD_ABI) {{
        PyErr_Format(PyExc_ImportError, "compiled for the C API %d of relu_simd, and this one has %S: build it again",
                     RELU_SIMD_ABI, abi);
        goto end;
    }}
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {{
        PyObject *capsule = PyDict_GetItemString(functions, table[k].name);
        if (capsule == NULL) {{
            PyErr_Format(PyExc_ImportError, "this relu_simd has no %s: upgrade it", table[k].name);
            goto end;
        }}
        void *function = PyCapsule_GetPointer(capsule, table[k].signature);
        if (function == NULL) {{
            goto end;
        }}
        memcpy((char *)&relu_simd + table[k].offset, &function, sizeof function);
    }}
    done = 0;
end:
    Py_XDECREF(functions);
    Py_XDECREF(abi);
    Py_XDECREF(module);
    return done;
}}

#endif
"""


def pxd():
    comment = "# " + INTRODUCTION.replace("\n", "\n# ")
    declarations = [f"cdef void {name}({prototype(arguments)}) noexcept nogil" for name, arguments, _ in functions()]
    elements = sorted({"uint8_t", *(dtype.element for dtype in DTYPES if dtype.element.endswith("_t"))})
    return f"""\
# SPDX-License-Identifier: BSD-3-Clause
{comment}
from libc.stdint cimport {", ".join(elements)}

{chr(10).join(declarations)}
"""


def stub():
    """Each row as editors and type checkers see it, after src/_core.pyi, which has all else."""
    others = (ROOT / "src" / "_core.pyi").read_text(encoding="utf-8")
    names = sorted([op.name for op in OPS] + re.findall(r"^def ([a-z]\w*)\(", others, re.MULTILINE))
    exports = "\n".join(f'    "{name}",' for name in names)
    functions = []
    for op in OPS:
        inputs = [re.sub(r"^(\w+)(=)?", r"\1: ArrayLike\2", part) for part in op.signature.split(", ")]
        arguments = [*(part.replace("=", " = ") for part in inputs), "out: NDArray[Any] | None = None"]
        functions.append(
            f"def {op.name}({', '.join(arguments)}, **ufunc_keywords: Any) -> Any:\n"
            f'    """{op.summary}\n\n    Defined as ``{op.definition}`` for every element.\n    """\n'
        )
    return f"{others}\n__all__ = [\n{exports}\n]\n\n{chr(10).join(functions)}"


def write(path, text):
    """Unless it says so already: whoever includes it would be compiled again."""
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


require_expressions()
write(PACKAGE / "include" / "relu_simd.h", header())
write(PACKAGE / "c_api.pxd", pxd())
write(PACKAGE / "_core.pyi", stub())
for name in ("kernels.h", "vmath.h", "vmath_gelu.h"):
    write(PACKAGE / "opencl" / name, (ROOT / "csrc" / name).read_text(encoding="utf-8"))
