/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions that other compiled code calls: each operation on each of its dtypes, and the mask functions.
 * Names and arguments are a contract with what was compiled before: docs/howto/c-api.md. make_c_api.py
 * declares the same functions for C and for Cython. Included by _core.pyx alone. */
#ifndef RS_C_API_H
#define RS_C_API_H
#include <Python.h>

#include "run.h"

/* The type of an element, and of a slope beside it. */
#define SLOPE_RS_INTEGER(element) element
#define SLOPE_RS_HALF(element) float
#define SLOPE_RS_WHOLE(element) element
#define RS_DTYPE(name, element, numpy_name, dtype_class) \
    typedef element rs_elem_##name;                      \
    typedef SLOPE_##dtype_class(element) rs_slope_##name;
#include "dtypes.def"

#define EACH_FLOAT(make, op) make(op, f16) make(op, bf16) make(op, f32) make(op, f64)
#define EACH(make, op)   \
    EACH_FLOAT(make, op) \
    make(op, i8) make(op, u8) make(op, i16) make(op, u16) make(op, i32) make(op, u32) make(op, i64) make(op, u64)

/* n below 1 is nothing to do. */
static void rs_api_run(int op, int dtype, int form, const void *const *in, void *out, Py_ssize_t n)
{
    if (n > 0) {
        rs_run(op, dtype, form, in, out, (size_t)n);
    }
}

#define ARRAYS_1(op, T)                                                                 \
    static void rs_api_##op##_##T(const rs_elem_##T *a, rs_elem_##T *out, Py_ssize_t n) \
    {                                                                                   \
        const void *const in[] = {a};                                                   \
        rs_api_run(RS_##op, RS_##T, RS_ARRAYS, in, out, n);                             \
    }
#define ARRAYS_2(op, T)                                                                                       \
    static void rs_api_##op##_##T(const rs_elem_##T *a, const rs_elem_##T *b, rs_elem_##T *out, Py_ssize_t n) \
    {                                                                                                         \
        const void *const in[] = {a, b};                                                                      \
        rs_api_run(RS_##op, RS_##T, RS_ARRAYS, in, out, n);                                                   \
    }
#define SCALED_2(op, T)                                                                                     \
    static void rs_api_##op##_##T(const rs_elem_##T *a, rs_slope_##T slope, rs_elem_##T *out, Py_ssize_t n) \
    {                                                                                                       \
        const void *const in[] = {a, &slope};                                                               \
        rs_api_run(RS_##op, RS_##T, RS_LAST_SCALAR, in, out, n);                                            \
    }
#define SCALED_3(op, T)                                                                                             \
    static void rs_api_##op##_##T(const rs_elem_##T *a, const rs_elem_##T *b, rs_slope_##T slope, rs_elem_##T *out, \
                                  Py_ssize_t n)                                                                     \
    {                                                                                                               \
        const void *const in[] = {a, b, &slope};                                                                    \
        rs_api_run(RS_##op, RS_##T, RS_LAST_SCALAR, in, out, n);                                                    \
    }
#define MASK(op, T)                                                                                            \
    static void rs_api_relu_with_mask_##T(const rs_elem_##T *x, rs_elem_##T *out, uint8_t *mask, Py_ssize_t n) \
    {                                                                                                          \
        if (n > 0) {                                                                                           \
            rs_run_with_mask(RS_##T, x, out, mask, (size_t)n);                                                 \
        }                                                                                                      \
    }                                                                                                          \
    static void rs_api_relu_backward_from_mask_##T(const rs_elem_##T *grad_output, const uint8_t *mask,        \
                                                   rs_elem_##T *out, Py_ssize_t n)                             \
    {                                                                                                          \
        if (n > 0) {                                                                                           \
            rs_run_from_mask(RS_##T, grad_output, mask, out, (size_t)n);                                       \
        }                                                                                                      \
    }

#define NUMBERS(name, nin) EACH(ARRAYS_##nin, name)
#define FLOATS(name, nin) EACH_FLOAT(ARRAYS_##nin, name)
#define WIDENED(name, nin) EACH_FLOAT(ARRAYS_##nin, name)
#define SCALED(name, nin) EACH_FLOAT(SCALED_##nin, name)
#define RS_OP(name, nin, kind, ...) kind(name, nin)
#include "ops.def"
EACH(MASK, )
#undef NUMBERS
#undef FLOATS
#undef WIDENED
#undef SCALED

/* What a function takes before n: E is an element, S a slope. */
typedef struct {
    const char *name, *arguments;
    int dtype;
    void (*function)(void);
} rs_api_row;

#define ROW_ARRAYS_1(op, T) {#op "_" #T, "E const *, E *", RS_##T, (void (*)(void))rs_api_##op##_##T},
#define ROW_ARRAYS_2(op, T) {#op "_" #T, "E const *, E const *, E *", RS_##T, (void (*)(void))rs_api_##op##_##T},
#define ROW_SCALED_2(op, T) {#op "_" #T, "E const *, S, E *", RS_##T, (void (*)(void))rs_api_##op##_##T},
#define ROW_SCALED_3(op, T) {#op "_" #T, "E const *, E const *, S, E *", RS_##T, (void (*)(void))rs_api_##op##_##T},
#define ROW_MASK(op, T)                                                                                     \
    {"relu_with_mask_" #T, "E const *, E *, uint8_t *", RS_##T, (void (*)(void))rs_api_relu_with_mask_##T}, \
        {"relu_backward_from_mask_" #T, "E const *, uint8_t const *, E *", RS_##T,                          \
         (void (*)(void))rs_api_relu_backward_from_mask_##T},

static const rs_api_row rs_api_rows[] = {
#define NUMBERS(name, nin) EACH(ROW_ARRAYS_##nin, name)
#define FLOATS(name, nin) EACH_FLOAT(ROW_ARRAYS_##nin, name)
#define WIDENED(name, nin) EACH_FLOAT(ROW_ARRAYS_##nin, name)
#define SCALED(name, nin) EACH_FLOAT(ROW_SCALED_##nin, name)
#define RS_OP(name, nin, kind, ...) kind(name, nin)
#include "ops.def"
    EACH(ROW_MASK, )};
enum { RS_API_ROWS = sizeof rs_api_rows / sizeof rs_api_rows[0] };

static const char *const rs_elem_names[RS_DTYPES] = {
#define RS_DTYPE(name, element, ...) #element,
#include "dtypes.def"
};

#endif
