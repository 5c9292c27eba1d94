/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver of every kernel: walks n contiguous elements, a few vectors a step, the ragged ends by
 * load_n/store_n with the same lane expression. Within a step all loads come before the stores, so
 * the output may be an input. Never touches a byte outside the n elements.
 * Included by isa/dtype.h once for each dtype; the function names are those of the current dtype. */

typedef vec lane(vec, vec, wide, wide);

/* The operands of a call: up to two arrays of the data's dtype, then up to two parameters. `last`, `s_number` and
 * `t_number` stand for the broadcast ones where the form has them. */
typedef struct {
    const elem *a, *b;
    const wide_elem *s, *t;
    vec last;
    wide s_number, t_number;
} operands;

/* arrays and params (how many inputs are which), form and step (vectors) are constants at every call, so that of each
 * conditional one branch is compiled. */
RS_INLINE vec eval(lane *f, int arrays, int params, int form, const operands *in, size_t i)
{
    const int numbers = form & RS_LAST_SCALAR, loaded = arrays - (params == 0 && numbers);
    return f(loaded > 0 ? load(in->a + i) : in->last, loaded > 1 ? load(in->b + i) : in->last,
             params > 0 && !numbers ? load_wide(in->s + i) : in->s_number,
             params > 1 && !numbers ? load_wide(in->t + i) : in->t_number);
}

RS_INLINE vec eval_n(lane *f, int arrays, int params, int form, const operands *in, size_t i, size_t n)
{
    const int numbers = form & RS_LAST_SCALAR, loaded = arrays - (params == 0 && numbers);
    return f(loaded > 0 ? load_n(in->a + i, n) : in->last, loaded > 1 ? load_n(in->b + i, n) : in->last,
             params > 0 && !numbers ? load_wide_n(in->s + i, n) : in->s_number,
             params > 1 && !numbers ? load_wide_n(in->t + i, n) : in->t_number);
}

RS_INLINE void put(int streamed, elem *p, vec v)
{
    if (streamed) {
        stream(p, v);
    } else {
        store(p, v);
    }
}

/* Of the parameters only `streamed` varies: the two kinds of stores share their code. */
RS_INLINE void drive(lane *f, int arrays, int params, int form, size_t step, int streamed, const void *const *in,
                     void *result, size_t n)
{
    if (n == 0) {
        return;
    }
    elem *const out = result;
    operands x = {in[0],
                  arrays > 1 ? in[1] : NULL,
                  params > 0 ? in[arrays] : NULL,
                  params > 1 ? in[arrays + 1] : NULL,
                  splat(0),
                  splat_wide(0),
                  splat_wide(0)};
    if (form & RS_LAST_SCALAR && params > 0) {
        x.s_number = splat_wide(*x.s);
        x.t_number = splat_wide(params > 1 ? *x.t : 0);
    } else if (form & RS_LAST_SCALAR) {
        x.last = splat(arrays > 1 ? *x.b : *x.a);
    }
    /* A store across two cache lines costs two: worth a partial first vector once there are many. */
    size_t i = 0, ragged = 0;
    if (n < LANES) {
        ragged = n;
    } else if (streamed || n >= 16 * LANES) {
        const size_t past = (uintptr_t)out / sizeof(elem) % LANES;
        ragged = past != 0 ? LANES - past : 0;
    }
    for (;;) { /* at most twice, so that both ends share their code, too */
        if (ragged != 0) {
            store_n(out + i, eval_n(f, arrays, params, form, &x, i, ragged), ragged);
            i += ragged;
        }
        for (; i + step * LANES <= n; i += step * LANES) {
            operands here = x;
            here.a = x.a + i;
            here.b = arrays > 1 ? x.b + i : NULL;
            here.s = params > 0 ? x.s + i : NULL;
            here.t = params > 1 ? x.t + i : NULL;
            elem *to = out + i;
            RS_POINTER(here.a);
            RS_POINTER(here.b);
            RS_POINTER(here.s);
            RS_POINTER(here.t);
            RS_POINTER(to);
            vec r[4];
            for (size_t k = 0; k < step; k++) {
                r[k] = eval(f, arrays, params, form, &here, k * LANES);
            }
            RS_VARIES(streamed);
            if (streamed) {
                for (size_t k = 0; k < step; k++) {
                    stream(to + k * LANES, r[k]);
                }
            } else {
                for (size_t k = 0; k < step; k++) {
                    store(to + k * LANES, r[k]);
                }
            }
        }
        for (; step > 1 && i + LANES <= n; i += LANES) {
            store(out + i, eval(f, arrays, params, form, &x, i));
        }
        ragged = n - i;
        if (ragged == 0) {
            break;
        }
    }
    if (streamed) {
        fence();
    }
}

/* A body of the form RS_ARRAYS for a call of the form RS_LAST_SCALAR. */
static RS_APART RS_UNUSED void spread_last(void body(const void *const *, void *, size_t, int), int arrays,
                                           const void *const *in, void *out, size_t n, int streamed)
{
    enum { ROOM = 2048 / sizeof(elem) };
    RS_ALIGNED(64) elem block[ROOM];
    const elem last = *(const elem *)in[arrays - 1];
    for (size_t i = 0; i < ROOM && i < n; i++) {
        block[i] = last;
    }
    for (size_t i = 0; i < n; i += ROOM) {
        const void *const piece[] = {arrays > 1 ? (const elem *)in[0] + i : block, block};
        body(piece, (elem *)out + i, n - i < ROOM ? n - i : ROOM, streamed);
    }
}

/* For drivers that count down: the first min(n, LANES) elements; lanes beyond are +0. n > 0. */
RS_INLINE vec load_up_to(const elem *p, size_t n) { return n < LANES ? load_n(p, n) : load(p); }

RS_INLINE void store_up_to(elem *p, vec v, size_t n)
{
    if (n < LANES) {
        store_n(p, v, n);
    } else {
        store(p, v);
    }
}
