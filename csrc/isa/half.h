/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary of the 16-bit floats, f16 and bf16, for every ISA: stored and compared as the u16
 * that they are (a comparison with a number is a range of bit patterns), computed in float32 and
 * rounded once, to nearest even. The ISA file has the words for u16, f32 and f64, widen_T to PARTS
 * float32 vectors, the lanes in order, narrow_T back, and to_doubles_f32.
 * Included by isa/dtype.h once for each of the two. */

#ifndef RS_HALF_H
#define RS_HALF_H
#include "isa/float16.h"

typedef struct {
    vec_f64 part[PARTS * PARTS];
} doubles_half;
enum { LANES_f16 = LANES_u16, LANES_bf16 = LANES_u16, DOUBLES_f16 = PARTS * PARTS, DOUBLES_bf16 = PARTS * PARTS };

/* from <= x <= to, as the bit patterns that they are. */
RS_INLINE mask_u16 between_u16(vec_u16 x, uint16_t from, uint16_t to)
{
    return at_most_u16(sub_u16(x, splat_u16(from)), (uint16_t)(to - from));
}
#endif

typedef vec_u16 vec;
typedef mask_u16 mask;
typedef counter_u16 counter;
typedef uint16_t count_elem;
typedef vec_parts_f32 wide;
typedef float wide_elem;
typedef doubles_half doubles;

RS_INLINE vec load(const elem *p) { return load_u16(p); }
RS_INLINE vec load_n(const elem *p, size_t n) { return load_n_u16(p, n); }
RS_INLINE void store(elem *p, vec v) { store_u16(p, v); }
RS_INLINE void store_n(elem *p, vec v, size_t n) { store_n_u16(p, v, n); }
RS_INLINE void stream(elem *p, vec v) { stream_u16(p, v); }
RS_INLINE vec splat(elem bits) { return splat_u16(bits); }
RS_INLINE vec value(float c) { return splat_u16(NAME(rs_to)(c)); }
RS_INLINE vec select(mask m, vec a, vec b) { return select_u16(m, a, b); }
RS_INLINE vec drop(mask m, vec v) { return drop_u16(m, v); }
RS_INLINE uint64_t to_bits(mask m) { return to_bits_u16(m); }
RS_INLINE mask from_bits(uint64_t bits) { return from_bits_u16(bits); }
#ifdef JOINS
RS_INLINE joined join(const mask *m) { return join_u16(m); }
RS_INLINE void split(joined all, mask *m) { split_u16(all, m); }
#endif
RS_INLINE counter no_counts(void) { return no_counts_u16(); }
RS_INLINE counter tally(counter sum, mask m) { return tally_u16(sum, m); }
RS_INLINE void store_counts(count_elem *p, counter sum) { store_counts_u16(p, sum); }

/* Bits above those of infinity, the sign apart, are NaN; from 0x8000 on, numbers are negative. */
RS_INLINE mask negative(vec v) { return between_u16(v, 0x8001, 0x8000 + NAME(RS_INF)); }
RS_INLINE mask nonpositive(vec v)
{
    return either_u16(nonpositive_u16(v), between_u16(v, 0x8000, 0x8000 + NAME(RS_INF)));
}
/* In float32, as parameters are; nothing is rounded but the parameter where it is the result. */
RS_INLINE mask below_param(vec v, wide s) { return mask_of_parts_u16(less_parts_f32(NAME(widen)(v), s)); }
RS_INLINE mask at_most_param(vec v, wide s) { return mask_of_parts_u16(less_equal_parts_f32(NAME(widen)(v), s)); }
RS_INLINE mask above_param(vec v, wide s) { return mask_of_parts_u16(less_parts_f32(s, NAME(widen)(v))); }
RS_INLINE mask at_least_param(vec v, wide s) { return mask_of_parts_u16(less_equal_parts_f32(s, NAME(widen)(v))); }
RS_INLINE vec of_param(wide s) { return NAME(narrow)(s); }
RS_INLINE mask above(vec v, float c) { return between_u16(v, (uint16_t)(NAME(rs_to)(c) + 1), NAME(RS_INF)); }
RS_INLINE mask at_least(vec v, float c) { return between_u16(v, NAME(rs_to)(c), NAME(RS_INF)); }

RS_INLINE wide load_wide_n(const wide_elem *p, size_t n) { return load_n_parts_f32(p, n); }
RS_INLINE wide load_wide(const wide_elem *p) { return load_parts_f32(p); }
RS_INLINE void store_wide(wide_elem *p, wide v) { store_parts_f32(p, v); }
RS_INLINE wide splat_wide(wide_elem s) { return splat_parts_f32(s); }

RS_INLINE vec mul(vec a, wide b) { return NAME(narrow)(mul_parts_f32(NAME(widen)(a), b)); }
RS_INLINE vec add(vec a, vec b) { return NAME(narrow)(add_parts_f32(NAME(widen)(a), NAME(widen)(b))); }
/* The words of the parameters, v + s and v - s; of two 16-bit floats a * b; and +0 where -s <= v <= s, else `of`. */
RS_INLINE vec add_param(vec v, wide s) { return NAME(narrow)(add_parts_f32(NAME(widen)(v), s)); }
RS_INLINE vec sub_param(vec v, wide s) { return NAME(narrow)(sub_parts_f32(NAME(widen)(v), s)); }
RS_INLINE vec times(vec a, vec b) { return mul(a, NAME(widen)(b)); }
RS_INLINE vec drop_within(vec v, wide s, vec of)
{
    const wide magnitude = copysign_parts_f32(NAME(widen)(v), splat_wide(0));
    return drop(mask_of_parts_u16(less_equal_parts_f32(magnitude, s)), of);
}

RS_INLINE doubles to_doubles(vec v)
{
    const wide x = NAME(widen)(v);
    doubles d;
    for (int k = 0; k < PARTS; k++) {
        const doubles_f32 of_part = to_doubles_f32(x.part[k]);
        for (int j = 0; j < PARTS; j++) {
            d.part[k * PARTS + j] = of_part.part[j];
        }
    }
    return d;
}

#ifndef WIDENED_LANE
/* The lane function of a row whose `half` is WIDEN: that of float32. */
#define WIDENED_LANE(name)                                                                       \
    RS_INLINE vec NAME(lane_##name)(vec a, vec b, wide s, wide t)                                \
    {                                                                                            \
        return NAME(narrow)(half_lane_##name##_parts_f32(NAME(widen)(a), NAME(widen)(b), s, t)); \
    }
#endif
