/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in AVX-512 (F, BW, DQ, VL), 64 bytes a vector; meanings in isa/scalar.c. Masks are
 * the CPU's own, so partial vectors are masked loads and stores, which never fault outside the mask.
 * All code is inside the target region, as in isa/avx2.c. */
#include <stdint.h>
#include <string.h>

#include "run/dispatch.h"

#if RS_X86
#include <immintrin.h>

RS_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl")

/* The n lowest of 64, n < 64. */
RS_INLINE uint64_t first(size_t n) { return ((uint64_t)1 << n) - 1; }

/* W: bits of an element, L: lanes; V, S and P: the vector's type, the intrinsics' suffix and what they take as memory;
 * X: the suffix of those that know of lanes. */
#define COMMON(T, E, W, L, V, S, P, X)                                                                              \
    typedef V vec_##T;                                                                                              \
    typedef struct {                                                                                                \
        __mmask##L lanes;                                                                                           \
    } mask_##T;                                                                                                     \
    enum { LANES_##T = L };                                                                                         \
    RS_INLINE void store_##T(E *p, vec_##T v) { _mm512_storeu_##S(p, v); }                                          \
    RS_INLINE void stream_##T(E *p, vec_##T v) { _mm512_stream_##S((P *)p, v); }                                    \
    RS_INLINE vec_##T load_n_##T(const E *p, size_t n) { return _mm512_maskz_loadu_##X((__mmask##L)first(n), p); }  \
    RS_INLINE void store_n_##T(E *p, vec_##T v, size_t n) { _mm512_mask_storeu_##X(p, (__mmask##L)first(n), v); }   \
    RS_INLINE vec_##T select_##T(mask_##T m, vec_##T a, vec_##T b) { return _mm512_mask_blend_##X(m.lanes, b, a); } \
    RS_INLINE vec_##T drop_##T(mask_##T m, vec_##T v) { return select_##T(m, _mm512_setzero_##S(), v); }            \
    typedef __m512i counter_##T;                                                                                    \
    typedef uint##W##_t count_elem_##T;                                                                             \
    RS_INLINE uint64_t to_bits_##T(mask_##T m) { return m.lanes; }                                                  \
    RS_INLINE mask_##T from_bits_##T(uint64_t bits) { return (mask_##T){(__mmask##L)bits}; }                        \
    RS_INLINE counter_##T no_counts_##T(void) { return _mm512_setzero_si512(); }                                    \
    RS_INLINE counter_##T tally_##T(counter_##T sum, mask_##T m)                                                    \
    {                                                                                                               \
        return _mm512_mask_sub_epi##W(sum, m.lanes, sum, _mm512_set1_epi32(-1));                                    \
    }                                                                                                               \
    RS_INLINE void store_counts_##T(uint##W##_t *p, counter_##T sum) { _mm512_storeu_si512(p, sum); }

/* F: bits of the fraction. range 0xA: the smaller magnitude, sign cleared. ternarylogic 0xD8: (s & c) | (v & ~c) with
 * operands v, s, c. */
#define FLOAT(T, E, W, L, V, S, F)                                                                                    \
    COMMON(T, E, W, L, V, S, E, S)                                                                                    \
    RS_INLINE vec_##T load_##T(const E *p)                                                                            \
    {                                                                                                                 \
        vec_##T v = _mm512_loadu_##S(p);                                                                              \
        RS_LOADED(v);                                                                                                 \
        return v;                                                                                                     \
    }                                                                                                                 \
    RS_INLINE vec_##T splat_##T(E s) { return _mm512_set1_##S(s); }                                                   \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b) { return (mask_##T){_mm512_cmp_##S##_mask(a, b, _CMP_LT_OQ)}; } \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b)                                                           \
    {                                                                                                                 \
        return (mask_##T){_mm512_cmp_##S##_mask(a, b, _CMP_LE_OQ)};                                                   \
    }                                                                                                                 \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return _mm512_add_##S(a, b); }                                  \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return _mm512_sub_##S(a, b); }                                  \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return _mm512_mul_##S(a, b); }                                  \
    RS_INLINE vec_##T div_##T(vec_##T a, vec_##T b) { return _mm512_div_##S(a, b); }                                  \
    RS_INLINE vec_##T fma_##T(vec_##T a, vec_##T b, vec_##T c) { return _mm512_fmadd_##S(a, b, c); }                  \
    RS_INLINE vec_##T fms_##T(vec_##T a, vec_##T b, vec_##T c) { return _mm512_fmsub_##S(a, b, c); }                  \
    RS_INLINE vec_##T fnma_##T(vec_##T a, vec_##T b, vec_##T c) { return _mm512_fnmadd_##S(a, b, c); }                \
    RS_INLINE vec_##T min_##T(vec_##T a, vec_##T b) { return _mm512_min_##S(a, b); }                                  \
    RS_INLINE vec_##T max_##T(vec_##T a, vec_##T b) { return _mm512_max_##S(a, b); }                                  \
    RS_INLINE vec_##T min_abs_##T(vec_##T a, vec_##T b) { return _mm512_range_##S(a, b, 0xA); }                       \
    RS_INLINE vec_##T pow2_##T(vec_##T v)                                                                             \
    {                                                                                                                 \
        return _mm512_castsi512_##S(_mm512_slli_epi##W(_mm512_cast##S##_si512(v), F));                                \
    }                                                                                                                 \
    RS_INLINE vec_##T copysign_##T(vec_##T v, vec_##T s)                                                              \
    {                                                                                                                 \
        const __m512i sign = _mm512_set1_epi##W(INT##W##_MIN);                                                        \
        return _mm512_castsi512_##S(                                                                                  \
            _mm512_ternarylogic_epi##W(_mm512_cast##S##_si512(v), _mm512_cast##S##_si512(s), sign, 0xD8));            \
    }                                                                                                                 \
    RS_INLINE vec_##T nan_of_##T(vec_##T x, vec_##T v)                                                                \
    {                                                                                                                 \
        return _mm512_mask_add_##S(v, _mm512_cmp_##S##_mask(x, x, _CMP_UNORD_Q), x, x);                               \
    }

FLOAT(f32, float, 32, 16, __m512, ps, 23)
FLOAT(f64, double, 64, 8, __m512d, pd, 52)

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

/* N: the intrinsics' name of the element, as epi16 or epu16. */
#define INTEGER(T, E, N, W, L)                                                                                    \
    COMMON(T, E, W, L, __m512i, si512, void, epi##W)                                                              \
    RS_INLINE vec_##T load_##T(const E *p) { return _mm512_loadu_si512(p); }                                      \
    RS_INLINE vec_##T splat_##T(E s) { return _mm512_set1_epi##W((int##W##_t)s); }                                \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b) { return (mask_##T){_mm512_cmplt_##N##_mask(a, b)}; }       \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b) { return (mask_##T){_mm512_cmple_##N##_mask(a, b)}; } \
    RS_INLINE mask_##T negative_##T(vec_##T v) { return less_##T(v, _mm512_setzero_si512()); }                    \
    RS_INLINE mask_##T nonpositive_##T(vec_##T v) { return less_equal_##T(v, _mm512_setzero_si512()); }           \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return _mm512_add_epi##W(a, b); }                           \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return _mm512_sub_epi##W(a, b); }                           \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return mul_##W(a, b); }

INTEGER(i8, int8_t, epi8, 8, 64)
INTEGER(u8, uint8_t, epu8, 8, 64)
INTEGER(i16, int16_t, epi16, 16, 32)
INTEGER(u16, uint16_t, epu16, 16, 32)
INTEGER(i32, int32_t, epi32, 32, 16)
INTEGER(u32, uint32_t, epu32, 32, 16)
INTEGER(i64, int64_t, epi64, 64, 8)
INTEGER(u64, uint64_t, epu64, 64, 8)

enum { PARTS = 2 };
#include "isa/common.h"

RS_INLINE mask_u16 at_most_u16(vec_u16 v, uint16_t c) { return (mask_u16){_mm512_cmple_epu16_mask(v, splat_u16(c))}; }
RS_INLINE mask_u16 either_u16(mask_u16 a, mask_u16 b) { return (mask_u16){a.lanes | b.lanes}; }
RS_INLINE mask_u16 mask_of_parts_u16(mask_parts_f32 m)
{
    return (mask_u16){(__mmask32)((uint32_t)m.part[1].lanes << 16 | m.part[0].lanes)};
}

RS_INLINE __m256i half_of(vec_u16 v, int k)
{
    return k == 0 ? _mm512_castsi512_si256(v) : _mm512_extracti64x4_epi64(v, 1);
}
RS_INLINE vec_u16 halves(__m256i low, __m256i high) { return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1); }
RS_INLINE vec_parts_f32 widen_f16(vec_u16 v)
{
    return (vec_parts_f32){{_mm512_cvtph_ps(half_of(v, 0)), _mm512_cvtph_ps(half_of(v, 1))}};
}
RS_INLINE vec_u16 narrow_f16(vec_parts_f32 v)
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
RS_INLINE vec_parts_f32 widen_bf16(vec_u16 v)
{
    return (vec_parts_f32){{from_upper(half_of(v, 0)), from_upper(half_of(v, 1))}};
}
RS_INLINE vec_u16 narrow_bf16(vec_parts_f32 v) { return halves(to_upper(v.part[0]), to_upper(v.part[1])); }
RS_INLINE doubles_f32 to_doubles_f32(vec_f32 v)
{
    return (doubles_f32){{_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1))}};
}

RS_INLINE void fence(void) { _mm_sfence(); }

#define ISA avx512
#include "isa/body.h"

RS_TARGET_END
#endif
