/* SPDX-License-Identifier: BSD-3-Clause */
/* For editors: what the compiler has seen before a header that is a part of isa/dtype.h, so that a language server
 * finds no error in it. .clangd includes this file before such a header and defines RS_EDITOR, which says how far to
 * go; no build includes it. */
#include "isa/scalar.c"

#if RS_EDITOR >= 1 /* isa/dtype.h, isa/half.h, isa/parts.h, isa/whole.h */
#include "isa/words.h"
#if defined RS_EDITOR_PARTS || defined RS_EDITOR_DTYPE
#define T parts_f32
#define CONSTANT_TYPE f32
#define SERVES_HALVES 1
#endif
#ifdef RS_EDITOR_DTYPE
#include "isa/parts.h"
#endif
#ifndef RS_EDITOR_PARTS
#ifdef RS_EDITOR_HALF
#define T f16
#define T_CLASS RS_HALF
#else
#define T f32
#define T_CLASS RS_WHOLE
#endif
#define CONSTANT_TYPE f32
#endif
#endif
#if RS_EDITOR >= 2 /* vmath.h, loops/elementwise.h */
#define LANE_NAME(name) lane_##name
#define TO_HALF 0
#define HAS_STEPS 1
#define HAS_WIDEN 1
#include "isa/whole.h"
#endif
#if RS_EDITOR >= 3 /* vmath_gelu.h */
#include "vmath.h"
#endif
#if RS_EDITOR >= 4 /* kernels.h, loops/mask.h, loops/reduce.h */
#include "loops/elementwise.h"
#include "vmath_gelu.h"
#endif
