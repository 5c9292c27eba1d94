/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in plain C, one lane: the specification that the other ISA files are tested against,
 * and the instruction set of every CPU. What each word means stands here, at float32; the others say
 * only how. Loads, stores, select and drop move bits: a NaN keeps its payload and its signalling bit. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dispatch.h"
#include "float16.h"
#include "fma.h"

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
/* Every lane the element s, or the number c, which every dtype has exactly. */
RS_INLINE vec_f32 splat_f32(float s) { return s; }
RS_INLINE vec_f32 value_f32(float c) { return c; }
/* v < 0, v <= 0, a < b, a <= b: false for NaN; -0 and +0 are equal. The words above and at_least (v > c, v >= c, c as
 * for value), and those that compare with a parameter, are made of less and less_equal (isa_dtype.h, half.h). */
RS_INLINE mask_f32 negative_f32(vec_f32 v) { return v < 0; }
RS_INLINE mask_f32 nonpositive_f32(vec_f32 v) { return v <= 0; }
RS_INLINE mask_f32 less_f32(vec_f32 a, vec_f32 b) { return a < b; }
RS_INLINE mask_f32 less_equal_f32(vec_f32 a, vec_f32 b) { return a <= b; }
/* a where m, else b. */
RS_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b) { return m ? a : b; }
/* +0 where m, else v: v is dropped whatever it is, NaN and infinity too. */
RS_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 v) { return m ? 0 : v; }
/* A bit a lane, the first lowest, bits above the lanes 0; and back, bits above the lanes ignored. */
RS_INLINE uint64_t to_bits_f32(mask_f32 m) { return (uint64_t)m; }
RS_INLINE mask_f32 from_bits_f32(uint64_t bits) { return bits & 1; }
/* Counts, one a lane, of as many bits as the dtype: 1 more where m. */
typedef uint32_t counter_f32, count_elem_f32;
RS_INLINE counter_f32 no_counts_f32(void) { return 0; }
RS_INLINE counter_f32 tally_f32(counter_f32 sum, mask_f32 m) { return sum + (uint32_t)m; }
RS_INLINE void store_counts_f32(uint32_t *p, counter_f32 sum) { *p = sum; }
/* IEEE sum, difference, product, quotient, a * b + c and c - a * b, each rounded once. Of two NaNs the
 * payload of either. */
RS_INLINE vec_f32 add_f32(vec_f32 a, vec_f32 b) { return a + b; }
RS_INLINE vec_f32 sub_f32(vec_f32 a, vec_f32 b) { return a - b; }
RS_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return a * b; }
RS_INLINE vec_f32 div_f32(vec_f32 a, vec_f32 b) { return a / b; }
RS_INLINE vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return rs_fma_f32(a, b, c); }
RS_INLINE vec_f32 fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return rs_fma_f32(-a, b, c); }
/* The smaller, the larger, the smaller magnitude; unspecified where a is NaN or for zeros of unlike sign. */
RS_INLINE vec_f32 min_f32(vec_f32 a, vec_f32 b) { return a < b ? a : b; }
RS_INLINE vec_f32 max_f32(vec_f32 a, vec_f32 b) { return a > b ? a : b; }
RS_INLINE vec_f32 min_abs_f32(vec_f32 a, vec_f32 b) { return min_f32(fabsf(a), b); }
/* 2^n, n in -126 .. 127, for v = POW2_f32 + n, where the spacing of floats is 1: n moves to the exponent. */
#define POW2_f32 (0x1.8p23f + 127)
RS_INLINE vec_f32 pow2_f32(vec_f32 v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits <<= 23;
    memcpy(&v, &bits, sizeof bits);
    return v;
}
/* The magnitude of v with the sign of s, bit for bit. */
RS_INLINE vec_f32 copysign_f32(vec_f32 v, vec_f32 s) { return copysignf(v, s); }
/* x made quiet where x is NaN (sign and payload kept), else v. */
RS_INLINE vec_f32 nan_of_f32(vec_f32 x, vec_f32 v) { return x == x ? v : x + x; }

typedef double vec_f64;
typedef int mask_f64;
enum { LANES_f64 = 1 };

RS_INLINE vec_f64 load_f64(const double *p) { return *p; }
RS_INLINE void store_f64(double *p, vec_f64 v) { *p = v; }
RS_INLINE void stream_f64(double *p, vec_f64 v) { *p = v; }
RS_INLINE vec_f64 load_n_f64(const double *p, size_t n) { return n ? *p : 0; }
RS_INLINE void store_n_f64(double *p, vec_f64 v, size_t n) { *p = n ? v : *p; }
RS_INLINE vec_f64 splat_f64(double s) { return s; }
RS_INLINE vec_f64 value_f64(double c) { return c; }
RS_INLINE mask_f64 negative_f64(vec_f64 v) { return v < 0; }
RS_INLINE mask_f64 nonpositive_f64(vec_f64 v) { return v <= 0; }
RS_INLINE mask_f64 less_f64(vec_f64 a, vec_f64 b) { return a < b; }
RS_INLINE mask_f64 less_equal_f64(vec_f64 a, vec_f64 b) { return a <= b; }
RS_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b) { return m ? a : b; }
RS_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 v) { return m ? 0 : v; }
RS_INLINE uint64_t to_bits_f64(mask_f64 m) { return (uint64_t)m; }
RS_INLINE mask_f64 from_bits_f64(uint64_t bits) { return bits & 1; }
typedef uint64_t counter_f64, count_elem_f64;
RS_INLINE counter_f64 no_counts_f64(void) { return 0; }
RS_INLINE counter_f64 tally_f64(counter_f64 sum, mask_f64 m) { return sum + (uint64_t)m; }
RS_INLINE void store_counts_f64(uint64_t *p, counter_f64 sum) { *p = sum; }
RS_INLINE vec_f64 add_f64(vec_f64 a, vec_f64 b) { return a + b; }
RS_INLINE vec_f64 sub_f64(vec_f64 a, vec_f64 b) { return a - b; }
RS_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return a * b; }
RS_INLINE vec_f64 div_f64(vec_f64 a, vec_f64 b) { return a / b; }
RS_INLINE vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return rs_fma_f64(a, b, c); }
RS_INLINE vec_f64 fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return rs_fma_f64(-a, b, c); }
RS_INLINE vec_f64 min_f64(vec_f64 a, vec_f64 b) { return a < b ? a : b; }
RS_INLINE vec_f64 max_f64(vec_f64 a, vec_f64 b) { return a > b ? a : b; }
RS_INLINE vec_f64 min_abs_f64(vec_f64 a, vec_f64 b) { return min_f64(fabs(a), b); }
#define POW2_f64 (0x1.8p52 + 1023)
RS_INLINE vec_f64 pow2_f64(vec_f64 v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits <<= 52;
    memcpy(&v, &bits, sizeof bits);
    return v;
}
RS_INLINE vec_f64 copysign_f64(vec_f64 v, vec_f64 s) { return copysign(v, s); }
RS_INLINE vec_f64 nan_of_f64(vec_f64 x, vec_f64 v) { return x == x ? v : x + x; }

/* Sums, differences and products of integers wrap around. */
#define INTEGER(T, E, U)                                                                  \
    typedef E vec_##T;                                                                    \
    typedef int mask_##T;                                                                 \
    enum { LANES_##T = 1 };                                                               \
    RS_INLINE vec_##T load_##T(const E *p) { return *p; }                                 \
    RS_INLINE void store_##T(E *p, vec_##T v) { *p = v; }                                 \
    RS_INLINE void stream_##T(E *p, vec_##T v) { *p = v; }                                \
    RS_INLINE vec_##T load_n_##T(const E *p, size_t n) { return n ? *p : 0; }             \
    RS_INLINE void store_n_##T(E *p, vec_##T v, size_t n) { *p = n ? v : *p; }            \
    RS_INLINE vec_##T splat_##T(E s) { return s; }                                        \
    RS_INLINE vec_##T value_##T(E c) { return c; }                                        \
    RS_INLINE mask_##T negative_##T(vec_##T v) { return v < 1 && v != 0; }                \
    RS_INLINE mask_##T nonpositive_##T(vec_##T v) { return v < 1; }                       \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b) { return a < b; }                   \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b) { return a <= b; }            \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return (E)((U)a + (U)b); }          \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return (E)((U)a - (U)b); }          \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return (E)(1u * (U)a * (U)b); }     \
    RS_INLINE vec_##T select_##T(mask_##T m, vec_##T a, vec_##T b) { return m ? a : b; }  \
    RS_INLINE vec_##T drop_##T(mask_##T m, vec_##T v) { return m ? 0 : v; }               \
    RS_INLINE uint64_t to_bits_##T(mask_##T m) { return (uint64_t)m; }                    \
    RS_INLINE mask_##T from_bits_##T(uint64_t bits) { return bits & 1; }                  \
    typedef U counter_##T, count_elem_##T;                                                \
    RS_INLINE counter_##T no_counts_##T(void) { return 0; }                               \
    RS_INLINE counter_##T tally_##T(counter_##T sum, mask_##T m) { return (U)(sum + m); } \
    RS_INLINE void store_counts_##T(U *p, counter_##T sum) { *p = sum; }

INTEGER(i8, int8_t, uint8_t)
INTEGER(u8, uint8_t, uint8_t)
INTEGER(i16, int16_t, uint16_t)
INTEGER(u16, uint16_t, uint16_t)
INTEGER(i32, int32_t, uint32_t)
INTEGER(u32, uint32_t, uint32_t)
INTEGER(i64, int64_t, uint64_t)
INTEGER(u64, uint64_t, uint64_t)

/* What the comparisons of 16-bit floats are made of. */
RS_INLINE mask_u16 at_most_u16(vec_u16 v, uint16_t c) { return v <= c; }
RS_INLINE mask_u16 either_u16(mask_u16 a, mask_u16 b) { return a | b; }

/* Float32 vectors to a 16-bit vector, and float64 vectors to a float32 vector. */
enum { PARTS = 1 };
/* The masks of PARTS float32 vectors as that of the 16-bit vector. */
RS_INLINE mask_u16 mask_of_parts_u16(const mask_f32 *m) { return m[0]; }
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
/* The lanes in order, exactly; and back, rounded to nearest even. */
RS_INLINE wide_half widen_f16(vec_u16 v) { return (wide_half){{rs_from_f16(v)}}; }
RS_INLINE wide_half widen_bf16(vec_u16 v) { return (wide_half){{rs_from_bf16(v)}}; }
RS_INLINE vec_u16 narrow_f16(wide_half v) { return rs_to_f16(v.part[0]); }
RS_INLINE vec_u16 narrow_bf16(wide_half v) { return rs_to_bf16(v.part[0]); }
RS_INLINE doubles_f32 to_doubles_f32(vec_f32 v) { return (doubles_f32){{v}}; }
RS_INLINE doubles_f64 to_doubles_f64(vec_f64 v) { return (doubles_f64){{v}}; }

RS_INLINE void fence(void) {}

#define ISA scalar
#include "isa_body.h"
