/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPython entry points of the public functions, one a row of ops.def: each knows its row and
 * hands its arguments on to rs_call, which the Cython module defines. It does so in the default floating-point mode,
 * because a slope is rounded and NumPy casts arguments, too. Included by _core.pyx alone. */
#ifndef RS_METHODS_H
#define RS_METHODS_H
#include <Python.h>

#include "dispatch.h"
#include "fpmode.h"

static PyObject *rs_call(int op, PyObject **args, Py_ssize_t nargs, PyObject *kwnames);

#define RS_OP(name, ...)                                                                                 \
    static PyObject *rs_call_##name(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *kw) \
    {                                                                                                    \
        (void)module;                                                                                    \
        const rs_fpmode mode = rs_fp_enter();                                                            \
        PyObject *const result = rs_call(RS_##name, (PyObject **)args, n, kw);                           \
        rs_fp_leave(mode);                                                                               \
        return result;                                                                                   \
    }
#include "ops.def"

static PyMethodDef rs_methods[RS_OPS] = {
#define RS_OP(name, ...) {#name, (PyCFunction)(void (*)(void))rs_call_##name, METH_FASTCALL | METH_KEYWORDS, NULL},
#include "ops.def"
};

#endif
