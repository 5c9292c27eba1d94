/* SPDX-License-Identifier: BSD-3-Clause */
/* What a team of threads needs of the operating system: a clock, CPUs, new threads, and sleep until woken.
 * For Linux, macOS and other POSIX systems, and Windows. Included by run/parallel.c, run/run.c and run/threads.c. */
#ifndef RS_THREADS_H
#define RS_THREADS_H
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
typedef HANDLE rs_thread;
#define RS_THREAD_BODY(name, data) unsigned __stdcall name(void *data)
typedef RS_THREAD_BODY(rs_body, );
#else
#include <pthread.h>
typedef pthread_t rs_thread;
#define RS_THREAD_BODY(name, data) void *name(void *data)
typedef RS_THREAD_BODY(rs_body, );
#endif

/* Nanoseconds, by a clock that never goes back. */
int64_t rs_now(void);

/* Waits for some dozen clocks: for a loop that waits for another thread. */
void rs_pause(void);

/* Starts a thread that runs body(data), which must never return. A signal that any thread could handle is left to the
 * others. Returns 0 where the system refuses, else 1. */
int rs_start_thread(rs_thread *thread, rs_body *body, void *data);

/* Has the function called in every forked child, by the only thread that it has. */
void rs_after_fork(void (*in_child)(void));

/* Where one thread sleeps. It does so in two steps: it lies down, looks once more whether there is a reason to stay
 * awake, and then either gets up or sleeps until somebody wakes it; who was woken in between does not sleep. */
typedef struct {
    uint32_t down;
#ifdef _WIN32
    SRWLOCK lock;
    CONDITION_VARIABLE woken;
#elif !defined(__linux__)
    pthread_mutex_t lock;
    pthread_cond_t woken;
#endif
} rs_bed;

void rs_make_bed(rs_bed *bed);
void rs_lie_down(rs_bed *bed);
void rs_sleep(rs_bed *bed);
void rs_get_up(rs_bed *bed);
/* These two are for others than the owner. Whether it has lain down; and the same, but then it is woken. */
int rs_is_down(const rs_bed *bed);
int rs_wake(rs_bed *bed);

/* Where a thread runs and may run: how many CPUs, and on Linux which ones, and which of them it is on (else -1). */
typedef struct {
    int cpus, here;
    unsigned long allowed[1024 / sizeof(unsigned long)]; /* a bit for each of 8192 CPUs */
} rs_place;

/* The place of the calling thread at this moment. */
void rs_look_around(rs_place *place);
/* Lets `thread` run on the CPUs of `place`, but not on its `here`. Where that is not known, it does nothing. */
void rs_keep_off(rs_thread thread, const rs_place *place);
/* Has `thread` run on the `here` of `place` and nowhere else. Where that is not known, it does nothing. */
void rs_fetch(rs_thread thread, const rs_place *place);

#endif
