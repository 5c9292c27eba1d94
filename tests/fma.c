/* SPDX-License-Identifier: BSD-3-Clause */
/* csrc/isa/fma.h against the hardware's instruction: random bit patterns, exponents near one another and near both ends,
 * and all pairs of edge cases. Prints the first difference. Built and run by test_fma.py, for CPUs with FMA. */
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>

#include "isa/fma.h"

#define HARDWARE __attribute__((target("fma")))

static uint64_t state = 88172645463325252u;
static uint64_t next(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

HARDWARE static double of_hardware(double a, double b, double c)
{
    return _mm_cvtsd_f64(_mm_fmadd_sd(_mm_set_sd(a), _mm_set_sd(b), _mm_set_sd(c)));
}

HARDWARE static float of_hardware_f32(float a, float b, float c)
{
    return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}

static long tried;

static void check(double a, double b, double c)
{
    const double want = of_hardware(a, b, c), got = rs_fma_f64(a, b, c), exact = rs_fma_in_integers(a, b, c);
    const int both_nan = want != want && got != got && exact != exact;
    if (!both_nan && (memcmp(&want, &got, 8) != 0 || memcmp(&want, &exact, 8) != 0)) {
        printf("fma(%a, %a, %a): %a, in integers %a, and the hardware says %a\n", a, b, c, got, exact, want);
        exit(1);
    }
    tried++;
}

static void check_f32(float a, float b, float c)
{
    const float want = of_hardware_f32(a, b, c), got = rs_fma_f32(a, b, c);
    if (!(want != want && got != got) && memcmp(&want, &got, 4) != 0) {
        printf("fmaf(%a, %a, %a): %a, and the hardware says %a\n", a, b, c, got, want);
        exit(1);
    }
    tried++;
}

static double number(int lowest, int highest)
{
    const uint64_t r = next(), exponent = (uint64_t)(lowest + (int)(next() % (unsigned)(highest - lowest + 1)));
    const uint64_t ones = next() % 3 == 0 ? ~0ull << next() % 52 : ~0ull; /* short significands: ties */
    return rs_f64_of((r & (1ull << 63)) | exponent << 52 | (r & ones & ((1ull << 52) - 1)));
}

static float single(void)
{
    uint32_t bits = (uint32_t)next();
    bits &= next() % 3 == 0 ? ~0u << next() % 23 : ~0u;
    float v;
    memcpy(&v, &bits, 4);
    return v;
}

int main(void)
{
    static const double edges[] = {0,          5e-324,     0x1p-1023, 0x1p-1022, 0x1.fffffffffffffp-1023, 0x1p-537,
                                   0x1p-480,   0x1p-53,    0x1p-52,   1,         0x1.fffffffffffffp0,     0x1.0000000000001p0,
                                   0x1p53,     0x1p480,    0x1p511,   0x1p960,   0x1.fffffffffffffp1023,  INFINITY,
                                   NAN};
    enum { EDGES = sizeof edges / sizeof *edges };
    for (int i = 0; i < 8 * EDGES * EDGES * EDGES; i++) {
        const int k = i / 8;
        const double a = edges[k % EDGES], b = edges[k / EDGES % EDGES], c = edges[k / EDGES / EDGES];
        check(i & 1 ? -a : a, i & 2 ? -b : b, i & 4 ? -c : c);
        check_f32((float)(i & 1 ? -a : a), (float)(i & 2 ? -b : b), (float)(i & 4 ? -c : c));
    }
    for (int i = 0; i < 2000000; i++) {
        check(number(0, 2047), number(0, 2047), number(0, 2047));
        check(number(963, 1083), number(963, 1083), number(900, 1200));
        check(number(400, 600), number(400, 600), number(0, 60));     /* denormal results */
        check(number(1480, 1560), number(1480, 1560), number(1900, 2046)); /* near overflow */
        const double a = number(1000, 1040), b = number(1000, 1040), product = a * b;
        check(a, b, -product); /* what the product lost */
        check(a, b, rs_f64_of(rs_bits_of_f64(-product) + next() % 5 - 2));
        check_f32(single(), single(), single());
        const float x = single(), y = single();
        check_f32(x, y, -(x * y));
    }
    printf("%ld agree\n", tried);
    return 0;
}
