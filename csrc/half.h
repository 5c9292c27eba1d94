/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary of the 16-bit floats, f16 and bf16, for every ISA: stored and compared as the u16
 * that they are (a comparison with a number is a range of bit patterns), computed in float32 and
 * rounded once, to nearest even. Included by isa_body.h, after the words for u16, f32 and f64;
 * the ISA file also has widen_T (vec_T to PARTS float32 vectors, in order), narrow_T back, and
 * to_doubles_f32. A NaN keeps its sign and upper payload bits on the way, and is quiet after it. */
#include "float16.h"

typedef struct {
    vec_f64 part[PARTS * PARTS];
} doubles_half;

typedef doubles_half doubles_f16, doubles_bf16;
enum { DOUBLES_f16 = PARTS * PARTS, DOUBLES_bf16 = PARTS * PARTS, DOUBLES_f32 = PARTS, DOUBLES_f64 = 1 };

typedef struct {
    vec_f64 part[1];
} doubles_f64;
RS_INLINE doubles_f64 to_doubles_f64(vec_f64 v)
{
    const doubles_f64 same = {{v}};
    return same;
}

/* n float32 for the lanes of a 16-bit vector. */
RS_INLINE wide_half load_wide_half(const float *p, size_t n)
{
    wide_half v;
    for (size_t k = 0; k < PARTS; k++, p += LANES_f32) {
        const size_t left = n > k * LANES_f32 ? n - k * LANES_f32 : 0;
        v.part[k] = left >= LANES_f32 ? load_f32(p) : left != 0 ? load_n_f32(p, left) : splat_f32(0);
    }
    return v;
}

RS_INLINE wide_half splat_wide_half(float s)
{
    wide_half v;
    for (int k = 0; k < PARTS; k++) {
        v.part[k] = splat_f32(s);
    }
    return v;
}

/* from <= x <= to, as the bit patterns that they are. */
RS_INLINE mask_u16 between_u16(vec_u16 x, uint16_t from, uint16_t to)
{
    return at_most_u16(sub_u16(x, splat_u16(from)), (uint16_t)(to - from));
}

/* INF: the bits of infinity. Bits above it, the sign apart, are NaN; from 0x8000 on, numbers are negative. */
#define HALF(T, INF)                                                                                               \
    typedef vec_u16 vec_##T;                                                                                       \
    typedef mask_u16 mask_##T;                                                                                     \
    typedef counter_u16 counter_##T;                                                                               \
    typedef uint16_t count_elem_##T;                                                                               \
    typedef wide_half wide_##T;                                                                                    \
    typedef float wide_elem_##T;                                                                                   \
    enum { LANES_##T = LANES_u16 };                                                                                \
    RS_INLINE vec_##T load_##T(const uint16_t *p) { return load_u16(p); }                                          \
    RS_INLINE vec_##T load_n_##T(const uint16_t *p, size_t n) { return load_n_u16(p, n); }                         \
    RS_INLINE void store_##T(uint16_t *p, vec_##T v) { store_u16(p, v); }                                          \
    RS_INLINE void store_n_##T(uint16_t *p, vec_##T v, size_t n) { store_n_u16(p, v, n); }                         \
    RS_INLINE void stream_##T(uint16_t *p, vec_##T v) { stream_u16(p, v); }                                        \
    RS_INLINE vec_##T splat_##T(uint16_t bits) { return splat_u16(bits); }                                         \
    RS_INLINE vec_##T value_##T(float c) { return splat_u16(rs_to_##T(c)); }                                       \
    RS_INLINE mask_##T negative_##T(vec_##T v) { return between_u16(v, 0x8001, 0x8000 + INF); }                    \
    RS_INLINE mask_##T nonpositive_##T(vec_##T v)                                                                  \
    {                                                                                                              \
        return either_u16(nonpositive_u16(v), between_u16(v, 0x8000, 0x8000 + INF));                               \
    }                                                                                                              \
    RS_INLINE mask_##T above_##T(vec_##T v, float c) { return between_u16(v, (uint16_t)(rs_to_##T(c) + 1), INF); } \
    RS_INLINE mask_##T at_least_##T(vec_##T v, float c) { return between_u16(v, rs_to_##T(c), INF); }              \
    RS_INLINE vec_##T select_##T(mask_##T m, vec_##T a, vec_##T b) { return select_u16(m, a, b); }                 \
    RS_INLINE vec_##T drop_##T(mask_##T m, vec_##T v) { return drop_u16(m, v); }                                   \
    RS_INLINE uint64_t to_bits_##T(mask_##T m) { return to_bits_u16(m); }                                          \
    RS_INLINE mask_##T from_bits_##T(uint64_t bits) { return from_bits_u16(bits); }                                \
    RS_INLINE counter_##T no_counts_##T(void) { return no_counts_u16(); }                                          \
    RS_INLINE counter_##T tally_##T(counter_##T sum, mask_##T m) { return tally_u16(sum, m); }                     \
    RS_INLINE void store_counts_##T(uint16_t *p, counter_##T sum) { store_counts_u16(p, sum); }                    \
    RS_INLINE wide_##T load_wide_##T(const float *p) { return load_wide_half(p, LANES_u16); }                      \
    RS_INLINE wide_##T load_wide_n_##T(const float *p, size_t n) { return load_wide_half(p, n); }                  \
    RS_INLINE wide_##T splat_wide_##T(float s) { return splat_wide_half(s); }                                      \
    RS_INLINE vec_##T mul_##T(vec_##T a, wide_##T b)                                                               \
    {                                                                                                              \
        wide_##T x = widen_##T(a);                                                                                 \
        for (int k = 0; k < PARTS; k++) {                                                                          \
            x.part[k] = mul_f32(x.part[k], b.part[k]);                                                             \
        }                                                                                                          \
        return narrow_##T(x);                                                                                      \
    }                                                                                                              \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b)                                                                \
    {                                                                                                              \
        wide_##T x = widen_##T(a);                                                                                 \
        const wide_##T y = widen_##T(b);                                                                           \
        for (int k = 0; k < PARTS; k++) {                                                                          \
            x.part[k] = add_f32(x.part[k], y.part[k]);                                                             \
        }                                                                                                          \
        return narrow_##T(x);                                                                                      \
    }                                                                                                              \
    RS_INLINE doubles_##T to_doubles_##T(vec_##T v)                                                                \
    {                                                                                                              \
        const wide_##T x = widen_##T(v);                                                                           \
        doubles_##T d;                                                                                             \
        for (int k = 0; k < PARTS; k++) {                                                                          \
            const doubles_f32 of_part = to_doubles_f32(x.part[k]);                                                 \
            for (int j = 0; j < PARTS; j++) {                                                                      \
                d.part[k * PARTS + j] = of_part.part[j];                                                           \
            }                                                                                                      \
        }                                                                                                          \
        return d;                                                                                                  \
    }

HALF(f16, 0x7c00)
HALF(bf16, 0x7f80)

/* The lane function of a row whose kind is WIDENED: float32's, on each part. */
#define WIDENED_LANE(name)                                                  \
    RS_INLINE vec NAME(lane_##name)(vec a, vec b, wide s)                   \
    {                                                                       \
        wide x = NAME(widen)(a);                                            \
        const wide y = NAME(widen)(b);                                      \
        for (int k = 0; k < PARTS; k++) {                                   \
            x.part[k] = lane_##name##_f32(x.part[k], y.part[k], s.part[k]); \
        }                                                                   \
        return NAME(narrow)(x);                                             \
    }
