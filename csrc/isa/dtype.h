/* SPDX-License-Identifier: BSD-3-Clause */
/* One dtype of one ISA: lane expressions, drivers, and the table of their entry functions.
 * Included by isa/body.h with T and T_CLASS set; both are undefined at the end. */
#if T_CLASS == RS_HALF
#include "isa/half.h"
#else
#include "isa/whole.h"
#endif

/* 16-bit floats take the expressions of the rows that are WIDEN from float32. */
#define HAS_STEPS 1
#if T_CLASS == RS_WHOLE
#define HAS_WIDEN 1
#include "vmath.h"
#include "vmath_gelu.h"
#else
#define HAS_WIDEN 0
#endif
#define LANE_NAME(name) lane_##name
#define TO_HALF 0
#include "kernels.h"
#undef LANE_NAME
#undef TO_HALF
#undef HAS_STEPS
#if defined SERVES_HALVES
#define LANE_NAME(name) half_lane_##name
#define TO_HALF 1
#define HAS_STEPS 0
#include "kernels.h"
#undef LANE_NAME
#undef TO_HALF
#undef HAS_STEPS
#undef SERVES_HALVES
#endif
#undef HAS_WIDEN
#include "loops/elementwise.h"
#include "loops/mask.h"
#include "loops/reduce.h"

/* Vectors in a step: many hide the latency of memory. Of long expressions the CPU overlaps one step with the next by
 * itself, so that one vector is as fast, and a third of the code; a conversion to 16-bit floats and back is long. */
#define STEP_BITS_MEMORY (T_CLASS == RS_HALF && LANES == 1 ? 1 : 4)
#define STEP_STEPS_MEMORY (T_CLASS == RS_HALF ? (LANES == 1 ? 1 : 2) : 4)
#define STEP_WIDEN_MEMORY (T_CLASS == RS_HALF ? 1 : 2)
#define STEP_WIDEN_COMPUTE 1

/* What this class of dtypes makes of the columns `dtypes` and `half`. */
#if T_CLASS == RS_INTEGER
#define HAS_ALL(...) __VA_ARGS__
#define HAS_FLOATS(...)
#else
#define HAS_ALL(...) __VA_ARGS__
#define HAS_FLOATS(...) __VA_ARGS__
#endif
#define LANE_BITS(name)
#define LANE_STEPS(name)
#if T_CLASS == RS_HALF
#define LANE_WIDEN(name) WIDENED_LANE(name)
#else
#define LANE_WIDEN(name)
#endif

#define RS_OP(name, arrays, params, dtypes, half, cost, ...) \
    HAS_##dtypes(LANE_##half(name) FORMS_##cost##_##params(name, arrays, RS_PARAMS_##params, STEP_##half##_##cost))
#include "ops.def"

static const rs_kernels NAME(kernels) = {
    {
#define RS_OP(name, arrays, params, dtypes, ...) HAS_##dtypes(ROW(name))
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

#undef STEP_BITS_MEMORY
#undef STEP_STEPS_MEMORY
#undef STEP_WIDEN_MEMORY
#undef STEP_WIDEN_COMPUTE
#undef HAS_ALL
#undef HAS_FLOATS
#undef LANE_BITS
#undef LANE_STEPS
#undef LANE_WIDEN
#undef T
#undef T_CLASS
