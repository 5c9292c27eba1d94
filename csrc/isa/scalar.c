/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary in plain C, one lane: the specification that the other ISA files are tested against,
 * and the instruction set of every CPU. What each word means stands here; the others say
 * only how. Loads, stores, select and drop move bits: a NaN keeps its payload and its signalling bit. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "run/dispatch.h"
#include "isa/float16.h"
#include "isa/fma.h"

/* E: the element, U: the unsigned integer of its size. */
#define COMMON(T, E, U)                                                                                             \
    typedef E vec_##T;                                                                                              \
    /* One truth value per lane. */                                                                                 \
    typedef struct {                                                                                                \
        int is;                                                                                                     \
    } mask_##T;                                                                                                     \
    enum { LANES_##T = 1 };                                                                                         \
                                                                                                                    \
    /* LANES elements at p, which need not be aligned to more than an element. */                                   \
    RS_INLINE vec_##T load_##T(const E *p) { return *p; }                                                           \
    RS_INLINE void store_##T(E *p, vec_##T v) { *p = v; }                                                           \
    /* store past the cache, p aligned to a vector; other threads may see it only after fence(). */                 \
    RS_INLINE void stream_##T(E *p, vec_##T v) { *p = v; }                                                          \
    /* The first n of them, 0 < n < LANES; nothing beyond is read or written, lanes beyond are +0. */               \
    RS_INLINE vec_##T load_n_##T(const E *p, size_t n) { return n ? *p : 0; }                                       \
    RS_INLINE void store_n_##T(E *p, vec_##T v, size_t n) { *p = n ? v : *p; }                                      \
    /* Every lane the element s. */                                                                                 \
    RS_INLINE vec_##T splat_##T(E s) { return s; }                                                                  \
    /* a < b, a <= b: false for NaN; -0 and +0 are equal. The other comparisons are made of these two (isa/whole.h, \
     * isa/half.h). */                                                                                              \
    RS_INLINE mask_##T less_##T(vec_##T a, vec_##T b) { return (mask_##T){a < b}; }                                 \
    RS_INLINE mask_##T less_equal_##T(vec_##T a, vec_##T b) { return (mask_##T){a <= b}; }                          \
    /* a where m, else b. */                                                                                        \
    RS_INLINE vec_##T select_##T(mask_##T m, vec_##T a, vec_##T b) { return m.is ? a : b; }                         \
    /* +0 where m, else v: v is dropped whatever it is, NaN and infinity too. */                                    \
    RS_INLINE vec_##T drop_##T(mask_##T m, vec_##T v) { return m.is ? 0 : v; }                                      \
    /* One bit per lane, the first lowest, bits above the lanes 0; and back, bits above the lanes ignored. */       \
    RS_INLINE uint64_t to_bits_##T(mask_##T m) { return (uint64_t)m.is; }                                           \
    RS_INLINE mask_##T from_bits_##T(uint64_t bits) { return (mask_##T){bits & 1}; }                                \
    /* Counts, one per lane, of as many bits as the dtype: 1 more where m. */                                       \
    typedef U counter_##T, count_elem_##T;                                                                          \
    RS_INLINE counter_##T no_counts_##T(void) { return 0; }                                                         \
    RS_INLINE counter_##T tally_##T(counter_##T sum, mask_##T m) { return (U)(sum + (U)m.is); }                     \
    RS_INLINE void store_counts_##T(U *p, counter_##T sum) { *p = sum; }

/* BITS: of the fraction; FABS and COPYSIGN: the functions of the C library. */
#define FLOAT(T, E, U, BITS, FABS, COPYSIGN)                                                                           \
    COMMON(T, E, U)                                                                                                    \
    /* IEEE sum, difference, product, quotient, a * b + c, a * b - c and c - a * b, each rounded once. Of two NaNs the \
     * payload of either. */                                                                                           \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return a + b; }                                                  \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return a - b; }                                                  \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return a * b; }                                                  \
    RS_INLINE vec_##T div_##T(vec_##T a, vec_##T b) { return a / b; }                                                  \
    RS_INLINE vec_##T fma_##T(vec_##T a, vec_##T b, vec_##T c) { return rs_fma_##T(a, b, c); }                         \
    RS_INLINE vec_##T fms_##T(vec_##T a, vec_##T b, vec_##T c) { return rs_fma_##T(a, b, -c); }                        \
    RS_INLINE vec_##T fnma_##T(vec_##T a, vec_##T b, vec_##T c) { return rs_fma_##T(-a, b, c); }                       \
    /* The smaller, the larger, the smaller magnitude; unspecified where a is NaN or for zeros of unlike sign. */      \
    RS_INLINE vec_##T min_##T(vec_##T a, vec_##T b) { return a < b ? a : b; }                                          \
    RS_INLINE vec_##T max_##T(vec_##T a, vec_##T b) { return a > b ? a : b; }                                          \
    RS_INLINE vec_##T min_abs_##T(vec_##T a, vec_##T b) { return min_##T(FABS(a), b); }                                \
    /* 2^n, normal, for v = POW2 + n (isa/common.h). */                                                                \
    RS_INLINE vec_##T pow2_##T(vec_##T v)                                                                              \
    {                                                                                                                  \
        U bits;                                                                                                        \
        memcpy(&bits, &v, sizeof bits);                                                                                \
        bits <<= BITS;                                                                                                 \
        memcpy(&v, &bits, sizeof bits);                                                                                \
        return v;                                                                                                      \
    }                                                                                                                  \
    /* The magnitude of v with the sign of s, bit for bit. */                                                          \
    RS_INLINE vec_##T copysign_##T(vec_##T v, vec_##T s) { return COPYSIGN(v, s); }                                    \
    /* x made quiet where x is NaN (sign and payload kept), else v. */                                                 \
    RS_INLINE vec_##T nan_of_##T(vec_##T x, vec_##T v) { return x == x ? v : x + x; }

#define INTEGER(T, E, U)                                                               \
    COMMON(T, E, U)                                                                    \
    RS_INLINE mask_##T negative_##T(vec_##T v) { return (mask_##T){v < 1 && v != 0}; } \
    RS_INLINE mask_##T nonpositive_##T(vec_##T v) { return (mask_##T){v < 1}; }        \
    /* These wrap around. */                                                           \
    RS_INLINE vec_##T add_##T(vec_##T a, vec_##T b) { return (E)((U)a + (U)b); }       \
    RS_INLINE vec_##T sub_##T(vec_##T a, vec_##T b) { return (E)((U)a - (U)b); }       \
    RS_INLINE vec_##T mul_##T(vec_##T a, vec_##T b) { return (E)(1u * (U)a * (U)b); }

FLOAT(f32, float, uint32_t, 23, fabsf, copysignf)
FLOAT(f64, double, uint64_t, 52, fabs, copysign)
INTEGER(i8, int8_t, uint8_t)
INTEGER(u8, uint8_t, uint8_t)
INTEGER(i16, int16_t, uint16_t)
INTEGER(u16, uint16_t, uint16_t)
INTEGER(i32, int32_t, uint32_t)
INTEGER(u32, uint32_t, uint32_t)
INTEGER(i64, int64_t, uint64_t)
INTEGER(u64, uint64_t, uint64_t)

enum { PARTS = 1 };
#include "isa/common.h"

/* What the comparisons of 16-bit floats are made of. */
RS_INLINE mask_u16 at_most_u16(vec_u16 v, uint16_t c) { return (mask_u16){v <= c}; }
RS_INLINE mask_u16 either_u16(mask_u16 a, mask_u16 b) { return (mask_u16){a.is | b.is}; }
/* The masks of PARTS float32 vectors as that of the 16-bit vector. */
RS_INLINE mask_u16 mask_of_parts_u16(mask_parts_f32 m) { return (mask_u16){m.part[0].is}; }
/* The lanes in order, exactly; and back, rounded to nearest even. */
RS_INLINE vec_parts_f32 widen_f16(vec_u16 v) { return (vec_parts_f32){{rs_from_f16(v)}}; }
RS_INLINE vec_parts_f32 widen_bf16(vec_u16 v) { return (vec_parts_f32){{rs_from_bf16(v)}}; }
RS_INLINE vec_u16 narrow_f16(vec_parts_f32 v) { return rs_to_f16(v.part[0]); }
RS_INLINE vec_u16 narrow_bf16(vec_parts_f32 v) { return rs_to_bf16(v.part[0]); }
RS_INLINE doubles_f32 to_doubles_f32(vec_f32 v) { return (doubles_f32){{v}}; }

RS_INLINE void fence(void) {}

#define ISA scalar
#ifndef RS_EDITOR /* isa/editor.h wants the words alone */
#include "isa/body.h"
#endif
