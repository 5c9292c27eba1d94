/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows whose `half` is WIDEN, for float32 or float64: long expressions, PARTS vectors at a time.
 * Included by isa/body.h with T, CONSTANT_TYPE and SERVES_HALVES set; all are undefined at the end. */
#define T_CLASS RS_PARTS
#define HAS_STEPS 0
#define HAS_WIDEN 1
#include "isa/whole.h"
#include "vmath.h"
#include "vmath_gelu.h"
#define LANE_NAME(name) lane_##name
#define TO_HALF 0
#include "kernels.h"
#undef LANE_NAME
#undef TO_HALF
#if SERVES_HALVES
#define LANE_NAME(name) half_lane_##name
#define TO_HALF 1
#include "kernels.h"
#undef LANE_NAME
#undef TO_HALF
#endif
#include "loops/elementwise.h"

#define BODIES_BITS(...)
#define BODIES_STEPS(...)
#define BODIES_WIDEN(...) __VA_ARGS__
#define RS_OP(name, arrays, params, dtypes, half, cost, ...) \
    BODIES_##half(FORMS_##cost##_##params(name, arrays, RS_PARAMS_##params, 1))
#include "ops.def"

#undef BODIES_BITS
#undef BODIES_STEPS
#undef BODIES_WIDEN
#undef HAS_STEPS
#undef HAS_WIDEN
#undef T
#undef T_CLASS
#undef CONSTANT_TYPE
#undef SERVES_HALVES
