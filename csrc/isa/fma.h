/* SPDX-License-Identifier: BSD-3-Clause */
/* a * b + c, rounded once to nearest even, where the compiler has no instruction for it. The C library's fma is no
 * substitute: MinGW's is wrong for many arguments, and the results of this package must not depend on it. Of a NaN or
 * an infinity among the operands comes what a * b + c gives. Included by isa/scalar.c, and by tests/fma.c. */
#ifndef RS_FMA_H
#define RS_FMA_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "compiler.h"

#if RS_ARM64 || defined(__FMA__)
RS_INLINE float rs_fma_f32(float a, float b, float c) { return fmaf(a, b, c); }
RS_INLINE double rs_fma_f64(double a, double b, double c) { return fma(a, b, c); }
#else

RS_INLINE uint64_t rs_bits_of_f64(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

RS_INLINE double rs_f64_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* a + b rounded to odd: where it is inexact, the one of its two neighbours whose last bit is set. Rounded once more,
 * to two bits less or fewer, that gives what one rounding of the exact sum would. */
RS_INLINE double rs_add_to_odd(double a, double b)
{
    const double sum = a + b, of_b = sum - a, error = (a - (sum - of_b)) + (b - of_b);
    const uint64_t bits = rs_bits_of_f64(sum);
    if ((error > 0 || error < 0) && (bits & 1) == 0) { /* of a NaN or an infinity the error is a NaN */
        return rs_f64_of((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
    }
    return sum;
}

/* The product of two float32 is exact in float64. */
static RS_APART RS_UNUSED float rs_fma_f32(float a, float b, float c) { return (float)rs_add_to_odd((double)a * b, c); }

/* 1.0 times 2^exponent is the number's last bit: significand * 2^exponent, for a finite number that is not 0; the
 * significand has 53 bits. */
RS_INLINE uint64_t rs_take_apart(double v, int *exponent)
{
    const uint64_t bits = rs_bits_of_f64(v);
    uint64_t significand = bits & ((1ull << 52) - 1);
    *exponent = (int)(bits >> 52 & 0x7ff);
    if (*exponent != 0) {
        significand |= 1ull << 52;
    } else {
        for (*exponent = 1; significand >> 52 == 0; significand <<= 1) {
            --*exponent;
        }
    }
    *exponent -= 1075;
    return significand;
}

/* high:low >> count, what is shifted out being gathered in the last bit. */
RS_INLINE void rs_shift_right(uint64_t *high, uint64_t *low, int count)
{
    for (; count >= 64; count -= 64) {
        *low = *high | (*low != 0);
        *high = 0;
        if (*low <= 1) {
            return;
        }
    }
    if (count != 0) {
        const uint64_t lost = *low << (64 - count);
        *low = *high << (64 - count) | *low >> count | (lost != 0);
        *high >>= count;
    }
}

/* In integers, for all arguments: the product of 106 bits, and c, as 128-bit numbers of one exponent. */
static RS_UNUSED double rs_fma_in_integers(double a, double b, double c)
{
    const double product = a * b;
    if (!(fabs(a) <= 0x1.fffffffffffffp1023 && fabs(b) <= 0x1.fffffffffffffp1023) || a == 0 || b == 0) {
        return product + c;
    }
    if (!(fabs(c) <= 0x1.fffffffffffffp1023)) {
        return c + c;
    }
    if (c == 0) {
        return product;
    }
    int exponent_a, exponent_b, exponent_c;
    const uint64_t x = rs_take_apart(a, &exponent_a), y = rs_take_apart(b, &exponent_b);
    uint64_t c_high = rs_take_apart(c, &exponent_c), c_low = 0, high, low;
    {
        const uint64_t x1 = x >> 32, x0 = x & 0xffffffff, y1 = y >> 32, y0 = y & 0xffffffff;
        const uint64_t middle = x1 * y0 + (x0 * y0 >> 32), other = x0 * y1 + (middle & 0xffffffff);
        low = other << 32 | (x0 * y0 & 0xffffffff);
        high = x1 * y1 + (middle >> 32) + (other >> 32);
    }
    /* Both begin in bits 116 to 118 of 128: room for a carry above, and for lost bits below. */
    int exponent = exponent_a + exponent_b;
    high = high << 12 | low >> 52;
    low <<= 12;
    exponent -= 12;
    c_high <<= 1; /* from bit 52 to 117, by 65 */
    exponent_c -= 65;
    if (exponent_c < exponent) {
        rs_shift_right(&c_high, &c_low, exponent - exponent_c < 256 ? exponent - exponent_c : 256);
    } else {
        rs_shift_right(&high, &low, exponent_c - exponent < 256 ? exponent_c - exponent : 256);
        exponent = exponent_c;
    }
    const uint64_t sign_of_product = (rs_bits_of_f64(a) ^ rs_bits_of_f64(b)) >> 63, sign_of_c = rs_bits_of_f64(c) >> 63;
    uint64_t sign = sign_of_product;
    if (sign_of_product == sign_of_c) {
        low += c_low;
        high += c_high + (low < c_low);
    } else {
        if (high < c_high || (high == c_high && low < c_low)) {
            const uint64_t larger_high = c_high, larger_low = c_low;
            c_high = high, c_low = low;
            high = larger_high, low = larger_low;
            sign = sign_of_c;
        }
        high -= c_high + (low < c_low);
        low -= c_low;
    }
    if ((high | low) == 0) {
        return 0.0;
    }
    while (high >> 63 == 0) {
        high = high << 1 | low >> 63;
        low <<= 1;
        exponent--;
    }
    high |= low != 0;
    /* high * 2^(exponent + 64), of which 53 bits stay, or fewer where it is denormal. */
    const int biased = exponent + 64 + 63 + 1023;
    if (biased >= 2047) {
        return rs_f64_of(sign << 63 | 0x7ffull << 52);
    }
    const int drop = biased >= 1 ? 11 : biased < -62 ? 75 : 12 - biased;
    uint64_t kept = 0, half = 0; /* what is dropped, against one half: its first bit, and whether there is more */
    if (drop < 64) {
        kept = high >> drop;
        half = high >> (drop - 1) & 1;
        kept += half && ((high & ((1ull << (drop - 1)) - 1)) != 0 || (kept & 1) != 0);
    } else if (drop == 64) {
        kept = high > 1ull << 63;
    }
    /* A carry moves to the exponent by itself, from the denormals to the others, too, and to infinity. */
    return rs_f64_of(sign << 63 | (biased >= 1 ? ((uint64_t)(biased - 1) << 52) + kept : kept));
}

/* Whether 2^-480 <= |v| < 2^480: products and their errors are then far from both ends. */
RS_INLINE int rs_moderate(double v) { return fabs(v) >= 0x1p-480 && fabs(v) < 0x1p480; }

/* The product as a sum of two, by Dekker, and c: the smaller parts are added to odd. (Boldo and Melquiond, "Emulation
 * of FMA and correctly rounded sums", 2008.) */
static RS_APART RS_UNUSED double rs_fma_f64(double a, double b, double c)
{
    if (!rs_moderate(a) || !rs_moderate(b) || !(fabs(c) < 0x1p960)) {
        return rs_fma_in_integers(a, b, c);
    }
    const double factor = 0x1p27 + 1, a_times = a * factor, b_times = b * factor;
    const double a_head = a_times - (a_times - a), b_head = b_times - (b_times - b);
    const double a_tail = a - a_head, b_tail = b - b_head, product = a * b;
    const double rest = ((a_head * b_head - product) + a_head * b_tail + a_tail * b_head) + a_tail * b_tail;
    /* c + rest = t + t_rest, product + t = v + v_rest, both without error */
    const double t = c + rest, of_rest = t - c, t_rest = (c - (t - of_rest)) + (rest - of_rest);
    const double v = product + t, of_t = v - product, v_rest = (product - (v - of_t)) + (t - of_t);
    return v + rs_add_to_odd(t_rest, v_rest);
}
#endif
#endif
