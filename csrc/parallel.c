/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads and streaming stores, with every threshold and the measurement behind it.
 * Contract in parallel.h. Without OpenMP everything runs on the calling thread. */
#include "parallel.h"

#include "cpu.h"
#include "dispatch.h"

#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

enum {
    /* Bytes read and written by one thread below which a second one costs more than it brings. */
    BYTES_PER_THREAD = 100000,
    /* Assumed where the system does not tell. */
    DEFAULT_CACHE_BYTES = 32 << 20
};

static int num_threads = 1;
static int initial_omp_threads = 1;
static int busy;           /* a parallel region is running */
static int used;           /* one has run in this process */
static int forked_in_use; /* this is a child of such a process */
static size_t cache_bytes = DEFAULT_CACHE_BYTES;

int rs_cpu_count(void)
{
#ifdef _OPENMP
    return omp_get_num_procs();
#else
    return 1;
#endif
}

static void run_chunk(int op, int dtype, int form, const void *const *in, void *out, size_t from, size_t to)
{
    const int nin = rs_ops[op].nin;
    const size_t size = rs_itemsize[dtype];
    const void *part[RS_MAX_IN];
    for (int k = 0; k < nin; k++) {
        const int fixed = k == nin - 1 && form & RS_LAST_SCALAR;
        part[k] = (const char *)in[k] + (fixed ? 0 : from * size);
    }
    if (to - from < RS_STREAM_MIN) {
        form &= ~RS_STREAM;
    }
    rs_isa_active()->kernels[dtype][op][form](part, (char *)out + from * size, to - from);
}

#ifdef _OPENMP
/* How many threads this call is worth and may have. A limit set on OpenMP itself (threadpoolctl) counts. */
static int team_size(size_t bytes)
{
    size_t team = (size_t)num_threads;
    if (bytes / BYTES_PER_THREAD < team) {
        team = bytes / BYTES_PER_THREAD;
    }
    if (team < 2 || forked_in_use || omp_in_parallel()) {
        return 1;
    }
    const int omp_limit = omp_get_max_threads();
    return omp_limit < initial_omp_threads && (size_t)omp_limit < team ? omp_limit : (int)team;
}

static void run_team(int team, int op, int dtype, int form, const void *const *in, void *out, size_t n)
{
    used = 1;
    /* Shares are whole pages of 4-byte elements, so that no two threads write the same cache line twice. */
    const size_t share = ((n + (size_t)team - 1) / (size_t)team + 1023) / 1024 * 1024;
#pragma omp parallel num_threads(team)
    {
        const size_t from = share * (size_t)omp_get_thread_num();
        if (from < n) {
            run_chunk(op, dtype, form, in, out, from, n - from < share ? n : from + share);
        }
    }
}
#endif

void rs_run(int op, int dtype, int form, const void *const *in, void *out, size_t n)
{
    const int nin = rs_ops[op].nin, arrays = nin - (form & RS_LAST_SCALAR);
    const size_t bytes = n * rs_itemsize[dtype] * (size_t)(arrays + 1);
    if (bytes >= 2 * BYTES_PER_THREAD) {
        int in_place = 0;
        for (int k = 0; k < nin; k++) {
            in_place |= in[k] == out;
        }
        if (bytes > cache_bytes && !in_place) {
            form |= RS_STREAM;
        }
#ifdef _OPENMP
        const int team = team_size(bytes);
        /* One region at a time: a second Python thread would only compete for the same cores. */
        if (team > 1 && RS_ATOMIC_EXCHANGE(&busy, 1) == 0) {
            run_team(team, op, dtype, form, in, out, n);
            RS_ATOMIC_STORE(&busy, 0);
            return;
        }
#endif
    }
    run_chunk(op, dtype, form, in, out, 0, n);
}

#if defined(_OPENMP) && !defined(_WIN32)
static void after_fork_in_child(void)
{
    forked_in_use = used;
}
#endif

void rs_parallel_init(void)
{
    const size_t llc = rs_cpu_cache_bytes(3);
    if (llc != 0) {
        cache_bytes = llc;
    }
#ifdef _OPENMP
    initial_omp_threads = omp_get_max_threads();
#ifndef _WIN32
    pthread_atfork(NULL, NULL, after_fork_in_child);
#endif
#endif
}

int rs_get_num_threads(void)
{
    return forked_in_use ? 1 : num_threads;
}

void rs_set_num_threads(int n)
{
#ifdef _OPENMP
    num_threads = n;
#else
    (void)n;
#endif
}
