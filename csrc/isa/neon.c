/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in aarch64 NEON, 16 bytes a vector; meanings in isa/scalar.c. NEON has no masked
 * memory access: a partial vector is put together from two overlapping pieces, in registers. fmax and fmin are not
 * used, they quiet NaNs and order zeros. No target region: NEON is the aarch64 baseline. */
#include <stdint.h>
#include <string.h>

#include "run/dispatch.h"

#if RS_ARM64
#include <arm_neon.h>

/* The first n bytes of a vector, 0 < n < 16: the rest is 0, nothing beyond is read or written. */
#define PIECE(bits)                                          \
    RS_INLINE uint64_t get_##bits(const uint8_t *p)          \
    {                                                        \
        uint##bits##_t piece;                                \
        memcpy(&piece, p, sizeof piece);                     \
        return piece;                                        \
    }                                                        \
    RS_INLINE void put_##bits(uint8_t *p, uint64_t piece)    \
    {                                                        \
        const uint##bits##_t lowest = (uint##bits##_t)piece; \
        memcpy(p, &lowest, sizeof lowest);                   \
    }
PIECE(8)
PIECE(16)
PIECE(32)
PIECE(64)

RS_INLINE uint8x16_t load_bytes(const void *from, size_t n)
{
    const uint8_t *p = from;
    uint64_t low, high = 0;
    if (n >= 8) {
        low = get_64(p);
        if (n > 8) {
            high = get_64(p + n - 8) >> 8 * (16 - n);
        }
    } else if (n >= 4) {
        low = get_32(p) | get_32(p + n - 4) << 8 * (n - 4);
    } else if (n >= 2) {
        low = get_16(p) | get_16(p + n - 2) << 8 * (n - 2);
    } else {
        low = get_8(p);
    }
    return vcombine_u8(vcreate_u8(low), vcreate_u8(high));
}

RS_INLINE void store_bytes(void *to, uint8x16_t v, size_t n)
{
    uint8_t *p = to;
    const uint64_t low = vgetq_lane_u64(vreinterpretq_u64_u8(v), 0), high = vgetq_lane_u64(vreinterpretq_u64_u8(v), 1);
    if (n >= 8) {
        put_64(p, low);
        if (n > 8) {
            put_64(p + n - 8, low >> 8 * (n - 8) | high << 8 * (16 - n));
        }
    } else if (n >= 4) {
        put_32(p, low);
        put_32(p + n - 4, low >> 8 * (n - 4));
    } else if (n >= 2) {
        put_16(p, low);
        put_16(p + n - 2, low >> 8 * (n - 2));
    } else {
        put_8(p, low);
    }
}

/* Vectors of unsigned integers as bytes, and back, by the width of a lane. */
#define BYTES_8(v) (v)
#define BYTES_16(v) vreinterpretq_u8_u16(v)
#define BYTES_32(v) vreinterpretq_u8_u32(v)
#define BYTES_64(v) vreinterpretq_u8_u64(v)
#define LANES_8(v) (v)
#define LANES_16(v) vreinterpretq_u16_u8(v)
#define LANES_32(v) vreinterpretq_u32_u8(v)
#define LANES_64(v) vreinterpretq_u64_u8(v)

/* Bits of masks, by the width of a lane, and back: each lane has its own bit. */
static const uint8_t own_8[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
static const uint16_t own_16[8] = {1, 2, 4, 8, 16, 32, 64, 128};
static const uint32_t own_32[4] = {1, 2, 4, 8};

RS_INLINE uint64_t bits_8(uint8x16_t m)
{
    const uint8x16_t own = vandq_u8(m, vld1q_u8(own_8));
    return (uint64_t)vaddv_u8(vget_low_u8(own)) | (uint64_t)vaddv_u8(vget_high_u8(own)) << 8;
}
RS_INLINE uint64_t bits_16(uint16x8_t m) { return vaddvq_u16(vandq_u16(m, vld1q_u16(own_16))); }
RS_INLINE uint64_t bits_32(uint32x4_t m) { return vaddvq_u32(vandq_u32(m, vld1q_u32(own_32))); }
RS_INLINE uint64_t bits_64(uint64x2_t m) { return (vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2); }

RS_INLINE uint8x16_t lanes_8(uint64_t bits)
{
    const uint8x16_t copies = vcombine_u8(vdup_n_u8((uint8_t)bits), vdup_n_u8((uint8_t)(bits >> 8)));
    return vtstq_u8(copies, vld1q_u8(own_8));
}
RS_INLINE uint16x8_t lanes_16(uint64_t bits) { return vtstq_u16(vdupq_n_u16((uint16_t)bits), vld1q_u16(own_16)); }
RS_INLINE uint32x4_t lanes_32(uint64_t bits) { return vtstq_u32(vdupq_n_u32((uint32_t)bits), vld1q_u32(own_32)); }
RS_INLINE uint64x2_t lanes_64(uint64_t bits)
{
    return vtstq_u64(vdupq_n_u64(bits), vcombine_u64(vcreate_u64(1), vcreate_u64(2)));
}

/* The masks of 16 lanes as one of bytes, and back: 64 lanes' bits are made of four. */
#define JOINS
typedef uint8x16_t joined;
RS_INLINE joined join_8(const uint8x16_t *m) { return m[0]; }
RS_INLINE joined join_16(const uint16x8_t *m) { return vuzp1q_u8(BYTES_16(m[0]), BYTES_16(m[1])); }
RS_INLINE joined join_32(const uint32x4_t *m)
{
    const uint16x8_t halves[2] = {vuzp1q_u16(vreinterpretq_u16_u32(m[0]), vreinterpretq_u16_u32(m[1])),
                                  vuzp1q_u16(vreinterpretq_u16_u32(m[2]), vreinterpretq_u16_u32(m[3]))};
    return join_16(halves);
}
RS_INLINE joined join_64(const uint64x2_t *m)
{
    uint32x4_t words[4];
    for (int k = 0; k < 4; k++) {
        words[k] = vuzp1q_u32(vreinterpretq_u32_u64(m[2 * k]), vreinterpretq_u32_u64(m[2 * k + 1]));
    }
    return join_32(words);
}
RS_INLINE uint64_t joined_bits(const joined *four)
{
    const uint8x16_t own = vld1q_u8(own_8);
    const uint8x16_t first = vpaddq_u8(vandq_u8(four[0], own), vandq_u8(four[1], own));
    const uint8x16_t second = vpaddq_u8(vandq_u8(four[2], own), vandq_u8(four[3], own));
    const uint8x16_t quarters = vpaddq_u8(first, second);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(quarters, quarters)), 0);
}

RS_INLINE void split_8(joined all, uint8x16_t *m) { m[0] = all; }
RS_INLINE void split_16(joined all, uint16x8_t *m)
{
    m[0] = LANES_16(vzip1q_u8(all, all));
    m[1] = LANES_16(vzip2q_u8(all, all));
}
RS_INLINE void split_32(joined all, uint32x4_t *m)
{
    uint16x8_t halves[2];
    split_16(all, halves);
    for (int k = 0; k < 2; k++) {
        m[2 * k] = vreinterpretq_u32_u16(vzip1q_u16(halves[k], halves[k]));
        m[2 * k + 1] = vreinterpretq_u32_u16(vzip2q_u16(halves[k], halves[k]));
    }
}
RS_INLINE void split_64(joined all, uint64x2_t *m)
{
    uint32x4_t words[4];
    split_32(all, words);
    for (int k = 0; k < 4; k++) {
        m[2 * k] = vreinterpretq_u64_u32(vzip1q_u32(words[k], words[k]));
        m[2 * k + 1] = vreinterpretq_u64_u32(vzip2q_u32(words[k], words[k]));
    }
}
/* Of the lanes 16 * quarter and on. */
RS_INLINE joined joined_from(uint64_t bits, int quarter)
{
    static const uint8_t own_byte[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
    const uint8x16_t from = vaddq_u8(vld1q_u8(own_byte), vdupq_n_u8((uint8_t)(2 * quarter)));
    return vtstq_u8(vqtbl1q_u8(vcombine_u8(vcreate_u8(bits), vcreate_u8(0)), from), vld1q_u8(own_8));
}

/* S: the intrinsics' suffix of the element, W: bits of it, L: lanes. vreinterpret is by BITS and BACK. */
#define COMMON(T, E, S, W, L, V, BITS, BACK)                                                                     \
    typedef V vec_##T;                                                                                           \
    typedef struct {                                                                                             \
        uint##W##x##L##_t lanes;                                                                                 \
    } mask_##T;                                                                                                  \
    enum { LANES_##T = L };                                                                                      \
    RS_INLINE vec_##T load_##T(const E *p) { return vld1q_##S(p); }                                              \
    RS_INLINE void store_##T(E *p, vec_##T v) { vst1q_##S(p, v); }                                               \
    RS_INLINE void stream_##T(E *p, vec_##T v) { vst1q_##S(p, v); }                                              \
    RS_INLINE vec_##T load_n_##T(const E *p, size_t n) { return BACK(LANES_##W(load_bytes(p, n * sizeof(E)))); } \
    RS_INLINE void store_n_##T(E *p, vec_##T v, size_t n) { store_bytes(p, BYTES_##W(BITS(v)), n * sizeof(E)); } \
    RS_INLINE vec_##T splat_##T(E s) { return vdupq_n_##S(s); }                                                  \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b) { return (mask_##T){vcltq_##S(a, b)}; }                    \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b) { return (mask_##T){vcleq_##S(a, b)}; }              \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return vaddq_##S(a, b); }                                  \
    RS_INLINE vec_##T select_##T(mask_##T m, vec_##T a, vec_##T b) { return vbslq_##S(m.lanes, a, b); }          \
    RS_INLINE vec_##T drop_##T(mask_##T m, vec_##T v) { return BACK(vbicq_u##W(BITS(v), m.lanes)); }             \
    typedef uint##W##x##L##_t counter_##T;                                                                       \
    typedef uint##W##_t count_elem_##T;                                                                          \
    RS_INLINE uint64_t to_bits_##T(mask_##T m) { return bits_##W(m.lanes); }                                     \
    RS_INLINE mask_##T from_bits_##T(uint64_t bits) { return (mask_##T){lanes_##W(bits)}; }                      \
    RS_INLINE joined join_##T(const mask_##T *m)                                                                 \
    {                                                                                                            \
        uint##W##x##L##_t lanes[16 / L];                                                                         \
        for (int k = 0; k < 16 / L; k++) {                                                                       \
            lanes[k] = m[k].lanes;                                                                               \
        }                                                                                                        \
        return join_##W(lanes);                                                                                  \
    }                                                                                                            \
    RS_INLINE void split_##T(joined all, mask_##T *m)                                                            \
    {                                                                                                            \
        uint##W##x##L##_t lanes[16 / L];                                                                         \
        split_##W(all, lanes);                                                                                   \
        for (int k = 0; k < 16 / L; k++) {                                                                       \
            m[k] = (mask_##T){lanes[k]};                                                                         \
        }                                                                                                        \
    }                                                                                                            \
    RS_INLINE counter_##T no_counts_##T(void) { return vdupq_n_u##W(0); }                                        \
    RS_INLINE counter_##T tally_##T(counter_##T sum, mask_##T m) { return vsubq_u##W(sum, m.lanes); }            \
    RS_INLINE void store_counts_##T(uint##W##_t *p, counter_##T sum) { vst1q_u##W(p, sum); }

/* F: bits of the fraction, SIGN: the bit of the sign. */
#define FLOAT(T, E, W, L, V, F, SIGN)                                                                    \
    COMMON(T, E, T, W, L, V, vreinterpretq_u##W##_##T, vreinterpretq_##T##_u##W)                         \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return vsubq_##T(a, b); }                          \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return vmulq_##T(a, b); }                          \
    RS_INLINE vec_##T div_##T(vec_##T a, vec_##T b) { return vdivq_##T(a, b); }                          \
    RS_INLINE vec_##T fma_##T(vec_##T a, vec_##T b, vec_##T c) { return vfmaq_##T(c, a, b); }            \
    RS_INLINE vec_##T fms_##T(vec_##T a, vec_##T b, vec_##T c) { return vfmaq_##T(vnegq_##T(c), a, b); } \
    RS_INLINE vec_##T fnma_##T(vec_##T a, vec_##T b, vec_##T c) { return vfmsq_##T(c, a, b); }           \
    RS_INLINE vec_##T min_##T(vec_##T a, vec_##T b) { return vminq_##T(a, b); }                          \
    RS_INLINE vec_##T max_##T(vec_##T a, vec_##T b) { return vmaxq_##T(a, b); }                          \
    RS_INLINE vec_##T min_abs_##T(vec_##T a, vec_##T b) { return vminq_##T(vabsq_##T(a), b); }           \
    RS_INLINE vec_##T pow2_##T(vec_##T v)                                                                \
    {                                                                                                    \
        return vreinterpretq_##T##_u##W(vshlq_n_u##W(vreinterpretq_u##W##_##T(v), F));                   \
    }                                                                                                    \
    RS_INLINE vec_##T copysign_##T(vec_##T v, vec_##T s) { return vbslq_##T(vdupq_n_u##W(SIGN), s, v); } \
    RS_INLINE vec_##T nan_of_##T(vec_##T x, vec_##T v) { return vbslq_##T(vceqq_##T(x, x), v, vaddq_##T(x, x)); }

FLOAT(f32, float, 32, 4, float32x4_t, 23, 0x80000000u)
FLOAT(f64, double, 64, 2, float64x2_t, 52, 0x8000000000000000u)

/* NEON multiplies no 64 bits: they are put together of products of their halves. */
RS_INLINE uint64x2_t mul_64(uint64x2_t a, uint64x2_t b)
{
    const uint32x4_t crossed = vmulq_u32(vreinterpretq_u32_u64(a), vrev64q_u32(vreinterpretq_u32_u64(b)));
    return vmlal_u32(vshlq_n_u64(vpaddlq_u32(crossed), 32), vmovn_u64(a), vmovn_u64(b));
}

#define INTEGER(T, E, S, W, L, V, BITS, BACK)                                                 \
    COMMON(T, E, S, W, L, V, BITS, BACK)                                                      \
    RS_INLINE mask_##T negative_##T(vec_##T v) { return less_##T(v, splat_##T(0)); }          \
    RS_INLINE mask_##T nonpositive_##T(vec_##T v) { return less_equal_##T(v, splat_##T(0)); } \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return vsubq_##S(a, b); }
#define SHORT(T, E, S, W, L, V, BITS, BACK) \
    INTEGER(T, E, S, W, L, V, BITS, BACK)   \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return vmulq_##S(a, b); }

SHORT(i8, int8_t, s8, 8, 16, int8x16_t, vreinterpretq_u8_s8, vreinterpretq_s8_u8)
SHORT(u8, uint8_t, u8, 8, 16, uint8x16_t, , )
SHORT(i16, int16_t, s16, 16, 8, int16x8_t, vreinterpretq_u16_s16, vreinterpretq_s16_u16)
SHORT(u16, uint16_t, u16, 16, 8, uint16x8_t, , )
SHORT(i32, int32_t, s32, 32, 4, int32x4_t, vreinterpretq_u32_s32, vreinterpretq_s32_u32)
SHORT(u32, uint32_t, u32, 32, 4, uint32x4_t, , )
INTEGER(i64, int64_t, s64, 64, 2, int64x2_t, vreinterpretq_u64_s64, vreinterpretq_s64_u64)
INTEGER(u64, uint64_t, u64, 64, 2, uint64x2_t, , )

RS_INLINE vec_i64 mul_i64(vec_i64 a, vec_i64 b)
{
    return vreinterpretq_s64_u64(mul_64(vreinterpretq_u64_s64(a), vreinterpretq_u64_s64(b)));
}
RS_INLINE vec_u64 mul_u64(vec_u64 a, vec_u64 b) { return mul_64(a, b); }

enum { PARTS = 2 };
#include "isa/common.h"

RS_INLINE mask_u16 at_most_u16(vec_u16 v, uint16_t c) { return (mask_u16){vcleq_u16(v, vdupq_n_u16(c))}; }
RS_INLINE mask_u16 either_u16(mask_u16 a, mask_u16 b) { return (mask_u16){vorrq_u16(a.lanes, b.lanes)}; }
RS_INLINE mask_u16 mask_of_parts_u16(mask_parts_f32 m)
{
    return (mask_u16){vuzp1q_u16(vreinterpretq_u16_u32(m.part[0].lanes), vreinterpretq_u16_u32(m.part[1].lanes))};
}

RS_INLINE vec_parts_f32 widen_f16(vec_u16 v)
{
    const float16x8_t halves = vreinterpretq_f16_u16(v);
    return (vec_parts_f32){{vcvt_f32_f16(vget_low_f16(halves)), vcvt_f32_f16(vget_high_f16(halves))}};
}
RS_INLINE vec_u16 narrow_f16(vec_parts_f32 v)
{
    return vreinterpretq_u16_f16(vcombine_f16(vcvt_f16_f32(v.part[0]), vcvt_f16_f32(v.part[1])));
}
RS_INLINE vec_parts_f32 widen_bf16(vec_u16 v)
{
    const vec_u16 zero = vdupq_n_u16(0);
    return (vec_parts_f32){{vreinterpretq_f32_u16(vzip1q_u16(zero, v)), vreinterpretq_f32_u16(vzip2q_u16(zero, v))}};
}
/* Rounded to the upper half, where a NaN is made quiet instead. Not bfcvtn, which came later than NEON. */
RS_INLINE vec_u16 in_upper(vec_f32 v)
{
    const uint32x4_t bits = vreinterpretq_u32_f32(v);
    const uint32x4_t rounded = vsraq_n_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), vshlq_n_u32(bits, 15), 31);
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vreinterpretq_u16_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet));
}
RS_INLINE vec_u16 narrow_bf16(vec_parts_f32 v) { return vuzp2q_u16(in_upper(v.part[0]), in_upper(v.part[1])); }
RS_INLINE doubles_f32 to_doubles_f32(vec_f32 v)
{
    return (doubles_f32){{vcvt_f64_f32(vget_low_f32(v)), vcvt_high_f64_f32(v)}};
}

/* The cores find write streams by themselves. */
RS_INLINE void fence(void) {}

#define ISA neon
#include "isa/body.h"
#endif
