/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.h as NumPy wants it: a NEP 49 data-memory handler. Arrays made under it keep a reference to
 * its capsule and free or resize themselves through it. Included by _core.pyx alone. */
#ifndef RS_MEMORY_H
#define RS_MEMORY_H
#include <numpy/arrayobject.h>

#include "pool.h"

static PyDataMem_Handler rs_pool_handler = {
    "relu_simd",
    1,
    {NULL, rs_pool_malloc, rs_pool_calloc, rs_pool_realloc, rs_pool_free},
};

#endif
