/* SPDX-License-Identifier: BSD-3-Clause */
/* Shares large work among OpenMP threads; without OpenMP everything runs on the calling thread.
 * Where the system refuses threads, there are fewer or none. A forked process keeps to one: libgomp would wait there
 * for threads that fork did not copy, and whoever in the parent used it first. Included by run*.c and the Cython
 * module. */
#ifndef RS_PARALLEL_H
#define RS_PARALLEL_H
#include <stddef.h>

/* Does elements from..to-1 of some work. */
typedef void rs_work(const void *context, size_t from, size_t to);

/* Calls work for all of 0..n-1, in shares on several threads where the bytes it moves are worth it.
 * Each share but the last is a multiple of `grain`. */
void rs_parallel_for(rs_work *work, const void *context, size_t n, size_t grain, size_t bytes);

/* A grain for elements: threads start alike in their cache lines and vectors, and in bytes of bits. */
enum { RS_GRAIN = 256 };

/* Once, at import, before anything else here. */
void rs_parallel_init(void);
int rs_get_num_threads(void);
void rs_set_num_threads(int n);
/* CPUs that this process may run on, as far as OpenMP knows. */
int rs_cpu_count(void);
int rs_has_openmp(void);

#endif
