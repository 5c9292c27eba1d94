/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables made from ops.def, dtypes.def and isas.def, and the pointer to the active ISA.
 * Contract in run/dispatch.h. The active ISA is scalar until rs_isa_activate is called. */
#include "run/dispatch.h"

#include <math.h>

#include "run/cpu.h"

enum { NONE, ONE, TWO, WEIGHT };
enum { FLOATS, ALL };
enum { BITS, STEPS, WIDEN };
enum { MEMORY, COMPUTE };

const rs_op rs_ops[RS_OPS] = {
#define RS_OP(name, arrays, params, dtypes, half, cost, accuracy, signature, definition, summary, example, result) \
    {#name,                                                                                                        \
     signature,                                                                                                    \
     definition,                                                                                                   \
     summary,                                                                                                      \
     example,                                                                                                      \
     result,                                                                                                       \
     arrays + RS_PARAMS_##params,                                                                                  \
     arrays,                                                                                                       \
     RS_PARAMS_##params,                                                                                           \
     params == WEIGHT,                                                                                             \
     dtypes == ALL,                                                                                                \
     half != BITS,                                                                                                 \
     half == WIDEN,                                                                                                \
     cost == COMPUTE,                                                                                              \
     RS_ACCURACY_##accuracy},
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

/* The limits of the integers are powers of two, or 0: float64 has them all. */
static int fits_integer(double number, int bits, int is_signed)
{
    const double limit = ldexp(1, bits - is_signed);
    return number < limit && number >= (is_signed ? -limit : 0) && number == floor(number);
}

#define TAKE_RS_WHOLE(name, element) return 0;
#define TAKE_RS_HALF(name, element) return 0;
#define TAKE_RS_INTEGER(name, element)                                                 \
    if (!fits_integer(number, 8 * (int)sizeof(element), (element) - 1 < (element)1)) { \
        return 0;                                                                      \
    }                                                                                  \
    to->name = (element)number;                                                        \
    return 1;

int rs_take_integer(int dtype, double number, rs_element *to)
{
    switch (dtype) {
#define RS_DTYPE(name, element, numpy_name, dtype_class) \
    case RS_##name:                                      \
        TAKE_##dtype_class(name, element)
#include "dtypes.def"
    default:
        return 0;
    }
}
