/* SPDX-License-Identifier: BSD-3-Clause */
/* What everything above the kernels calls: one operation on contiguous memory, by the active ISA,
 * on as many threads and with the kind of stores that suit its size.
 * Included by the C files of run/ and the Cython module. */
#ifndef RS_RUN_H
#define RS_RUN_H
#include <stddef.h>
#include <stdint.h>

/* The functions that compute are to be called in the default floating-point mode, between rs_fp_enter and rs_fp_leave
 * (run/fpmode.h); rs_needs_mode says which operations would do without. */

/* form is RS_ARRAYS or RS_LAST_SCALAR, operands are as rs_kernel (run/dispatch.h) wants them. */
void rs_run(int op, int dtype, int form, const void *const *in, void *out, size_t n);

/* The same where the last input has fewer elements than the others: of their n = outer * mid * inner
 * it has mid, constant along outer and inner. A weight a channel, or a bias a column. It is apart from out. */
void rs_run_spread(int op, int dtype, const void *const *in, void *out, size_t outer, size_t mid, size_t inner);

/* relu and its bits, the gradient from the bits; rs_mask_kernel and rs_unmask_kernel in run/dispatch.h. */
void rs_run_with_mask(int dtype, const void *x, void *out, uint8_t *bits, size_t n);
void rs_run_from_mask(int dtype, const void *grad_output, const uint8_t *bits, void *out, size_t n);

/* sums[j] of the elements that have index j along the middle axis of n = outer * mid * inner. The same
 * for every number of threads. Returns 0 where there is no memory for partial sums, else 1. */
int rs_run_reduction(int reduction, int dtype, const void *const *in, size_t outer, size_t mid, size_t inner,
                     double *sums);

/* Whether results of a call that moves so many bytes should bypass the cache. */
int rs_run_streams(size_t bytes);
/* Once, at import. */
void rs_run_init(void);
/* Bytes of the last-level cache that a process on so many CPUs may count on; levels has what the CPU tells of its three
 * levels, 0 where it does not. */
size_t rs_run_cache_share(const size_t *levels, size_t cpus);
size_t rs_run_counts_on(void);
/* For tests: count on so many bytes. Returns what was counted on before. */
size_t rs_run_assume_cache(size_t bytes);

/* The benchmark's roofline: a plain copy, on the same threads, by memcpy or past the cache. */
void rs_copy(void *out, const void *in, size_t bytes, int stream);

#endif
