/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in AVX2, FMA and F16C, 32 bytes a vector; meanings in isa/scalar.c. All code is inside
 * the target region, so that nothing above the baseline can be called before dispatch has looked at the
 * CPU. A mask has lanes of all ones and all zeros. Partial stores go by halves: vmaskmov's store
 * form is microcoded (40 uops) on AMD. */
#include <stdint.h>
#include <string.h>

#include "run/dispatch.h"

#if RS_X86
#include <immintrin.h>

RS_TARGET_BEGIN("avx2,fma,f16c")

/* n leading lanes set: a window into 8 ones and 8 zeros. */
static const int32_t window[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

/* Any number of bytes below 32. Whole words by a masked load, which never faults outside the mask. */
RS_INLINE __m256i load_bytes(const void *p, size_t n)
{
    const size_t words = n / 4;
    __m256i v = _mm256_maskload_epi32(p, _mm256_loadu_si256((const __m256i *)(window + 8 - words)));
    if (n % 4 != 0) {
        const uint8_t *rest = (const uint8_t *)p + 4 * words;
        uint32_t word = rest[0];
        word |= n % 4 > 1 ? (uint32_t)rest[1] << 8 : 0;
        word |= n % 4 > 2 ? (uint32_t)rest[2] << 16 : 0;
        /* The one lane that is in a window one longer. */
        const __m256i lane = _mm256_loadu_si256((const __m256i *)(window + 7 - words));
        const __m256i loaded = _mm256_loadu_si256((const __m256i *)(window + 8 - words));
        v = _mm256_or_si256(v, _mm256_and_si256(_mm256_andnot_si256(loaded, lane), _mm256_set1_epi32((int)word)));
    }
    return v;
}

RS_INLINE void store_bytes(void *p, __m256i v, size_t n)
{
    char *to = p;
    __m128i rest = _mm256_castsi256_si128(v);
    if (n & 16) {
        _mm_storeu_si128((__m128i *)to, rest);
        rest = _mm256_extracti128_si256(v, 1);
        to += 16;
    }
    if (n & 8) {
        _mm_storel_epi64((__m128i *)to, rest);
        rest = _mm_srli_si128(rest, 8);
        to += 8;
    }
    uint32_t word = (uint32_t)_mm_cvtsi128_si32(rest);
    if (n & 4) {
        memcpy(to, &word, 4);
        word = (uint32_t)_mm_extract_epi32(rest, 1);
        to += 4;
    }
    if (n & 2) {
        memcpy(to, &word, 2);
        word >>= 16;
        to += 2;
    }
    if (n & 1) {
        *to = (char)word;
    }
}

/* Bits of masks, by the width of a lane, and back: each lane keeps its own bit of a copy, and compares. */
RS_INLINE uint64_t bits_8(__m256i m) { return (uint32_t)_mm256_movemask_epi8(m); }
RS_INLINE uint64_t bits_16(__m256i m)
{
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    return (uint32_t)_mm_movemask_epi8(bytes);
}
RS_INLINE uint64_t bits_32(__m256i m) { return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(m)); }
RS_INLINE uint64_t bits_64(__m256i m) { return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(m)); }

RS_INLINE __m256i lanes_8(uint64_t bits)
{
    const __m256i byte_of_lane = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i own = _mm256_set1_epi64x((long long)0x8040201008040201);
    const __m256i copies = _mm256_shuffle_epi8(_mm256_set1_epi32((int)(uint32_t)bits), byte_of_lane);
    return _mm256_cmpeq_epi8(_mm256_and_si256(copies, own), own);
}
RS_INLINE __m256i lanes_16(uint64_t bits)
{
    const __m256i own = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, -32768);
    return _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16((short)(uint16_t)bits), own), own);
}
RS_INLINE __m256i lanes_32(uint64_t bits)
{
    const __m256i own = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)(uint32_t)bits), own), own);
}
RS_INLINE __m256i lanes_64(uint64_t bits)
{
    const __m256i own = _mm256_setr_epi64x(1, 2, 4, 8);
    return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x((long long)bits), own), own);
}

/* W: bits of an element; V, S and P: the vector's type, the intrinsics' suffix and what they take as memory; BITS and
 * BACK rename a vector to one of integers and back. */
#define COMMON(T, E, W, V, S, P, BITS, BACK)                                                                       \
    typedef V vec_##T;                                                                                             \
    typedef struct {                                                                                               \
        V lanes;                                                                                                   \
    } mask_##T;                                                                                                    \
    enum { LANES_##T = 256 / W };                                                                                  \
    RS_INLINE vec_##T load_##T(const E *p) { return _mm256_loadu_##S((const P *)p); }                              \
    RS_INLINE void store_##T(E *p, vec_##T v) { _mm256_storeu_##S((P *)p, v); }                                    \
    RS_INLINE void stream_##T(E *p, vec_##T v) { _mm256_stream_##S((P *)p, v); }                                   \
    RS_INLINE vec_##T load_n_##T(const E *p, size_t n) { return BACK(load_bytes(p, n * sizeof(E))); }              \
    RS_INLINE void store_n_##T(E *p, vec_##T v, size_t n) { store_bytes(p, BITS(v), n * sizeof(E)); }              \
    RS_INLINE vec_##T drop_##T(mask_##T m, vec_##T v) { return _mm256_andnot_##S(m.lanes, v); }                    \
    typedef __m256i counter_##T;                                                                                   \
    typedef uint##W##_t count_elem_##T;                                                                            \
    RS_INLINE uint64_t to_bits_##T(mask_##T m) { return bits_##W(BITS(m.lanes)); }                                 \
    RS_INLINE mask_##T from_bits_##T(uint64_t bits) { return (mask_##T){BACK(lanes_##W(bits))}; }                  \
    RS_INLINE counter_##T no_counts_##T(void) { return _mm256_setzero_si256(); }                                   \
    RS_INLINE counter_##T tally_##T(counter_##T sum, mask_##T m) { return _mm256_sub_epi##W(sum, BITS(m.lanes)); } \
    RS_INLINE void store_counts_##T(uint##W##_t *p, counter_##T sum) { _mm256_storeu_si256((__m256i *)p, sum); }

/* F: bits of the fraction. */
#define FLOAT(T, E, W, V, S, F)                                                                                      \
    COMMON(T, E, W, V, S, E, _mm256_cast##S##_si256, _mm256_castsi256_##S)                                           \
    RS_INLINE vec_##T splat_##T(E s) { return _mm256_set1_##S(s); }                                                  \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b) { return (mask_##T){_mm256_cmp_##S(a, b, _CMP_LT_OQ)}; }       \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b) { return (mask_##T){_mm256_cmp_##S(a, b, _CMP_LE_OQ)}; } \
    RS_INLINE vec_##T select_##T(mask_##T m, vec_##T a, vec_##T b) { return _mm256_blendv_##S(b, a, m.lanes); }      \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return _mm256_add_##S(a, b); }                                 \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return _mm256_sub_##S(a, b); }                                 \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return _mm256_mul_##S(a, b); }                                 \
    RS_INLINE vec_##T div_##T(vec_##T a, vec_##T b) { return _mm256_div_##S(a, b); }                                 \
    RS_INLINE vec_##T fma_##T(vec_##T a, vec_##T b, vec_##T c) { return _mm256_fmadd_##S(a, b, c); }                 \
    RS_INLINE vec_##T fms_##T(vec_##T a, vec_##T b, vec_##T c) { return _mm256_fmsub_##S(a, b, c); }                 \
    RS_INLINE vec_##T fnma_##T(vec_##T a, vec_##T b, vec_##T c) { return _mm256_fnmadd_##S(a, b, c); }               \
    RS_INLINE vec_##T min_##T(vec_##T a, vec_##T b) { return _mm256_min_##S(a, b); }                                 \
    RS_INLINE vec_##T max_##T(vec_##T a, vec_##T b) { return _mm256_max_##S(a, b); }                                 \
    RS_INLINE vec_##T min_abs_##T(vec_##T a, vec_##T b)                                                              \
    {                                                                                                                \
        return _mm256_min_##S(_mm256_andnot_##S(splat_##T((E) - 0.0), a), b);                                        \
    }                                                                                                                \
    RS_INLINE vec_##T pow2_##T(vec_##T v)                                                                            \
    {                                                                                                                \
        return _mm256_castsi256_##S(_mm256_slli_epi##W(_mm256_cast##S##_si256(v), F));                               \
    }                                                                                                                \
    RS_INLINE vec_##T copysign_##T(vec_##T v, vec_##T s)                                                             \
    {                                                                                                                \
        const vec_##T sign = splat_##T((E) - 0.0);                                                                   \
        return _mm256_or_##S(_mm256_andnot_##S(sign, v), _mm256_and_##S(sign, s));                                   \
    }                                                                                                                \
    RS_INLINE vec_##T nan_of_##T(vec_##T x, vec_##T v)                                                               \
    {                                                                                                                \
        return _mm256_blendv_##S(v, _mm256_add_##S(x, x), _mm256_cmp_##S(x, x, _CMP_UNORD_Q));                       \
    }

FLOAT(f32, float, 32, __m256, ps, 23)
FLOAT(f64, double, 64, __m256d, pd, 52)

RS_INLINE __m256i inverted(__m256i m) { return _mm256_xor_si256(m, _mm256_set1_epi32(-1)); }

/* Products, by the width of a lane. AVX2 has those of 16 and 32 bits: 8 bits go two by two, and 64 bits are put
 * together of products of their halves. */
RS_INLINE __m256i mul_8(__m256i a, __m256i b)
{
    const __m256i even = _mm256_mullo_epi16(a, b);
    const __m256i odd = _mm256_mullo_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
    return _mm256_or_si256(_mm256_slli_epi16(odd, 8), _mm256_and_si256(even, _mm256_set1_epi16(0xff)));
}
RS_INLINE __m256i mul_16(__m256i a, __m256i b) { return _mm256_mullo_epi16(a, b); }
RS_INLINE __m256i mul_32(__m256i a, __m256i b) { return _mm256_mullo_epi32(a, b); }
RS_INLINE __m256i mul_64(__m256i a, __m256i b)
{
    const __m256i crossed = _mm256_mullo_epi32(a, _mm256_shuffle_epi32(b, 0xb1)); /* low * high and high * low */
    const __m256i sums = _mm256_add_epi32(crossed, _mm256_srli_epi64(crossed, 32));
    return _mm256_add_epi64(_mm256_mul_epu32(a, b), _mm256_slli_epi64(sums, 32));
}

/* AVX2 compares signed integers alone: unsigned ones go there by the sign bit, MIN. */
#define INTEGER(T, E, W, set1)                                                                                   \
    COMMON(T, E, W, __m256i, si256, __m256i, , )                                                                 \
    RS_INLINE vec_##T splat_##T(E s) { return set1((int##W##_t)s); }                                             \
    RS_INLINE vec_##T select_##T(mask_##T m, vec_##T a, vec_##T b) { return _mm256_blendv_epi8(b, a, m.lanes); } \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return _mm256_add_epi##W(a, b); }                          \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return _mm256_sub_epi##W(a, b); }                          \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return mul_##W(a, b); }

#define SIGNED(T, E, W, set1)                                                                           \
    INTEGER(T, E, W, set1)                                                                              \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b) { return (mask_##T){_mm256_cmpgt_epi##W(b, a)}; } \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b)                                             \
    {                                                                                                   \
        return (mask_##T){inverted(_mm256_cmpgt_epi##W(a, b))};                                         \
    }                                                                                                   \
    RS_INLINE mask_##T negative_##T(vec_##T v) { return less_##T(v, splat_##T(0)); }                    \
    RS_INLINE mask_##T nonpositive_##T(vec_##T v) { return less_##T(v, splat_##T(1)); }

#define UNSIGNED(T, E, W, set1, MIN)                                                                               \
    INTEGER(T, E, W, set1)                                                                                         \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b)                                                              \
    {                                                                                                              \
        const vec_##T flip = splat_##T(MIN);                                                                       \
        return (mask_##T){_mm256_cmpgt_epi##W(_mm256_xor_si256(b, flip), _mm256_xor_si256(a, flip))};              \
    }                                                                                                              \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b) { return (mask_##T){inverted(less_##T(b, a).lanes)}; } \
    RS_INLINE mask_##T negative_##T(vec_##T v RS_UNUSED) { return (mask_##T){_mm256_setzero_si256()}; }            \
    RS_INLINE mask_##T nonpositive_##T(vec_##T v) { return (mask_##T){_mm256_cmpeq_epi##W(v, _mm256_setzero_si256())}; }

SIGNED(i8, int8_t, 8, _mm256_set1_epi8)
UNSIGNED(u8, uint8_t, 8, _mm256_set1_epi8, 0x80)
SIGNED(i16, int16_t, 16, _mm256_set1_epi16)
UNSIGNED(u16, uint16_t, 16, _mm256_set1_epi16, 0x8000)
SIGNED(i32, int32_t, 32, _mm256_set1_epi32)
UNSIGNED(u32, uint32_t, 32, _mm256_set1_epi32, 0x80000000)
SIGNED(i64, int64_t, 64, _mm256_set1_epi64x)
UNSIGNED(u64, uint64_t, 64, _mm256_set1_epi64x, 0x8000000000000000)

enum { PARTS = 2 };
#include "isa/common.h"

RS_INLINE mask_u16 at_most_u16(vec_u16 v, uint16_t c)
{
    return (mask_u16){_mm256_cmpeq_epi16(_mm256_min_epu16(v, splat_u16(c)), v)};
}
RS_INLINE mask_u16 either_u16(mask_u16 a, mask_u16 b) { return (mask_u16){_mm256_or_si256(a.lanes, b.lanes)}; }
/* packs works on each 128-bit half by itself. */
RS_INLINE mask_u16 mask_of_parts_u16(mask_parts_f32 m)
{
    const __m256i low = _mm256_castps_si256(m.part[0].lanes), high = _mm256_castps_si256(m.part[1].lanes);
    return (mask_u16){_mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8)};
}

RS_INLINE __m128i half_of(vec_u16 v, int k)
{
    return k == 0 ? _mm256_castsi256_si128(v) : _mm256_extracti128_si256(v, 1);
}
RS_INLINE vec_parts_f32 widen_f16(vec_u16 v)
{
    return (vec_parts_f32){{_mm256_cvtph_ps(half_of(v, 0)), _mm256_cvtph_ps(half_of(v, 1))}};
}
RS_INLINE vec_u16 narrow_f16(vec_parts_f32 v)
{
    return _mm256_setr_m128i(_mm256_cvtps_ph(v.part[0], _MM_FROUND_TO_NEAREST_INT),
                             _mm256_cvtps_ph(v.part[1], _MM_FROUND_TO_NEAREST_INT));
}
RS_INLINE vec_f32 from_upper(__m128i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16)); }
/* The 16 bits of each lane in its lower half. */
RS_INLINE __m256i to_upper(vec_f32 v)
{
    const __m256i bits = _mm256_castps_si256(v), upper = _mm256_srli_epi32(bits, 16);
    const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
    return _mm256_blendv_epi8(_mm256_srli_epi32(rounded, 16), quiet, nan);
}
RS_INLINE vec_parts_f32 widen_bf16(vec_u16 v)
{
    return (vec_parts_f32){{from_upper(half_of(v, 0)), from_upper(half_of(v, 1))}};
}
RS_INLINE vec_u16 narrow_bf16(vec_parts_f32 v)
{
    /* packus works on each 128-bit half by itself */
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(to_upper(v.part[0]), to_upper(v.part[1])), 0xd8);
}
RS_INLINE doubles_f32 to_doubles_f32(vec_f32 v)
{
    return (doubles_f32){{_mm256_cvtps_pd(_mm256_castps256_ps128(v)), _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1))}};
}

RS_INLINE void fence(void) { _mm_sfence(); }

#define ISA avx2
#include "isa/body.h"

RS_TARGET_END
#endif
