/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes of the CPU. A feature counts only when the operating system saves its registers too.
 * Contract in cpu.h. */
#include "cpu.h"

#if defined(_WIN32)
#include <intrin.h>
#include <windows.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#else
#include <unistd.h>
#endif

#if RS_X86
#if defined(_MSC_VER) && !defined(__clang__)
static int has(int leaf7_ebx_bits, unsigned xcr0_bits)
{
    int id[4];
    __cpuid(id, 1);
    if (!(id[2] & (1 << 27)) || (_xgetbv(0) & xcr0_bits) != xcr0_bits) { /* 27: OSXSAVE */
        return 0;
    }
    __cpuidex(id, 7, 0);
    return (id[1] & leaf7_ebx_bits) == leaf7_ebx_bits;
}

int rs_cpu_has_avx2(void)
{
    return has(1 << 5, 0x06);
}

int rs_cpu_has_avx512(void)
{
    return has((int)(1u << 16 | 1u << 17 | 1u << 30 | 1u << 31), 0xe6);
}
#else
int rs_cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

int rs_cpu_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif
#endif

#if defined(_WIN32)
size_t rs_cpu_cache_bytes(int level)
{
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION info[256];
    DWORD bytes = sizeof info;
    if (GetLogicalProcessorInformation(info, &bytes)) {
        for (DWORD i = 0; i < bytes / sizeof info[0]; i++) {
            const CACHE_DESCRIPTOR *cache = &info[i].Cache;
            if (info[i].Relationship == RelationCache && cache->Level == level && cache->Type != CacheInstruction) {
                return cache->Size;
            }
        }
    }
    return 0;
}
#elif defined(__APPLE__)
size_t rs_cpu_cache_bytes(int level)
{
    static const char *const names[] = {"hw.l1dcachesize", "hw.l2cachesize", "hw.l3cachesize"};
    long long bytes = 0;
    size_t length = sizeof bytes;
    return sysctlbyname(names[level - 1], &bytes, &length, NULL, 0) == 0 && bytes > 0 ? (size_t)bytes : 0;
}
#elif defined(_SC_LEVEL1_DCACHE_SIZE)
size_t rs_cpu_cache_bytes(int level)
{
    static const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
    const long bytes = sysconf(names[level - 1]);
    return bytes > 0 ? (size_t)bytes : 0;
}
#else
size_t rs_cpu_cache_bytes(int level)
{
    (void)level;
    return 0;
}
#endif
