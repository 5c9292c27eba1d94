/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables made from ops.def, dtypes.def and isas.def, and the pointer to the active ISA.
 * Contract in dispatch.h. The active ISA is scalar until rs_isa_activate is called. */
#include "dispatch.h"

#include "cpu.h"

enum { NUMBERS, FLOATS, SCALED, WIDENED };

const rs_op rs_ops[RS_OPS] = {
#define RS_OP(name, nin, kind, signature, definition, max_ulp, summary, example, result) \
    {#name, #kind, signature, definition, summary, example, result, nin, max_ulp, kind == SCALED},
#include "ops.def"
};

const rs_dtype rs_dtypes[RS_DTYPES] = {
#define RS_DTYPE(name, element, numpy_name, dtype_class) {numpy_name, sizeof(element), dtype_class},
#include "dtypes.def"
};

#define RS_ISA(name, supported) extern const rs_isa rs_isa_##name;
#include "isas.def"

static const rs_isa *const isas[] = {
#define RS_ISA(name, supported) &rs_isa_##name,
#include "isas.def"
};

static const rs_isa *volatile active = &rs_isa_scalar;

int rs_isa_count(void) { return (int)(sizeof isas / sizeof isas[0]); }

const char *rs_isa_name(int row) { return isas[row]->name; }

int rs_isa_supported(int row)
{
    const int supported[] = {
#define RS_ISA(name, supported) supported,
#include "isas.def"
    };
    return supported[row];
}

void rs_isa_activate(int row) { RS_ATOMIC_STORE(&active, isas[row]); }

const rs_isa *rs_isa_active(void) { return RS_ATOMIC_LOAD(&active); }

int rs_has_kernel(int op, int dtype) { return rs_isa_scalar.dtypes[dtype]->ops[op][RS_ARRAYS] != NULL; }
