/* SPDX-License-Identifier: BSD-3-Clause */
/* The rest of an ISA file, after its vocabulary: compiles kernels.h and loops.h once a dtype under
 * the vocabulary's plain names and emits the one exported constant, rs_isa_<ISA>.
 * Included last by every isa_*.c, which has defined ISA and, for each dtype T, vec_T, mask_T,
 * LANES_T and the functions load_T ... select_T. */

#define NAME(word) RS_CAT(word, T)
#define vec NAME(vec)
#define mask NAME(mask)
#define elem NAME(elem)
#define LANES ((size_t)NAME(LANES))
#define load NAME(load)
#define load_n NAME(load_n)
#define store NAME(store)
#define store_n NAME(store_n)
#define splat NAME(splat)
#define mul NAME(mul)
#define lt NAME(lt)
#define le NAME(le)
#define stream NAME(stream)
#define select NAME(select)
#define drop NAME(drop)

#define lane NAME(lane)
#define operands NAME(operands)
#define eval NAME(eval)
#define eval_n NAME(eval_n)
#define put NAME(put)
#define drive NAME(drive)

/* Every lane function has three parameters, so that drive() takes any of them. */
#define KERNEL1(name, a) RS_INLINE vec NAME(lane_##name)(vec a, vec b_ RS_UNUSED, vec c_ RS_UNUSED)
#define KERNEL2(name, a, b) RS_INLINE vec NAME(lane_##name)(vec a, vec b, vec c_ RS_UNUSED)
#define KERNEL3(name, a, b, c) RS_INLINE vec NAME(lane_##name)(vec a, vec b, vec c)

/* A kernel is drive() with the operation and the form fixed. */
#define FORM(name, nin, form)                                                   \
    static void NAME(name##_##form)(const void *const *in, void *out, size_t n) \
    {                                                                           \
        drive(NAME(lane_##name), nin, form, in, out, n);                        \
    }
#define FORMS(name, T) {name##_0_##T, name##_1_##T, name##_2_##T, name##_3_##T}

#define T f32
typedef float elem_f32;
#include "isa_dtype.h"
#undef T

#define T f64
typedef double elem_f64;
#include "isa_dtype.h"
#undef T

const rs_isa RS_CAT(rs_isa, ISA) = {
    RS_STR(ISA),
    {
        [RS_F32] =
            {
#define RS_OP(name, ...) FORMS(name, f32),
#include "ops.def"
            },
        [RS_F64] =
            {
#define RS_OP(name, ...) FORMS(name, f64),
#include "ops.def"
            },
    },
};
