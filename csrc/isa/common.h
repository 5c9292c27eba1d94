/* SPDX-License-Identifier: BSD-3-Clause */
/* What every ISA file says alike. A mask is a type of its own, a struct with one member, so that it cannot be
 * taken for a vector: `select` with its arguments in another order does not compile.
 * Included by every C file of isa/ when it has the words of f32 and f64, and PARTS, the number of float32 vectors to a
 * 16-bit vector and of float64 vectors to a float32 vector. */
#ifndef RS_ISA_COMMON_H
#define RS_ISA_COMMON_H

typedef struct {
    vec_f64 part[PARTS];
} doubles_f32;
typedef struct {
    vec_f64 part[1];
} doubles_f64;
enum { DOUBLES_f32 = PARTS, DOUBLES_f64 = 1 };

RS_INLINE doubles_f64 to_doubles_f64(vec_f64 v) { return (doubles_f64){{v}}; }

/* Where the spacing of floats is 1, and n more is 2^n in the bits that pow2 moves to the exponent. */
static const float POW2_f32 = 0x1.8p23f + 127;
static const double POW2_f64 = 0x1.8p52 + 1023;

/* The words of long expressions for PARTS vectors as one: each step is taken for all of them before the next step, so
 * that the CPU, which waits for the result of a step before it can take the next one, has several to take meanwhile.
 * The vectors of 16-bit floats in float32 are of this type, too. There is no loop over the parts: compilers took twice
 * as long to unroll one in every word. */
_Static_assert(PARTS == 1 || PARTS == 2, "EACH_PART has two turns at most");
#define EACH_PART(...)           \
    {                            \
        const int k = 0;         \
        __VA_ARGS__;             \
    }                            \
    if (PARTS == 2) {            \
        const int k = PARTS - 1; \
        __VA_ARGS__;             \
    }
#define PARTS_1(word, T)                                      \
    RS_INLINE vec_parts_##T word##_parts_##T(vec_parts_##T a) \
    {                                                         \
        EACH_PART(a.part[k] = word##_##T(a.part[k]))          \
        return a;                                             \
    }
#define PARTS_2(word, T)                                                       \
    RS_INLINE vec_parts_##T word##_parts_##T(vec_parts_##T a, vec_parts_##T b) \
    {                                                                          \
        EACH_PART(a.part[k] = word##_##T(a.part[k], b.part[k]))                \
        return a;                                                              \
    }
#define PARTS_3(word, T)                                                                        \
    RS_INLINE vec_parts_##T word##_parts_##T(vec_parts_##T a, vec_parts_##T b, vec_parts_##T c) \
    {                                                                                           \
        EACH_PART(a.part[k] = word##_##T(a.part[k], b.part[k], c.part[k]))                      \
        return a;                                                                               \
    }
#define PARTS_COMPARISON(word, T)                                               \
    RS_INLINE mask_parts_##T word##_parts_##T(vec_parts_##T a, vec_parts_##T b) \
    {                                                                           \
        mask_parts_##T m;                                                       \
        EACH_PART(m.part[k] = word##_##T(a.part[k], b.part[k]))                 \
        return m;                                                               \
    }
#define PARTS_OF(T, E)                                                                                          \
    typedef E elem_parts_##T;                                                                                   \
    typedef struct {                                                                                            \
        vec_##T part[PARTS];                                                                                    \
    } vec_parts_##T;                                                                                            \
    typedef struct {                                                                                            \
        mask_##T part[PARTS];                                                                                   \
    } mask_parts_##T;                                                                                           \
    enum { LANES_parts_##T = PARTS * LANES_##T };                                                               \
    RS_INLINE vec_parts_##T splat_parts_##T(E s)                                                                \
    {                                                                                                           \
        vec_parts_##T v;                                                                                        \
        EACH_PART(v.part[k] = splat_##T(s))                                                                     \
        return v;                                                                                               \
    }                                                                                                           \
    RS_INLINE vec_parts_##T load_parts_##T(const E *p)                                                          \
    {                                                                                                           \
        vec_parts_##T v;                                                                                        \
        EACH_PART(v.part[k] = load_##T(p + k * LANES_##T))                                                      \
        return v;                                                                                               \
    }                                                                                                           \
    RS_INLINE void store_parts_##T(E *p, vec_parts_##T v){EACH_PART(store_##T(p + k * LANES_##T, v.part[k]))}   \
    RS_INLINE void stream_parts_##T(E *p, vec_parts_##T v){EACH_PART(stream_##T(p + k * LANES_##T, v.part[k]))} \
    RS_INLINE vec_parts_##T load_n_parts_##T(const E *p, size_t n)                                              \
    {                                                                                                           \
        vec_parts_##T v = splat_parts_##T(0);                                                                   \
        for (size_t k = 0; k < PARTS && n != 0; k++) {                                                          \
            const size_t here = n < LANES_##T ? n : LANES_##T;                                                  \
            v.part[k] = here < LANES_##T ? load_n_##T(p, here) : load_##T(p);                                   \
            p += here;                                                                                          \
            n -= here;                                                                                          \
        }                                                                                                       \
        return v;                                                                                               \
    }                                                                                                           \
    RS_INLINE void store_n_parts_##T(E *p, vec_parts_##T v, size_t n)                                           \
    {                                                                                                           \
        for (size_t k = 0; k < PARTS && n != 0; k++) {                                                          \
            const size_t here = n < LANES_##T ? n : LANES_##T;                                                  \
            if (here < LANES_##T) {                                                                             \
                store_n_##T(p, v.part[k], here);                                                                \
            } else {                                                                                            \
                store_##T(p, v.part[k]);                                                                        \
            }                                                                                                   \
            p += here;                                                                                          \
            n -= here;                                                                                          \
        }                                                                                                       \
    }                                                                                                           \
    RS_INLINE vec_parts_##T select_parts_##T(mask_parts_##T m, vec_parts_##T a, vec_parts_##T b)                \
    {                                                                                                           \
        EACH_PART(a.part[k] = select_##T(m.part[k], a.part[k], b.part[k]))                                      \
        return a;                                                                                               \
    }                                                                                                           \
    RS_INLINE vec_parts_##T drop_parts_##T(mask_parts_##T m, vec_parts_##T v)                                   \
    {                                                                                                           \
        EACH_PART(v.part[k] = drop_##T(m.part[k], v.part[k]))                                                   \
        return v;                                                                                               \
    }                                                                                                           \
    PARTS_COMPARISON(less, T)                                                                                   \
    PARTS_COMPARISON(less_equal, T)                                                                             \
    PARTS_1(pow2, T)                                                                                            \
    PARTS_2(add, T)                                                                                             \
    PARTS_2(sub, T)                                                                                             \
    PARTS_2(mul, T)                                                                                             \
    PARTS_2(div, T)                                                                                             \
    PARTS_2(min, T)                                                                                             \
    PARTS_2(max, T)                                                                                             \
    PARTS_2(min_abs, T)                                                                                         \
    PARTS_2(copysign, T)                                                                                        \
    PARTS_2(nan_of, T)                                                                                          \
    PARTS_3(fma, T)                                                                                             \
    PARTS_3(fms, T)                                                                                             \
    PARTS_3(fnma, T)

PARTS_OF(f32, float)
PARTS_OF(f64, double)

#endif
