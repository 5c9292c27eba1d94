/* SPDX-License-Identifier: BSD-3-Clause */
/* run/pool.h as NumPy wants it: a NEP 49 data-memory handler. Arrays made under it keep a reference to
 * its capsule and free or resize themselves through it. Included by _core.pyx alone. */
#ifndef RS_MEMORY_H
#define RS_MEMORY_H
#include <numpy/arrayobject.h>

#include "run/pool.h"

/* The current handler is a context variable. CPython 3.11 crashes if a collection that begins while one is being set
 * runs a finaliser that sets it, too, as one that makes a large result does: so no collection may begin there. It
 * does so on its own at an allocation. Later versions collect between bytecodes only, where nothing is amiss, and
 * switching it off there would be seen by other threads, since it holds for the whole process. */
#if PY_VERSION_HEX < 0x030C0000
static int rs_pause_collection(void) { return PyGC_Disable(); }
static void rs_resume_collection(int paused)
{
    if (paused) {
        PyGC_Enable();
    }
}
#else
static int rs_pause_collection(void) { return 0; }
static void rs_resume_collection(int paused) { (void)paused; }
#endif

static PyDataMem_Handler rs_pool_handler = {
    "relu_simd",
    1,
    {NULL, rs_pool_malloc, rs_pool_calloc, rs_pool_realloc, rs_pool_free},
};

#endif
