/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of a dtype that computes as it is stored, integers and f32 and f64, which are made of those of the ISA
 * file. isa/half.h is the same for 16-bit floats. Included by isa/dtype.h once for each dtype, and by
 * isa/parts.h. */

/* Only beside 16-bit floats is a parameter wider than the data. */
typedef vec wide;
typedef elem wide_elem;
RS_INLINE wide load_wide(const wide_elem *p) { return load(p); }
RS_INLINE wide load_wide_n(const wide_elem *p, size_t n) { return load_n(p, n); }
RS_INLINE void store_wide(wide_elem *p, wide v) { store(p, v); }
RS_INLINE wide splat_wide(wide_elem s) { return splat(s); }
/* Every lane the number c, which every dtype has exactly. */
RS_INLINE vec value(elem c) { return splat(c); }
#if T_CLASS != RS_INTEGER
/* v < 0, v <= 0; integers have them of their own. */
RS_INLINE mask negative(vec v) { return less(v, value(0)); }
RS_INLINE mask nonpositive(vec v) { return less_equal(v, value(0)); }
#endif
/* v > c, v >= c, c as for value; and the comparisons with a parameter. */
RS_INLINE mask above(vec v, elem c) { return less(value(c), v); }
RS_INLINE mask at_least(vec v, elem c) { return less_equal(value(c), v); }
RS_INLINE mask below_param(vec v, wide s) { return less(v, s); }
RS_INLINE mask at_most_param(vec v, wide s) { return less_equal(v, s); }
RS_INLINE mask above_param(vec v, wide s) { return less(s, v); }
RS_INLINE mask at_least_param(vec v, wide s) { return less_equal(s, v); }
RS_INLINE vec of_param(wide s) { return s; }
RS_INLINE vec add_param(vec v, wide s) { return add(v, s); }
RS_INLINE vec sub_param(vec v, wide s)
{
    vec difference = sub(v, s);
#if T_CLASS == RS_WHOLE
    RS_AS_WRITTEN(difference);
#endif
    return difference;
}
RS_INLINE vec times(vec a, vec b) { return mul(a, b); }
/* +0 where -s <= v <= s, else `of`. An integer that is negative has no greater distance from 0 than s if and only if
 * its complement, -v - 1, is below s: unlike -v that never overflows. */
RS_INLINE vec drop_within(vec v, wide s, vec of)
{
#if T_CLASS == RS_INTEGER
    const mask is_close_below = less(sub(splat((elem)-1), v), s), is_close_above = less_equal(v, s);
    return select(negative(v), drop(is_close_below, of), drop(is_close_above, of));
#else
    return drop(less_equal(copysign(v, value(0)), s), of);
#endif
}
