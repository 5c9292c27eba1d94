/* SPDX-License-Identifier: BSD-3-Clause */
/* The seam between the callers (Cython fast path, ufunc loop) and the kernels: which operations,
 * dtypes and instruction sets there are, and the one call that runs a kernel of the active ISA.
 * Included by every isa_*.c, ufunc_loop.c and the Cython module. */
#ifndef RS_DISPATCH_H
#define RS_DISPATCH_H
#include <stddef.h>

#include "compiler.h"

enum {
#define RS_OP(name, ...) RS_##name,
#include "ops.def"
    RS_OPS
};

enum { RS_F32, RS_F64, RS_DTYPES };
enum { RS_MAX_IN = 3 };

typedef struct {
    const char *name, *signature, *definition, *summary, *example, *result;
    int nin, max_ulp;
} rs_op;
extern const rs_op rs_ops[RS_OPS];
extern const size_t rs_itemsize[RS_DTYPES];

/* Applies one operation to n >= 0 elements. Inputs and output are contiguous; an input may be the
 * output itself, but must not overlap it otherwise. */
typedef void rs_kernel(const void *const *in, void *out, size_t n);

/* Which of an operation's two kernels: every input an array, or the last one a single element. */
enum { RS_ARRAYS, RS_LAST_SCALAR, RS_FORMS };

typedef struct {
    const char *name;
    rs_kernel *kernels[RS_DTYPES][RS_OPS][RS_FORMS];
} rs_isa;

/* Instruction sets compiled into this build, by their row in isas.def. */
int rs_isa_count(void);
const char *rs_isa_name(int row);
int rs_isa_supported(int row);
/* Makes a supported row the active one, for every thread, from the next kernel call on. */
void rs_isa_activate(int row);
const char *rs_isa_active(void);

void rs_run(int op, int dtype, int form, const void *const *in, void *out, size_t n);

#endif
