/* SPDX-License-Identifier: BSD-3-Clause */
/* What is made of one exponential or none: sigmoid, silu, tanh, elu, celu, selu, softplus, softsign, hardsigmoid and
 * hardswish, and the factors of their gradients, as lane expressions. Every step is an IEEE operation rounded once or
 * moves bits, so all ISAs give the same bytes. All that have one reduce to exp, e^y = 2^n * (1 + expm1(r)) with
 * |r| <= ln2 / 2. Where there is a division, its operands carry what their rounding lost, and one fma corrects the
 * quotient.
 *
 * Largest errors in ULP: f32, every input (of factors sampled); f64, sampled; both, sampled, with alpha or beta other
 * than 1.
 *   sigmoid          0.79  0.79
 *   silu             0.83  0.82
 *   silu_factor      0.75  0.59: near its zero within 2^-29 and 2^-59
 *   tanh             0.94  0.85
 *   elu              0.83  0.80  0.83
 *   elu_factor       0.86  0.84  1.45: alpha multiplies a rounded exponential
 *   celu             0.83  0.80
 *   selu             0.94  0.91
 *   softplus         0.78  0.80  1.00: of denormal results, which are rounded twice; of others 0.70
 *   softplus_factor  0.79  0.79  0.80
 *   softsign, hardsigmoid, hardswish  0.50  0.50, sampled in f32 as well
 * That holds for every alpha and beta that is not 0, down to the smallest denormal.
 *
 * Monotone (f32: every neighbour, f64: sampled). sigmoid is within [0, 1] and tanh within [-1, 1]; tanh is odd and
 * never above |x|. A NaN comes out as itself, made quiet: in between its lanes hold anything.
 *
 * The float32 results of tanh_of, and with to_half of the others, give all 65,536 float16 and all bfloat16 correctly
 * rounded, when they are rounded once more. Without it 7 float16 of sigmoid would be wrong, and 1 of softplus.
 * Included by isa/parts.h once for f32 and once for f64. */

#ifndef RS_VMATH_CONSTANTS
#define RS_VMATH_CONSTANTS
/* Below `lowest` 300 * sigmoid(x) rounds to 0, above `highest` sigmoid rounds to 1 (tanh likewise). 2^shift keeps the
 * power of two normal down to `lowest`. ln2 is nearest, n * ln2 is subtracted from y without error because the
 * difference has no bit below those of y or ln2; `ln2_rest` is what ln2 lacks. q: coefficients of (expm1(-r) + r) / r^2
 * and of (expm1(2r) / 2 - r) / r^2 for the least error in ULP of the result over the interval (Lawson's iteration in 60
 * digits), each fitted anew after those before it were rounded. */
static const struct {
    float lowest, highest, shift, log2_e, ln2, ln2_rest, q[5];
} sigmoid_f32 = {-110.1f,
                 24,
                 33,
                 0x1.715476p0f,
                 0x1.62e430p-1f,
                 -0x1.05c610p-29f,
                 {0x1.fffffcp-2f, -0x1.555492p-3f, 0x1.5558aep-5f, -0x1.123980p-7f, 0x1.6a4f70p-10f}};
static const struct {
    double lowest, highest, shift, log2_e, ln2, ln2_rest, q[11];
} sigmoid_f64 = {-753,
                 44,
                 64,
                 0x1.71547652b82fep0,
                 0x1.62e42fefa39efp-1,
                 0x1.abc9e3b39803fp-56,
                 {0x1.0p-1, -0x1.555555555555ap-3, 0x1.5555555555531p-5, -0x1.111111110f165p-7, 0x1.6c16c16c26f03p-10,
                  -0x1.a01a01b1e4e5ep-13, 0x1.a01a01523164ap-16, -0x1.71ddf38808286p-19, 0x1.27e58e71157acp-22,
                  -0x1.af66b8d10a3dcp-26, 0x1.1e63cc2d036efp-29}};
/* scale * x and alpha * expm1(x): 1.0507009873554805, and that times 1.6732632423543772, each with what rounding it to
 * a float leaves. */
static const struct {
    float scale, scale_rest, alpha, alpha_rest;
} selu_f32 = {0x1.0cfabep0f, -0x1.2addda0p-25f, 0x1.c212ccp0f, 0x1.903c0cp-26f};
static const struct {
    double scale, scale_rest, alpha, alpha_rest;
} selu_f64 = {0x1.0cfabd6a91132p0, 0x1.ac79fa5f4ceb0p-55, 0x1.c212cc640f031p0, -0x1.26edf569e8971p-54};
static const struct {
    float far;
} softsign_f32 = {0x1p100f};
static const struct {
    double far;
} softsign_f64 = {0x1p600};
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
/* e^y = 2^n * (1 + r + r^2 * (1/2 + r * q(r))) with |r| <= ln2 / 2. The constants are those above, but that ln2_rest
 * has the other sign. q is (expm1(r) - r - r^2 / 2) / r^3, fitted as above for the least error of expm1(r) relative to
 * r: degree 4, 2^-31.1 in f32, and degree 10, 2^-65.0 in f64. log is P in 2 * atanh(s) = 2s + s^3 * P(s^2), fitted in
 * s^2 over 0 .. 0.0683 (s = e / (2 + e) with e = 2^-1/2) for the least error relative to 2s: degrees as of q, 2^-35.7
 * and 2^-66.7. The limits: below `elu`, elu rounds to -alpha; below `factor`, e^x times any finite alpha rounds to 0.
 * From -softplus down, softplus is 0, because beta is at least z / x; above `highest` it is x. So is silu 0 below
 * `factor`. 2^floor is nothing beside 2 and far from denormals. Beyond `sigmoid` sigmoid is 0 or 1. */
static const struct {
    float elu, celu, factor, softplus, floor, highest, sigmoid, largest, log2_e, ln2, ln2_rest, q[5], log[5];
} exp_f32 = {-20,
             170,
             -200,
             192,
             -100,
             100,
             104,
             0x1.fffffep127f,
             0x1.715476p0f,
             0x1.62e430p-1f,
             0x1.05c610p-29f,
             {0x1.555556p-3f, 0x1.5554f6p-5f, 0x1.111002p-7f, 0x1.6d3c84p-10f, 0x1.a246fep-13f},
             {0x1.555556p-1f, 0x1.9998b8p-2f, 0x1.24c26ep-2f, 0x1.be42b2p-3f, 0x1.cffa3ep-3f}};
static const struct {
    double elu, celu, factor, softplus, floor, highest, sigmoid, largest, log2_e, ln2, ln2_rest, q[11], log[11];
} exp_f64 = {-40,
             1400,
             -1500,
             1460,
             -1010,
             740,
             746,
             0x1.fffffffffffffp1023,
             0x1.71547652b82fep0,
             0x1.62e42fefa39efp-1,
             -0x1.abc9e3b39803fp-56,
             {0x1.5555555555555p-3, 0x1.5555555555556p-5, 0x1.1111111111374p-7, 0x1.6c16c16c16237p-10,
              0x1.a01a019eb80c3p-13, 0x1.a01a01a6a1a27p-16, 0x1.71de3fedd2437p-19, 0x1.27e4dcd065576p-22,
              0x1.ae4fb8c9c7f8cp-26, 0x1.1f6f53422d06ep-29, 0x1.7db0d0284235ap-33},
             {0x1.5555555555555p-1, 0x1.9999999999b73p-2, 0x1.2492492475e2cp-2, 0x1.c71c71e21664ep-3,
              0x1.745d0feb136dap-3, 0x1.3b14ee3fab19cp-3, 0x1.10ef04cee88a6p-3, 0x1.e68ca412e0f95p-4,
              0x1.7cc6c97b967b9p-4, 0x1.59d4c2d34992cp-3, -0x1.711c0e6ce2e2ep-4}};
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

RS_INLINE mask finite(vec v) { return at_least(sub(v, v), 0); }

/* For 16-bit floats. hi + lo is a result, and lo is at most half an ULP of hi. Rounding hi to 16 bits would round
 * twice, and wrongly where hi is halfway between two 16-bit floats but the sum is not. This returns a float32 that is
 * never halfway unless the sum is: hi in 22 bits, moved by 2^-23 of itself towards what is left of the sum.
 * (The first three steps round to 22 bits; they work on an eighth of hi, which cannot overflow.) */
RS_INLINE vec nudged(vec hi, vec lo)
{
    const vec eighth = splat((elem)0.125), eight = splat(8);
    const vec more = mul(hi, splat((elem)0.625)), short_eighth = sub(more, fnma(hi, eighth, more));
    const vec short_hi = mul(short_eighth, eight), rest = add(fnma(short_eighth, eight, hi), lo);
    const vec towards = drop(nonpositive(min_abs(rest, splat(1))), copysign(short_hi, rest));
    const vec result = fma(towards, splat((elem)0x1p-23), short_hi);
    return select(finite(result), result, hi);
}

/* a * b + part, where |part| is well below |a * b|. With to_half nudged. */
RS_INLINE vec product_and(vec a, vec b, vec part, int to_half)
{
    const vec sum = fma(a, b, part);
    return to_half ? nudged(sum, add(fms(a, b, sum), part)) : sum;
}

/* Of a function whose result is x / 2 and a little more (or, where `sign` is negative, less) for tiny x, and float32
 * has lost the little: for 16-bit floats x / 2 may be halfway. Of other results the smallest denormal changes nothing.
 */
RS_INLINE vec beside_half(vec x, vec sign, vec result, int to_half)
{
    return to_half ? copysign(add(result, copysign(splat((elem)0x1p-149), sign)), x) : result;
}

/* 2^n = first * last. */
RS_INLINE void halves_of_power(vec n, vec *first, vec *last)
{
    const vec at = fma(n, splat((elem)0.5), splat(POW2));
    *first = pow2(at);
    *last = pow2(sub(n, sub(at, splat(POW2 * 2))));
}

/* m * (x + 3) / 6 for x in -3 .. 3. What rounding takes from the sum and the quotient is put back. */
RS_INLINE vec hardsigmoid_line(vec x, vec m, int to_half)
{
    const vec three = splat(3), sixth = splat((elem)(1.0 / 6));
    const vec s = add(x, three), s_rest = sub(x, sub(s, three));
    const vec q = mul(s, sixth), q_rest = mul(add(fnma(q, splat(6), s), s_rest), sixth);
    return product_and(m, q, mul(m, q_rest), to_half);
}

/* x / 3 + 1 / 2 as (2x + 3) / 6, which has no error near its zero. */
RS_INLINE vec hardswish_factor(vec x)
{
    const vec sixth = splat((elem)(1.0 / 6)), s = fma(x, splat(2), splat(3)), q = mul(s, sixth);
    return fma(fnma(q, splat(6), s), sixth, q);
}

/* 1 / (1 + |x|), and what is lacking: 1 + |x| is d + d_rest. Beyond `far` the square of it is 0. */
RS_INLINE vec softsign_inverse(vec x, vec *y, vec *d, vec *d_rest)
{
    const vec one = splat(1);
    *y = min_abs(x, splat(CONSTANTS(softsign).far));
    *d = add(*y, one);
    *d_rest = sub(min(*y, one), sub(*d, max(*y, one)));
    return div(one, *d);
}

RS_INLINE vec softsign_of(vec x, int to_half)
{
    vec y, d, d_rest;
    const vec i = softsign_inverse(x, &y, &d, &d_rest), s = mul(y, i), e = fnma(s, d_rest, fnma(s, d, y));
    const vec sum = fma(e, i, s), result = to_half ? nudged(sum, fma(e, i, sub(s, sum))) : sum;
    return nan_of(x, copysign(result, x));
}

/* The factor of softsign's gradient. */
RS_INLINE vec softsign_factor(vec x)
{
    vec y, d, d_rest;
    const vec i = softsign_inverse(x, &y, &d, &d_rest), e = fnma(i, d_rest, fnma(i, d, splat(1)));
    return nan_of(x, fma(i, i, mul(mul(e, i), add(i, i))));
}

/* sigmoid(x - surplus) = 2^n / (2^n + 1 + t), surplus at most about half an ULP of x, and e^-x = 2^-n * (1 + t). With
 * the scale 2^shift it is (i + i * e) * power; 1 + t is one - head + w, of which no rounding was lost. */
typedef struct {
    vec y, n, power, scale, head, w, i, e;
} logistic;

RS_INLINE logistic logistic_of(vec x, vec surplus, elem lowest)
{
    const vec shift = splat(POW2 + CONSTANTS(sigmoid).shift), one = splat(1), scale = pow2(shift);
    const vec y = min(max(x, splat(lowest)), splat(CONSTANTS(sigmoid).highest));
    const vec v = fma(y, splat(CONSTANTS(sigmoid).log2_e), shift); /* rounds to the integer n, plus shift */
    const vec n = sub(v, shift);
    const vec power = pow2(lowest < CONSTANTS(sigmoid).lowest ? max(v, splat(POW2 + CONSTANTS(exp).floor)) : v);
    /* r = y - n * ln2 = head - rest, and t = -r + r^2 q(r), whose largest term is exact. */
    const vec head = fnma(n, splat(CONSTANTS(sigmoid).ln2), y);
    const vec rest = fma(n, splat(CONSTANTS(sigmoid).ln2_rest), surplus);
    const vec r = sub(head, rest), r2 = mul(r, r);
    const vec w = fma(r2, polynomial(CONSTANTS(sigmoid).q, r, r2), rest), t = sub(w, head);
    /* 1 + 2^n is short but for |n| >= shift; a_rest is what it lacks then. */
    const vec a = add(power, scale), a_rest = sub(power, sub(a, scale));
    const vec d = fma(t, scale, a);
    /* From w and head, not from t, which is rounded; a - d - head * scale is small, as w is. */
    const vec d_rest = add(fma(w, scale, fnma(head, scale, sub(a, d))), a_rest);
    const vec i = div(one, d), e = fnma(i, d_rest, fnma(i, d, one));
    return (logistic){y, n, power, scale, head, w, i, e};
}

/* sigmoid(x - surplus). With to_half, nudged for 16-bit floats. */
RS_INLINE vec sigmoid_less(vec x, vec surplus, int to_half)
{
    const logistic l = logistic_of(x, surplus, CONSTANTS(sigmoid).lowest);
    const vec sum = fma(l.i, l.e, l.i), result = to_half ? nudged(sum, fma(l.i, l.e, sub(l.i, sum))) : sum;
    return nan_of(x, mul(result, l.power)); /* denormal results are rounded here, and only they */
}

/* x * sigmoid(z - surplus), for a z from `lowest` on; nothing where z is a NaN. The sigmoid is s * 2^n, n <= 0, and s
 * below 3/4, so that no product overflows. As much of 2^n as can be held is the last factor, which rounds only where
 * the result is denormal; the others are two of 2^k. */
RS_INLINE vec times_sigmoid(vec x, vec z, vec surplus, elem lowest, int to_half)
{
    const vec bias = splat(POW2), half = pow2(splat(POW2 + CONSTANTS(sigmoid).shift - 1));
    const logistic l = logistic_of(z, surplus, lowest);
    const vec n = min(add(l.n, splat(1)), splat(0)), below = min(sub(n, splat(CONSTANTS(exp).floor)), splat(0));
    const vec at = fma(below, splat((elem)0.5), bias), k = sub(at, bias), power = pow2(at);
    const vec last = pow2(fnma(k, splat(2), add(n, bias)));
    const vec m = mul(mul(x, power), power), s = mul(l.i, max(l.power, half));
    const vec product = mul(product_and(m, s, mul(m, mul(s, l.e)), to_half), last);
    const vec curve = drop(less(z, splat(lowest)), product);
    return select(at_least(z, CONSTANTS(sigmoid).highest), x, copysign(curve, x));
}

RS_INLINE vec silu_of(vec x, vec beta, int to_half)
{
    const vec z = mul(beta, x);
    const vec curve = times_sigmoid(x, z, fnma(beta, x, z), CONSTANTS(exp).factor, to_half);
    return nan_of(z, beside_half(x, beta, curve, to_half));
}

/* s * (1 + (k + k_rest) * (1 - s)) with s = sigmoid(z - surplus): the factor of the gradient of times_sigmoid, where
 * k is x times the derivative of z. Where the sum is near 0 it has the accuracy of its parts. */
RS_INLINE vec sigmoid_slope(vec z, vec surplus, vec k, vec k_rest)
{
    const vec one = splat(1);
    const logistic l = logistic_of(z, surplus, CONSTANTS(sigmoid).lowest);
    vec first, last;
    halves_of_power(min(l.n, splat(0)), &first, &last);
    /* 1 + t = m + m_rest, 1 - s = c + c_rest, and the bracket is q + q_rest */
    const vec u = sub(one, l.head), m = add(u, l.w);
    const vec m_rest = add(add(sub(u, m), l.w), sub(sub(one, u), l.head));
    const vec i = mul(l.i, l.scale), c = mul(i, m), c_rest = fma(c, l.e, fma(i, m_rest, fms(i, m, c)));
    const vec p = mul(k, c), p_rest = fma(k, c_rest, fma(k_rest, c, fms(k, c, p)));
    const vec q = add(one, p), of_p = sub(q, one);
    const vec q_rest = add(add(sub(one, sub(q, of_p)), sub(p, of_p)), p_rest);
    const vec s = mul(l.i, max(l.power, l.scale)), sum = fma(s, q, mul(s, fma(q, l.e, q_rest)));
    return nan_of(z, mul(mul(drop(less(z, splat(CONSTANTS(sigmoid).lowest)), sum), first), last));
}

RS_INLINE vec silu_factor(vec x, vec beta)
{
    const vec z = mul(beta, x), far = splat(-CONSTANTS(sigmoid).lowest);
    const vec surplus = drop(less_equal(far, min_abs(z, far)), fnma(beta, x, z));
    return sigmoid_slope(z, surplus, min(max(z, splat(CONSTANTS(sigmoid).lowest)), far), sub(splat(0), surplus));
}

/* tanh(|x|) as what this returns and a rest: p / (p + g) with g = 2^-n, p = (1 - g + t) / 2, and e^2|x| = 2^n * (1 +
 * t). Near 0, n = 0 and p = t / 2 = r + r^2 q(r) has the relative error of its rounding, which p_rest undoes. */
RS_INLINE vec tanh_parts(vec x, vec *s_rest)
{
    const vec zero_power = splat(POW2 - 1), half = splat((elem)0.5), one = splat(1);
    const vec y = min_abs(x, splat(CONSTANTS(tanh).highest));
    const vec v = fnma(y, splat(CONSTANTS(tanh).log2_e), zero_power); /* rounds to -n, less 1 */
    const vec n = sub(v, zero_power), half_g = pow2(v), g = add(half_g, half_g);
    const vec head = fma(n, splat(CONSTANTS(tanh).ln2), y);
    const vec r2 = mul(head, head);
    vec w = polynomial(CONSTANTS(tanh).q, head, r2);
    if (CONSTANTS(tanh).ln2_rest != 0) {
        /* r = head + rest: rounding it would cost 0.2 ULP; e^2r is e^2head * (1 + 2 * rest) */
        const vec rest = mul(n, splat(CONSTANTS(tanh).ln2_rest));
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
    *s_rest = mul(i, e);
    return s;
}

RS_INLINE vec tanh_of(vec x)
{
    vec rest;
    const vec s = tanh_parts(x, &rest);
    return nan_of(x, copysign(add(s, rest), x));
}

/* e^(y + y_rest) = 2^n * (1 + head + tail), |tail| well below |head|. v is POW2 + n, n an integer. */
RS_INLINE vec exp_of(vec y, vec y_rest, vec *v, vec *n, vec *head)
{
    *v = fma(y, splat(CONSTANTS(exp).log2_e), splat(POW2));
    *n = sub(*v, splat(POW2));
    *head = fnma(*n, splat(CONSTANTS(exp).ln2), y);
    const vec rest = fma(*n, splat(CONSTANTS(exp).ln2_rest), y_rest);
    const vec r = add(*head, rest), r2 = mul(r, r);
    return fma(r2, fma(r, polynomial(CONSTANTS(exp).q, r, r2), splat((elem)0.5)), rest);
}

/* 2^n = third * third * last, for n beyond the reach of pow2. A result is multiplied by one after the other, and by a
 * parameter in between: so it overflows only where it is to, and the powers round it only where it is denormal. */
RS_INLINE void powers(vec v, vec n, vec *third, vec *last)
{
    const vec at = fma(n, splat((elem)(1.0 / 3)), splat(POW2)), k = sub(at, splat(POW2));
    *third = pow2(at);
    *last = pow2(sub(sub(v, k), k));
}

/* x > 0 ? x : alpha * expm1(x). e^x - 1 = (2^n - 1 + 2^n * head) + 2^n * tail; what rounding takes from the brackets is
 * added to the tail. So the last fma does nearly all the rounding, whatever alpha is. */
RS_INLINE vec elu_sum(vec x, vec alpha, int to_half)
{
    const vec zero = splat(0), half = splat((elem)0.5);
    vec v, n, head;
    const vec tail = exp_of(max(min(x, zero), splat(CONSTANTS(exp).elu)), zero, &v, &n, &head);
    const vec power = pow2(v), less = sub(power, splat(1));
    const vec u = fma(power, head, less), w = fma(power, tail, fma(power, head, sub(less, u)));
    const vec result = product_and(alpha, u, select(finite(alpha), mul(alpha, w), zero), to_half);
    /* Not alpha * x: of 0 * infinity each CPU makes a NaN of its own sign. Not 1: compilers make of a product with a
     * signed 1 a flip of the sign, also of a NaN's. */
    const vec signed_alpha = mul(alpha, copysign(half, x));
    return nan_of(x, select(above(x, 0), x, copysign(result, signed_alpha)));
}

/* The factor of elu's gradient where x <= 0: alpha * e^x. Where x > 0 the gradient has no factor: this is anything. */
RS_INLINE vec elu_factor(vec x, vec alpha)
{
    const vec zero = splat(0), half = splat((elem)0.5);
    vec v, n, head, third, last;
    const vec tail = exp_of(max(min(x, zero), splat(CONSTANTS(exp).factor)), zero, &v, &n, &head);
    powers(v, n, &third, &last);
    const vec d = fma(add(head, tail), half, half); /* a half, because 1 + t may be more than 1 */
    return nan_of(x, mul(mul(mul(mul(d, third), alpha), third), add(last, last)));
}

/* x / alpha for x < 0, and its rest: 0 where it is a NaN, and with no rest where that is beyond all limits. a is alpha,
 * times 2^shift where it is tiny, so that it, its products and 1 / a can be held in full. */
RS_INLINE vec celu_quotient(vec x, vec alpha, vec *rest, vec *a, vec *shift)
{
    const vec zero = splat(0), one = splat(1);
    const mask tiny = less(min_abs(alpha, one), splat((elem)0x1p-60));
    const vec enlarged = select(tiny, splat((elem)0x1p64), one), y = mul(min(x, zero), enlarged);
    *shift = select(tiny, splat(64), zero);
    *a = mul(alpha, enlarged);
    const vec ratio = div(y, *a), quotient = select(less_equal(ratio, ratio), ratio, zero);
    const mask beyond = less(splat(-CONSTANTS(exp).factor), min_abs(quotient, splat(CONSTANTS(exp).largest)));
    const vec lost = mul(fnma(quotient, *a, y), div(one, *a));
    *rest = drop(beyond, select(finite(lost), lost, zero));
    return quotient;
}

/* alpha * expm1(x / alpha) for x < 0, otherwise as elu_sum; where alpha is negative, too, and the exponent positive.
 * With g = min(2^n, 1), h = min(2^-n, 1), or a little more where that is nothing beside 1, the result is alpha * (g - h
 * + g * t) * max(2^n, 1). */
RS_INLINE vec celu_sum(vec x, vec alpha, int to_half)
{
    const vec zero = splat(0), bias = splat(POW2);
    vec rest, a, shift, v, n, head, third, last;
    const vec quotient = celu_quotient(x, alpha, &rest, &a, &shift);
    const vec z = min(max(quotient, splat(CONSTANTS(exp).elu)), splat(-CONSTANTS(exp).factor));
    const vec tail = exp_of(z, rest, &v, &n, &head);
    const vec up = max(n, zero), g = pow2(min(v, bias)), h = pow2(sub(bias, min(up, splat(64)))), less_h = sub(g, h);
    const vec u = fma(g, head, less_h), w = fma(g, tail, fma(g, head, sub(less_h, u)));
    const vec result = product_and(a, u, mul(a, w), to_half), power = sub(up, shift);
    powers(add(power, bias), power, &third, &last);
    /* Of a tiny x the quotient may be denormal, and the result is x; so it is, in the limit, of an infinite alpha. */
    const mask small = less(min_abs(quotient, splat(1)), splat((elem)0x1p-60));
    const vec curve = nan_of(alpha, select(small, x, mul(mul(mul(result, third), third), last)));
    return nan_of(x, select(at_least(x, 0), x, copysign(curve, x)));
}

/* factor * e^(z + z_rest) */
RS_INLINE vec exp_times(vec z, vec z_rest, vec factor)
{
    vec v, n, head, first, last;
    const vec tail = exp_of(z, z_rest, &v, &n, &head);
    halves_of_power(n, &first, &last);
    return mul(mul(fma(add(head, tail), factor, factor), first), last);
}

/* The factor of celu's gradient where x <= 0, and where x > 0 anything. */
RS_INLINE vec celu_factor(vec x, vec alpha)
{
    const vec limit = splat(CONSTANTS(exp).celu);
    vec rest, a, shift;
    const vec quotient = celu_quotient(x, alpha, &rest, &a, &shift);
    const vec z = min(max(quotient, sub(splat(0), limit)), limit);
    return nan_of(x, nan_of(alpha, exp_times(z, rest, splat(1))));
}

/* scale * x where x > 0, scale * alpha * expm1(x) elsewhere. A tiny x is enlarged, so that the rest is not denormal. */
RS_INLINE vec selu_of(vec x, int to_half)
{
    const vec zero = splat(0), one = splat(1);
    const mask positive = above(x, 0), tiny = less(min_abs(x, one), splat((elem)0x1p-60));
    const vec enlarged = select(tiny, splat((elem)0x1p64), one), reduced = select(tiny, splat((elem)0x1p-64), one);
    vec v, n, head;
    const vec tail = exp_of(max(min(x, zero), splat(CONSTANTS(exp).elu)), zero, &v, &n, &head);
    const vec power = pow2(v), less_one = sub(power, one);
    const vec u = fma(power, head, less_one), w = fma(power, tail, fma(power, head, sub(less_one, u)));
    const vec a = select(positive, splat(CONSTANTS(selu).scale), splat(CONSTANTS(selu).alpha));
    const vec a_rest = select(positive, splat(CONSTANTS(selu).scale_rest), splat(CONSTANTS(selu).alpha_rest));
    const vec b = mul(select(positive, x, u), enlarged), b_rest = drop(positive, mul(w, enlarged));
    const vec rest = fma(a, b_rest, mul(min(b, splat(CONSTANTS(exp).largest)), a_rest));
    const vec result = product_and(a, b, rest, to_half);
    return nan_of(x, copysign(mul(result, reduced), x));
}

/* The factor of selu's gradient. */
RS_INLINE vec selu_factor(vec x)
{
    const vec zero = splat(0), y = max(min(x, zero), splat(-CONSTANTS(exp).celu));
    return nan_of(x,
                  select(above(x, 0), splat(CONSTANTS(selu).scale), exp_times(y, zero, splat(CONSTANTS(selu).alpha))));
}

/* log(1 + e^z) / beta, z = beta * x, has the sign of beta. Its magnitude is (z > 0 ? |x| : 0) + log1p(e) / |beta| with
 * e = e^-|z| = 2^n * m; power * below is 2^n.
 * Far from 0, n < 0, log1p(e) = 2 * atanh(e / (2 + e)) = 2^n * 2s + ... with s = m / (2 + 2^n * m).
 * Near 0, n = 0, it is ln2 + log1p(t / 2) with t = m - 1, and s = t / (4 + t): its error shrinks with z, so that the
 * sum is monotone. Each quotient and sum leaves what its rounding lost to the last sum. */
RS_INLINE vec softplus_sum(vec x, vec beta, int to_half)
{
    const vec zero = splat(0), one = splat(1), limit = splat(CONSTANTS(exp).softplus),
              largest = splat(CONSTANTS(exp).largest);
    const vec size = min_abs(beta, largest), x_size = min_abs(x, largest), z = mul(beta, x);
    const vec z_size = min_abs(z, limit), y = sub(zero, z_size);
    const mask beyond = at_least(z_size, CONSTANTS(exp).softplus), tiny = less(size, splat((elem)0x1p-60));
    const vec surplus = drop(beyond, fnma(size, x_size, z_size)); /* of z_size over the exact product */
    vec v, n, head;
    const vec tail = exp_of(y, surplus, &v, &n, &head);
    const vec at = max(v, splat(POW2 + CONSTANTS(exp).floor)), power = pow2(at);
    const vec t = add(head, tail), t_rest = add(sub(head, t), tail);
    const vec m = add(one, t), m_rest = add(add(sub(one, m), t), t_rest);
    const mask near = at_least(n, 0);
    const vec p = select(near, t, m), p_rest = select(near, t_rest, m_rest), c = select(near, splat(4), splat(2));
    const vec d = fma(power, p, c), d_rest = fma(power, p_rest, fma(power, p, sub(c, d)));
    const vec i = div(one, d), s = mul(p, i), s_rest = mul(i, fnma(s, d_rest, add(fnma(s, d, p), p_rest)));
    const vec e = mul(power, s), e2 = mul(e, e), e4 = mul(e2, e2), s2 = add(s, s);
    const vec curve = fma(mul(s, e2), polynomial(CONSTANTS(exp).log, e2, e4), add(s_rest, s_rest));
    const vec ln2 = select(near, splat(CONSTANTS(exp).ln2), zero),
              ln2_rest = select(near, splat(CONSTANTS(exp).ln2_rest), zero);
    const vec log = add(ln2, s2), log_rest = add(add(sub(ln2, log), s2), sub(curve, ln2_rest));
    /* (b + b_rest) * below is log / |beta|. A tiny beta is enlarged, so that its reciprocal can be held. */
    const vec enlarged = mul(size, select(tiny, splat((elem)0x1p64), one)), moved = select(tiny, splat(64), zero);
    const vec lowest =
        splat(CONSTANTS(exp).floor - (sizeof(elem) == sizeof(float) ? 20 : 10)); /* hardly above a denormal */
    const vec below = pow2(add(max(add(sub(v, at), moved), lowest), splat(POW2)));
    const vec whole = mul(log, power), per = div(one, enlarged), b = mul(whole, per);
    const vec b_rest = mul(fma(log_rest, power, fnma(b, enlarged, whole)), per);
    const vec last = drop(beyond, below), small = drop(beyond, mul(b, below)), a = select(above(z, 0), x_size, zero);
    const vec larger = max(a, small), smaller = min(a, small), sum = add(larger, smaller);
    const vec lost = fma(b_rest, last, add(sub(larger, sum), smaller));
    const vec rest = select(finite(sum), lost, zero), total = add(sum, rest);
    const vec result = to_half ? nudged(total, add(sub(sum, total), rest)) : total;
    return nan_of(z, select(above(z, CONSTANTS(exp).highest), x, copysign(result, beta)));
}

/* The factor of softplus's gradient: sigmoid(beta * x). */
RS_INLINE vec softplus_factor(vec x, vec beta)
{
    const vec z = mul(beta, x), z_size = min_abs(z, splat(CONSTANTS(exp).sigmoid));
    return sigmoid_less(z, drop(at_least(z_size, CONSTANTS(exp).sigmoid), fnma(beta, x, z)), 0);
}

/* grad * factor for a gradient; +0 where the factor is 0, even if grad is infinite or NaN. */
RS_INLINE vec times_factor(vec grad, vec factor)
{
    return drop(nonpositive(min_abs(factor, splat(1))), mul(grad, factor));
}
