/* SPDX-License-Identifier: BSD-3-Clause */
/* The drivers of the kernels. They walk n contiguous elements with a lane expression and never touch a byte outside
 * them. Within a step all loads come before the stores, so the output may be an input. drive_steps() is for short
 * expressions, drive_long() for long ones.
 * Included by isa/dtype.h once for each dtype, and by isa/parts.h; the function names are those of the current one. */

typedef vec lane(vec, vec, wide, wide);

/* What stands for single elements in place of arrays. */
typedef struct {
    vec last;
    wide s, t;
} numbers;

/* The operands of a call: up to two arrays of the data's dtype, then up to two parameters. Where the form has a single
 * element, `number` has it, and its pointer is not used. */
typedef struct {
    const elem *a, *b;
    const wide_elem *s, *t;
    const numbers *number;
} operands;

/* A loop over whole vectors, n elements: drive_whole() of one expression. */
typedef void whole(const operands *, size_t from, elem *to, size_t n, int past_cache);

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

/* How many arrays and parameters are not single elements. arrays and params (how many inputs are which) and form are
 * constants of a kernel, so that of each conditional one branch is compiled. */
RS_INLINE int arrays_loaded(int arrays, int params, int form)
{
    return arrays - (params == 0 && form & RS_LAST_SCALAR);
}
RS_INLINE int params_loaded(int params, int form) { return form & RS_LAST_SCALAR ? 0 : params; }

/* The inputs of a call; `room` is for single elements. */
RS_INLINE operands operands_of(int arrays, int params, int form, const void *const *in, numbers *room)
{
    const operands x = {in[0], arrays > 1 ? in[1] : NULL, params > 0 ? in[arrays] : NULL,
                        params > 1 ? in[arrays + 1] : NULL, form & RS_LAST_SCALAR ? room : NULL};
    if (form & RS_LAST_SCALAR && params > 0) {
        room->s = splat_wide(*x.s);
        room->t = splat_wide(params > 1 ? *x.t : 0);
    } else if (form & RS_LAST_SCALAR) {
        room->last = splat(arrays > 1 ? *x.b : *x.a);
    }
    return x;
}

/* The same from element i on. */
RS_INLINE operands operands_at(int arrays, int params, int form, operands x, size_t i)
{
    x.a = arrays_loaded(arrays, params, form) > 0 ? x.a + i : NULL;
    x.b = arrays_loaded(arrays, params, form) > 1 ? x.b + i : NULL;
    x.s = params_loaded(params, form) > 0 ? x.s + i : NULL;
    x.t = params_loaded(params, form) > 1 ? x.t + i : NULL;
    return x;
}

/* The results of min(n, LANES) elements from i on. */
RS_INLINE vec eval(lane *f, int arrays, int params, int form, const operands *in, size_t i, size_t n)
{
    const int loaded = arrays_loaded(arrays, params, form), wide_loaded = params_loaded(params, form);
    const numbers none = {splat(0), splat_wide(0), splat_wide(0)}, *number = form & RS_LAST_SCALAR ? in->number : &none;
    return f(loaded > 0 ? load_up_to(in->a + i, n) : number->last, loaded > 1 ? load_up_to(in->b + i, n) : number->last,
             wide_loaded > 0 ? load_wide_up_to(in->s + i, n) : number->s,
             wide_loaded > 1 ? load_wide_up_to(in->t + i, n) : number->t);
}

RS_INLINE void put(int streamed, elem *p, vec v)
{
    if (streamed) {
        stream(p, v);
    } else {
        store(p, v);
    }
}

/* The elements before the first aligned vector, where that is worth it. A store across two cache lines costs two: there
 * it is a partial first vector once there are many. */
RS_INLINE size_t ragged_first(const elem *out, size_t n, int streamed)
{
    const size_t past = (uintptr_t)out / sizeof(elem) % LANES;
    return past != 0 && (streamed || n >= 16 * LANES) ? LANES - past : 0;
}

/* For long expressions: the loop over whole vectors, the one copy of the expression. The inputs begin at `from`, the
 * output at `to`. */
RS_INLINE void drive_whole(lane *f, int arrays, int params, int form, const operands *in, size_t from, elem *to,
                           size_t n, int past_cache)
{
    const operands x = operands_at(arrays, params, form, *in, from);
    for (size_t i = 0; i < n; i += LANES) {
        const vec r = eval(f, arrays, params, form, &x, i, LANES);
        RS_VARIES(past_cache);
        put(past_cache, to + i, r);
    }
}

/* n elements by such a loop. The ragged ends are whole vectors, too, that reach into the middle: computed before it,
 * because the output may be an input, and stored after it. Less than one vector is filled up to one. `loaded` and
 * `wide_loaded` are arrays_loaded() and params_loaded(). */
static RS_APART RS_UNUSED void with_ends(whole *body, int loaded, int wide_loaded, const operands *in, elem *out,
                                         size_t n, int streamed)
{
    RS_ALIGNED(64) elem head[LANES], tail[LANES];
    if (n < LANES) {
        RS_ALIGNED(64) wide_elem s[LANES], t[LANES];
        const operands x = {head, tail, s, t, in->number};
        if (loaded > 0) {
            store(head, load_n(in->a, n));
        }
        if (loaded > 1) {
            store(tail, load_n(in->b, n));
        }
        if (wide_loaded > 0) {
            store_wide(s, load_wide_n(in->s, n));
        }
        if (wide_loaded > 1) {
            store_wide(t, load_wide_n(in->t, n));
        }
        body(&x, 0, head, LANES, 0);
        store_n(out, load(head), n);
        return;
    }
    const size_t first = ragged_first(out, n, streamed), middle = (n - first) / LANES * LANES;
    const int has_tail = first + middle != n;
    if (first != 0) {
        body(in, 0, head, LANES, 0);
    }
    if (has_tail) {
        body(in, n - LANES, tail, LANES, 0);
    }
    body(in, first, out + first, middle, streamed);
    if (streamed) {
        fence();
    }
    if (first != 0) {
        store(out, load(head));
    }
    if (has_tail) {
        store(out + n - LANES, load(tail));
    }
}

/* The commonest case needs none of that. */
RS_INLINE void drive_long(whole *body, int arrays, int params, int form, const void *const *in, elem *out, size_t n,
                          int streamed)
{
    numbers room;
    const operands x = operands_of(arrays, params, form, in, &room);
    if (n % LANES == 0 && !streamed && ragged_first(out, n, 0) == 0) {
        body(&x, 0, out, n, 0);
    } else {
        with_ends(body, arrays_loaded(arrays, params, form), params_loaded(params, form), &x, out, n, streamed);
    }
}

/* For short expressions: `step` vectors a turn hide the latency of memory. Of the parameters only `streamed` varies:
 * the two kinds of stores share their code. */
RS_INLINE void drive_steps(lane *f, int arrays, int params, int form, size_t step, const void *const *in, elem *out,
                           size_t n, int streamed)
{
    numbers room;
    const operands x = operands_of(arrays, params, form, in, &room);
    size_t i = 0, ragged = n < LANES ? n : ragged_first(out, n, streamed);
    while (i < n) { /* at most twice, so that both ends share their code, too */
        if (ragged != 0) {
            store_n(out + i, eval(f, arrays, params, form, &x, i, ragged), ragged);
            i += ragged;
        }
        for (; i + step * LANES <= n; i += step * LANES) {
            operands here = operands_at(arrays, params, form, x, i);
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
            store(out + i, eval(f, arrays, params, form, &x, i, LANES));
        }
        ragged = n - i;
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
