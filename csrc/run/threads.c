/* SPDX-License-Identifier: BSD-3-Clause */
/* The operating systems behind run/threads.h: Windows, then POSIX, then what Linux does better. */
#ifdef __linux__
#define _GNU_SOURCE /* sets of CPUs */
#endif
#include "run/threads.h"

#include <string.h>
#ifdef _WIN32
#include <process.h>
#else
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif
#if RS_X86
#include <emmintrin.h>
#endif

/* A kernel takes some 20 kB of a stack; the rest is for the variables that libraries keep for each thread, which the C
 * library puts there, too. */
enum { STACK_BYTES = 256 << 10 };

void rs_pause(void)
{
#if RS_X86
    _mm_pause();
#elif RS_ARM64 && defined(_MSC_VER) && !defined(__clang__)
    __yield();
#elif RS_ARM64
    __asm__ volatile("yield");
#endif
}

/* ---------------------------------------------------------------------------------------------
 * Clock and threads */

#ifdef _WIN32
int64_t rs_now(void)
{
    LARGE_INTEGER now, second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&second);
    const int64_t seconds = now.QuadPart / second.QuadPart, rest = now.QuadPart % second.QuadPart;
    return seconds * 1000000000 + rest * 1000000000 / second.QuadPart;
}

int rs_start_thread(rs_thread *thread, rs_body *body, void *data)
{
    const uintptr_t handle = _beginthreadex(NULL, STACK_BYTES, body, data, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    *thread = (HANDLE)handle;
    return handle != 0;
}

void rs_after_fork(void (*in_child)(void)) { (void)in_child; }

static int count_cpus(void)
{
    DWORD_PTR own, all;
    int count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &own, &all)) {
        for (; own != 0; own &= own - 1) {
            count++;
        }
    }
    return count;
}
#else
int64_t rs_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int start_with(size_t stack_bytes, rs_thread *thread, rs_body *body, void *data)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (stack_bytes != 0) {
        pthread_attr_setstacksize(&attributes, stack_bytes);
    }
    const int refused = pthread_create(thread, &attributes, body, data);
    pthread_attr_destroy(&attributes);
    return !refused;
}

int rs_start_thread(rs_thread *thread, rs_body *body, void *data)
{
    /* A new thread has the signal mask of who makes it. What a fault raises comes to the thread that made it. */
    sigset_t left_to_others, before;
    sigfillset(&left_to_others);
    const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
        sigdelset(&left_to_others, own[k]);
    }
    pthread_sigmask(SIG_SETMASK, &left_to_others, &before);
    /* Variables of threads may be larger than that stack: then the system's choice. */
    const int started = start_with(STACK_BYTES, thread, body, data) || start_with(0, thread, body, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void rs_after_fork(void (*in_child)(void)) { pthread_atfork(NULL, NULL, in_child); }

static int count_cpus(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
#endif

/* ---------------------------------------------------------------------------------------------
 * Sleep. Linux has the futex: it needs no lock, since it sleeps only while the word has a given value. */

#ifdef __linux__
void rs_make_bed(rs_bed *bed) { RS_ATOMIC_STORE(&bed->down, 0); }

static void wait_for_call(rs_bed *bed) { syscall(SYS_futex, &bed->down, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0); }

static void call(rs_bed *bed) { syscall(SYS_futex, &bed->down, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }
#else
#ifdef _WIN32
static void make(rs_bed *bed)
{
    InitializeSRWLock(&bed->lock);
    InitializeConditionVariable(&bed->woken);
}
static void lock(rs_bed *bed) { AcquireSRWLockExclusive(&bed->lock); }
static void unlock(rs_bed *bed) { ReleaseSRWLockExclusive(&bed->lock); }
static void wait_for_signal(rs_bed *bed) { SleepConditionVariableSRW(&bed->woken, &bed->lock, INFINITE, 0); }
static void signal_owner(rs_bed *bed) { WakeConditionVariable(&bed->woken); }
#else
static void make(rs_bed *bed)
{
    pthread_mutex_init(&bed->lock, NULL);
    pthread_cond_init(&bed->woken, NULL);
}
static void lock(rs_bed *bed) { pthread_mutex_lock(&bed->lock); }
static void unlock(rs_bed *bed) { pthread_mutex_unlock(&bed->lock); }
static void wait_for_signal(rs_bed *bed) { pthread_cond_wait(&bed->woken, &bed->lock); }
static void signal_owner(rs_bed *bed) { pthread_cond_signal(&bed->woken); }
#endif

void rs_make_bed(rs_bed *bed)
{
    RS_ATOMIC_STORE(&bed->down, 0);
    make(bed);
}

static void wait_for_call(rs_bed *bed)
{
    lock(bed);
    if (rs_is_down(bed)) {
        wait_for_signal(bed);
    }
    unlock(bed);
}

static void call(rs_bed *bed)
{
    lock(bed); /* the owner is waiting, or has yet to look whether it is to wait */
    signal_owner(bed);
    unlock(bed);
}
#endif

void rs_lie_down(rs_bed *bed) { RS_ATOMIC_EXCHANGE(&bed->down, 1); }

void rs_sleep(rs_bed *bed)
{
    while (rs_is_down(bed)) { /* the system may end a wait for no reason */
        wait_for_call(bed);
    }
}

void rs_get_up(rs_bed *bed) { RS_ATOMIC_STORE(&bed->down, 0); }

int rs_is_down(const rs_bed *bed) { return RS_ATOMIC_LOAD(&bed->down) != 0; }

int rs_wake(rs_bed *bed)
{
    if (!rs_is_down(bed) || !RS_ATOMIC_EXCHANGE(&bed->down, 0)) {
        return 0;
    }
    call(bed);
    return 1;
}

/* ---------------------------------------------------------------------------------------------
 * Places */

#ifdef __linux__
void rs_look_around(rs_place *place)
{
    cpu_set_t *const set = (cpu_set_t *)place->allowed;
    memset(place, 0, sizeof *place);
    place->here = -1;
    if (sched_getaffinity(0, sizeof place->allowed, set) == 0) {
        place->cpus = CPU_COUNT_S(sizeof place->allowed, set);
        place->here = sched_getcpu();
    } else {
        place->cpus = count_cpus();
    }
    place->cpus = place->cpus > 0 ? place->cpus : 1;
}

void rs_keep_off(rs_thread thread, const rs_place *place)
{
    rs_place others = *place;
    cpu_set_t *const set = (cpu_set_t *)others.allowed;
    if (others.here >= 0) {
        CPU_CLR_S((size_t)others.here, sizeof others.allowed, set);
        pthread_setaffinity_np(thread, sizeof others.allowed, set);
    }
}

void rs_fetch(rs_thread thread, const rs_place *place)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (place->here >= 0) {
        CPU_SET(place->here, &set);
        pthread_setaffinity_np(thread, sizeof set, &set);
    }
}
#else
void rs_look_around(rs_place *place)
{
    const int cpus = count_cpus();
    memset(place, 0, sizeof *place);
    place->here = -1;
    place->cpus = cpus > 0 ? cpus : 1;
}

void rs_keep_off(rs_thread thread, const rs_place *place)
{
    (void)thread;
    (void)place;
}

void rs_fetch(rs_thread thread, const rs_place *place) { rs_keep_off(thread, place); }
#endif
