# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3, binding=False, freethreading_compatible=True
"""The compiled core: a ufunc and a fast function for each row of ops.def, and the choice of ISA.

The fast function serves what nearly every call is (exact, contiguous, native ndarrays of one dtype
and shape) without NumPy's machinery; all else goes to the ufunc of the same name.
"""
from _thread import RLock
from collections import namedtuple
import sys
from sys import intern

from cpython.ref cimport Py_INCREF, PyObject
from libc.stddef cimport size_t
from libc.stdint cimport intptr_t, uint8_t, uintptr_t
from libc.string cimport memcpy
cimport numpy as cnp
import numpy as np

from relu_simd import _docs, _foreign

cnp.import_array()
cnp.import_ufunc()

cdef list keep_alive = []  # strings that C structures point into
UFUNCS = {}
FUNCTIONS = {}
cdef list UFUNCS_BY_ROW = []
cdef PyObject *where_name

include "declarations.pxi"
include "table.pxi"
include "settings.pxi"
include "memory.pxi"
include "ufuncs.pxi"
# The functions that are operations, from the shortest way to the longest.
include "call.pxi"
include "small.pxi"
include "general.pxi"
# Those that are not elementwise.
include "masks.pxi"
include "reductions.pxi"
# What relu_simd.opencl does at every call.
include "plans.pxi"


def _c_api():
    """For c_api.py: (name, signature, capsule as Cython wants it, address) of each function, made anew at each call."""
    functions = []
    for row in rs_api_rows[:RS_API_ROWS]:
        element = rs_elem_names[row.dtype]
        param = b"float" if rs_dtypes[row.dtype].dtype_class == RS_HALF else element
        arguments = row.arguments.replace(b"E", element).replace(b"P", param)
        signature = b"void (" + arguments + b", Py_ssize_t)"
        keep_alive.append(signature)
        capsule = PyCapsule_New(<void *>row.function, <const char *>keep_alive[-1], NULL)
        functions.append((row.name.decode(), signature.decode(), capsule, <uintptr_t>row.function))
    return functions


cdef void make_all(module):
    global out_name, where_name
    keep_alive.append(intern("out"))
    out_name = <PyObject *>keep_alive[-1]
    keep_alive.append(intern("where"))
    where_name = <PyObject *>keep_alive[-1]
    for row, op in enumerate(OPS):
        learn(row, op)
        UFUNCS[op.name] = make_ufunc(row, _docs.ufunc_doc(op))
        UFUNCS_BY_ROW.append(UFUNCS[op.name])
        keep_alive.append(_docs.function_doc(op).encode())
        rs_methods[row].ml_doc = keep_alive[-1]
        FUNCTIONS[op.name] = PyCFunction_NewEx(&rs_methods[row], module, "relu_simd")
        setattr(module, op.name, FUNCTIONS[op.name])


rs_parallel_init()
rs_pool_init()
rs_run_init()
cdef rs_fpmode importing = rs_fp_enter()  # the defaults are rounded
make_all(sys.modules[__name__])
rs_fp_leave(importing)
__all__ = [*(op.name for op in OPS), "count_active", "prelu_backward", "relu_backward_from_mask", "relu_with_mask"]
