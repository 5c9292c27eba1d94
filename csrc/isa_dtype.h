/* SPDX-License-Identifier: BSD-3-Clause */
/* One dtype of one ISA: lane expressions, driver, and the entry functions of every row.
 * Included by isa_body.h with T set. */
#include "kernels.h"
#include "loops.h"

#define RS_OP(name, nin, ...) FORM(name, nin, 0) FORM(name, nin, 1) FORM(name, nin, 2) FORM(name, nin, 3)
#include "ops.def"
