/* SPDX-License-Identifier: BSD-3-Clause */
/* relu with its mask, and the gradient from the mask, on threads. Their shares are multiples of 64
 * elements, so that no byte of bits belongs to two (RS_GRAIN). Contract in run/run.h. */
#include "run/dispatch.h"
#include "run/parallel.h"
#include "run/run.h"

typedef struct {
    const rs_kernels *kernels;
    const char *in;
    char *out;
    uint8_t *made; /* the bits, one of these two */
    const uint8_t *given;
    size_t itemsize;
    int streams;
} call;

static void run_share(const void *context, size_t from, size_t to)
{
    const call *c = context;
    const void *in = c->in + from * c->itemsize;
    void *out = c->out + from * c->itemsize;
    const int streams = c->streams && to - from >= RS_STREAM_MIN;
    if (c->made != NULL) {
        c->kernels->with_mask(in, out, c->made + from / 8, to - from, streams);
    } else {
        c->kernels->from_mask(in, c->given + from / 8, out, to - from, streams);
    }
}

static void run(int dtype, const void *in, void *out, uint8_t *made, const uint8_t *given, size_t n)
{
    const size_t itemsize = rs_dtypes[dtype].itemsize, bytes = 2 * n * itemsize;
    const call c = {rs_isa_active()->dtypes[dtype], in, out, made, given, itemsize, in != out && rs_run_streams(bytes)};
    rs_parallel_for(run_share, &c, n, RS_GRAIN, bytes);
}

void rs_run_with_mask(int dtype, const void *x, void *out, uint8_t *bits, size_t n)
{
    run(dtype, x, out, bits, NULL, n);
}

void rs_run_from_mask(int dtype, const void *grad_output, const uint8_t *bits, void *out, size_t n)
{
    run(dtype, grad_output, out, NULL, bits, n);
}
