/* SPDX-License-Identifier: BSD-3-Clause */
/* The one inner loop behind every ufunc of every ISA, with NumPy's PyUFuncGenericFunction signature.
 * Any strides, any overlap; leaves the floating-point mode and flags as it found them, so that NumPy
 * reports what its own casts raised and no warning for a NaN that merely passed through.
 * Included by the Cython module, which makes one rs_loop for each operation and dtype. */
#ifndef RS_UFUNC_LOOP_H
#define RS_UFUNC_LOOP_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int op, dtype;
} rs_loop;

/* Copies the elements of an array to contiguous memory, in C order and, if they are swapped, in this machine's byte
 * order. `size` is 1, 2, 4 or 8. */
void rs_gather(char *to, const char *from, int ndim, const intptr_t *shape, const intptr_t *strides, size_t size,
               int swapped);

void rs_ufunc_loop(char **args, const intptr_t *dimensions, const intptr_t *steps, void *loop);

#endif
