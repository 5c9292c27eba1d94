/* SPDX-License-Identifier: BSD-3-Clause */
/* The seam between the callers and the kernels: which operations, dtypes and instruction sets there
 * are, what a kernel promises, and which table of kernels is the active one.
 * Included by every C file of isa/, the C files of run/ and the Cython module. */
#ifndef RS_DISPATCH_H
#define RS_DISPATCH_H
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum {
#define RS_OP(name, ...) RS_##name,
#include "ops.def"
    RS_OPS
};

enum {
#define RS_DTYPE(name, ...) RS_##name,
#include "dtypes.def"
    RS_DTYPES
};

/* Macros, not enumerators: the preprocessor compares them. */
#define RS_INTEGER 0
#define RS_HALF 1
#define RS_WHOLE 2
#define RS_PARTS 3 /* of no dtype: isa/parts.h */

enum { RS_MAX_ARRAYS = 2, RS_MAX_PARAMS = 2, RS_MAX_IN = RS_MAX_ARRAYS + RS_MAX_PARAMS };

/* What the words of ops.def stand for. */
enum { RS_PARAMS_NONE = 0, RS_PARAMS_ONE = 1, RS_PARAMS_TWO = 2, RS_PARAMS_WEIGHT = 1 };
enum { RS_ACCURACY_EXACT = 0, RS_ACCURACY_STEPS = -1, RS_CROSSES = 64 };
#define RS_ACCURACY_ULP(n) n
#define RS_ACCURACY_CROSSES(n) (RS_CROSSES + (n))

typedef struct {
    const char *name, *signature, *definition, *summary, *example, *result;
    int nin, arrays, params; /* inputs; of these the arrays come first, the parameters after them */
    int weight;              /* the parameter is an array by nature */
    int integers;            /* integers have kernels of their own */
    int arithmetic;          /* it computes, rather than only compare and move elements */
    int widen;               /* 16-bit floats compute the whole expression in float32 */
    int compute;             /* arithmetic takes longer than memory */
    int accuracy;            /* RS_ACCURACY_EXACT, RS_ACCURACY_STEPS, or the largest error in ULP, plus RS_CROSSES */
} rs_op;
extern const rs_op rs_ops[RS_OPS];

typedef struct {
    const char *name; /* NumPy's */
    size_t itemsize;
    int dtype_class;
} rs_dtype;
extern const rs_dtype rs_dtypes[RS_DTYPES];

/* Whether input `k` is a parameter in float32 beside 16-bit floats. */
static inline int rs_is_float_param(int op, int dtype, int k)
{
    return k >= rs_ops[op].arrays && k < rs_ops[op].nin && rs_dtypes[dtype].dtype_class == RS_HALF;
}

/* Bytes of an element of input `k`, and of the output where k is the number of inputs. */
static inline size_t rs_operand_size(int op, int dtype, int k)
{
    return rs_is_float_param(op, dtype, k) ? sizeof(float) : rs_dtypes[dtype].itemsize;
}

/* Any element, or parameter. */
typedef union {
#define RS_DTYPE(name, element, ...) element name;
#include "dtypes.def"
} rs_element;

/* Whether a kernel's result, or a parameter that is a number, could depend on the floating-point mode. Integers and
 * the bits of 16-bit floats are compared and moved by instructions that do not know of it. */
static inline int rs_needs_mode(int op, int dtype)
{
    const int dtype_class = rs_dtypes[dtype].dtype_class;
    return dtype_class == RS_WHOLE || rs_ops[op].params != 0 || (dtype_class == RS_HALF && rs_ops[op].arithmetic);
}

/* The same as below for a parameter beside integers. */
int rs_take_integer(int dtype, double number, rs_element *to);

/* A number as input `k`, which is a parameter or the array that it stands for. Returns 0, and what is in *to means
 * nothing, where the dtype has no such number: an overflow, a fraction beside integers, or any number in place of
 * an array of integers or 16-bit floats, for which NumPy chooses a wider dtype. */
static inline int rs_take_number(int op, int dtype, int k, double number, rs_element *to)
{
    const int dtype_class = rs_dtypes[dtype].dtype_class;
    if (dtype_class != RS_WHOLE && k < rs_ops[op].arrays) {
        return 0;
    }
    if (dtype_class == RS_INTEGER) {
        return rs_take_integer(dtype, number, to);
    }
    if (rs_operand_size(op, dtype, k) == sizeof(double)) {
        to->f64 = number;
        return 1;
    }
    if (fabs(number) > FLT_MAX && fabs(number) <= DBL_MAX) {
        return 0;
    }
    to->f32 = (float)number;
    return 1;
}

/* How a kernel is to treat its operands; the bits combine. */
enum {
    RS_ARRAYS = 0,
    RS_LAST_SCALAR = 1, /* all parameters or, of an operation without, its last array are single elements */
    RS_STREAM = 2,      /* the output bypasses the cache: not an input, and at least RS_STREAM_MIN elements */
    RS_FORMS = 4
};
enum { RS_STREAM_MIN = 4096 };

/* How many of an operation's inputs are arrays in this form. */
static inline int rs_arrays_in(int op, int form)
{
    if (!(form & RS_LAST_SCALAR)) {
        return rs_ops[op].nin;
    }
    return rs_ops[op].params != 0 ? rs_ops[op].arrays : rs_ops[op].nin - 1;
}

/* Applies one operation to n >= 0 elements, forward. Inputs and output are contiguous; an input may
 * be the output itself or, without RS_STREAM, lie ahead of it, but must not overlap it otherwise. */
typedef void rs_kernel(const void *const *in, void *out, size_t n);

/* relu of n elements, and a bit an element, the first lowest: !(x <= 0). Bits beyond n are 0.
 * With `streamed`, and out not an input, the output may bypass the cache. */
typedef void rs_mask_kernel(const void *x, void *out, uint8_t *bits, size_t n, int streamed);
/* The elements whose bit is set, 0 in place of the others. */
typedef void rs_unmask_kernel(const void *grad_output, const uint8_t *bits, void *out, size_t n, int streamed);

/* What reductions add up, in float64, the same sums in the same order on every ISA. */
enum {
    RS_ACTIVE,       /* of x: 1 where x > 0 */
    RS_WEIGHT_GRADS, /* of grad_output, x: 0 where x > 0, else their product; floats alone */
    RS_REDUCTIONS
};
/* The sum over n contiguous elements. */
typedef double rs_sum_kernel(const void *const *in, size_t n);
/* Adds to sums[j] those of column j; a row has `columns` contiguous elements. */
typedef void rs_columns_kernel(const void *const *in, size_t rows, size_t columns, double *sums);

/* One dtype of one ISA; NULL where the dtype lacks the operation. */
typedef struct {
    rs_kernel *ops[RS_OPS][RS_FORMS];
    rs_mask_kernel *with_mask;
    rs_unmask_kernel *from_mask;
    rs_sum_kernel *sum[RS_REDUCTIONS];
    rs_columns_kernel *columns[RS_REDUCTIONS];
} rs_kernels;

typedef struct {
    const char *name;
    const rs_kernels *dtypes[RS_DTYPES];
} rs_isa;

/* Instruction sets compiled into this build, by their row in isas.def. */
int rs_isa_count(void);
const char *rs_isa_name(int row);
int rs_isa_supported(int row);
/* Makes a supported row the active one, for every thread, from the next call on. */
void rs_isa_activate(int row);
const rs_isa *rs_isa_active(void);
/* Whether the dtype has kernels for the operation; the same for every ISA. */
int rs_has_kernel(int op, int dtype);

#endif
