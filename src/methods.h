/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPython entry points of the public functions, one a row of ops.def: each knows its row and
 * hands its arguments on to rs_call, which the Cython module defines. Included by _core.pyx alone. */
#ifndef RS_METHODS_H
#define RS_METHODS_H
#include <Python.h>

#include "run/dispatch.h"
#include "run/fpmode.h"

static PyObject *rs_call(int op, PyObject **args, Py_ssize_t nargs, PyObject *kwnames);

/* Calls `function`, where `needed` in the default floating-point mode. The mode is read once for each call, and not at
 * all where nothing depends on it, because that takes long beside a small call. In Cython this would need a try
 * statement, which takes long as well. */
static inline PyObject *rs_in_mode(PyObject *(*function)(void *), void *context, int needed)
{
    rs_fpmode mode = {0};
    if (needed) {
        mode = rs_fp_enter();
    }
    PyObject *const result = function(context); /* in one place, so that it is inlined */
    if (needed) {
        rs_fp_leave(mode);
    }
    return result;
}

#define RS_OP(name, ...)                                                                                 \
    static PyObject *rs_call_##name(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *kw) \
    {                                                                                                    \
        (void)module;                                                                                    \
        return rs_call(RS_##name, (PyObject **)args, n, kw);                                             \
    }
#include "ops.def"

static PyMethodDef rs_methods[RS_OPS] = {
#define RS_OP(name, ...) {#name, (PyCFunction)(void (*)(void))rs_call_##name, METH_FASTCALL | METH_KEYWORDS, NULL},
#include "ops.def"
};

#endif
