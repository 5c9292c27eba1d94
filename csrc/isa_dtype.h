/* SPDX-License-Identifier: BSD-3-Clause */
/* One dtype of one ISA: lane expressions, drivers, and the table of their entry functions.
 * Included by isa_body.h with T and T_CLASS set; both are undefined at the end. */
#if T_CLASS == RS_HALF
#include "half.h"
#else
/* Only beside 16-bit floats is a slope wider than the data. */
typedef vec wide;
typedef elem wide_elem;
RS_INLINE wide load_wide(const wide_elem *p) { return load(p); }
RS_INLINE wide load_wide_n(const wide_elem *p, size_t n) { return load_n(p, n); }
RS_INLINE wide splat_wide(wide_elem s) { return splat(s); }
#endif

#if T_CLASS == RS_WHOLE
#include "vmath.h"
#endif
#include "kernels.h"
#include "loops.h"
#include "loops_mask.h"
#include "loops_reduce.h"

/* Vectors a step: many hide the latency of memory, few leave long expressions their registers, and of the longest
 * one of a 16-bit float, which is PARTS of float32. */
#define MANY 4
#define FEW 2
#define NUMBERS(name, nin, max_ulp) FORMS(name, nin, 0, MANY)
#if T_CLASS == RS_INTEGER
#define FLOATS(name, nin, max_ulp)
#define SCALED(name, nin, max_ulp)
#define WIDENED(name, nin, max_ulp)
#else
#define FLOATS(name, nin, max_ulp) FORMS(name, nin, 0, MANY)
#define SCALED(name, nin, max_ulp) FORMS(name, nin - 1, 1, MANY)
#if T_CLASS == RS_WHOLE
#define WIDENED(name, nin, max_ulp) FORMS(name, nin, 0, FEW)
#else
#define WIDENED(name, nin, max_ulp) WIDENED_LANE(name) FORMS(name, nin, 0, max_ulp != 0 ? 1 : FEW)
#endif
#endif
#define RS_OP(name, nin, kind, signature, definition, max_ulp, ...) kind(name, nin, max_ulp)
#include "ops.def"

#undef NUMBERS
#undef FLOATS
#undef SCALED
#undef WIDENED
#define NUMBERS(name) ROW(name)
#if T_CLASS == RS_INTEGER
#define FLOATS(name)
#define SCALED(name)
#define WIDENED(name)
#else
#define FLOATS(name) ROW(name)
#define SCALED(name) ROW(name)
#define WIDENED(name) ROW(name)
#endif
static const rs_kernels NAME(kernels) = {
    {
#define RS_OP(name, nin, kind, ...) kind(name)
#include "ops.def"
    },
    with_mask,
    from_mask,
#if T_CLASS == RS_INTEGER
    {sum_active, NULL},
    {columns_active, NULL},
#else
    {sum_active, sum_weight_grads},
    {columns_active, columns_weight_grads},
#endif
};

#undef NUMBERS
#undef FLOATS
#undef SCALED
#undef WIDENED
#undef MANY
#undef FEW
#undef T
#undef T_CLASS
