/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes of the CPU. A feature counts only when the operating system saves its registers too; x86
 * caches are asked of the CPU itself: glibc's sysconf gives 320 MB for a 32 MB L3 of AMD's, and /sys
 * need not be there. Contract in run/cpu.h. */
#include "run/cpu.h"

#if RS_X86
/* Asked of the CPU with every compiler: __builtin_cpu_supports says no where the compiler's runtime library is not
 * GCC's (Zig's Clang), or does not link (MinGW). */
enum { FMA = 1u << 12, OSXSAVE = 1u << 27, AVX = 1u << 28, F16C = 1u << 29 };          /* leaf 1, ecx */
enum { AVX2 = 1u << 5, AVX512F = 1u << 16, AVX512DQ = 1u << 17, AVX512BW = 1u << 30 }; /* leaf 7, ebx */
#define AVX512VL (1u << 31)
/* Registers that the system saves: xmm and ymm; and the masks and zmm. macOS turns the latter on when they are first
 * used, and always has them where the CPU does. */
enum { SAVES_YMM = 0x06 };
#ifdef __APPLE__
enum { SAVES_ZMM = SAVES_YMM };
#else
enum { SAVES_ZMM = 0xe6 };
#endif

static int has(unsigned leaf7_ebx_bits, unsigned xcr0_bits)
{
    const unsigned leaf1_ecx_bits = FMA | OSXSAVE | AVX | F16C;
    unsigned id[4];
    RS_CPUID(0, 0, id);
    if (id[0] < 7) {
        return 0;
    }
    RS_CPUID(1, 0, id);
    if ((id[2] & leaf1_ecx_bits) != leaf1_ecx_bits || (RS_XCR0() & xcr0_bits) != xcr0_bits) {
        return 0;
    }
    RS_CPUID(7, 0, id);
    return (id[1] & leaf7_ebx_bits) == leaf7_ebx_bits;
}

int rs_cpu_has_avx2(void) { return has(AVX2, SAVES_YMM); }

int rs_cpu_has_avx512(void) { return has(AVX2 | AVX512F | AVX512DQ | AVX512BW | AVX512VL, SAVES_ZMM); }

/* Leaf 4 (Intel) and 0x8000001d (AMD) list the caches in the same form, up to one of type 0. */
static size_t listed_cache(unsigned leaf, int level)
{
    for (unsigned part = 0; part < 16; part++) {
        unsigned id[4];
        RS_CPUID(leaf, part, id);
        const unsigned type = id[0] & 31; /* 1 data, 2 instructions, 3 both */
        if (type == 0) {
            return 0;
        }
        if (type != 2 && (id[0] >> 5 & 7) == (unsigned)level) {
            const size_t ways = (id[1] >> 22) + 1, partitions = (id[1] >> 12 & 1023) + 1, line = (id[1] & 4095) + 1;
            return ways * partitions * line * ((size_t)id[2] + 1);
        }
    }
    return 0;
}

size_t rs_cpu_cache_bytes(int level)
{
    unsigned id[4];
    RS_CPUID(0, 0, id);
    const unsigned last = id[0];
    const size_t bytes = last >= 4 ? listed_cache(4, level) : 0;
    if (bytes != 0) {
        return bytes;
    }
    RS_CPUID(0x80000000u, 0, id);
    return id[0] >= 0x8000001du ? listed_cache(0x8000001du, level) : 0;
}

#elif defined(__APPLE__)
#include <sys/sysctl.h>
size_t rs_cpu_cache_bytes(int level)
{
    static const char *const names[] = {"hw.l1dcachesize", "hw.l2cachesize", "hw.l3cachesize"};
    long long bytes = 0;
    size_t length = sizeof bytes;
    return sysctlbyname(names[level - 1], &bytes, &length, NULL, 0) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

#else
#ifndef _WIN32
#include <unistd.h>
#endif
size_t rs_cpu_cache_bytes(int level)
{
#ifdef _SC_LEVEL1_DCACHE_SIZE
    static const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
    const long bytes = sysconf(names[level - 1]);
    return bytes > 0 ? (size_t)bytes : 0;
#else
    (void)level;
    return 0;
#endif
}
#endif
