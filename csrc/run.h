/* SPDX-License-Identifier: BSD-3-Clause */
/* What everything above the kernels calls: one operation on contiguous memory, by the active ISA,
 * on as many threads and with the kind of stores that suit its size.
 * Included by ufunc_loop.c and the Cython module. */
#ifndef RS_RUN_H
#define RS_RUN_H
#include <stddef.h>

/* form is RS_ARRAYS or RS_LAST_SCALAR, operands are as rs_kernel (dispatch.h) wants them. */
void rs_run(int op, int dtype, int form, const void *const *in, void *out, size_t n);

/* Once, at import. */
void rs_run_init(void);
/* For tests: take this for the size of the last-level cache. Returns what was taken before. */
size_t rs_run_assume_cache(size_t bytes);

/* The benchmark's roofline: a plain copy, on the same threads, by memcpy or past the cache. */
void rs_copy(void *out, const void *in, size_t bytes, int stream);

#endif
