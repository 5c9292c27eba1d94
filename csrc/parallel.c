/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenMP behind one call, with the conditions under which it is safe and worth it.
 * Contract in parallel.h. */
#define _DEFAULT_SOURCE
#include "parallel.h"

#include "compiler.h"

#ifdef _OPENMP
#include <omp.h>
#ifndef _WIN32
#include <ctype.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#endif

/* Bytes moved by one thread below which another costs more than it brings. Two threads against one,
 * relu of float32 on a 2-core EPYC with libgomp, medians of 15, in a good and in a bad hour of a
 * shared machine: 0.85x and 0.6x at 200 kB read and written, 1.06x and 0.7x at 280 kB, 1.2x and 0.9x
 * at 400 kB, 1.7x and 1.3x at 800 kB. */
enum { BYTES_PER_THREAD = 200000 };

/* A worker whose CPU is busy with another process, or with a thread of a BLAS that waits awake after a
 * matrix product, holds its team up for a time slice: 4 to 12 ms for calls of 5 to 50 us. So teams must
 * have gained what they lose: each adds to the credit how much sooner it was done than one thread alone
 * would have been. When nothing is left, a rest on one thread follows, REST times as long as the
 * time lost. It is counted in work: in a network, where little of the time is spent here, a rest by the
 * clock would be over at the next call. The credit, first and at most, is above one time slice: new threads
 * often start on the CPU of the first and lose one before the scheduler moves them. In seconds. */
static const double CREDIT = 10e-3, REST = 50;

static int num_threads = 1;
static int initial_omp_threads = 1;
static int busy;         /* a team is at work */
static int forked;       /* this process is a child without exec */
static double rest_left; /* this and credit belong to who has set busy */
static double credit;

/* How many threads are worth it and allowed. A limit set on OpenMP itself (threadpoolctl) counts. */
static int team_size(size_t bytes)
{
    size_t team = (size_t)RS_ATOMIC_LOAD(&num_threads);
    if (bytes / BYTES_PER_THREAD < team) {
        team = bytes / BYTES_PER_THREAD;
    }
    if (team < 2 || forked || omp_in_parallel()) {
        return 1;
    }
    const int limit = omp_get_max_threads();
    return limit < initial_omp_threads && (size_t)limit < team ? limit : (int)team;
}

#ifdef _WIN32
static int affordable(int team, int *fresh)
{
    *fresh = 0;
    return team;
}
#else
static size_t asked_stack; /* 0: the system's choice */

/* OMP_STACKSIZE as libgomp reads it: a number, and B, K, M or G, by default K. Junk counts as unset. */
static size_t stack_of_environment(void)
{
    const char *text = getenv("OMP_STACKSIZE"), *units = "BKMG";
    char *end = NULL;
    const unsigned long long number = text ? strtoull(text, &end, 10) : 0;
    if (end == text) {
        return 0;
    }
    end += strspn(end, " \t");
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : units + 1;
    const int shift = unit ? 10 * (int)(unit - units) : 0;
    return unit && number <= SIZE_MAX >> shift ? (size_t)number << shift : 0;
}

typedef struct {
    pthread_t thread;
    pthread_mutex_t *gate;
    long id;
} probe;

static void *pass(void *data)
{
    probe *p = data;
#ifdef __linux__
    p->id = syscall(SYS_gettid);
#endif
    pthread_mutex_lock(p->gate);
    pthread_mutex_unlock(p->gate);
    return NULL;
}

/* Joined, a thread counts against the limits of the system for some microseconds more. */
static void wait_until_gone(long id)
{
#ifdef __linux__
    for (int tries = 0; tries < 1000 && syscall(SYS_tgkill, getpid(), id, 0) == 0; tries++) {
        sched_yield();
    }
#else
    (void)id;
#endif
}

/* How many threads there can be at the same time, at most `wanted`, this one included. */
static int threads_to_be_had(int wanted)
{
    static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    probe *const probes = calloc((size_t)wanted, sizeof *probes);
    if (probes == NULL) {
        return 1;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (asked_stack != 0) {
        pthread_attr_setstacksize(&attributes, asked_stack);
    }
    int had = 1;
    pthread_mutex_lock(&gate);
    for (; had < wanted; had++) {
        probes[had].gate = &gate;
        if (pthread_create(&probes[had].thread, &attributes, pass, &probes[had]) != 0) {
            break;
        }
    }
    pthread_mutex_unlock(&gate);
    pthread_attr_destroy(&attributes);
    for (int k = 1; k < had; k++) {
        pthread_join(probes[k].thread, NULL);
    }
    for (int k = 1; k < had; k++) {
        wait_until_gone(probes[k].id);
    }
    free(probes);
    return had;
}

/* libgomp ends the process when the system refuses it a thread: so a team that needs new ones, which
 * is one larger than the last that this thread had, is tried out first. Sets whether it is such a one. */
static int affordable(int team, int *fresh)
{
    static _Thread_local int last = 1;
    *fresh = team > last;
    last = *fresh ? threads_to_be_had(team) : team;
    return last;
}
#endif

static void run_team(int wanted, rs_work *work, const void *context, size_t n, size_t grain)
{
    int fresh;
    const int team = affordable(wanted, &fresh);
    const size_t share = ((n + (size_t)team - 1) / (size_t)team + grain - 1) / grain * grain;
    const double start = omp_get_wtime();
    double fastest = 0;
    int threads = 0;
#pragma omp parallel num_threads(team)
    {
        /* OpenMP may give fewer threads than asked for: each then takes every so-manyth share. */
        const size_t stride = share * (size_t)omp_get_num_threads();
        const double own_start = omp_get_wtime();
        for (size_t from = share * (size_t)omp_get_thread_num(); from < n; from += stride) {
            work(context, from, n - from < share ? n : from + share);
        }
        const double took = omp_get_wtime() - own_start;
#pragma omp critical
        if (threads++ == 0 || took < fastest) {
            fastest = took;
        }
    }
    if (fresh) {
        return; /* its threads had to be made, once: that says nothing of the next */
    }
    /* By the fastest, for the first may be the one that had to wait for its CPU. */
    const double gain = threads * fastest - (omp_get_wtime() - start);
    credit = credit + gain < CREDIT ? credit + gain : CREDIT;
    if (credit < 0) {
        rest_left = REST * (CREDIT - credit);
        credit = CREDIT;
    }
}

void rs_parallel_for(rs_work *work, const void *context, size_t n, size_t grain, size_t bytes)
{
    const int team = team_size(bytes);
    /* One team at a time: a second Python thread's would only compete for the same cores. */
    if (team == 1 || RS_ATOMIC_EXCHANGE(&busy, 1) != 0) {
        work(context, 0, n);
        return;
    }
    if (rest_left > 0) {
        const double start = omp_get_wtime();
        work(context, 0, n);
        rest_left -= omp_get_wtime() - start;
    } else {
        run_team(team, work, context, n, grain);
    }
    RS_ATOMIC_STORE(&busy, 0);
}

#ifndef _WIN32
static void after_fork_in_child(void) { forked = 1; }
#endif

void rs_parallel_init(void)
{
    initial_omp_threads = omp_get_max_threads();
#ifndef _WIN32
    asked_stack = stack_of_environment();
    pthread_atfork(NULL, NULL, after_fork_in_child);
#endif
}

int rs_get_num_threads(void) { return forked ? 1 : RS_ATOMIC_LOAD(&num_threads); }

void rs_set_num_threads(int n)
{
    RS_ATOMIC_STORE(&num_threads, n);
    if (RS_ATOMIC_EXCHANGE(&busy, 1) == 0) {
        rest_left = 0;
        credit = CREDIT;
        RS_ATOMIC_STORE(&busy, 0);
    }
}

int rs_cpu_count(void) { return omp_get_num_procs(); }

int rs_has_openmp(void) { return 1; }

#else
void rs_parallel_for(rs_work *work, const void *context, size_t n, size_t grain, size_t bytes)
{
    (void)grain;
    (void)bytes;
    work(context, 0, n);
}

void rs_parallel_init(void) {}

int rs_get_num_threads(void) { return 1; }

void rs_set_num_threads(int n) { (void)n; }

int rs_cpu_count(void) { return 1; }

int rs_has_openmp(void) { return 0; }
#endif
