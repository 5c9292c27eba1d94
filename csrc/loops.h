/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver of every kernel: walks n contiguous elements, a few vectors a step, the ragged ends by
 * load_n/store_n with the same lane expression. Within a step all loads come before the stores, so
 * the output may be an input. Never touches a byte outside the n elements.
 * Included by isa_dtype.h once a dtype; the function names are those of the current dtype. */

typedef vec lane(vec, vec, wide);

/* The operands of a call: up to two arrays of the data's dtype, then the slope. `last` and `slope`
 * stand for the broadcast one where the form has it. */
typedef struct {
    const elem *a, *b;
    const wide_elem *s;
    vec last;
    wide slope;
} operands;

/* nvec (inputs without the slope), scaled (there is a slope), form and step (vectors) are constants at
 * every call, so that of each conditional one branch is compiled. */
RS_INLINE vec eval(lane *f, int nvec, int scaled, int form, const operands *in, size_t i)
{
    const int arrays = nvec - (!scaled && form & RS_LAST_SCALAR);
    return f(arrays > 0 ? load(in->a + i) : in->last, arrays > 1 ? load(in->b + i) : in->last,
             scaled && !(form & RS_LAST_SCALAR) ? load_wide(in->s + i) : in->slope);
}

RS_INLINE vec eval_n(lane *f, int nvec, int scaled, int form, const operands *in, size_t i, size_t n)
{
    const int arrays = nvec - (!scaled && form & RS_LAST_SCALAR);
    return f(arrays > 0 ? load_n(in->a + i, n) : in->last, arrays > 1 ? load_n(in->b + i, n) : in->last,
             scaled && !(form & RS_LAST_SCALAR) ? load_wide_n(in->s + i, n) : in->slope);
}

RS_INLINE void put(int form, elem *p, vec v)
{
    if (form & RS_STREAM) {
        stream(p, v);
    } else {
        store(p, v);
    }
}

RS_INLINE void drive(lane *f, int nvec, int scaled, int form, size_t step, const void *const *in, void *result,
                     size_t n)
{
    if (n == 0) {
        return;
    }
    elem *const out = result;
    operands x = {in[0], nvec > 1 ? in[1] : NULL, scaled ? in[nvec] : NULL, splat(0), splat_wide(0)};
    if (form & RS_LAST_SCALAR && scaled) {
        x.slope = splat_wide(*x.s);
    } else if (form & RS_LAST_SCALAR) {
        x.last = splat(nvec > 1 ? *x.b : *x.a);
    }
    size_t i = 0;
    /* A store across two cache lines costs two: worth a partial first vector once there are many. */
    if (form & RS_STREAM || n >= 16 * LANES) {
        const size_t past = (uintptr_t)out / sizeof(elem) % LANES;
        if (past != 0) {
            i = LANES - past;
            store_n(out, eval_n(f, nvec, scaled, form, &x, 0, i), i);
        }
    }
    for (; i + step * LANES <= n; i += step * LANES) {
        operands here = {x.a + i, nvec > 1 ? x.b + i : NULL, scaled ? x.s + i : NULL, x.last, x.slope};
        elem *to = out + i;
        RS_POINTER(here.a);
        RS_POINTER(here.b);
        RS_POINTER(here.s);
        RS_POINTER(to);
        vec r[4];
        for (size_t k = 0; k < step; k++) {
            r[k] = eval(f, nvec, scaled, form, &here, k * LANES);
        }
        for (size_t k = 0; k < step; k++) {
            put(form, to + k * LANES, r[k]);
        }
    }
    for (; i + LANES <= n; i += LANES) {
        put(form, out + i, eval(f, nvec, scaled, form, &x, i));
    }
    if (i < n) {
        store_n(out + i, eval_n(f, nvec, scaled, form, &x, i, n - i), n - i);
    }
    if (form & RS_STREAM) {
        fence();
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
