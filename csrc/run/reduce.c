/* SPDX-License-Identifier: BSD-3-Clause */
/* The reductions on threads. The work is cut into units by its shape alone, each unit leaves partial
 * sums, and these are added up in order: the result does not depend on the number of threads.
 * Contract in run/run.h. */
#include "run/dispatch.h"
#include "run/parallel.h"
#include "run/pool.h"
#include "run/run.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Elements of a unit, about; and rows at least, so that partial sums stay few. */
    UNIT = 16384,
    UNIT_ROWS = 64,
    /* Columns from which vectors are full; several rows of fewer are taken for one. */
    COLUMNS = 128
};

typedef struct {
    const rs_kernels *kernels;
    int reduction, inputs;
    const void *const *in;
    size_t itemsize;
    size_t length;  /* elements of a run, or rows */
    size_t columns; /* of a row */
    size_t step;    /* elements or rows that a unit takes */
    size_t cuts;    /* units that a run is cut into */
    double *partial;
} call;

static void inputs_at(const call *c, const void **in, size_t element)
{
    for (int k = 0; k < c->inputs; k++) {
        in[k] = (const char *)c->in[k] + element * c->itemsize;
    }
}

static void sum_runs(const void *context, size_t from, size_t to)
{
    const call *c = context;
    for (size_t unit = from; unit < to; unit++) {
        const size_t begin = unit % c->cuts * c->step, left = c->length - begin;
        const void *in[RS_MAX_IN];
        inputs_at(c, in, unit / c->cuts * c->length + begin);
        c->partial[unit] = c->kernels->sum[c->reduction](in, left < c->step ? left : c->step);
    }
}

static void sum_columns(const void *context, size_t from, size_t to)
{
    const call *c = context;
    for (size_t unit = from; unit < to; unit++) {
        const size_t begin = unit * c->step, left = c->length - begin;
        const void *in[RS_MAX_IN];
        inputs_at(c, in, begin * c->columns);
        c->kernels->columns[c->reduction](in, left < c->step ? left : c->step, c->columns,
                                          c->partial + unit * c->columns);
    }
}

int rs_run_reduction(int reduction, int dtype, const void *const *in, size_t outer, size_t mid, size_t inner,
                     double *sums)
{
    const size_t n = outer * mid * inner;
    call c = {rs_isa_active()->dtypes[dtype],
              reduction,
              reduction == RS_WEIGHT_GRADS ? 2 : 1,
              in,
              rs_dtypes[dtype].itemsize,
              0,
              0,
              0,
              0,
              NULL};
    size_t units, partials, rest = 0; /* rows that do not fill one of several */
    const int columns = inner == 1 && mid > 1;
    if (n == 0) {
        units = partials = 0;
    } else if (columns) {
        const size_t together = mid < COLUMNS ? COLUMNS / mid : 1;
        rest = outer % together;
        c.length = outer / together;
        c.columns = mid * together;
        c.step = UNIT / c.columns > UNIT_ROWS ? UNIT / c.columns : UNIT_ROWS;
        units = (c.length + c.step - 1) / c.step;
        partials = units * c.columns;
    } else {
        /* Where nothing varies along the middle axis, all is one run. */
        c.length = mid == 1 ? n : inner;
        c.step = UNIT;
        c.cuts = (c.length + UNIT - 1) / UNIT;
        units = partials = n / c.length * c.cuts;
    }
    /* Where each sum has one part, the parts are the result. There may be nearly as many sums as elements. */
    const int whole = partials == mid && rest == 0;
    if (whole) {
        memset(sums, 0, mid * sizeof(double));
        c.partial = sums;
    } else {
        c.partial = calloc(partials + 1, sizeof(double));
    }
    if (c.partial == NULL) {
        rs_pool_trim();
        c.partial = calloc(partials + 1, sizeof(double));
    }
    if (c.partial == NULL) {
        return 0;
    }
    rs_parallel_for(columns ? sum_columns : sum_runs, &c, units, 1, n * c.itemsize * (size_t)c.inputs);
    if (whole) {
        return 1;
    }
    for (size_t j = 0; j < mid; j++) {
        sums[j] = 0;
    }
    if (rest != 0) {
        const void *last[RS_MAX_IN];
        inputs_at(&c, last, (outer - rest) * mid);
        c.kernels->columns[reduction](last, rest, mid, sums);
    }
    for (size_t k = 0; k < partials; k++) {
        sums[columns ? k % mid : k / c.cuts % mid] += c.partial[k];
    }
    free(c.partial);
    return 1;
}
