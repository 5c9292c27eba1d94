/* SPDX-License-Identifier: BSD-3-Clause */
/* What differs between compilers, and nothing else: architecture, inlining, target regions,
 * the few atomics. GNU-only syntax may stand in this header alone. Included by every C file.
 *
 * RS_TARGET_BEGIN(...)/RS_TARGET_END bracket code that may use instructions above the baseline.
 * MSVC needs no such region: it compiles any intrinsic as written. */
#ifndef RS_COMPILER_H
#define RS_COMPILER_H

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
#define RS_ALIGNED(bytes) __declspec(align(bytes))
#define RS_TARGET_BEGIN(features)
#define RS_TARGET_END
#include <intrin.h>
/* volatile has acquire/release meaning for MSVC on x64, and pointers are written whole on ARM64 */
#define RS_ATOMIC_LOAD(p) (*(p))
#define RS_ATOMIC_STORE(p, v) (*(p) = (v))
#define RS_ATOMIC_EXCHANGE(p, v) _InterlockedExchange((volatile long *)(p), v)
#else
#define RS_INLINE static inline __attribute__((always_inline))
#define RS_UNUSED __attribute__((unused))
/* Never inlined, nor copied for the constants that a caller passes. */
#if defined(__clang__)
#define RS_APART __attribute__((noinline))
#else
#define RS_APART __attribute__((noinline, noclone))
#endif
/* Has the compiler test an int in each turn of a loop, where it would make a loop for each value. */
#define RS_VARIES(i) __asm__("" : "+r"(i))
#if RS_ARM64 && !defined(__clang__)
#define RS_POINTER(p) __asm__("" : "+r"(p))
#endif
#define RS_ALIGNED(bytes) __attribute__((aligned(bytes)))
#define RS_ATOMIC_LOAD(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define RS_ATOMIC_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define RS_ATOMIC_EXCHANGE(p, v) __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL)
#if defined(__clang__)
#define RS_TARGET_BEGIN(features) \
    RS_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define RS_TARGET_END RS_PRAGMA(clang attribute pop)
#else
#define RS_TARGET_BEGIN(features) RS_PRAGMA(GCC push_options) RS_PRAGMA(GCC target(features))
#define RS_TARGET_END RS_PRAGMA(GCC pop_options)
#endif
#endif

/* Has GCC keep a pointer in a register of its own, where ARM's addresses take an offset from it; left alone
 * it makes a sum for each vector of a step. */
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
