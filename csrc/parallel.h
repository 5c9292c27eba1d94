/* SPDX-License-Identifier: BSD-3-Clause */
/* The one call that everything above the kernels makes, and how many threads it may use. It shares
 * large work among OpenMP threads and lets results that no cache can hold bypass it.
 * Included by ufunc_loop.c and the Cython module. */
#ifndef RS_PARALLEL_H
#define RS_PARALLEL_H
#include <stddef.h>

/* Runs a kernel of the active ISA; form is RS_ARRAYS or RS_LAST_SCALAR, the rest as for rs_kernel. */
void rs_run(int op, int dtype, int form, const void *const *in, void *out, size_t n);

/* Once, at import, before any rs_run. */
void rs_parallel_init(void);
/* 1 where OpenMP is not compiled in, or in a child forked after the parent used threads: libgomp
 * would wait there for threads that fork did not copy. */
int rs_get_num_threads(void);
void rs_set_num_threads(int n);
/* CPUs that this process may run on, as far as OpenMP knows. */
int rs_cpu_count(void);

#endif
