/* SPDX-License-Identifier: BSD-3-Clause */
/* Sigmoid and tanh as lane expressions. Every step is an IEEE operation rounded once or moves bits, so
 * all ISAs give the same bytes. Both reduce to exp, e^y = 2^n * (1 + expm1(r)) with |r| <= ln2 / 2, and
 * take one division, whose operands carry what their rounding lost; then one fma corrects the quotient.
 * Largest error: f32, every input, sigmoid 0.79 and tanh 0.94 ULP; f64, sampled, 0.79 and 0.85 ULP.
 * Monotone (f32: every neighbour, f64: sampled), within [0, 1] and [-1, 1]; tanh is odd and never
 * above |x|. A NaN comes out as itself, made quiet: in between its lanes hold anything.
 * Included by isa_dtype.h once for f32 and once for f64. */

#ifndef RS_VMATH_CONSTANTS
#define RS_VMATH_CONSTANTS
/* Beyond `lowest` sigmoid rounds to 0, beyond `highest` to 1 (tanh likewise). 2^shift keeps the power of
 * two normal where sigmoid is denormal. ln2 is nearest, n * ln2 is subtracted from y without error
 * because the difference has no bit below those of y or ln2; `ln2_rest` is what ln2 lacks.
 * q: coefficients of (expm1(-r) + r) / r^2 and of (expm1(2r) / 2 - r) / r^2 for the least error in ULP of
 * the result over the interval (Lawson's iteration in 60 digits), each fitted anew after those before it
 * were rounded. */
static const struct {
    float lowest, highest, shift, log2_e, ln2, ln2_rest, q[5];
} sigmoid_f32 = {-104,
                 20,
                 24,
                 0x1.715476p0f,
                 0x1.62e430p-1f,
                 -0x1.05c610p-29f,
                 {0x1.fffffcp-2f, -0x1.555492p-3f, 0x1.5558aep-5f, -0x1.123980p-7f, 0x1.6a4f70p-10f}};
static const struct {
    double lowest, highest, shift, log2_e, ln2, ln2_rest, q[11];
} sigmoid_f64 = {-745.5,
                 40,
                 53,
                 0x1.71547652b82fep0,
                 0x1.62e42fefa39efp-1,
                 0x1.abc9e3b39803fp-56,
                 {0x1.0p-1, -0x1.555555555555ap-3, 0x1.5555555555531p-5, -0x1.111111110f165p-7, 0x1.6c16c16c26f03p-10,
                  -0x1.a01a01b1e4e5ep-13, 0x1.a01a01523164ap-16, -0x1.71ddf38808286p-19, 0x1.27e58e71157acp-22,
                  -0x1.af66b8d10a3dcp-26, 0x1.1e63cc2d036efp-29}};
/* Of the halved argument: 2 * log2(e) and ln2 / 2. Without a rest in f32 the error stays below 0.07 ULP. */
static const struct {
    float highest, log2_e, ln2, ln2_rest, q[5];
} tanh_f32 = {9.0625f,
              0x1.715476p1f,
              0x1.62e430p-2f,
              0,
              {0x1.000002p0f, 0x1.555498p-1f, 0x1.55547cp-2f, 0x1.123472p-3f, 0x1.6c959cp-5f}};
static const struct {
    double highest, log2_e, ln2, ln2_rest, q[11];
} tanh_f64 = {19.125,
              0x1.71547652b82fep1,
              0x1.62e42fefa39efp-2,
              0x1.abc9e3b39803fp-57,
              {0x1.0p0, 0x1.5555555555558p-1, 0x1.5555555555555p-2, 0x1.111111110f989p-3, 0x1.6c16c16c19804p-5,
               0x1.a01a01af10550p-7, 0x1.a01a0189c5972p-9, 0x1.71ddfa0150f2ep-11, 0x1.27e52df10d066p-13,
               0x1.af5c47b2477fbp-16, 0x1.1edbf165b4e4ep-18}};
#endif

/* q in Estrin's order, half as deep as Horner's: 5 coefficients in f32, 11 in f64. */
RS_INLINE vec polynomial(const elem *q, vec r, vec r2)
{
    const vec q01 = fma(splat(q[1]), r, splat(q[0])), q23 = fma(splat(q[3]), r, splat(q[2]));
    if (sizeof(elem) == sizeof(float)) {
        return fma(fma(splat(q[4]), r2, q23), r2, q01);
    }
    const vec q45 = fma(splat(q[5]), r, splat(q[4])), q67 = fma(splat(q[7]), r, splat(q[6]));
    const vec q8 = fma(splat(q[10]), r2, fma(splat(q[9]), r, splat(q[8])));
    const vec r4 = mul(r2, r2);
    return fma(fma(q8, r4, fma(q67, r2, q45)), r4, fma(q23, r2, q01));
}

/* sigmoid(x) = 2^n / (2^n + 1 + t), e^-x = 2^-n * (1 + t). The divisor, times 2^shift, is d + d_rest. */
RS_INLINE vec sigmoid_of(vec x)
{
    const vec shift = splat(POW2 + NAME(sigmoid).shift), one = splat(1);
    const vec scale = pow2(shift);
    const vec y = min(max(x, splat(NAME(sigmoid).lowest)), splat(NAME(sigmoid).highest));
    const vec v = fma(y, splat(NAME(sigmoid).log2_e), shift); /* rounds to the integer n, plus shift */
    const vec n = sub(v, shift), power = pow2(v);
    /* r = y - n * ln2 = head - rest, and t = -r + r^2 q(r), whose largest term is exact. */
    const vec head = fnma(n, splat(NAME(sigmoid).ln2), y), rest = mul(n, splat(NAME(sigmoid).ln2_rest));
    const vec r = sub(head, rest), r2 = mul(r, r);
    const vec w = fma(r2, polynomial(NAME(sigmoid).q, r, r2), rest), t = sub(w, head);
    /* 1 + 2^n is short but for |n| >= shift; a_rest is what it lacks then. */
    const vec a = add(power, scale), a_rest = sub(power, sub(a, scale));
    const vec d = fma(t, scale, a);
    /* From w and head, not from t, which is rounded; a - d - head * scale is small, as w is. */
    const vec d_rest = add(fma(w, scale, fnma(head, scale, sub(a, d))), a_rest);
    const vec s = div(one, d), e = fnma(s, d_rest, fnma(s, d, one));
    return nan_of(x, mul(fma(s, e, s), power)); /* denormal results are rounded here, and only they */
}

/* tanh(x) = p / (p + g) with g = 2^-n, p = (1 - g + t) / 2, and e^2|x| = 2^n * (1 + t).
 * Near 0, n = 0 and p = t / 2 = r + r^2 q(r) has the relative error of its rounding, which p_rest undoes. */
RS_INLINE vec tanh_of(vec x)
{
    const vec zero_power = splat(POW2 - 1), half = splat((elem)0.5), one = splat(1);
    const vec y = min_abs(x, splat(NAME(tanh).highest));
    const vec v = fnma(y, splat(NAME(tanh).log2_e), zero_power); /* rounds to -n, less 1 */
    const vec n = sub(v, zero_power), half_g = pow2(v), g = add(half_g, half_g);
    const vec head = fma(n, splat(NAME(tanh).ln2), y);
    const vec r2 = mul(head, head);
    vec w = polynomial(NAME(tanh).q, head, r2);
    if (NAME(tanh).ln2_rest != 0) {
        /* r = head + rest: rounding it would cost 0.2 ULP; e^2r is e^2head * (1 + 2 * rest) */
        const vec rest = mul(n, splat(NAME(tanh).ln2_rest));
        w = fma(r2, w, mul(rest, add(one, add(head, head))));
    } else {
        w = mul(r2, w);
    }
    /* A rounding of u moves p and p + g alike, which from n = 1 on hardly moves the quotient; at 0 none. */
    const vec u = add(sub(half, half_g), head);
    const vec p = add(u, w), p_rest = add(sub(u, p), w);
    const vec d = add(p, g), d_rest = add(add(sub(max(p, g), d), min(p, g)), p_rest);
    const vec i = div(one, d), s = mul(p, i);
    const vec e = add(fnma(s, d, p), fnma(s, d_rest, p_rest));
    return nan_of(x, copysign(fma(i, e, s), x));
}
