/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables made from ops.def and isas.def, and the pointer to the active ISA.
 * Contract in dispatch.h. The active ISA is scalar until rs_isa_activate is called. */
#include "dispatch.h"

#include "cpu.h"

const rs_op rs_ops[RS_OPS] = {
#define RS_OP(name, nin, signature, definition, max_ulp, summary, example, result) \
    {#name, signature, definition, summary, example, result, nin, max_ulp},
#include "ops.def"
};

const size_t rs_itemsize[RS_DTYPES] = {[RS_F32] = 4, [RS_F64] = 8};

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
