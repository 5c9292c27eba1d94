/* SPDX-License-Identifier: BSD-3-Clause */
/* One dtype of one ISA: lane expressions, drivers, and the table of their entry functions.
 * Included by isa/body.h with T and T_CLASS set; both are undefined at the end. */
#if T_CLASS == RS_HALF
#include "isa/half.h"
#else
#include "isa/whole.h"
#endif

#define HAS_STEPS 1
#define HAS_WIDEN 0
#define LANE_NAME(name) lane_##name
#include "kernels.h"
#undef LANE_NAME
#undef HAS_STEPS
#undef HAS_WIDEN
#include "loops/elementwise.h"
#include "loops/mask.h"
#include "loops/reduce.h"

/* Vectors in a step: many hide the latency of memory. A conversion to 16-bit floats and back is long. */
#define STEP_BITS_MEMORY (T_CLASS == RS_HALF && LANES == 1 ? 1 : 4)
#define STEP_STEPS_MEMORY (T_CLASS == RS_HALF ? (LANES == 1 ? 1 : 2) : 4)
#define STEP_WIDEN_MEMORY 1
#define STEP_WIDEN_COMPUTE 1

/* What this class of dtypes makes of the columns `dtypes` and `half`. */
#if T_CLASS == RS_INTEGER
#define HAS_ALL(...) __VA_ARGS__
#define HAS_FLOATS(...)
#else
#define HAS_ALL(...) __VA_ARGS__
#define HAS_FLOATS(...) __VA_ARGS__
#endif
/* Where the bodies of a row are: 16-bit floats take the expressions of WIDEN rows from float32, and float32 and float64
 * have the bodies from isa/parts.h. */
#define PLACE_BITS T
#define PLACE_STEPS T
#define BODIES_BITS(name, ...) __VA_ARGS__
#define BODIES_STEPS(name, ...) __VA_ARGS__
#if T_CLASS == RS_HALF
#define PLACE_WIDEN T
#define BODIES_WIDEN(name, ...) WIDENED_LANE(name) __VA_ARGS__
#else
#define PLACE_WIDEN NAME(parts)
#define BODIES_WIDEN(name, ...)
#endif

#define RS_OP(name, arrays, params, dtypes, half, cost, ...) \
    HAS_##dtypes(BODIES_##half(name, FORMS_##cost##_##params(name, arrays, RS_PARAMS_##params, STEP_##half##_##cost)))
#include "ops.def"

static const rs_kernels NAME(kernels) = {
    {
#define RS_OP(name, arrays, params, dtypes, half, ...) HAS_##dtypes(ROW(name, PLACE_##half))
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
#undef PLACE_BITS
#undef PLACE_STEPS
#undef PLACE_WIDEN
#undef BODIES_BITS
#undef BODIES_STEPS
#undef BODIES_WIDEN
#undef T
#undef T_CLASS
