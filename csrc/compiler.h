/* SPDX-License-Identifier: BSD-3-Clause */
/* What differs between compilers, and nothing else: architecture, inlining, target regions,
 * the few atomics, access to ARM's floating-point registers. GNU-only syntax may stand in this header
 * alone. Included by every C file.
 *
 * RS_TARGET_BEGIN(...)/RS_TARGET_END bracket code that may use instructions above the baseline.
 * MSVC needs no such region: it compiles any intrinsic as written. */
#ifndef RS_COMPILER_H
#define RS_COMPILER_H

/* setup.py overrides the flags of the environment that allow other results than IEEE 754's; what it does not know
 * ends here. */
#if defined(__FAST_MATH__) || defined(_M_FP_FAST) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "relu-simd: results would be wrong: remove -ffast-math, -Ofast, /fp:fast and the like from the compiler's flags"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "relu-simd: results would be wrong: arithmetic must be in the precision of its type (no -mfpmath=387)"
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define RS_X86 1
#else
#define RS_X86 0
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
#define RS_ARM64 1
#else
#define RS_ARM64 0
#endif

#define RS_CAT_(a, b) a##_##b
#define RS_CAT(a, b) RS_CAT_(a, b) /* joins with an underscore, after expansion */
#define RS_STR_(a) #a
#define RS_STR(a) RS_STR_(a)
#define RS_PRAGMA(x) _Pragma(#x)

#if defined(_MSC_VER) && !defined(__clang__)
#define RS_INLINE static __forceinline
#define RS_UNUSED
#define RS_APART __declspec(noinline)
#define RS_THREAD_LOCAL __declspec(thread)
#define RS_ALIGNED(bytes) __declspec(align(bytes))
#define RS_TARGET_BEGIN(features)
#define RS_TARGET_END
#include <intrin.h>
#if RS_X86
#define RS_CPUID(leaf, part, id) __cpuidex((int *)(id), (int)(leaf), (int)(part))
#define RS_XCR0() ((unsigned)_xgetbv(0))
#endif
/* volatile has acquire/release meaning for MSVC on x64, and pointers are written whole on ARM64 */
#define RS_ATOMIC_LOAD(p) (*(volatile __typeof__(*(p)) *)(p))
#define RS_ATOMIC_STORE(p, v) (*(volatile __typeof__(*(p)) *)(p) = (v))
#define RS_ATOMIC_EXCHANGE(p, v) _InterlockedExchange((volatile long *)(p), v)
/* Of 64 bits, each in one order for all threads. RS_ATOMIC_ADD returns what was there before. */
#define RS_ATOMIC_ADD(p, v) ((uint64_t)_InterlockedExchangeAdd64((volatile long long *)(p), (long long)(v)))
#define RS_ATOMIC_REPLACE(p, from, to) \
    (_InterlockedCompareExchange64((volatile long long *)(p), (long long)(to), (long long)(from)) == (long long)(from))
#define RS_BARRIER() _ReadWriteBarrier()
#if RS_ARM64
#define RS_READ_FPCR() ((unsigned long long)_ReadStatusReg(ARM64_FPCR))
#define RS_WRITE_FPCR(v) _WriteStatusReg(ARM64_FPCR, (__int64)(v))
#define RS_READ_FPSR() ((unsigned long long)_ReadStatusReg(ARM64_FPSR))
#define RS_WRITE_FPSR(v) _WriteStatusReg(ARM64_FPSR, (__int64)(v))
#endif
#else
#define RS_INLINE static inline __attribute__((always_inline))
#if RS_X86
#define RS_CPUID(leaf, part, id) \
    __asm__ volatile("cpuid" : "=a"((id)[0]), "=b"((id)[1]), "=c"((id)[2]), "=d"((id)[3]) : "a"(leaf), "c"(part))
RS_INLINE unsigned rs_xcr0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#define RS_XCR0() rs_xcr0()
#endif
#define RS_UNUSED __attribute__((unused))
#define RS_THREAD_LOCAL _Thread_local
/* Never inlined, nor copied for the constants that a caller passes. */
#if defined(__clang__)
#define RS_APART __attribute__((noinline))
#else
#define RS_APART __attribute__((noinline, noclone))
#endif
/* Has the compiler test an int in each turn of a loop, where it would make a loop for each value. */
#define RS_VARIES(i) __asm__("" : "+r"(i))
#if RS_X86 && !defined(__clang__)
#define RS_LOADED(v) __asm__("" : "+v"(v))
#endif
#if RS_ARM64 && !defined(__clang__)
#define RS_POINTER(p) __asm__("" : "+r"(p))
#endif
#if defined(__clang__)
#if RS_X86
#define RS_AS_WRITTEN(v) __asm__("" : "+x"(v))
#elif RS_ARM64
#define RS_AS_WRITTEN(v) __asm__("" : "+w"(v))
#else
#define RS_AS_WRITTEN(v) __asm__("" : "+m"(v))
#endif
#endif
#define RS_ALIGNED(bytes) __attribute__((aligned(bytes)))
#define RS_ATOMIC_LOAD(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define RS_ATOMIC_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define RS_ATOMIC_EXCHANGE(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
/* Of 64 bits, each in one order for all threads. RS_ATOMIC_ADD returns what was there before. */
#define RS_ATOMIC_ADD(p, v) __atomic_fetch_add(p, (uint64_t)(v), __ATOMIC_SEQ_CST)
#define RS_ATOMIC_REPLACE(p, from, to)                                                     \
    __extension__({                                                                        \
        uint64_t from_ = (from);                                                           \
        __atomic_compare_exchange_n(p, &from_, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    })
#define RS_BARRIER() __asm__ volatile("" ::: "memory")
#if RS_ARM64
#define RS_SYSTEM_REGISTER(name)                                         \
    static inline unsigned long long rs_read_##name(void)                \
    {                                                                    \
        unsigned long long value;                                        \
        __asm__ volatile("mrs %0, " #name : "=r"(value));                \
        return value;                                                    \
    }                                                                    \
    static inline void rs_write_##name(unsigned long long value)         \
    {                                                                    \
        __asm__ volatile("msr " #name ", %0" : : "r"(value) : "memory"); \
    }
RS_SYSTEM_REGISTER(fpcr)
RS_SYSTEM_REGISTER(fpsr)
#undef RS_SYSTEM_REGISTER
#define RS_READ_FPCR() rs_read_fpcr()
#define RS_WRITE_FPCR(v) rs_write_fpcr(v)
#define RS_READ_FPSR() rs_read_fpsr()
#define RS_WRITE_FPSR(v) rs_write_fpsr(v)
#endif
#if defined(__clang__)
#define RS_TARGET_BEGIN(features) \
    RS_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define RS_TARGET_END RS_PRAGMA(clang attribute pop)
#else
#define RS_TARGET_BEGIN(features) RS_PRAGMA(GCC push_options) RS_PRAGMA(GCC target(features))
#define RS_TARGET_END RS_PRAGMA(GCC pop_options)
#endif
#endif

/* Has Clang compute a result as it is written. Where one of a + b and a - b is chosen, it would add either b or -b, and
 * the sign of a NaN b would be another. */
#ifndef RS_AS_WRITTEN
#define RS_AS_WRITTEN(v) (void)(v)
#endif

/* Has GCC keep a pointer in a register of its own, where ARM's addresses take an offset from it; left alone
 * it makes a sum for each vector of a step. */
/* Has GCC load a vector once. Left alone it does so for each of its uses, since an instruction can take an operand
 * from memory: leaky_relu in the first cache then took twice the time. */
#ifndef RS_LOADED
#define RS_LOADED(v) (void)(v)
#endif
#ifndef RS_VARIES
#define RS_VARIES(i) (void)(i)
#endif
#ifndef RS_POINTER
#define RS_POINTER(p) (void)(p)
#endif

/* AddressSanitizer does not know what of mapped memory is in use, unless it is told. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define RS_POISON(p, bytes) __asan_poison_memory_region(p, bytes)
#define RS_UNPOISON(p, bytes) __asan_unpoison_memory_region(p, bytes)
#else
#define RS_POISON(p, bytes) ((void)0)
#define RS_UNPOISON(p, bytes) ((void)0)
#endif

#endif
