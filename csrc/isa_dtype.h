/* SPDX-License-Identifier: BSD-3-Clause */
/* One dtype of one ISA: lane expressions, driver, and the entry functions of every row.
 * Included by isa_body.h with T set. */
#include "kernels.h"
#include "loops.h"

#define RS_OP(name, nin, ...)           \
    DEFINE_FORM(name, nin, RS_ARRAYS) \
    DEFINE_FORM(name, nin, RS_LAST_SCALAR)
#include "ops.def"
