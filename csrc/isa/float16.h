/* SPDX-License-Identifier: BSD-3-Clause */
/* float16 and bfloat16, as their bits, to float32 and back in plain C: exact one way, rounded to
 * nearest even the other. A NaN keeps its sign and the payload bits that there is room for; rounding
 * makes it quiet. Included by isa/half.h for constants and by isa/scalar.c
 * for data. */
#ifndef RS_FLOAT16_H
#define RS_FLOAT16_H
#include <stdint.h>
#include <string.h>

#include "compiler.h"

enum { RS_INF_f16 = 0x7c00, RS_INF_bf16 = 0x7f80 };

RS_INLINE uint32_t rs_bits_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

RS_INLINE float rs_float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

RS_INLINE float rs_from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = h & 0x7fff;
    if (magnitude < 0x0400) { /* a denormal: units of 2^-24 */
        return rs_float_of(sign | rs_bits_of((float)magnitude * 0x1p-24f));
    }
    if (magnitude < 0x7c00) {
        return rs_float_of(sign | ((magnitude << 13) + (112u << 23)));
    }
    return rs_float_of(sign | 0x7f800000 | magnitude << 13);
}

RS_INLINE uint16_t rs_to_f16(float f)
{
    const uint32_t bits = rs_bits_of(f), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    uint32_t h;
    if (magnitude > 0x7f800000) {
        h = 0x7e00 | (magnitude >> 13 & 0x03ff);
    } else if (magnitude >= 0x477ff000) { /* 65520, halfway to what would be 65536 */
        h = 0x7c00;
    } else if (magnitude < 0x38800000) { /* a denormal: adding 0.5, whose ULP is 2^-24, does the rounding */
        h = rs_bits_of(rs_float_of(magnitude) + 0.5f) - 0x3f000000;
    } else {
        h = ((magnitude + 0x0fff + (magnitude >> 13 & 1)) >> 13) - (112u << 10);
    }
    return (uint16_t)(sign | h);
}

RS_INLINE float rs_from_bf16(uint16_t h) { return rs_float_of((uint32_t)h << 16); }

RS_INLINE uint16_t rs_to_bf16(float f)
{
    const uint32_t bits = rs_bits_of(f);
    if ((bits & 0x7fffffff) > 0x7f800000) {
        return (uint16_t)(bits >> 16 | 0x0040);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
