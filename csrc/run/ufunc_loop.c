/* SPDX-License-Identifier: BSD-3-Clause */
/* From NumPy's strided view of an operation to kernels on contiguous memory: operands that are
 * contiguous already go straight through, the others by blocks in a small buffer, so that the
 * arithmetic is always SIMD. Contract in run/ufunc_loop.h. */
#include "run/ufunc_loop.h"

#include <string.h>

#include "run/dispatch.h"
#include "run/fpmode.h"
#include "run/run.h"

/* Small enough that all operands of a block stay in L1. */
enum { BLOCK_BYTES = 2048 };

typedef struct {
    RS_ALIGNED(64) char bytes[BLOCK_BYTES];
} block;

/* Not on the stack: a Python thread may have 32 kB of it, and NumPy 2.0 takes 28 kB before it calls a loop. */
static RS_THREAD_LOCAL block blocks[RS_MAX_IN], result;

/* n elements of one size between two strided places; the size is a constant at each call. */
RS_INLINE void copy_elements(char *to, intptr_t to_step, const char *from, intptr_t from_step, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++, to += to_step, from += from_step) {
        memcpy(to, from, size);
    }
}

static void copy_strided(char *to, intptr_t to_step, const char *from, intptr_t from_step, size_t n, size_t size)
{
    switch (size) {
    case 1:
        copy_elements(to, to_step, from, from_step, n, 1);
        break;
    case 2:
        copy_elements(to, to_step, from, from_step, n, 2);
        break;
    case 4:
        copy_elements(to, to_step, from, from_step, n, 4);
        break;
    default:
        copy_elements(to, to_step, from, from_step, n, 8);
    }
}

static char *gather(char *to, const char *from, int ndim, const intptr_t *shape, const intptr_t *strides, size_t size)
{
    if (ndim == 0) {
        memcpy(to, from, size);
        return to + size;
    }
    if (ndim == 1) {
        copy_strided(to, (intptr_t)size, from, *strides, (size_t)*shape, size);
        return to + (size_t)*shape * size;
    }
    for (intptr_t i = 0; i < *shape; i++) {
        to = gather(to, from + i * *strides, ndim - 1, shape + 1, strides + 1, size);
    }
    return to;
}

void rs_gather(char *to, const char *from, int ndim, const intptr_t *shape, const intptr_t *strides, size_t size,
               int swapped)
{
    const char *const end = gather(to, from, ndim, shape, strides, size);
    for (; swapped && to < end; to += size) {
        for (size_t k = 0; k < size / 2; k++) {
            const char byte = to[k];
            to[k] = to[size - 1 - k];
            to[size - 1 - k] = byte;
        }
    }
}

/* How an input lies to the output. */
typedef enum {
    APART, /* or the very same elements: any order will do */
    AHEAD, /* each element is read before it is written, if blocks go forward */
    BEHIND /* elements are to be read after they are written: reduce and accumulate mean it so */
} overlap;

static overlap overlap_of(const char *in, intptr_t in_step, size_t in_size, const char *out, intptr_t out_step,
                          size_t out_size, size_t n)
{
    if (in == out && in_step == out_step && in_size == out_size && out_step != 0) {
        return APART;
    }
    const intptr_t in_span = (intptr_t)(n - 1) * in_step, out_span = (intptr_t)(n - 1) * out_step;
    const uintptr_t in_low = (uintptr_t)(in_span < 0 ? in + in_span : in);
    const uintptr_t out_low = (uintptr_t)(out_span < 0 ? out + out_span : out);
    const uintptr_t in_bytes = (uintptr_t)(in_span < 0 ? -in_span : in_span) + in_size;
    const uintptr_t out_bytes = (uintptr_t)(out_span < 0 ? -out_span : out_span) + out_size;
    if (in_low >= out_low + out_bytes || out_low >= in_low + in_bytes) {
        return APART;
    }
    return in_step == out_step && in_size == out_size && in_step > 0 && in_low > out_low ? AHEAD : BEHIND;
}

/* RS_LAST_SCALAR where each input that this form makes a single element does not move. */
static int form_of(int op, const intptr_t *steps)
{
    for (int k = rs_arrays_in(op, RS_LAST_SCALAR); k < rs_ops[op].nin; k++) {
        if (steps[k] != 0) {
            return RS_ARRAYS;
        }
    }
    return RS_LAST_SCALAR;
}

/* Runs `count` elements at a time; inputs and output that are not contiguous pass through a block. */
static void run_blocks(const rs_loop *loop, char **args, const intptr_t *steps, size_t n, size_t count)
{
    const int nin = rs_ops[loop->op].nin;
    const int form = form_of(loop->op, steps), arrays = rs_arrays_in(loop->op, form);
    const intptr_t out_size = (intptr_t)rs_operand_size(loop->op, loop->dtype, nin);

    for (size_t done = 0; done < n; done += count) {
        const size_t m = n - done < count ? n - done : count;
        const void *in[RS_MAX_IN];
        for (int k = 0; k < nin; k++) {
            const intptr_t size = (intptr_t)rs_operand_size(loop->op, loop->dtype, k);
            const char *from = args[k] + (intptr_t)done * steps[k];
            in[k] = from;
            if (steps[k] != size && k < arrays) {
                copy_strided(blocks[k].bytes, size, from, steps[k], m, (size_t)size);
                in[k] = blocks[k].bytes;
            }
        }
        char *out = args[nin] + (intptr_t)done * steps[nin];
        if (steps[nin] == out_size) {
            rs_run(loop->op, loop->dtype, form, in, out, m);
        } else {
            rs_run(loop->op, loop->dtype, form, in, result.bytes, m);
            copy_strided(out, steps[nin], result.bytes, out_size, m, (size_t)out_size);
        }
    }
}

void rs_ufunc_loop(char **args, const intptr_t *dimensions, const intptr_t *steps, void *data)
{
    const rs_loop *loop = data;
    const int nin = rs_ops[loop->op].nin, form = form_of(loop->op, steps), arrays = rs_arrays_in(loop->op, form);
    const size_t n = (size_t)dimensions[0], out_size = rs_operand_size(loop->op, loop->dtype, nin);
    if (n == 0) {
        return;
    }
    const void *in[RS_MAX_IN];
    int contiguous = n == 1 || steps[nin] == (intptr_t)out_size;
    size_t largest = out_size;
    overlap worst = APART;
    for (int k = 0; k < nin; k++) {
        const size_t size = rs_operand_size(loop->op, loop->dtype, k);
        in[k] = args[k];
        contiguous &= n == 1 || k >= arrays || steps[k] == (intptr_t)size;
        largest = size > largest ? size : largest;
        if (n > 1) {
            const overlap now = overlap_of(args[k], steps[k], size, args[nin], steps[nin], out_size, n);
            worst = now > worst ? now : worst;
        }
    }

    const rs_fpmode mode = rs_fp_enter();
    if (contiguous && worst == APART) {
        rs_run(loop->op, loop->dtype, n > 1 ? form : RS_ARRAYS, in, args[nin], n);
    } else {
        run_blocks(loop, args, steps, n, worst == BEHIND ? 1 : BLOCK_BYTES / largest);
    }
    rs_fp_leave(mode);
}
