/* SPDX-License-Identifier: BSD-3-Clause */
/* gelu, gelu_tanh, mish, tanhshrink, and the factors of their gradients, as lane expressions over what vmath.h has. A
 * value that float32 or float64 cannot hold is a sum of two, x + x_rest.
 *
 * Largest errors in ULP: f32, every input (of factors sampled); f64, sampled; and of the factors that cross zero, how
 * far from the exact one near there.
 *   gelu               0.82  0.84
 *   gelu_factor        0.58  0.52  2^-28  2^-57
 *   gelu_tanh          0.83  0.80
 *   gelu_tanh_factor   0.75  1.00  2^-28  2^-57
 *   mish               0.81  0.81
 *   mish_factor        1.01  0.82  2^-29  2^-58
 *   tanhshrink         0.98  0.87
 *   tanhshrink_factor  1.41  0.98
 * Monotone but within 1/8 of where a function turns (f32: every neighbour, f64: sampled).
 * Included by isa/parts.h once for f32 and once for f64. */

#ifndef RS_VMATH_GELU_CONSTANTS
#define RS_VMATH_GELU_CONSTANTS
/* Phi(-a) * e^(a^2 / 2) = P(u) / (a + shift) with u = middle - 2 * shift / (a + shift), P(u) = p0 + u * (p1 + u * (h0 +
 * u * K(u))). middle, p0 and p1 are short, so that no difference with them rounds. K has 12 and 24 coefficients and the
 * least error relative to P for a in 0 .. far (Lawson's iteration in 45 digits, each coefficient fitted anew after
 * those before it were rounded): 2^-33.6 in f32 and 2^-60.9 in f64. The shift makes P nearly a line, so that the
 * rounding of K counts for little. Beyond `far` x * Phi(x) is 0 or x. phi is 1 / sqrt(2 * pi). gelu_tanh is x *
 * sigmoid(z), z = (linear + cubic * x^2) * x. `linear` is short, so that no difference with it rounds, and beyond
 * tanh_far the sigmoid is 0 or 1. */
static const struct {
    float far, shift, middle, phi, phi_rest, p0, p0_rest, p1, p1_rest, h0, k[12];
    float tanh_far, linear, linear_rest, cubic, cubic_rest;
} gelu_f32 = {14.6f,
              2,
              0x1.1ep0f,
              0x1.988454p-2f,
              -0x1.857936p-27f,
              0x1.6c6p-1f,
              -0x1.756522p-14f,
              -0x1.58cp-2f,
              0x1.b0dcd8p-16f,
              0x1.055caap-6f,
              {0x1.279556p-5f, 0x1.8dca26p-9f, -0x1.547c7ep-8f, -0x1.2e882ap-9f, 0x1.0571e4p-13f, 0x1.2892f8p-11f,
               0x1.1c70fap-12f, 0x1.69b36ap-17f, -0x1.50ec06p-14f, -0x1.901706p-15f, 0x1.a27a24p-18f, 0x1.60bd52p-17f},
              12,
              0x1.988p0f,
              0x1.14cf5p-14f,
              0x1.2444f2p-4f,
              0x1.49b16ap-29f};
static const struct {
    double far, shift, middle, phi, phi_rest, p0, p0_rest, p1, p1_rest, h0, k[24];
    double tanh_far, linear, linear_rest, cubic, cubic_rest;
} gelu_f64 = {38.8,
              0x1.8p1,
              0x1.12p0,
              0x1.9884533d43651p-2,
              -0x1.cbc0d30ebfd15p-56,
              0x1.8837a18p-1,
              -0x1.9a43d132df348p-32,
              -0x1.15b0b5ep-1,
              0x1.80b7b80ebaa62p-33,
              0x1.eacf3bcb07141p-3,
              {-0x1.68506140977cbp-5,  -0x1.a445f36374ae8p-7,  0x1.a5c987bf864dp-8,    0x1.89ee0fe5318e7p-10,
               -0x1.cc01b820ed525p-11, -0x1.608efc4b3a42bp-12, 0x1.965fe19fee197p-14,  0x1.5b036ed7736bep-14,
               0x1.4b1e8f86d8f2dp-19,  -0x1.0f97cd4c5f51ap-16, -0x1.8fe554da91cbp-18,  0x1.747dfb7d5dc4cp-20,
               0x1.0206b6e3e7717p-19,  0x1.0bcd5716cb7d5p-21,  -0x1.fdf5ed3a89973p-23, -0x1.03ba55855948cp-22,
               -0x1.1c99f4b5ceea9p-24, 0x1.18a66d7818803p-25,  0x1.5e25942493602p-25,  0x1.4d39a1e9f9cebp-27,
               -0x1.396de12f4cfb2p-27, -0x1.5f102105637fap-28, 0x1.caa8629a04f11p-31,  0x1.9e41c010c9de5p-31},
              24,
              0x1.9884534p0,
              -0x1.5e4d7b9781a62p-31,
              0x1.2444f2a4d8b4bp-4,
              -0x1.6c843a29d1c70p-61};
/* (x - tanh(x)) / x^3 = 1 / 3 + z * (g0 + z * H(z)), z = x^2 in 0 .. 81 / 64, fitted in the same way: 2^-31.6 and
 * 2^-57.9. The cube is scaled, so that its parts are not denormal where the result is not. */
static const struct {
    float third, third_rest, scale, g0, h[8];
} tanhshrink_f32 = {0x1.555556p-2f,
                    -0x1.555556p-27f,
                    0x1p40f,
                    -0x1.11111p-3f,
                    {0x1.ba1b0cp-5f, -0x1.6641a2p-6f, 0x1.21d298p-7f, -0x1.cee57ep-9f, 0x1.5d8a7p-10f, -0x1.c22366p-12f,
                     0x1.9bbaeap-14f, -0x1.792fecp-17f}};
static const struct {
    double third, third_rest, scale, g0, h[16];
} tanhshrink_f64 = {0x1.5555555555555p-2,
                    0x1.5555555555555p-56,
                    0x1p200,
                    -0x1.1111111111103p-3,
                    {0x1.ba1ba1ba1a34ep-5, -0x1.664f488258a5dp-6, 0x1.226e354f27617p-7, -0x1.d6d3ce319905ap-9,
                     0x1.7da33c688043fp-10, -0x1.355685d0a5653p-11, 0x1.f564fe3d607c5p-13, -0x1.95f404f498fe4p-14,
                     0x1.472cb50dca16ap-15, -0x1.036919ea68e01p-16, 0x1.8984af1503a53p-18, -0x1.0f7fa955eb76fp-19,
                     0x1.3cb1337dfdfc4p-21, -0x1.1b29509b5e385p-23, 0x1.4fb4a3aeed8ddp-26, -0x1.8435267137d8ap-30}};
#endif

/* c[0] + c[1] * r + ... of n coefficients, n a multiple of four: fours in Estrin's order, among them Horner's. */
RS_INLINE vec long_polynomial(const elem *c, int n, vec r)
{
    const vec r2 = mul(r, r), r4 = mul(r2, r2);
    vec sum = splat(0);
    for (int k = n - 4; k >= 0; k -= 4) {
        const vec low = fma(splat(c[k + 1]), r, splat(c[k])), high = fma(splat(c[k + 3]), r, splat(c[k + 2]));
        const vec four = fma(high, r2, low);
        sum = k == n - 4 ? four : fma(sum, r4, four);
    }
    return sum;
}

/* a + b is the sum and what this returns, which is exact. */
RS_INLINE vec sum_rest(vec a, vec b, vec sum)
{
    const vec of_b = sub(sum, a);
    return add(sub(a, sub(sum, of_b)), sub(b, of_b));
}

/* e^(y + y_rest) = 2^n * (m + m_rest). */
RS_INLINE vec exp_sum(vec y, vec y_rest, vec *n, vec *m_rest)
{
    const vec one = splat(1);
    vec v, head;
    const vec tail = exp_of(y, y_rest, &v, n, &head);
    const vec t = add(head, tail), t_rest = add(sub(head, t), tail), m = add(one, t);
    *m_rest = add(sub(t, sub(m, one)), t_rest);
    return m;
}

/* Phi(-a) = 2^n * (m + m_rest) * (r + r_rest) for a = |x|, bounded by `far`: 2^n * m is e^(-a^2 / 2). */
typedef struct {
    vec a, n, m, m_rest, r, r_rest;
} normal_tail;

RS_INLINE normal_tail normal_tail_of(vec x)
{
    const vec one = splat(1), shift = splat(CONSTANTS(gelu).shift), twice = splat(2 * CONSTANTS(gelu).shift);
    const vec p0 = splat(CONSTANTS(gelu).p0), p1 = splat(CONSTANTS(gelu).p1), middle = splat(CONSTANTS(gelu).middle);
    const vec a = min_abs(x, splat(CONSTANTS(gelu).far));
    const vec d = add(a, shift), d_rest = sub(min(a, shift), sub(d, max(a, shift)));
    const vec i = div(one, d), i_rest = mul(i, fnma(i, d_rest, fnma(i, d, one)));
    const vec w = mul(twice, i), u = sub(middle, w);
    const vec u_rest = fnma(twice, i_rest, add(sub(sub(middle, u), w), fnma(twice, i, w)));
    const vec k = long_polynomial(CONSTANTS(gelu).k, (int)(sizeof CONSTANTS(gelu).k / sizeof(elem)), u);
    const vec h0 = splat(CONSTANTS(gelu).h0), h = fma(u, k, h0), g = fma(u, h, p1);
    vec g_rest = add(fma(u, h, sub(p1, g)), splat(CONSTANTS(gelu).p1_rest));
    if (sizeof(elem) > sizeof(float)) { /* in f32 h counts for a hundredth of an ULP */
        g_rest = fma(u, fma(u, k, sub(h0, h)), g_rest);
    }
    const vec p = fma(u, g, p0), slope = sub(add(g, g), p1);
    const vec p_rest = fma(slope, u_rest, fma(u, g_rest, add(fma(u, g, sub(p0, p)), splat(CONSTANTS(gelu).p0_rest))));
    const vec r = mul(i, p), r_rest = fma(i_rest, p, fma(i, p_rest, fms(i, p, r)));

    const vec minus_half = mul(a, splat((elem)-0.5)), y = mul(a, minus_half);
    vec n, m_rest;
    const vec m = exp_sum(y, fms(a, minus_half, y), &n, &m_rest);
    return (normal_tail){a, n, m, m_rest, r, r_rest};
}

/* x * Phi(x); Phi(x) is 1 - Phi(-x) where x is not negative. There 2^n is not taken below 2^-64, which is nothing. */
RS_INLINE vec gelu_of(vec x, int to_half)
{
    const vec zero = splat(0), one = splat(1);
    const normal_tail t = normal_tail_of(x);
    const vec q = mul(t.m, t.r), q_rest = fma(t.m_rest, t.r, fma(t.m, t.r_rest, fms(t.m, t.r, q)));
    const vec power = pow2(add(max(t.n, splat(-64)), splat(POW2)));
    const vec b = fnma(power, q, one), b_rest = fnma(power, q_rest, fnma(power, q, sub(one, b)));
    const mask below = negative(x);
    const vec s = select(below, q, b), s_rest = select(below, q_rest, b_rest), y = copysign(t.a, x);
    vec first, last;
    halves_of_power(select(below, t.n, zero), &first, &last);
    const vec z = mul(y, first), product = mul(product_and(z, s, mul(z, s_rest), to_half), last);
    const mask tiny = less(t.a, splat((elem)0x1p-60)); /* s + s_rest is 1 / 2, and s need not be */
    const vec curve = beside_half(x, one, select(tiny, mul(x, splat((elem)0.5)), product), to_half);
    return nan_of(x, select(at_least(x, CONSTANTS(gelu).far), x, copysign(curve, x)));
}

/* The factor of gelu's gradient: Phi(x) + x * phi(x), where x < 0 that is e^(-a^2 / 2) * (r - a / sqrt(2 * pi)) with
 * the r of normal_tail, and otherwise 1 less that. */
RS_INLINE vec gelu_factor(vec x)
{
    const normal_tail t = normal_tail_of(x);
    const vec phi = splat(CONSTANTS(gelu).phi), one = splat(1), power = pow2(add(max(t.n, splat(-64)), splat(POW2)));
    const vec c = sub(splat(0), mul(t.a, phi)), d = add(t.r, c);
    const vec lacking = sub(fnma(t.a, splat(CONSTANTS(gelu).phi_rest), t.r_rest), fma(t.a, phi, c));
    const vec d_rest = add(sum_rest(t.r, c, d), lacking);
    const vec e = mul(t.m, d), e_rest = fma(t.m_rest, d, fma(t.m, d_rest, fms(t.m, d, e)));
    const vec b = fnma(power, e, one), b_rest = fnma(power, e_rest, fnma(power, e, sub(one, b)));
    vec first, last;
    halves_of_power(t.n, &first, &last);
    return nan_of(x, select(negative(x), mul(mul(add(e, e_rest), first), last), add(b, b_rest)));
}

/* 2u = (linear + cubic * x^2) * x of gelu_tanh, as z - surplus. y is x bounded, so that its cube does not overflow. */
RS_INLINE vec gelu_tanh_argument(vec x, vec *y, vec *y2, vec *surplus)
{
    const vec cubic = splat(CONSTANTS(gelu).cubic), linear = splat(CONSTANTS(gelu).linear);
    *y = copysign(min_abs(x, splat(CONSTANTS(gelu).tanh_far)), x);
    *y2 = mul(*y, *y);
    const vec y2_rest = fms(*y, *y, *y2), w = fma(cubic, *y2, linear);
    const vec lacking = fma(splat(CONSTANTS(gelu).cubic_rest), *y2, splat(CONSTANTS(gelu).linear_rest));
    const vec w_rest = add(fma(cubic, y2_rest, fma(cubic, *y2, sub(linear, w))), lacking);
    const vec z = mul(*y, w);
    *surplus = fnma(*y, w_rest, fnma(*y, w, z));
    return z;
}

RS_INLINE vec gelu_tanh_of(vec x, int to_half)
{
    vec y, y2, surplus;
    const vec z = gelu_tanh_argument(x, &y, &y2, &surplus);
    const vec curve = times_sigmoid(x, z, surplus, CONSTANTS(sigmoid).lowest, to_half);
    return nan_of(x, beside_half(x, splat(1), curve, to_half));
}

/* The factor of gelu_tanh's gradient: x times the derivative of z is z + 2 * cubic * x^3. */
RS_INLINE vec gelu_tanh_factor(vec x)
{
    vec y, y2, surplus;
    const vec z = gelu_tanh_argument(x, &y, &y2, &surplus);
    const vec c = mul(y2, splat(2 * CONSTANTS(gelu).cubic)), k = fma(c, y, z);
    return nan_of(x, sigmoid_slope(z, surplus, k, sub(fma(c, y, sub(z, k)), surplus)));
}

/* mish(x) = x * n / d, with e = e^-|x| = 2^k * (m + m_rest):
 *   x < 0    n = 2^k * m * b, b = 2 + e, d = 2 + e * b
 *   x >= 0   n = b = 1 + 2e, d = b + e * 2e */
typedef struct {
    vec k, power, m, m_rest, e, e_rest, b, b_rest, d, d_rest;
} mish_parts;

RS_INLINE mish_parts mish_parts_of(vec x)
{
    const vec one = splat(1), two = splat(2), zero = splat(0);
    const mask below = negative(x);
    vec k, m_rest;
    const vec m = exp_sum(sub(zero, min_abs(x, splat(-CONSTANTS(sigmoid).lowest))), zero, &k, &m_rest);
    const vec power = pow2(add(max(k, splat(-64)), splat(POW2))), e = mul(power, m), e_rest = mul(power, m_rest);
    const vec larger = select(below, two, one), smaller = select(below, e, add(e, e));
    const vec b = add(larger, smaller);
    const vec b_rest = add(sum_rest(larger, smaller, b), select(below, e_rest, add(e_rest, e_rest)));
    const vec c = select(below, two, b), c_rest = select(below, zero, b_rest);
    const vec f = select(below, b, smaller), f_rest = select(below, b_rest, add(e_rest, e_rest));
    const vec d = fma(e, f, c);
    const vec d_rest = fma(e_rest, f, fma(e, f_rest, add(fma(e, f, sub(c, d)), c_rest)));
    return (mish_parts){k, power, m, m_rest, e, e_rest, b, b_rest, d, d_rest};
}

/* (n + n_rest) / (d + d_rest), i being 1 / d. */
RS_INLINE vec quotient_of(vec n, vec n_rest, vec d, vec d_rest, vec i, vec *rest)
{
    const vec q = mul(n, i);
    *rest = mul(i, add(fnma(q, d, n), fnma(q, d_rest, n_rest)));
    return q;
}

RS_INLINE vec mish_of(vec x, int to_half)
{
    const vec zero = splat(0), far = splat(-CONSTANTS(sigmoid).lowest);
    const mish_parts t = mish_parts_of(x);
    const mask below = negative(x);
    const vec n = mul(t.m, t.b), n_rest = fma(t.m_rest, t.b, fma(t.m, t.b_rest, fms(t.m, t.b, n)));
    vec q_rest, first, last;
    const vec q =
        quotient_of(select(below, n, t.b), select(below, n_rest, t.b_rest), t.d, t.d_rest, div(splat(1), t.d), &q_rest);
    halves_of_power(select(below, t.k, zero), &first, &last);
    const mask tiny = less(min_abs(x, splat(1)), splat((elem)0x1p-60)); /* enlarged, so that the rest is not denormal */
    const vec larger = select(tiny, splat((elem)0x1p64), first), smaller = select(tiny, splat((elem)0x1p-64), last);
    const vec z = mul(copysign(min_abs(x, far), x), larger);
    const vec curve = mul(product_and(z, q, mul(z, q_rest), to_half), smaller);
    return nan_of(x, select(at_least(x, -CONSTANTS(sigmoid).lowest), x, copysign(curve, x)));
}

/* The factor of mish's gradient: (b * d + 4 * x * (1 + e) * w) / d^2, times e where x < 0, with w = 1 there, else e^2.
 */
RS_INLINE vec mish_factor(vec x)
{
    const vec one = splat(1), zero = splat(0), far = splat(-CONSTANTS(sigmoid).lowest);
    const mish_parts t = mish_parts_of(x);
    const mask below = negative(x);
    const vec s = add(one, t.e), s_rest = add(sub(t.e, sub(s, one)), t.e_rest);
    const vec y = mul(copysign(min_abs(x, far), x), splat(4)), w = mul(y, select(below, one, mul(t.e, t.e)));
    const vec c = mul(w, s), c_rest = fma(w, s_rest, fms(w, s, c));
    const vec bd = mul(t.b, t.d), bd_rest = fma(t.b_rest, t.d, fma(t.b, t.d_rest, fms(t.b, t.d, bd)));
    const vec n = add(bd, c), n_rest = add(sum_rest(bd, c, n), add(bd_rest, c_rest)), i = div(one, t.d);
    vec q_rest, f_rest, first, last;
    const vec q = quotient_of(n, n_rest, t.d, t.d_rest, i, &q_rest);
    const vec f = quotient_of(q, q_rest, t.d, t.d_rest, i, &f_rest);
    halves_of_power(select(below, t.k, zero), &first, &last);
    const vec factor =
        fma(f, select(below, t.m, one), fma(f_rest, select(below, t.m, one), mul(f, select(below, t.m_rest, zero))));
    return nan_of(x, mul(mul(factor, first), last));
}

/* x - tanh(x). Below 9 / 8, where that cancels, x^3 * (1 / 3 + z * (g0 + z * H(z))) with z = x^2. */
RS_INLINE vec tanhshrink_of(vec x, int to_half)
{
    vec s_rest;
    const vec a = min_abs(x, splat(CONSTANTS(exp).largest)), s = tanh_parts(x, &s_rest);
    const vec far = sub(a, s), far_rest = sub(sum_rest(a, sub(splat(0), s), far), s_rest);

    const vec y = min(a, splat((elem)1.125)), z = mul(y, y), z_rest = fms(y, y, z);
    const vec third = splat(CONSTANTS(tanhshrink).third);
    const vec g0 = splat(CONSTANTS(tanhshrink).g0);
    const vec h = long_polynomial(CONSTANTS(tanhshrink).h, (int)(sizeof CONSTANTS(tanhshrink).h / sizeof(elem)), z);
    const vec g = fma(z, h, g0), g_rest = fma(z, h, sub(g0, g)), p = fma(z, g, third);
    const vec lacking = fma(z_rest, g, splat(CONSTANTS(tanhshrink).third_rest));
    const vec p_rest = add(fma(z, g_rest, fma(z, g, sub(third, p))), lacking);
    const vec scaled = mul(y, splat(CONSTANTS(tanhshrink).scale)), inverse = splat(1 / CONSTANTS(tanhshrink).scale);
    const vec c = mul(scaled, z), c_rest = fma(scaled, z_rest, fms(scaled, z, c));
    const vec near = mul(product_and(c, p, fma(c_rest, p, mul(c, p_rest)), to_half), inverse);

    const vec sum = add(far, far_rest), beyond = to_half ? nudged(sum, add(sub(far, sum), far_rest)) : sum;
    const vec result = select(at_least(a, (elem)1.125), beyond, near);
    return nan_of(x, copysign(select(finite(x), result, x), x));
}

/* The factor of tanhshrink's gradient: the square of tanh. */
RS_INLINE vec tanhshrink_factor(vec x)
{
    vec rest;
    const vec s = tanh_parts(x, &rest);
    return nan_of(x, fma(s, s, mul(rest, add(s, s))));
}
