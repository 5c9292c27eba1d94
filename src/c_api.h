/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions that other compiled code calls: each operation on each of its dtypes, and the mask functions.
 * Names and arguments are a contract with what was compiled before: docs/howto/c-api.md. make_c_api.py
 * declares the same functions for C and for Cython. Included by _core.pyx alone. */
#ifndef RS_C_API_H
#define RS_C_API_H
#include <Python.h>

#include "run/fpmode.h"
#include "run/run.h"

/* The type of an element, and of a parameter beside it. */
#define PARAM_RS_INTEGER(element) element
#define PARAM_RS_HALF(element) float
#define PARAM_RS_WHOLE(element) element
#define RS_DTYPE(name, element, numpy_name, dtype_class) \
    typedef element rs_elem_##name;                      \
    typedef PARAM_##dtype_class(element) rs_param_##name;
#include "dtypes.def"

#define EACH_FLOATS(make, op) make(op, f16) make(op, bf16) make(op, f32) make(op, f64)
#define EACH_ALL(make, op) \
    EACH_FLOATS(make, op)  \
    make(op, i8) make(op, u8) make(op, i16) make(op, u16) make(op, i32) make(op, u32) make(op, i64) make(op, u64)

/* n below 1 is nothing to do. */
static void rs_api_run(int op, int dtype, int form, const void *const *in, void *out, Py_ssize_t n)
{
    if (n > 0) {
        const rs_fpmode mode = rs_fp_enter();
        rs_run(op, dtype, form, in, out, (size_t)n);
        rs_fp_leave(mode);
    }
}

/* The parameters of the functions, by the columns `arrays` and `params`; what is passed on; and the same as the
 * signature says it, where E is an element and P a parameter. */
#define DECLARE_1(T) const rs_elem_##T *a
#define DECLARE_2(T) const rs_elem_##T *a, const rs_elem_##T *b
#define DECLARE_NONE(T)
#define DECLARE_ONE(T) rs_param_##T s,
#define DECLARE_TWO(T) rs_param_##T s, rs_param_##T t,
#define DECLARE_WEIGHT(T) DECLARE_ONE(T)
#define PASS_1 a
#define PASS_2 a, b
#define PASS_NONE
#define PASS_ONE , &s
#define PASS_TWO , &s, &t
#define PASS_WEIGHT PASS_ONE
#define FORM_NONE RS_ARRAYS
#define FORM_ONE RS_LAST_SCALAR
#define FORM_TWO RS_LAST_SCALAR
#define FORM_WEIGHT RS_LAST_SCALAR
#define SPELL_1 "E const *, "
#define SPELL_2 "E const *, E const *, "
#define SPELL_NONE
#define SPELL_ONE "P, "
#define SPELL_TWO "P, P, "
#define SPELL_WEIGHT SPELL_ONE

#define FUNCTION(op, T, arrays, params)                                                                    \
    static void rs_api_##op##_##T(DECLARE_##arrays(T), DECLARE_##params(T) rs_elem_##T *out, Py_ssize_t n) \
    {                                                                                                      \
        const void *const in[] = {PASS_##arrays PASS_##params};                                            \
        rs_api_run(RS_##op, RS_##T, FORM_##params, in, out, n);                                            \
    }
#define MASK(op, T)                                                                                            \
    static void rs_api_relu_with_mask_##T(const rs_elem_##T *x, rs_elem_##T *out, uint8_t *mask, Py_ssize_t n) \
    {                                                                                                          \
        if (n > 0) {                                                                                           \
            const rs_fpmode mode = rs_fp_enter();                                                              \
            rs_run_with_mask(RS_##T, x, out, mask, (size_t)n);                                                 \
            rs_fp_leave(mode);                                                                                 \
        }                                                                                                      \
    }                                                                                                          \
    static void rs_api_relu_backward_from_mask_##T(const rs_elem_##T *grad_output, const uint8_t *mask,        \
                                                   rs_elem_##T *out, Py_ssize_t n)                             \
    {                                                                                                          \
        if (n > 0) {                                                                                           \
            const rs_fpmode mode = rs_fp_enter();                                                              \
            rs_run_from_mask(RS_##T, grad_output, mask, out, (size_t)n);                                       \
            rs_fp_leave(mode);                                                                                 \
        }                                                                                                      \
    }

#define FUNCTION_1_NONE(op, T) FUNCTION(op, T, 1, NONE)
#define FUNCTION_1_ONE(op, T) FUNCTION(op, T, 1, ONE)
#define FUNCTION_1_TWO(op, T) FUNCTION(op, T, 1, TWO)
#define FUNCTION_1_WEIGHT(op, T) FUNCTION(op, T, 1, WEIGHT)
#define FUNCTION_2_NONE(op, T) FUNCTION(op, T, 2, NONE)
#define FUNCTION_2_ONE(op, T) FUNCTION(op, T, 2, ONE)
#define FUNCTION_2_TWO(op, T) FUNCTION(op, T, 2, TWO)
#define FUNCTION_2_WEIGHT(op, T) FUNCTION(op, T, 2, WEIGHT)
#define RS_OP(name, arrays, params, dtypes, ...) EACH_##dtypes(FUNCTION_##arrays##_##params, name)
#include "ops.def"
EACH_ALL(MASK, )

/* What a function takes before n. */
typedef struct {
    const char *name, *arguments;
    int dtype;
    void (*function)(void);
} rs_api_row;

#define ROW(op, T, arrays, params) \
    {#op "_" #T, SPELL_##arrays SPELL_##params "E *", RS_##T, (void (*)(void))rs_api_##op##_##T},
#define ROW_1_NONE(op, T) ROW(op, T, 1, NONE)
#define ROW_1_ONE(op, T) ROW(op, T, 1, ONE)
#define ROW_1_TWO(op, T) ROW(op, T, 1, TWO)
#define ROW_1_WEIGHT(op, T) ROW(op, T, 1, WEIGHT)
#define ROW_2_NONE(op, T) ROW(op, T, 2, NONE)
#define ROW_2_ONE(op, T) ROW(op, T, 2, ONE)
#define ROW_2_TWO(op, T) ROW(op, T, 2, TWO)
#define ROW_2_WEIGHT(op, T) ROW(op, T, 2, WEIGHT)
#define ROW_MASK(op, T)                                                                                     \
    {"relu_with_mask_" #T, "E const *, E *, uint8_t *", RS_##T, (void (*)(void))rs_api_relu_with_mask_##T}, \
        {"relu_backward_from_mask_" #T, "E const *, uint8_t const *, E *", RS_##T,                          \
         (void (*)(void))rs_api_relu_backward_from_mask_##T},

static const rs_api_row rs_api_rows[] = {
#define RS_OP(name, arrays, params, dtypes, ...) EACH_##dtypes(ROW_##arrays##_##params, name)
#include "ops.def"
    EACH_ALL(ROW_MASK, )};
enum { RS_API_ROWS = sizeof rs_api_rows / sizeof rs_api_rows[0] };

static const char *const rs_elem_names[RS_DTYPES] = {
#define RS_DTYPE(name, element, ...) #element,
#include "dtypes.def"
};

#endif
