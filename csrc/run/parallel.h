/* SPDX-License-Identifier: BSD-3-Clause */
/* Shares large work among a team of threads that costs no call more than it brings. Included by the C files of run/ and
 * the Cython module. */
#ifndef RS_PARALLEL_H
#define RS_PARALLEL_H
#include <stddef.h>

/* Does elements from..to-1 of some work. */
typedef void rs_work(const void *context, size_t from, size_t to);

/* Calls work for all of 0..n-1, piece by piece, on several threads where the bytes it moves are worth it. Each piece
 * but the last of a thread's share is a multiple of `grain`, and begins at one. Any thread may call this at any time.
 */
void rs_parallel_for(rs_work *work, const void *context, size_t n, size_t grain, size_t bytes);

/* A grain for elements: threads start alike in their cache lines and vectors, and in bytes of bits. */
enum { RS_GRAIN = 256 };

/* Once, at import, before anything else here. */
void rs_parallel_init(void);

enum { RS_MAX_THREADS = 1024 };
/* A call uses at most n threads, 1 to RS_MAX_THREADS; with `follow`, no more than the CPUs that its thread may use. */
void rs_set_num_threads(int n, int follow);
/* For a call by this thread. */
int rs_get_num_threads(void);

#endif
