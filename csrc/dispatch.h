/* SPDX-License-Identifier: BSD-3-Clause */
/* The seam between the callers and the kernels: which operations, dtypes and instruction sets there
 * are, what a kernel promises, and which table of kernels is the active one.
 * Included by every isa_*.c, run.c, ufunc_loop.c and the Cython module. */
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

/* How a kernel is to treat its operands; the bits combine. */
enum {
    RS_ARRAYS = 0,
    RS_LAST_SCALAR = 1, /* the last input is a single element */
    RS_STREAM = 2,      /* the output bypasses the cache: not an input, and at least RS_STREAM_MIN elements */
    RS_FORMS = 4
};
enum { RS_STREAM_MIN = 4096 };

/* Applies one operation to n >= 0 elements, forward. Inputs and output are contiguous; an input may
 * be the output itself or, without RS_STREAM, lie ahead of it, but must not overlap it otherwise. */
typedef void rs_kernel(const void *const *in, void *out, size_t n);

typedef struct {
    const char *name;
    rs_kernel *kernels[RS_DTYPES][RS_OPS][RS_FORMS];
} rs_isa;

/* Instruction sets compiled into this build, by their row in isas.def. */
int rs_isa_count(void);
const char *rs_isa_name(int row);
int rs_isa_supported(int row);
/* Makes a supported row the active one, for every thread, from the next call on. */
void rs_isa_activate(int row);
const rs_isa *rs_isa_active(void);

#endif
