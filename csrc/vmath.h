/* SPDX-License-Identifier: BSD-3-Clause */
/* draft */
#ifndef RS_VMATH_CONSTANTS
#define RS_VMATH_CONSTANTS
static const struct {
    float lowest, highest, log2e, ln2, ln2_rest, scale, q[5];
} sigmoid_f32 = {-104,
                 20,
                 0x1.715476p0f,
                 0x1.62e430p-1f,
                 -0x1.05c610p-29f,
                 0x1p24f,
                 {0x1.fffffcp-2f, -0x1.555492p-3f, 0x1.5558aep-5f, -0x1.123980p-7f, 0x1.6a4f72p-10f}};
static const struct {
    double lowest, highest, log2e, ln2, ln2_rest, scale, q[11];
} sigmoid_f64 = {-745.5,
                 40,
                 0x1.71547652b82fep0,
                 0x1.62e42fefa39efp-1,
                 0x1.abc9e3b39803fp-56,
                 0x1p53,
                 {0x1.0000000000000p-1, -0x1.555555555555ap-3, 0x1.5555555555531p-5, -0x1.111111110f165p-7,
                  0x1.6c16c16c26f04p-10, -0x1.a01a01b1e4e60p-13, 0x1.a01a015230e2dp-16, -0x1.71ddf388078b8p-19,
                  0x1.27e58e726bb9fp-22, -0x1.af66b8d284936p-26, 0x1.1e63c9dfe365dp-29}};
static const struct {
    float highest, log2e_2, ln2_half, ln2_half_rest, q[5];
} tanh_f32 = {9.0625f,
              0x1.715476p1f,
              0x1.62e430p-2f,
              0,
              {0x1.000002p0f, 0x1.55549cp-1f, 0x1.5553aap-2f, 0x1.12337ap-3f, 0x1.6d5642p-5f}};
static const struct {
    double highest, log2e_2, ln2_half, ln2_half_rest, q[11];
} tanh_f64 = {19.125,
              0x1.71547652b82fep1,
              0x1.62e42fefa39efp-2,
              0x1.abc9e3b39803fp-57,
              {0x1.0000000000000p0, 0x1.5555555555559p-1, 0x1.5555555555554p-2, 0x1.111111110f562p-3,
               0x1.6c16c16c1989ep-5, 0x1.a01a01b08bdc8p-7, 0x1.a01a018c43795p-9, 0x1.71ddf68a2eddfp-11,
               0x1.27e52360f690cp-13, 0x1.af61f63426dc2p-16, 0x1.1ef2e0139f438p-18}};
#endif
#ifndef LOWPART
#define LOWPART 1
#endif

/* Estrin's order: as many operations as Horner's (a few more for f64) in about half the depth. */
RS_INLINE vec polynomial(const elem *q, vec r, vec r2)
{
    const vec low = fma(fma(splat(q[3]), r, splat(q[2])), r2, fma(splat(q[1]), r, splat(q[0])));
    const vec r4 = mul(r2, r2);
    if (sizeof(elem) == sizeof(float)) {
        return fma(fma(splat(q[4]), r2, fma(splat(q[3]), r, splat(q[2]))), r2, fma(splat(q[1]), r, splat(q[0])));
    }
    const vec mid = fma(fma(splat(q[7]), r, splat(q[6])), r2, fma(splat(q[5]), r, splat(q[4])));
    const vec high = fma(splat(q[10]), r2, fma(splat(q[9]), r, splat(q[8])));
    return fma(fma(high, r4, mid), r4, low);
}

RS_INLINE vec sigmoid_of(vec x)
{
    const vec scale = splat(NAME(sigmoid).scale), one = splat(1);
    const vec magic = splat(POW2 + (elem)(sizeof(elem) == 4 ? 24 : 53));
    const vec y = min(max(x, splat(NAME(sigmoid).lowest)), splat(NAME(sigmoid).highest));
    const vec v = fma(y, splat(NAME(sigmoid).log2e), magic), n = sub(v, magic);
    const vec head = fnma(n, splat(NAME(sigmoid).ln2), y), rest = mul(n, splat(NAME(sigmoid).ln2_rest));
    const vec r = sub(head, rest);
    const vec r2 = mul(r, r), w = fma(r2, polynomial(NAME(sigmoid).q, r, r2), rest);
    const vec t = sub(w, head);
    const vec g = pow2(v);
    const vec a = add(g, scale), a_rest = sub(g, sub(a, scale));
#if LOWPART == 2
    const vec d = fma(t, scale, a);
    vec d_rest = fma(t, scale, sub(a, d));
#else
    const vec ts = mul(t, scale), d = add(a, ts);
    vec d_rest = add(sub(a, d), ts);
#endif
#if LOWPART
    d_rest = fma(sub(w, add(t, head)), scale, d_rest);
#endif
    d_rest = add(d_rest, a_rest);
    const vec s = div(one, d);
    const vec e = fnma(s, d_rest, fnma(s, d, one));
    return nan_of(x, mul(fma(s, e, s), g));
}

RS_INLINE vec tanh_of(vec x)
{
    const vec magic = splat(POW2 - 1), half = splat((elem)0.5), one = splat(1);
    const vec a = min_abs(x, splat(NAME(tanh).highest));
    const vec v = fnma(a, splat(NAME(tanh).log2e_2), magic), n = sub(v, magic);
    const vec head = fma(n, splat(NAME(tanh).ln2_half), a);
    vec r = head, w;
    if (NAME(tanh).ln2_half_rest != 0) {
        const vec rest = mul(n, splat(NAME(tanh).ln2_half_rest));
        r = add(head, rest);
        w = fma(mul(r, r), polynomial(NAME(tanh).q, r, mul(r, r)), rest);
    } else {
        w = mul(mul(r, r), polynomial(NAME(tanh).q, r, mul(r, r)));
    }
    const vec g_half = pow2(v), g = add(g_half, g_half);
    const vec u = add(sub(half, g_half), head);
    const vec p = add(u, w), p_rest = add(sub(u, p), w);
    const vec d = add(p, g), d_rest = add(add(sub(max(p, g), d), min(p, g)), p_rest);
    const vec i = div(one, d), q = mul(p, i);
    const vec e = add(fnma(q, d, p), fnma(q, d_rest, p_rest));
    return nan_of(x, copysign(fma(i, e, q), x));
}
