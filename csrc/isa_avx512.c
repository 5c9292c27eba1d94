/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in AVX-512 (F, BW, DQ, VL), 64 bytes a vector; meanings in isa_scalar.c. Masks are
 * the CPU's own, so partial vectors are masked loads and stores, which never fault outside the mask.
 * All code is inside the target region, as in isa_avx2.c. */
#include <stdint.h>
#include <string.h>

#include "dispatch.h"

#if RS_X86
#include <immintrin.h>

RS_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl")

/* The n lowest of 64, n < 64. */
RS_INLINE uint64_t first(size_t n) { return ((uint64_t)1 << n) - 1; }

typedef __m512 vec_f32;
typedef __mmask16 mask_f32;
enum { LANES_f32 = 16 };

RS_INLINE vec_f32 load_f32(const float *p)
{
    vec_f32 v = _mm512_loadu_ps(p);
    RS_LOADED(v);
    return v;
}
RS_INLINE void store_f32(float *p, vec_f32 v) { _mm512_storeu_ps(p, v); }
RS_INLINE void stream_f32(float *p, vec_f32 v) { _mm512_stream_ps(p, v); }
RS_INLINE vec_f32 load_n_f32(const float *p, size_t n) { return _mm512_maskz_loadu_ps((mask_f32)first(n), p); }
RS_INLINE void store_n_f32(float *p, vec_f32 v, size_t n) { _mm512_mask_storeu_ps(p, (mask_f32)first(n), v); }
RS_INLINE vec_f32 splat_f32(float s) { return _mm512_set1_ps(s); }
RS_INLINE vec_f32 value_f32(float c) { return _mm512_set1_ps(c); }
RS_INLINE mask_f32 negative_f32(vec_f32 v) { return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ); }
RS_INLINE mask_f32 nonpositive_f32(vec_f32 v) { return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LE_OQ); }
RS_INLINE mask_f32 less_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
RS_INLINE mask_f32 less_equal_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
RS_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b) { return _mm512_mask_blend_ps(m, b, a); }
RS_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 v) { return _mm512_mask_blend_ps(m, v, _mm512_setzero_ps()); }
RS_INLINE vec_f32 add_f32(vec_f32 a, vec_f32 b) { return _mm512_add_ps(a, b); }
RS_INLINE vec_f32 sub_f32(vec_f32 a, vec_f32 b) { return _mm512_sub_ps(a, b); }
RS_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return _mm512_mul_ps(a, b); }
RS_INLINE vec_f32 div_f32(vec_f32 a, vec_f32 b) { return _mm512_div_ps(a, b); }
RS_INLINE vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm512_fmadd_ps(a, b, c); }
#define POW2_f32 (0x1.8p23f + 127)
RS_INLINE vec_f32 fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm512_fnmadd_ps(a, b, c); }
RS_INLINE vec_f32 min_f32(vec_f32 a, vec_f32 b) { return _mm512_min_ps(a, b); }
RS_INLINE vec_f32 max_f32(vec_f32 a, vec_f32 b) { return _mm512_max_ps(a, b); }
/* 0xA: the smaller magnitude, sign cleared */
RS_INLINE vec_f32 min_abs_f32(vec_f32 a, vec_f32 b) { return _mm512_range_ps(a, b, 0xA); }
RS_INLINE vec_f32 pow2_f32(vec_f32 v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 23)); }
/* 0xD8 = (s & c) | (v & ~c) with operands v, s, c */
RS_INLINE vec_f32 copysign_f32(vec_f32 v, vec_f32 s)
{
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(_mm512_castps_si512(v), _mm512_castps_si512(s), _mm512_set1_epi32(INT32_MIN), 0xD8));
}
RS_INLINE vec_f32 nan_of_f32(vec_f32 x, vec_f32 v)
{
    return _mm512_mask_add_ps(v, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x, x);
}

typedef __m512d vec_f64;
typedef __mmask8 mask_f64;
enum { LANES_f64 = 8 };

RS_INLINE vec_f64 load_f64(const double *p)
{
    vec_f64 v = _mm512_loadu_pd(p);
    RS_LOADED(v);
    return v;
}
RS_INLINE void store_f64(double *p, vec_f64 v) { _mm512_storeu_pd(p, v); }
RS_INLINE void stream_f64(double *p, vec_f64 v) { _mm512_stream_pd(p, v); }
RS_INLINE vec_f64 load_n_f64(const double *p, size_t n) { return _mm512_maskz_loadu_pd((mask_f64)first(n), p); }
RS_INLINE void store_n_f64(double *p, vec_f64 v, size_t n) { _mm512_mask_storeu_pd(p, (mask_f64)first(n), v); }
RS_INLINE vec_f64 splat_f64(double s) { return _mm512_set1_pd(s); }
RS_INLINE vec_f64 value_f64(double c) { return _mm512_set1_pd(c); }
RS_INLINE mask_f64 negative_f64(vec_f64 v) { return _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_LT_OQ); }
RS_INLINE mask_f64 nonpositive_f64(vec_f64 v) { return _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_LE_OQ); }
RS_INLINE mask_f64 less_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
RS_INLINE mask_f64 less_equal_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
RS_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b) { return _mm512_mask_blend_pd(m, b, a); }
RS_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 v) { return _mm512_mask_blend_pd(m, v, _mm512_setzero_pd()); }
RS_INLINE vec_f64 add_f64(vec_f64 a, vec_f64 b) { return _mm512_add_pd(a, b); }
RS_INLINE vec_f64 sub_f64(vec_f64 a, vec_f64 b) { return _mm512_sub_pd(a, b); }
RS_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return _mm512_mul_pd(a, b); }
RS_INLINE vec_f64 div_f64(vec_f64 a, vec_f64 b) { return _mm512_div_pd(a, b); }
RS_INLINE vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm512_fmadd_pd(a, b, c); }
#define POW2_f64 (0x1.8p52 + 1023)
RS_INLINE vec_f64 fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm512_fnmadd_pd(a, b, c); }
RS_INLINE vec_f64 min_f64(vec_f64 a, vec_f64 b) { return _mm512_min_pd(a, b); }
RS_INLINE vec_f64 max_f64(vec_f64 a, vec_f64 b) { return _mm512_max_pd(a, b); }
RS_INLINE vec_f64 min_abs_f64(vec_f64 a, vec_f64 b) { return _mm512_range_pd(a, b, 0xA); }
RS_INLINE vec_f64 pow2_f64(vec_f64 v) { return _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(v), 52)); }
RS_INLINE vec_f64 copysign_f64(vec_f64 v, vec_f64 s)
{
    return _mm512_castsi512_pd(
        _mm512_ternarylogic_epi64(_mm512_castpd_si512(v), _mm512_castpd_si512(s), _mm512_set1_epi64(INT64_MIN), 0xD8));
}
RS_INLINE vec_f64 nan_of_f64(vec_f64 x, vec_f64 v)
{
    return _mm512_mask_add_pd(v, _mm512_cmp_pd_mask(x, x, _CMP_UNORD_Q), x, x);
}

/* Products, by the width of a lane; of 8 bits two by two. */
RS_INLINE __m512i mul_8(__m512i a, __m512i b)
{
    const __m512i even = _mm512_mullo_epi16(a, b);
    const __m512i odd = _mm512_mullo_epi16(_mm512_srli_epi16(a, 8), _mm512_srli_epi16(b, 8));
    return _mm512_mask_mov_epi8(even, 0xaaaaaaaaaaaaaaaa, _mm512_slli_epi16(odd, 8));
}
RS_INLINE __m512i mul_16(__m512i a, __m512i b) { return _mm512_mullo_epi16(a, b); }
RS_INLINE __m512i mul_32(__m512i a, __m512i b) { return _mm512_mullo_epi32(a, b); }
RS_INLINE __m512i mul_64(__m512i a, __m512i b) { return _mm512_mullo_epi64(a, b); }

/* S: the intrinsics' name of the element, as epi16 or epu16; W: bits of it; L: lanes. */
#define INTEGER(T, E, S, W, L)                                                                                      \
    typedef __m512i vec_##T;                                                                                        \
    typedef __mmask##L mask_##T;                                                                                    \
    enum { LANES_##T = L };                                                                                         \
    RS_INLINE vec_##T load_##T(const E *p) { return _mm512_loadu_si512(p); }                                        \
    RS_INLINE void store_##T(E *p, vec_##T v) { _mm512_storeu_si512(p, v); }                                        \
    RS_INLINE void stream_##T(E *p, vec_##T v) { _mm512_stream_si512((void *)p, v); }                               \
    RS_INLINE vec_##T load_n_##T(const E *p, size_t n) { return _mm512_maskz_loadu_epi##W((mask_##T)first(n), p); } \
    RS_INLINE void store_n_##T(E *p, vec_##T v, size_t n) { _mm512_mask_storeu_epi##W(p, (mask_##T)first(n), v); }  \
    RS_INLINE vec_##T splat_##T(E s) { return _mm512_set1_epi##W((int##W##_t)s); }                                  \
    RS_INLINE vec_##T value_##T(E c) { return splat_##T(c); }                                                       \
    RS_INLINE mask_##T negative_##T(vec_##T v) { return _mm512_cmplt_##S##_mask(v, _mm512_setzero_si512()); }       \
    RS_INLINE mask_##T nonpositive_##T(vec_##T v) { return _mm512_cmple_##S##_mask(v, _mm512_setzero_si512()); }    \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b) { return _mm512_cmplt_##S##_mask(a, b); }                     \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b) { return _mm512_cmple_##S##_mask(a, b); }               \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return _mm512_add_epi##W(a, b); }                             \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return _mm512_sub_epi##W(a, b); }                             \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return mul_##W(a, b); }                                       \
    RS_INLINE vec_##T select_##T(mask_##T m, vec_##T a, vec_##T b) { return _mm512_mask_blend_epi##W(m, b, a); }    \
    RS_INLINE vec_##T drop_##T(mask_##T m, vec_##T v) { return select_##T(m, _mm512_setzero_si512(), v); }          \
    COUNTED(T, W)

/* What a dtype's masks are good for beside select and drop. */
#define COUNTED(T, W)                                                            \
    typedef __m512i counter_##T;                                                 \
    typedef uint##W##_t count_elem_##T;                                          \
    RS_INLINE uint64_t to_bits_##T(mask_##T m) { return m; }                     \
    RS_INLINE mask_##T from_bits_##T(uint64_t bits) { return (mask_##T)bits; }   \
    RS_INLINE counter_##T no_counts_##T(void) { return _mm512_setzero_si512(); } \
    RS_INLINE counter_##T tally_##T(counter_##T sum, mask_##T m)                 \
    {                                                                            \
        return _mm512_mask_sub_epi##W(sum, m, sum, _mm512_set1_epi32(-1));       \
    }                                                                            \
    RS_INLINE void store_counts_##T(uint##W##_t *p, counter_##T sum) { _mm512_storeu_si512(p, sum); }

COUNTED(f32, 32)
COUNTED(f64, 64)
INTEGER(i8, int8_t, epi8, 8, 64)
INTEGER(u8, uint8_t, epu8, 8, 64)
INTEGER(i16, int16_t, epi16, 16, 32)
INTEGER(u16, uint16_t, epu16, 16, 32)
INTEGER(i32, int32_t, epi32, 32, 16)
INTEGER(u32, uint32_t, epu32, 32, 16)
INTEGER(i64, int64_t, epi64, 64, 8)
INTEGER(u64, uint64_t, epu64, 64, 8)

RS_INLINE mask_u16 at_most_u16(vec_u16 v, uint16_t c) { return _mm512_cmple_epu16_mask(v, splat_u16(c)); }
RS_INLINE mask_u16 either_u16(mask_u16 a, mask_u16 b) { return a | b; }

enum { PARTS = 2 };
RS_INLINE mask_u16 mask_of_parts_u16(const mask_f32 *m) { return (mask_u16)((uint32_t)m[1] << 16 | m[0]); }
typedef struct {
    vec_f32 part[PARTS];
} wide_half;
typedef struct {
    vec_f64 part[PARTS];
} doubles_f32;
typedef struct {
    vec_f64 part[1];
} doubles_f64;
enum { DOUBLES_f32 = PARTS, DOUBLES_f64 = 1 };

RS_INLINE __m256i half_of(vec_u16 v, int k)
{
    return k == 0 ? _mm512_castsi512_si256(v) : _mm512_extracti64x4_epi64(v, 1);
}
RS_INLINE vec_u16 halves(__m256i low, __m256i high) { return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1); }
RS_INLINE wide_half widen_f16(vec_u16 v)
{
    return (wide_half){{_mm512_cvtph_ps(half_of(v, 0)), _mm512_cvtph_ps(half_of(v, 1))}};
}
RS_INLINE vec_u16 narrow_f16(wide_half v)
{
    enum { NEAREST = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };
    return halves(_mm512_cvtps_ph(v.part[0], NEAREST), _mm512_cvtps_ph(v.part[1], NEAREST));
}
RS_INLINE vec_f32 from_upper(__m256i v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16)); }
/* Not vcvtneps2bf16, which takes denormals for zero. */
RS_INLINE __m256i to_upper(vec_f32 v)
{
    const __m512i bits = _mm512_castps_si512(v), upper = _mm512_srli_epi32(bits, 16);
    const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
    return _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(nan, _mm512_srli_epi32(rounded, 16), quiet));
}
RS_INLINE wide_half widen_bf16(vec_u16 v)
{
    return (wide_half){{from_upper(half_of(v, 0)), from_upper(half_of(v, 1))}};
}
RS_INLINE vec_u16 narrow_bf16(wide_half v) { return halves(to_upper(v.part[0]), to_upper(v.part[1])); }
RS_INLINE doubles_f32 to_doubles_f32(vec_f32 v)
{
    return (doubles_f32){{_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1))}};
}
RS_INLINE doubles_f64 to_doubles_f64(vec_f64 v) { return (doubles_f64){{v}}; }

RS_INLINE void fence(void) { _mm_sfence(); }

#define ISA avx512
#include "isa_body.h"

RS_TARGET_END
#endif
