/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in plain C, one lane: the specification that the other ISA files are tested against,
 * and the instruction set of every CPU. What each word means stands here; the others say only how.
 * Loads, stores, select and drop move bits: a NaN keeps its payload and its signalling bit. */
#include <stdint.h>

#include "dispatch.h"

typedef float vec_f32;
typedef int mask_f32; /* one truth value a lane */
enum { LANES_f32 = 1 };

/* LANES elements at p, which need not be aligned to more than an element. */
RS_INLINE vec_f32 load_f32(const float *p) { return *p; }
RS_INLINE void store_f32(float *p, vec_f32 v) { *p = v; }
/* store past the cache, p aligned to a vector; other threads may see it only after fence(). */
RS_INLINE void stream_f32(float *p, vec_f32 v) { *p = v; }
/* The first n of them, 0 < n < LANES; nothing beyond is read or written, lanes beyond are +0. */
RS_INLINE vec_f32 load_n_f32(const float *p, size_t n) { return n ? *p : 0; }
RS_INLINE void store_n_f32(float *p, vec_f32 v, size_t n) { *p = n ? v : *p; }
RS_INLINE vec_f32 splat_f32(float s) { return s; }
/* IEEE product, rounded once; of two NaNs the payload of either. */
RS_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return a * b; }
/* False where either is NaN; -0 and +0 are equal. */
RS_INLINE mask_f32 lt_f32(vec_f32 a, vec_f32 b) { return a < b; }
RS_INLINE mask_f32 le_f32(vec_f32 a, vec_f32 b) { return a <= b; }
/* a where m, else b. */
RS_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b) { return m ? a : b; }
/* +0 where m, else v: v is dropped whatever it is, NaN and infinity too. */
RS_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 v) { return m ? 0 : v; }

typedef double vec_f64;
typedef int mask_f64;
enum { LANES_f64 = 1 };

RS_INLINE vec_f64 load_f64(const double *p) { return *p; }
RS_INLINE void store_f64(double *p, vec_f64 v) { *p = v; }
RS_INLINE void stream_f64(double *p, vec_f64 v) { *p = v; }
RS_INLINE vec_f64 load_n_f64(const double *p, size_t n) { return n ? *p : 0; }
RS_INLINE void store_n_f64(double *p, vec_f64 v, size_t n) { *p = n ? v : *p; }
RS_INLINE vec_f64 splat_f64(double s) { return s; }
RS_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return a * b; }
RS_INLINE mask_f64 lt_f64(vec_f64 a, vec_f64 b) { return a < b; }
RS_INLINE mask_f64 le_f64(vec_f64 a, vec_f64 b) { return a <= b; }
RS_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b) { return m ? a : b; }
RS_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 v) { return m ? 0 : v; }

RS_INLINE void fence(void) {}

#define ISA scalar
#include "isa_body.h"
