/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver of every kernel: walks n contiguous elements, a few vectors a step, the ragged ends by
 * load_n/store_n with the same lane expression. Within a step all loads come before the stores, so
 * the output may be an input. Never touches a byte outside the n elements.
 * Included by isa_body.h once a dtype; the function names are those of the current dtype. */

typedef vec lane(vec, vec, vec);

/* The operands of a call. `last` is the broadcast one where the form has it. */
typedef struct {
    const elem *a, *b, *c;
    vec last;
} operands;

/* nin and form are constants at every call, so that of each conditional one branch is compiled. */
RS_INLINE vec eval(lane *f, int nin, int form, const operands *in, size_t i)
{
    const int arrays = nin - (form & RS_LAST_SCALAR);
    return f(arrays > 0 ? load(in->a + i) : in->last, arrays > 1 ? load(in->b + i) : in->last,
             arrays > 2 ? load(in->c + i) : in->last);
}

RS_INLINE vec eval_n(lane *f, int nin, int form, const operands *in, size_t i, size_t n)
{
    const int arrays = nin - (form & RS_LAST_SCALAR);
    return f(arrays > 0 ? load_n(in->a + i, n) : in->last, arrays > 1 ? load_n(in->b + i, n) : in->last,
             arrays > 2 ? load_n(in->c + i, n) : in->last);
}

RS_INLINE void put(int form, elem *p, vec v)
{
    if (form & RS_STREAM) {
        stream(p, v);
    } else {
        store(p, v);
    }
}

RS_INLINE void drive(lane *f, int nin, int form, const void *const *in, void *result, size_t n)
{
    if (n == 0) {
        return;
    }
    elem *const out = result;
    const operands x = {in[0], nin > 1 ? in[1] : NULL, nin > 2 ? in[2] : NULL,
                        form & RS_LAST_SCALAR ? splat(*(const elem *)in[nin - 1]) : splat(0)};
    size_t i = 0;
    /* A store across two cache lines costs two: worth a partial first vector once there are many. */
    if (form & RS_STREAM || n >= 16 * LANES) {
        const size_t past = (uintptr_t)out / sizeof(elem) % LANES;
        if (past != 0) {
            i = LANES - past;
            store_n(out, eval_n(f, nin, form, &x, 0, i), i);
        }
    }
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        const vec r0 = eval(f, nin, form, &x, i), r1 = eval(f, nin, form, &x, i + LANES);
        const vec r2 = eval(f, nin, form, &x, i + 2 * LANES), r3 = eval(f, nin, form, &x, i + 3 * LANES);
        put(form, out + i, r0);
        put(form, out + i + LANES, r1);
        put(form, out + i + 2 * LANES, r2);
        put(form, out + i + 3 * LANES, r3);
    }
    for (; i + LANES <= n; i += LANES) {
        put(form, out + i, eval(f, nin, form, &x, i));
    }
    if (i < n) {
        store_n(out + i, eval_n(f, nin, form, &x, i, n - i), n - i);
    }
    if (form & RS_STREAM) {
        fence();
    }
}
