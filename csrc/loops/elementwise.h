/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver of every kernel: walks n contiguous elements, a few vectors a step, the ragged ends by
 * load_n/store_n with the same lane expression. Within a step all loads come before the stores, so
 * the output may be an input. Never touches a byte outside the n elements.
 * Included by isa/dtype.h once for each dtype, and by isa/parts.h; the function names are those of the current one. */

typedef vec lane(vec, vec, wide, wide);

/* The operands of a call: up to two arrays of the data's dtype, then up to two parameters. `last`, `s_number` and
 * `t_number` stand for the broadcast ones where the form has them. */
typedef struct {
    const elem *a, *b;
    const wide_elem *s, *t;
    vec last;
    wide s_number, t_number;
} operands;

/* The first min(n, LANES) elements; lanes beyond are +0. n > 0. */
RS_INLINE vec load_up_to(const elem *p, size_t n) { return n < LANES ? load_n(p, n) : load(p); }
RS_INLINE wide load_wide_up_to(const wide_elem *p, size_t n) { return n < LANES ? load_wide_n(p, n) : load_wide(p); }

RS_INLINE void store_up_to(elem *p, vec v, size_t n)
{
    if (n < LANES) {
        store_n(p, v, n);
    } else {
        store(p, v);
    }
}

/* The results of min(n, LANES) elements from i on. arrays and params (how many inputs are which) and form are constants
 * at every call, so that of each conditional one branch is compiled. */
RS_INLINE vec eval(lane *f, int arrays, int params, int form, const operands *in, size_t i, size_t n)
{
    const int numbers = form & RS_LAST_SCALAR, loaded = arrays - (params == 0 && numbers);
    return f(loaded > 0 ? load_up_to(in->a + i, n) : in->last, loaded > 1 ? load_up_to(in->b + i, n) : in->last,
             params > 0 && !numbers ? load_wide_up_to(in->s + i, n) : in->s_number,
             params > 1 && !numbers ? load_wide_up_to(in->t + i, n) : in->t_number);
}

RS_INLINE void put(int streamed, elem *p, vec v)
{
    if (streamed) {
        stream(p, v);
    } else {
        store(p, v);
    }
}

/* For long expressions, of which this has one copy: a loop over whole vectors. The ragged ends go through blocks of one
 * vector, and so through the same loop. */
RS_INLINE void drive_whole(lane *f, int arrays, int params, int form, int streamed, const operands *x, elem *out,
                           size_t ragged, size_t n)
{
    const int numbers = form & RS_LAST_SCALAR, loaded = arrays - (params == 0 && numbers);
    const int wide_loaded = numbers ? 0 : params;
    RS_ALIGNED(64) elem a[LANES], b[LANES];
    RS_ALIGNED(64) wide_elem s[LANES], t[LANES];
    for (size_t i = 0, end; i < n; i = end) { /* at most three times */
        operands here = *x;
        elem *to;
        size_t whole;
        if (ragged != 0) {
            here.a = a, here.b = b, here.s = s, here.t = t;
            if (loaded > 0) {
                store(a, load_n(x->a + i, ragged));
            }
            if (loaded > 1) {
                store(b, load_n(x->b + i, ragged));
            }
            if (wide_loaded > 0) {
                store_wide(s, load_wide_n(x->s + i, ragged));
            }
            if (wide_loaded > 1) {
                store_wide(t, load_wide_n(x->t + i, ragged));
            }
            to = a;
            whole = LANES;
            end = i + ragged;
        } else {
            here.a = loaded > 0 ? x->a + i : NULL;
            here.b = loaded > 1 ? x->b + i : NULL;
            here.s = wide_loaded > 0 ? x->s + i : NULL;
            here.t = wide_loaded > 1 ? x->t + i : NULL;
            to = out + i;
            whole = (n - i) / LANES * LANES;
            end = i + whole;
        }
        int past_cache = streamed && ragged == 0;
        for (size_t k = 0; k < whole; k += LANES) {
            const vec r = eval(f, arrays, params, form, &here, k, LANES);
            RS_VARIES(past_cache);
            put(past_cache, to + k, r);
        }
        if (ragged != 0) {
            store_n(out + i, load(a), ragged);
        }
        ragged = n - end < LANES ? n - end : 0;
    }
}

/* For short expressions: `step` vectors a turn hide the latency of memory. */
RS_INLINE void drive_steps(lane *f, int arrays, int params, int form, size_t step, int streamed, const operands *x,
                           elem *out, size_t ragged, size_t n)
{
    size_t i = 0;
    while (i < n) { /* at most twice, so that both ends share their code, too */
        if (ragged != 0) {
            store_n(out + i, eval(f, arrays, params, form, x, i, ragged), ragged);
            i += ragged;
        }
        for (; i + step * LANES <= n; i += step * LANES) {
            operands here = *x;
            here.a = x->a + i;
            here.b = arrays > 1 ? x->b + i : NULL;
            here.s = params > 0 ? x->s + i : NULL;
            here.t = params > 1 ? x->t + i : NULL;
            elem *to = out + i;
            RS_POINTER(here.a);
            RS_POINTER(here.b);
            RS_POINTER(here.s);
            RS_POINTER(here.t);
            RS_POINTER(to);
            vec r[4];
            for (size_t k = 0; k < step; k++) {
                r[k] = eval(f, arrays, params, form, &here, k * LANES, LANES);
            }
            RS_VARIES(streamed);
            for (size_t k = 0; k < step; k++) {
                put(streamed, to + k * LANES, r[k]);
            }
        }
        for (; i + LANES <= n; i += LANES) {
            store(out + i, eval(f, arrays, params, form, x, i, LANES));
        }
        ragged = n - i;
    }
}

/* Of the parameters only `streamed` varies: the two kinds of stores share their code. */
RS_INLINE void drive(lane *f, int arrays, int params, int form, size_t step, int streamed, const void *const *in,
                     void *out, size_t n)
{
    if (n == 0) {
        return;
    }
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
    size_t ragged = 0;
    if (n < LANES) {
        ragged = n;
    } else if (streamed || n >= 16 * LANES) {
        const size_t past = (uintptr_t)out / sizeof(elem) % LANES;
        ragged = past != 0 ? LANES - past : 0;
    }
    if (step == 1) {
        drive_whole(f, arrays, params, form, streamed, &x, out, ragged, n);
    } else {
        drive_steps(f, arrays, params, form, step, streamed, &x, out, ragged, n);
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
