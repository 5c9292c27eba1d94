/* SPDX-License-Identifier: BSD-3-Clause */
/* Broadcasting of the last input without NumPy's iterator, whose inner loops would be as short as a
 * row or a channel: long runs of one value go to the kernel as a scalar, long rows as they are, and
 * short ones are spread over a block first, so that each call of a kernel is worth it.
 * Contract in run/run.h. */
#include "run/dispatch.h"
#include "run/parallel.h"
#include "run/run.h"

#include <string.h>

enum {
    /* Bytes of a spread block: with its neighbours in L1. */
    BLOCK_BYTES = 8192,
    /* Elements from which a call of a kernel beats spreading: of one value, and of a row. */
    LONG_RUN = 64,
    LONG_ROW = 192
};

typedef struct {
    int op, dtype;
    const void *const *in;
    char *out;
    size_t mid, inner;
    int streams;
} call;

/* Elements from..to-1 in one call; `last` is what the last input is for them. */
static void run_piece(const call *c, const void *last, int form, size_t from, size_t to)
{
    const int nin = rs_ops[c->op].nin;
    const void *in[RS_MAX_IN];
    for (int k = 0; k < nin - 1; k++) {
        in[k] = (const char *)c->in[k] + from * rs_operand_size(c->op, c->dtype, k);
    }
    in[nin - 1] = last;
    if (c->streams && to - from >= RS_STREAM_MIN) {
        form |= RS_STREAM;
    }
    rs_isa_active()->dtypes[c->dtype]->ops[c->op][form](in, c->out + from * rs_dtypes[c->dtype].itemsize, to - from);
}

/* `count` elements from element i of the others on, which meets element i / inner % mid of `values`.
 * The size is a constant at each call. */
RS_INLINE void spread_elements(const call *c, const char *values, char *to, size_t i, size_t count, size_t size)
{
    size_t j = i / c->inner % c->mid, run = c->inner - i % c->inner;
    while (count != 0 && c->inner == 1) { /* rows, as far as they go */
        const size_t now = c->mid - j < count ? c->mid - j : count;
        memcpy(to, values + j * size, now * size);
        to += now * size;
        count -= now;
        j = 0;
    }
    while (count != 0) {
        const size_t now = run < count ? run : count;
        for (size_t k = 0; k < now; k++, to += size) {
            memcpy(to, values + j * size, size);
        }
        count -= now;
        run = c->inner;
        j = j + 1 == c->mid ? 0 : j + 1;
    }
}

static void spread(const call *c, const char *values, char *to, size_t i, size_t count, size_t size)
{
    switch (size) {
    case 1:
        spread_elements(c, values, to, i, count, 1);
        break;
    case 2:
        spread_elements(c, values, to, i, count, 2);
        break;
    case 4:
        spread_elements(c, values, to, i, count, 4);
        break;
    default:
        spread_elements(c, values, to, i, count, 8);
    }
}

static void run_share(const void *context, size_t from, size_t to)
{
    const call *c = context;
    const int last = rs_ops[c->op].nin - 1;
    const size_t size = rs_operand_size(c->op, c->dtype, last);
    const char *values = c->in[last];
    const size_t room = BLOCK_BYTES / size, period = c->mid * c->inner;
    const int runs = c->inner >= LONG_RUN, rows = c->inner == 1 && c->mid >= LONG_ROW;
    if (runs || rows) {
        const size_t length = runs ? c->inner : c->mid;
        while (from < to) {
            const size_t left = length - from % length, end = to - from < left ? to : from + left;
            const char *piece = values + (runs ? from / length % c->mid : from % length) * size;
            run_piece(c, piece, runs ? RS_LAST_SCALAR : RS_ARRAYS, from, end);
            from = end;
        }
        return;
    }
    RS_ALIGNED(64) char block[BLOCK_BYTES];
    if (period <= room / 2) { /* one block serves for all: whole periods, from wherever the first begins */
        const size_t wanted = (to - from + period - 1) / period, most = room / period - 1;
        const size_t whole = (wanted < most ? wanted : most) * period;
        spread(c, values, block, 0, period, size);
        for (size_t have = period; have < whole + period; have *= 2) {
            const size_t more = whole + period - have;
            memcpy(block + have * size, block, (more < have ? more : have) * size);
        }
        while (from < to) {
            const size_t phase = from % period, end = to - from < whole ? to : from + whole;
            run_piece(c, block + phase * size, RS_ARRAYS, from, end);
            from = end;
        }
        return;
    }
    while (from < to) {
        const size_t end = to - from < room ? to : from + room;
        spread(c, values, block, from, end - from, size);
        run_piece(c, block, RS_ARRAYS, from, end);
        from = end;
    }
}

void rs_run_spread(int op, int dtype, const void *const *in, void *out, size_t outer, size_t mid, size_t inner)
{
    const size_t n = outer * mid * inner;
    if (n == 0) {
        return;
    }
    const size_t bytes = n * rs_dtypes[dtype].itemsize * (size_t)rs_ops[op].nin;
    call c = {op, dtype, in, out, mid, inner, rs_run_streams(bytes)};
    for (int k = 0; k < rs_ops[op].nin - 1; k++) {
        c.streams &= in[k] != out;
    }
    rs_parallel_for(run_share, &c, n, RS_GRAIN, bytes);
}
