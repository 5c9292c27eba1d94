/* SPDX-License-Identifier: BSD-3-Clause */
/* What every ISA file says alike. A mask is a type of its own, a struct with one member, so that it cannot be
 * taken for a vector: `select` with its arguments in another order does not compile.
 * Included by every C file of isa/ when it has vec_f32, vec_f64 and PARTS, the number of float32 vectors to a 16-bit
 * vector and of float64 vectors to a float32 vector. */
#ifndef RS_ISA_COMMON_H
#define RS_ISA_COMMON_H

typedef struct {
    vec_f32 part[PARTS];
} wide_half;
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

#endif
