/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in AVX-512 (F, BW, DQ, VL), 64 bytes a vector; meanings in isa_scalar.c. Masks are
 * the CPU's own, so partial vectors are masked loads and stores, which never fault outside the mask.
 * All code is inside the target region, as in isa_avx2.c. */
#include <stdint.h>

#include "dispatch.h"

#if RS_X86
#include <immintrin.h>

RS_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl")

typedef __m512 vec_f32;
typedef __mmask16 mask_f32;
enum { LANES_f32 = 16 };

RS_INLINE mask_f32 first_f32(size_t n) { return (mask_f32)((1u << n) - 1); }
RS_INLINE vec_f32 load_f32(const float *p) { return _mm512_loadu_ps(p); }
RS_INLINE void store_f32(float *p, vec_f32 v) { _mm512_storeu_ps(p, v); }
RS_INLINE void stream_f32(float *p, vec_f32 v) { _mm512_stream_ps(p, v); }
RS_INLINE vec_f32 load_n_f32(const float *p, size_t n) { return _mm512_maskz_loadu_ps(first_f32(n), p); }
RS_INLINE void store_n_f32(float *p, vec_f32 v, size_t n) { _mm512_mask_storeu_ps(p, first_f32(n), v); }
RS_INLINE vec_f32 splat_f32(float s) { return _mm512_set1_ps(s); }
RS_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return _mm512_mul_ps(a, b); }
RS_INLINE mask_f32 lt_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
RS_INLINE mask_f32 le_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
RS_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b) { return _mm512_mask_blend_ps(m, b, a); }
RS_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 v) { return _mm512_mask_blend_ps(m, v, _mm512_setzero_ps()); }

typedef __m512d vec_f64;
typedef __mmask8 mask_f64;
enum { LANES_f64 = 8 };

RS_INLINE mask_f64 first_f64(size_t n) { return (mask_f64)((1u << n) - 1); }
RS_INLINE vec_f64 load_f64(const double *p) { return _mm512_loadu_pd(p); }
RS_INLINE void store_f64(double *p, vec_f64 v) { _mm512_storeu_pd(p, v); }
RS_INLINE void stream_f64(double *p, vec_f64 v) { _mm512_stream_pd(p, v); }
RS_INLINE vec_f64 load_n_f64(const double *p, size_t n) { return _mm512_maskz_loadu_pd(first_f64(n), p); }
RS_INLINE void store_n_f64(double *p, vec_f64 v, size_t n) { _mm512_mask_storeu_pd(p, first_f64(n), v); }
RS_INLINE vec_f64 splat_f64(double s) { return _mm512_set1_pd(s); }
RS_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return _mm512_mul_pd(a, b); }
RS_INLINE mask_f64 lt_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
RS_INLINE mask_f64 le_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
RS_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b) { return _mm512_mask_blend_pd(m, b, a); }
RS_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 v) { return _mm512_mask_blend_pd(m, v, _mm512_setzero_pd()); }

RS_INLINE void fence(void) { _mm_sfence(); }

#define ISA avx512
#include "isa_body.h"

RS_TARGET_END
#endif
