/* SPDX-License-Identifier: BSD-3-Clause */
/* The drivers of the reductions (rs_sum_kernel and rs_columns_kernel in run/dispatch.h). Counts are exact.
 * The sums of weight_grads keep to one order on every ISA: SUMS partial ones, element i's is i % SUMS,
 * added up by halves at the end; down a column, row after row.
 * Included by isa/dtype.h once a dtype. */

#ifndef RS_LOOPS_REDUCE_H
#define RS_LOOPS_REDUCE_H
enum {
    SUMS = 16,
    SUM_VECS = SUMS / LANES_f64,
    /* Vectors that a counter of 8-bit lanes can take, besides the 4 of a tail. */
    TALLIES = 251,
    /* Rows that are taken at once, for each vector of columns. */
    ROWS = 16
};
#endif

static double sum_active(const void *const *in, size_t n)
{
    const elem *x = in[0];
    double sum = 0;
    while (n != 0) {
        counter c0 = no_counts(), c1 = no_counts(), c2 = no_counts(), c3 = no_counts();
        for (int k = 0; k < TALLIES && n >= 4 * LANES; k++, x += 4 * LANES, n -= 4 * LANES) {
            c0 = tally(c0, above(load(x), 0));
            c1 = tally(c1, above(load(x + LANES), 0));
            c2 = tally(c2, above(load(x + 2 * LANES), 0));
            c3 = tally(c3, above(load(x + 3 * LANES), 0));
        }
        while (n != 0 && n < 4 * LANES) {
            const size_t m = n < LANES ? n : LANES;
            c0 = tally(c0, above(load_up_to(x, m), 0));
            x += m;
            n -= m;
        }
        count_elem counts[4 * LANES];
        store_counts(counts, c0);
        store_counts(counts + LANES, c1);
        store_counts(counts + 2 * LANES, c2);
        store_counts(counts + 3 * LANES, c3);
        uint64_t total = 0;
        for (size_t k = 0; k < 4 * LANES; k++) {
            total += counts[k];
        }
        sum += (double)total;
    }
    return sum;
}

/* Some rows of one vector of columns, of which `m` are to be read; a constant LANES at one of the calls. */
RS_INLINE void tally_rows(const elem *x, size_t rows, size_t columns, size_t m, count_elem *counts)
{
    counter c = no_counts();
    for (size_t i = 0; i < rows; i++) {
        c = tally(c, above(load_up_to(x + i * columns, m), 0));
    }
    store_counts(counts, c);
}

static void columns_active(const void *const *in, size_t rows, size_t columns, double *sums)
{
    const elem *x = in[0];
    count_elem counts[LANES];
    while (rows != 0) {
        const size_t now = rows < ROWS ? rows : ROWS;
        size_t j = 0;
        for (; j + LANES <= columns; j += LANES) {
            tally_rows(x + j, now, columns, LANES, counts);
            for (size_t k = 0; k < LANES; k++) {
                sums[j + k] += (double)counts[k];
            }
        }
        if (j < columns) {
            tally_rows(x + j, now, columns, columns - j, counts);
            for (size_t k = 0; k < columns - j; k++) {
                sums[j + k] += (double)counts[k];
            }
        }
        x += now * columns;
        rows -= now;
    }
}

#if T_CLASS >= RS_HALF
/* The contributions of a vector; exact in float64 for the narrower dtypes. What x > 0 keeps out is
 * dropped before the product, which infinity and NaN would spoil. */
RS_INLINE doubles weight_grads(vec grad_output, vec x)
{
    const mask active = above(x, 0);
    doubles product = to_doubles(drop(active, grad_output));
    const doubles factor = to_doubles(drop(active, x));
    for (size_t k = 0; k < DOUBLES; k++) {
        product.part[k] = mul_f64(product.part[k], factor.part[k]);
    }
    return product;
}

static double sum_weight_grads(const void *const *in, size_t n)
{
    const elem *g = in[0], *x = in[1];
    vec_f64 sums[SUM_VECS];
    for (size_t k = 0; k < SUM_VECS; k++) {
        sums[k] = splat_f64(0);
    }
    const size_t step = LANES > SUMS ? LANES : SUMS;
    for (; n >= step; n -= step, g += step, x += step) {
        for (size_t v = 0; v < step / LANES; v++) {
            const doubles d = weight_grads(load(g + v * LANES), load(x + v * LANES));
            for (size_t k = 0; k < DOUBLES; k++) {
                vec_f64 *const sum = &sums[(v * DOUBLES + k) % SUM_VECS];
                *sum = add_f64(*sum, d.part[k]);
            }
        }
    }
    for (size_t v = 0; v * LANES < n; v++) {
        const size_t left = n - v * LANES;
        const doubles d = weight_grads(load_up_to(g + v * LANES, left), load_up_to(x + v * LANES, left));
        for (size_t k = 0; k < DOUBLES; k++) {
            vec_f64 *const sum = &sums[(v * DOUBLES + k) % SUM_VECS];
            *sum = add_f64(*sum, d.part[k]);
        }
    }
    double each[SUMS];
    for (size_t k = 0; k < SUM_VECS; k++) {
        store_f64(each + k * LANES_f64, sums[k]);
    }
    for (size_t half = SUMS / 2; half != 0; half /= 2) {
        for (size_t k = 0; k < half; k++) {
            each[k] += each[k + half];
        }
    }
    return each[0];
}

RS_INLINE void add_rows(const elem *g, const elem *x, size_t rows, size_t columns, size_t m, double *sums)
{
    vec_f64 sum[DOUBLES];
    for (size_t k = 0; k < DOUBLES; k++) {
        sum[k] = load_f64(sums + k * LANES_f64);
    }
    for (size_t i = 0; i < rows; i++) {
        const doubles d = weight_grads(load_up_to(g + i * columns, m), load_up_to(x + i * columns, m));
        for (size_t k = 0; k < DOUBLES; k++) {
            sum[k] = add_f64(sum[k], d.part[k]);
        }
    }
    for (size_t k = 0; k < DOUBLES; k++) {
        store_f64(sums + k * LANES_f64, sum[k]);
    }
}

static void columns_weight_grads(const void *const *in, size_t rows, size_t columns, double *sums)
{
    const elem *g = in[0], *x = in[1];
    while (rows != 0) {
        const size_t now = rows < ROWS ? rows : ROWS;
        size_t j = 0;
        for (; j + LANES <= columns; j += LANES) {
            add_rows(g + j, x + j, now, columns, LANES, sums + j);
        }
        if (j < columns) {
            double each[DOUBLES * LANES_f64] = {0};
            memcpy(each, sums + j, (columns - j) * sizeof(double));
            add_rows(g + j, x + j, now, columns, columns - j, each);
            memcpy(sums + j, each, (columns - j) * sizeof(double));
        }
        g += now * columns;
        x += now * columns;
        rows -= now;
    }
}
#endif
