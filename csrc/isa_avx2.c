/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in AVX2, 32 bytes a vector; meanings in isa_scalar.c. All code is inside the target
 * region, so that nothing above the baseline can be called before dispatch has looked at the CPU.
 * Partial stores go by halves: vmaskmov's store form is microcoded (40 uops) on AMD. */
#include <stdint.h>

#include "dispatch.h"

#if RS_X86
#include <immintrin.h>

RS_TARGET_BEGIN("avx2")

/* n leading lanes set: a window into 8 ones and 8 zeros. */
static const int32_t window_f32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t window_f64[8] = {-1, -1, -1, -1};

typedef __m256 vec_f32;
typedef __m256 mask_f32;
enum { LANES_f32 = 8 };

RS_INLINE vec_f32 load_f32(const float *p) { return _mm256_loadu_ps(p); }
RS_INLINE void store_f32(float *p, vec_f32 v) { _mm256_storeu_ps(p, v); }
RS_INLINE void stream_f32(float *p, vec_f32 v) { _mm256_stream_ps(p, v); }
RS_INLINE vec_f32 load_n_f32(const float *p, size_t n)
{
    return _mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(window_f32 + 8 - n)));
}
RS_INLINE void store_n_f32(float *p, vec_f32 v, size_t n)
{
    __m128 rest = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(p, rest);
        rest = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, rest);
        rest = _mm_movehl_ps(rest, rest);
        p += 2;
    }
    if (n & 1) {
        _mm_store_ss(p, rest);
    }
}
RS_INLINE vec_f32 splat_f32(float s) { return _mm256_set1_ps(s); }
RS_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return _mm256_mul_ps(a, b); }
RS_INLINE mask_f32 lt_f32(vec_f32 a, vec_f32 b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
RS_INLINE mask_f32 le_f32(vec_f32 a, vec_f32 b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
RS_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b) { return _mm256_blendv_ps(b, a, m); }
RS_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 v) { return _mm256_andnot_ps(m, v); }

typedef __m256d vec_f64;
typedef __m256d mask_f64;
enum { LANES_f64 = 4 };

RS_INLINE vec_f64 load_f64(const double *p) { return _mm256_loadu_pd(p); }
RS_INLINE void store_f64(double *p, vec_f64 v) { _mm256_storeu_pd(p, v); }
RS_INLINE void stream_f64(double *p, vec_f64 v) { _mm256_stream_pd(p, v); }
RS_INLINE vec_f64 load_n_f64(const double *p, size_t n)
{
    return _mm256_maskload_pd(p, _mm256_loadu_si256((const __m256i *)(window_f64 + 4 - n)));
}
RS_INLINE void store_n_f64(double *p, vec_f64 v, size_t n)
{
    __m128d rest = _mm256_castpd256_pd128(v);
    if (n & 2) {
        _mm_storeu_pd(p, rest);
        rest = _mm256_extractf128_pd(v, 1);
        p += 2;
    }
    if (n & 1) {
        _mm_store_sd(p, rest);
    }
}
RS_INLINE vec_f64 splat_f64(double s) { return _mm256_set1_pd(s); }
RS_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return _mm256_mul_pd(a, b); }
RS_INLINE mask_f64 lt_f64(vec_f64 a, vec_f64 b) { return _mm256_cmp_pd(a, b, _CMP_LT_OQ); }
RS_INLINE mask_f64 le_f64(vec_f64 a, vec_f64 b) { return _mm256_cmp_pd(a, b, _CMP_LE_OQ); }
RS_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b) { return _mm256_blendv_pd(b, a, m); }
RS_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 v) { return _mm256_andnot_pd(m, v); }

RS_INLINE void fence(void) { _mm_sfence(); }

#define ISA avx2
#include "isa_body.h"

RS_TARGET_END
#endif
