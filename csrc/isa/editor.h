/* SPDX-License-Identifier: BSD-3-Clause */
/* For editors: what the compiler has seen before a header that is a part of isa/dtype.h, so that a language server
 * finds no error in it. .clangd includes this file before such a header and defines RS_EDITOR, which says how far to
 * go; no build includes it. */
#include "isa/scalar.c"

#if RS_EDITOR >= 1 /* isa/dtype.h, isa/half.h, isa/whole.h */
#include "isa/words.h"
#ifdef RS_EDITOR_HALF
#define T f16
#define T_CLASS RS_HALF
#else
#define T f32
#define T_CLASS RS_WHOLE
#endif
#define LANE_NAME(name) lane_##name
#define TO_HALF 0
#define HAS_STEPS 1
#define HAS_WIDEN 1
#endif
#if RS_EDITOR >= 2 /* vmath.h, loops/elementwise.h */
#include "isa/whole.h"
#endif
#if RS_EDITOR >= 3 /* vmath_gelu.h */
#include "vmath.h"
#endif
#if RS_EDITOR >= 4 /* kernels.h, loops/mask.h, loops/reduce.h */
#include "loops/elementwise.h"
#include "vmath_gelu.h"
#endif
