// SPDX-License-Identifier: BSD-3-Clause
// The one kernel: an operation on one dtype, element by element. _source.py puts definitions before it:
//   bits, SIGN, INF, SIX   the unsigned integer as wide as the dtype, and patterns of the dtype in it
//   real, real_bits        what arithmetic is done in, and the integer as wide; absent where there is none to do
//   FLOAT16, ... FLOAT64   the dtype; HALF with FLOAT16 where the device converts it itself
//   GROUP, PACK, pack_word work items a group; elements a work item moves at once, and an integer as wide
//   NAME, VALUES, BODY     the operation; PARAMETERS and what is below it, how the kernel gets its inputs
// Elements are bits until a body widens them: comparing and selecting needs no fp16 or fp64, keeps a NaN's
// payload, and is right where the device flushes denormals.
#pragma OPENCL FP_CONTRACT OFF

// A call that a compiler leaves in place keeps it from making vectors.
#define INLINE static inline __attribute__((always_inline))

// False for NaN; -0 and +0 are equal.
INLINE bool between(bits x, bits from, bits to) { return (bits)(x - from) <= (bits)(to - from); }
INLINE bool negative(bits x) { return between(x, SIGN + 1, SIGN + INF); }
INLINE bool nonpositive(bits x) { return x == 0 || between(x, SIGN, SIGN + INF); }
INLINE bool positive(bits x) { return between(x, 1, INF); }
INLINE bool above_six(bits x) { return between(x, SIX + 1, INF); }
INLINE bool six_or_above(bits x) { return between(x, SIX, INF); }
INLINE bits rectified(bits x) { return negative(x) ? 0 : x; }

#ifdef real
// widen: exactly. narrow: rounded to nearest even, a NaN made quiet.
#if defined FLOAT64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
INLINE real widen(bits x) { return as_double(x); }
INLINE bits narrow(real f) { return as_ulong(f); }
#endif

#if defined FLOAT32
INLINE real widen(bits x) { return as_float(x); }
INLINE bits narrow(real f) { return as_uint(f); }
#elif defined BFLOAT16
INLINE real widen(bits x) { return as_float((uint)x << 16); }
INLINE bits narrow(real f)
{
    const uint u = as_uint(f);
    return (u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 0x0040 : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
#elif defined HALF
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
INLINE real widen(bits x) { return convert_float(as_half(x)); }
INLINE bits narrow(real f) { return as_ushort(convert_half_rte(f)); }
#elif defined FLOAT16
// On the bits: vload_half is a call an element on some devices. No step makes or reads a float32 denormal
// that matters, so flushing them changes nothing.
INLINE real widen(bits x)
{
    const uint sign = (uint)(x & 0x8000) << 16, magnitude = x & 0x7fff;
    const uint normal = (magnitude << 13) + (magnitude < 0x7c00 ? 112u << 23 : 224u << 23);
    return as_float(sign | (magnitude < 0x0400 ? as_uint((float)magnitude * 0x1p-24f) : normal));
}
INLINE bits narrow(real f)
{
    const uint u = as_uint(f), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
    const uint normal = ((magnitude + 0x0fff + (magnitude >> 13 & 1)) >> 13) - (112u << 10);
    const uint denormal = as_uint(as_float(magnitude) + 0.5f) - 0x3f000000; // 0.5, whose ULP is 2^-24, rounds
    const uint number = magnitude < 0x38800000 ? denormal : magnitude < 0x477ff000 ? normal : 0x7c00;
    return sign | (magnitude > 0x7f800000 ? 0x7e00 | (magnitude >> 13 & 0x03ff) : number);
}
#endif

// From here on only +, -, * and conversions: exp, tanh and / of a device may be off by 5 ULP, and on PoCL even fma
// and fabs are a call an element, where these are vectors.
#if defined FLOAT64
#define as_real as_double
#define as_real_bits as_ulong
#define LN2_HIGH 0x1.62e42fefap-1 // ends in so many zero bits that its product with any k is exact
#define LN2_LOW 0x1.cf79abc9e3b3ap-40
#define ROUNDING 0x1.8p52 // adding it leaves no bits for a fraction
#define SPLITTING 0x1.0000002p27
#define EXPONENT_BIAS 1023
#define FRACTION_BITS 52
#define EXP_IS_ZERO -746 // exp of it rounds to 0
#define TANH_IS_ONE 22   // tanh of it rounds to 1
#else
#define as_real as_float
#define as_real_bits as_uint
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define ROUNDING 0x1.8p23f
#define SPLITTING 0x1.001p12f
#define EXPONENT_BIAS 127
#define FRACTION_BITS 23
#define EXP_IS_ZERO -104
#define TANH_IS_ONE 10
#endif
#define REAL_SIGN ((real_bits)1 << (sizeof(real) * 8 - 1))

// A number as a sum: low is what rounding took from high.
typedef struct {
    real high, low;
} pair;

INLINE real magnitude_of(real x) { return as_real(as_real_bits(x) & ~REAL_SIGN); }
INLINE real power_of_two(int k) { return as_real((real_bits)(k + EXPONENT_BIAS) << FRACTION_BITS); }

// exp(x) = 2^k * (1 + the result): exp(r) - 1 by its Taylor series, |r| <= ln(2) / 2.
INLINE pair reduced_exp(real x, int *k)
{
    const real turns = x * 1.442695f + ROUNDING - ROUNDING;
    const real near = x - turns * LN2_HIGH, far = turns * LN2_LOW, r = near - far;
    real sum = 0;
#define TERM(factorial) sum = sum * r + (real)1 / (real)(factorial);
#ifdef FLOAT64
    TERM(6227020800L) TERM(479001600) TERM(39916800) TERM(3628800) TERM(362880) TERM(40320)
#endif
    TERM(5040) TERM(720) TERM(120) TERM(24) TERM(6) TERM(2)
    *k = (int)turns;
    const real rest = r * r * sum, high = r + rest;
    return (pair){high, r - high + rest + (near - r - far)};
}

// 2^k + one + 2^k * factor.
INLINE pair add_product(real power, real one, pair factor)
{
    const real whole = power + one, product = power * factor.high, high = whole + product;
    return (pair){high, whole - high + product + power * factor.low + (one - (whole - power))};
}

// Halves of a number, so short that their products are exact.
INLINE pair halves(real x)
{
    const real shifted = x * SPLITTING, high = shifted - (shifted - x);
    return (pair){high, x - high};
}

INLINE real quotient(pair numerator, pair denominator)
{
    const real inverse = 1 / denominator.high, guess = numerator.high * inverse;
#if defined FLOAT16 || defined BFLOAT16
    return guess; // what is lost would move a 16-bit result at a tie only
#else
    const real product = guess * denominator.high;
    const pair a = halves(guess), b = halves(denominator.high);
    const real error = a.high * b.high - product + a.high * b.low + a.low * b.high + a.low * b.low;
    const real rest = numerator.high - product - error + (numerator.low - guess * denominator.low);
    return guess + rest * inverse;
#endif
}

// e / (1 + e) or 1 / (1 + e), e = exp(-|x|) being no larger than 1.
INLINE real sigmoid_of(real x)
{
    int k;
    const real t = -magnitude_of(x);
    const pair exp_of = add_product(1, 0, reduced_exp(t < EXP_IS_ZERO ? EXP_IS_ZERO : t, &k));
    // In two steps: 2^k alone may be too small for a number.
    const real power = power_of_two(k / 2), more = power_of_two(k - k / 2);
    const pair e = {exp_of.high * power * more, exp_of.low * power * more};
    const real denominator = 1 + e.high;
    const pair numerator = {x < 0 ? e.high : 1, x < 0 ? e.low : 0};
    return quotient(numerator, (pair){denominator, e.high - (denominator - 1) + e.low});
}

// (e - 1) / (e + 1), e = exp(2|x|).
INLINE real tanh_of(real x)
{
    int k;
    const real t = magnitude_of(x);
    const pair factor = reduced_exp(2 * (t > TANH_IS_ONE ? TANH_IS_ONE : t), &k);
    const real power = power_of_two(k);
    const real positive_one = quotient(add_product(power, -1, factor), add_product(power, 1, factor));
    return as_real(as_real_bits(positive_one) | (as_real_bits(x) & REAL_SIGN));
}
#endif

#if PACK > 1
typedef union {
    bits at[PACK];
    pack_word whole;
} pack;
#define LOAD_PACK(name, i) \
    pack name##_pack;      \
    name##_pack.whole = ((global const pack_word *)name##_in)[i];
#endif

INLINE bits operation(VALUES) { return BODY; }

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void NAME(PARAMETERS)
{
    SKIP_OFFSETS
    const size_t base = get_group_id(0) * (GROUP * PACK), local_id = get_local_id(0);
    if (base + GROUP * PACK <= n) { // the whole group takes the same way
#if PACK > 1
        const size_t i = base / PACK + local_id;
        pack result;
        LOAD_PACKS(i)
        for (int k = 0; k < PACK; k++) {
            result.at[k] = operation(FROM_PACKS(i, k));
        }
        ((global pack_word *)out)[i] = result.whole;
#else
        // A compiler for CPUs makes a loop of what is between barriers: this one has nothing else in it, and
        // becomes vectors.
        barrier(CLK_LOCAL_MEM_FENCE);
        const size_t i = base + local_id;
        out[i] = operation(FROM_MEMORY(i));
#endif
    } else {
        for (size_t i = base + local_id; i < n; i += GROUP) {
            out[i] = operation(FROM_MEMORY(i));
        }
    }
}
