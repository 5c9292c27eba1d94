// SPDX-License-Identifier: BSD-3-Clause
// What every kernel begins with: the vocabulary of csrc/kernels.h, which the device's compiler takes as it stands, with
// vmath.h. It is one more instruction set, whose vector is one element; csrc/isa/scalar.c says what each word means.
// elementwise.cl, masks.cl and reductions.cl follow it. _source.py puts definitions before this text:
//   bits, SIGN, INF        the unsigned integer as wide as the dtype, and patterns of a float dtype in it
//   real, real_bits        what arithmetic on floats is done in, and the integer as wide
//   FLOAT16, ... FLOAT64   the dtype, if it is a float; HALF with FLOAT16 where the device converts it itself, NO_DOUBLE
//                          with FLOAT64 where the device has none
//   INTEGER                the dtype, if it is an integer
//   WIDENS                 the row's column `half` is WIDEN
//   EXACT_DIVISION         the quotient of two float32 is correctly rounded by itself
//   GROUP                  work items in a group
//   AXES, ARRAYS           of the kernels some of whose arrays do not lie in the order of the result
//   place, index           the integers that elements of those are counted in, with and without a sign
#pragma OPENCL FP_CONTRACT OFF

// A call that a compiler leaves in place keeps it from making vectors.
#define RS_INLINE static inline __attribute__((always_inline))
#define RS_CAT_(a, b) a##_##b
#define RS_CAT(a, b) RS_CAT_(a, b)

// What kernels.h and vmath.h look at.
#define RS_INTEGER 0
#define RS_HALF 1
#define RS_WHOLE 2

// widen: exactly. narrow: rounded to nearest even, a NaN made quiet. pattern: of a number that every dtype has.
#if defined INTEGER
RS_INLINE INTEGER widen(bits x) { return (INTEGER)x; }
#elif defined NO_DOUBLE
// For rows that only compare and move elements; no other comes here.
RS_INLINE real widen(bits x) { return 0; }
RS_INLINE bits narrow(real f) { return 0; }
#elif defined FLOAT64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
RS_INLINE real widen(bits x) { return as_double(x); }
RS_INLINE bits narrow(real f) { return as_ulong(f); }
#elif defined FLOAT32
RS_INLINE real widen(bits x) { return as_float(x); }
RS_INLINE bits narrow(real f) { return as_uint(f); }
#elif defined BFLOAT16
RS_INLINE real widen(bits x) { return as_float((uint)x << 16); }
RS_INLINE bits narrow(real f)
{
    const uint u = as_uint(f);
    return (u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 0x0040 : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
#elif defined HALF
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
// The device's own conversions need not keep what is in a NaN.
RS_INLINE real widen(bits x)
{
    const uint sign = (uint)(x & 0x8000) << 16, magnitude = x & 0x7fff;
    return magnitude > 0x7c00 ? as_float(sign | 224u << 23 | magnitude << 13) : convert_float(as_half(x));
}
RS_INLINE bits narrow(real f)
{
    const uint u = as_uint(f);
    return f != f ? (u >> 16 & 0x8000) | 0x7e00 | (u >> 13 & 0x03ff) : as_ushort(convert_half_rte(f));
}
#elif defined __F16C__ && defined __clang__ && !defined WIDENS
// Clang's own words for it, on a CPU that has the instructions: several times as fast as the way below, but not in the
// longer expressions, of which it makes no vectors with them. That a NaN is made quiet in steps hides from it where a
// number came from: it would add in float16, which gives the same, one element at a time.
RS_INLINE real widen(bits x) { return __builtin_load_halff((const half *)&x); }
RS_INLINE bits narrow(real f)
{
    const uint u = as_uint(f), quiet = (u & 0x7fffffff) > 0x7f800000 ? u | 0x00400000 : u;
    bits x;
    __builtin_store_halff(as_float(quiet), (half *)&x);
    return x;
}
#else
// On the bits: vload_half is a call for each element on some devices. No step makes or reads a float32 denormal
// that matters, so flushing them changes nothing.
RS_INLINE real widen(bits x)
{
    const uint sign = (uint)(x & 0x8000) << 16, magnitude = x & 0x7fff;
    const uint normal = (magnitude << 13) + (magnitude < 0x7c00 ? 112u << 23 : 224u << 23);
    return as_float(sign | (magnitude < 0x0400 ? as_uint((float)magnitude * 0x1p-24f) : normal));
}
RS_INLINE bits narrow(real f)
{
    const uint u = as_uint(f), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
    const uint normal = ((magnitude + 0x0fff + (magnitude >> 13 & 1)) >> 13) - (112u << 10);
    const uint denormal = as_uint(as_float(magnitude) + 0.5f) - 0x3f000000; // 0.5, whose ULP is 2^-24, rounds
    const uint number = magnitude < 0x38800000 ? denormal : magnitude < 0x477ff000 ? normal : 0x7c00;
    return sign | (magnitude > 0x7f800000 ? 0x7e00 | (magnitude >> 13 & 0x03ff) : number);
}
#endif

#if defined INTEGER
#elif defined FLOAT64
RS_INLINE bits pattern(float c)
{
    const uint u = as_uint(c);
    return u == 0 ? 0 : ((bits)(u >> 23) + 896) << 52 | (bits)(u & 0x7fffff) << 29;
}
#else
RS_INLINE bits pattern(float c) { return narrow(c); }
#endif

// The names that a compiler may have as macros, or has as a keyword.
#undef select
#undef min
#undef max
#undef copysign
#define select rs_select
#define min rs_min
#define max rs_max
#define copysign rs_copysign
#define half rs_half
#undef exp
#undef log
#undef finite

// A type of its own, so that select with its arguments in another order does not compile.
typedef struct {
    int is;
} mask;

#if defined WIDENS
// The whole expression in `real`.
#if defined FLOAT64
#define NAME_OF_TYPE f64
#define as_real as_double
#define as_real_bits as_ulong
#define POW2 (0x1.8p52 + 1023)
#define FRACTION_BITS 52
#else
#define NAME_OF_TYPE f32
#define as_real as_float
#define as_real_bits as_uint
#define POW2 (0x1.8p23f + 127)
#define FRACTION_BITS 23
#endif
#if defined FLOAT16 || defined BFLOAT16
#define TO_HALF 1
#else
#define TO_HALF 0
#endif
#define REAL_SIGN ((real_bits)1 << (sizeof(real) * 8 - 1))
#define T_CLASS RS_WHOLE
#define HAS_STEPS 0
#define HAS_WIDEN 1
typedef real vec, elem, wide;

#define splat(s) ((real)(s))
#define value(c) ((real)(c))
RS_INLINE mask negative(vec v) { return (mask){v < 0}; }
RS_INLINE mask nonpositive(vec v) { return (mask){v <= 0}; }
RS_INLINE mask less(vec a, vec b) { return (mask){a < b}; }
RS_INLINE mask less_equal(vec a, vec b) { return (mask){a <= b}; }
RS_INLINE mask above(vec v, real c) { return (mask){v > c}; }
RS_INLINE mask at_least(vec v, real c) { return (mask){v >= c}; }
RS_INLINE vec select(mask m, vec a, vec b) { return m.is ? a : b; }
RS_INLINE vec drop(mask m, vec v) { return m.is ? 0 : v; }
RS_INLINE vec add(vec a, vec b) { return a + b; }
RS_INLINE vec sub(vec a, vec b) { return a - b; }
RS_INLINE vec mul(vec a, vec b) { return a * b; }
// OpenCL's own fma is correctly rounded, but PoCL's takes twenty times as long as the instruction, and keeps a compiler
// from making vectors. Where the compiler is clang and says that its CPU has the instruction, that is taken.
#if defined __FMA__ && defined __clang__
#undef fma
#if defined FLOAT64
#define fma __builtin_fma
#else
#define fma __builtin_fmaf
#endif
#endif
RS_INLINE vec fms(vec a, vec b, vec c) { return fma(a, b, -c); }
RS_INLINE vec fnma(vec a, vec b, vec c) { return fma(-a, b, c); }
#if defined EXACT_DIVISION
RS_INLINE vec div(vec a, vec b) { return a / b; }
#else
// A quotient below 2^-125, from one that is off by 2^-149 at most: n times 2^-149, n corrected by what is left over.
RS_INLINE vec div_to_denormal(vec a, vec b, vec quotient)
{
    const vec all = a * 0x1p74f, unit = b * 0x1p-75f, n = quotient * 0x1p75f * 0x1p74f, rest = fma(-unit, n, all);
    const vec excess = 2 * fabs(rest) - fabs(unit);
    const int off = excess > 0 || (excess == 0 && ((int)n & 1));
    const vec nearest = off ? n + ((rest < 0) == (unit < 0) ? 1 : -1) : n;
    return as_real((as_real_bits(a) ^ as_real_bits(b)) & REAL_SIGN | as_real_bits(fabs(nearest) * 0x1p-149f));
}
// Otherwise Markstein's method, whose second step rounds correctly what the first has left. It needs an `a` that is
// not small, or what is left would be a denormal.
RS_INLINE vec div(vec a, vec b)
{
    const int is_small = fabs(a) < 0x1p-64f;
    const vec larger = is_small ? a * 0x1p64f : a;
    const vec near = 1 / b, inverse = fma(near, fma(-b, near, 1.0f), near), q = larger * inverse;
    const vec nearer = fma(fma(-b, q, larger), inverse, q), exact = fma(fma(-b, nearer, larger), inverse, nearer);
    if (a == 0 || !isfinite(exact)) {
        return a / b;
    }
    const vec quotient = is_small ? exact * 0x1p-64f : exact;
    return fabs(quotient) < 0x1p-125f ? div_to_denormal(a, b, quotient) : quotient;
}
#endif
RS_INLINE vec min(vec a, vec b) { return a < b ? a : b; }
RS_INLINE vec max(vec a, vec b) { return a > b ? a : b; }
RS_INLINE vec min_abs(vec a, vec b) { return min(as_real(as_real_bits(a) & ~REAL_SIGN), b); }
RS_INLINE vec pow2(vec v) { return as_real(as_real_bits(v) << FRACTION_BITS); }
RS_INLINE vec copysign(vec v, vec s)
{
    return as_real((as_real_bits(v) & ~REAL_SIGN) | (as_real_bits(s) & REAL_SIGN));
}
RS_INLINE vec nan_of(vec x, vec v)
{
    return x == x ? v : as_real(as_real_bits(x) | (real_bits)1 << (FRACTION_BITS - 1));
}
#define OPERAND(x) widen(x)
#define RESULT(v) narrow(v)

#elif defined INTEGER
#define NAME_OF_TYPE integer
#define T_CLASS RS_INTEGER
#define HAS_STEPS 1
#define HAS_WIDEN 0
typedef INTEGER vec, wide;

#define value(c) ((vec)(c))
RS_INLINE mask negative(vec v) { return (mask){v < 1 && v != 0}; }
RS_INLINE mask nonpositive(vec v) { return (mask){v < 1}; }
RS_INLINE mask less(vec a, vec b) { return (mask){a < b}; }
RS_INLINE mask less_equal(vec a, vec b) { return (mask){a <= b}; }
RS_INLINE mask above(vec v, vec c) { return (mask){v > c}; }
RS_INLINE mask at_least(vec v, vec c) { return (mask){v >= c}; }
RS_INLINE mask below_param(vec v, wide s) { return (mask){v < s}; }
RS_INLINE mask at_most_param(vec v, wide s) { return (mask){v <= s}; }
RS_INLINE mask above_param(vec v, wide s) { return (mask){v > s}; }
RS_INLINE mask at_least_param(vec v, wide s) { return (mask){v >= s}; }
RS_INLINE vec of_param(wide s) { return s; }
RS_INLINE vec select(mask m, vec a, vec b) { return m.is ? a : b; }
RS_INLINE vec drop(mask m, vec v) { return m.is ? 0 : v; }
// These wrap around.
RS_INLINE vec add(vec a, vec b) { return (vec)((bits)a + (bits)b); }
RS_INLINE vec sub(vec a, vec b) { return (vec)((bits)a - (bits)b); }
RS_INLINE vec times(vec a, vec b) { return (vec)(1u * (bits)a * (bits)b); }
RS_INLINE vec add_param(vec v, wide s) { return add(v, s); }
RS_INLINE vec sub_param(vec v, wide s) { return sub(v, s); }
// As in csrc/isa/whole.h: a negative v is not farther than s from 0 if -v - 1, which never overflows, is below s.
RS_INLINE vec drop_within(vec v, wide s, vec of)
{
    return negative(v).is ? drop(less(sub((vec)-1, v), s), of) : drop(less_equal(v, s), of);
}
#define OPERAND(x) widen(x)
#define RESULT(v) ((bits)(v))

#else
// Elements are bits, and numbers only within a word that computes: comparing and selecting needs no fp16 or fp64, keeps
// a NaN's payload, and is right where the device flushes denormals.
#define NAME_OF_TYPE bits
#define T_CLASS RS_HALF
#define HAS_STEPS 1
#define HAS_WIDEN 0
typedef bits vec;
typedef real wide;

#define value(c) pattern(c)
RS_INLINE mask between(vec x, bits from, bits to) { return (mask){(bits)(x - from) <= (bits)(to - from)}; }
RS_INLINE mask negative(vec v) { return between(v, SIGN + 1, SIGN + INF); }
RS_INLINE mask nonpositive(vec v) { return (mask){v == 0 || between(v, SIGN, SIGN + INF).is}; }
RS_INLINE mask above(vec v, float c) { return between(v, pattern(c) + 1, INF); }
RS_INLINE mask at_least(vec v, float c) { return between(v, pattern(c), INF); }
RS_INLINE mask below_param(vec v, wide s) { return (mask){widen(v) < s}; }
RS_INLINE mask at_most_param(vec v, wide s) { return (mask){widen(v) <= s}; }
RS_INLINE mask above_param(vec v, wide s) { return (mask){widen(v) > s}; }
RS_INLINE mask at_least_param(vec v, wide s) { return (mask){widen(v) >= s}; }
RS_INLINE vec of_param(wide s) { return narrow(s); }
RS_INLINE vec select(mask m, vec a, vec b) { return m.is ? a : b; }
RS_INLINE vec drop(mask m, vec v) { return m.is ? 0 : v; }
RS_INLINE vec add(vec a, vec b) { return narrow(widen(a) + widen(b)); }
RS_INLINE vec mul(vec a, wide b) { return narrow(widen(a) * b); }
RS_INLINE vec times(vec a, vec b) { return narrow(widen(a) * widen(b)); }
// Of NaN the first, as on CPUs: a compiler may make of a - b the sum with -b, which has another sign of a NaN.
RS_INLINE vec nan_or(vec v, wide s, wide result)
{
    const vec quiet = (vec)(INF & -INF) >> 1;
    return widen(v) != widen(v) ? v | quiet : s != s ? narrow(s) | quiet : narrow(result);
}
RS_INLINE vec add_param(vec v, wide s) { return nan_or(v, s, widen(v) + s); }
RS_INLINE vec sub_param(vec v, wide s) { return nan_or(v, s, widen(v) - s); }
RS_INLINE vec drop_within(vec v, wide s, vec of) { return widen(v & ~SIGN) <= s ? 0 : of; }
#define OPERAND(x) (x)
#define RESULT(v) (v)
#endif

#define NAME(word) RS_CAT(word, NAME_OF_TYPE)
#define CONSTANTS(name) NAME(name)
#define LANE(name, a, b, s, t) RS_INLINE vec lane_##name(vec a, vec b, wide s, wide t)
#define KERNEL1(name, a) LANE(name, a, b_, s_, t_)
#define KERNEL2(name, a, b) LANE(name, a, b, s_, t_)
#define KERNEL1_PARAM1(name, a, s) LANE(name, a, b_, s, t_)
#define KERNEL2_PARAM1(name, a, b, s) LANE(name, a, b, s, t_)
#define KERNEL1_PARAM2(name, a, s, t) LANE(name, a, b_, s, t)
#define KERNEL2_PARAM2(name, a, b, s, t) LANE(name, a, b, s, t)

#if defined AXES
// Where the elements of the arrays lie, counted from the first of each; the last axis is the fastest.
typedef struct {
    place extent[AXES], stride[ARRAYS][AXES];
} places;

// Of element i, in the order of the axes, the place in an array.
RS_INLINE place at(places p, int array, index i)
{
    place found = 0;
    for (int k = AXES - 1; k > 0; k--) {
        const index rest = i / (index)p.extent[k]; // one division: not every compiler makes one of / and %
        found += (place)(i - rest * (index)p.extent[k]) * p.stride[array][k];
        i = rest;
    }
    return found + (place)i * p.stride[array][0];
}
#endif
