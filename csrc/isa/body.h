/* SPDX-License-Identifier: BSD-3-Clause */
/* The rest of an ISA file, after its vocabulary: compiles kernels.h and the drivers once a dtype
 * under the vocabulary's plain names and emits the one exported constant, rs_isa_<ISA>.
 * Included last by every C file of isa/, which has defined ISA and, for each dtype T, vec_T, mask_T,
 * LANES_T and the functions load_T ... of isa/scalar.c. */
#include "isa/words.h"

#define T parts_f32
#define CONSTANT_TYPE f32
#define SERVES_HALVES 1
#include "isa/parts.h"

#define T parts_f64
#define CONSTANT_TYPE f64
#define SERVES_HALVES 0
#include "isa/parts.h"

#define T f32
#define T_CLASS RS_WHOLE
#include "isa/dtype.h"

#define T f64
#define T_CLASS RS_WHOLE
#include "isa/dtype.h"

#define T f16
#define T_CLASS RS_HALF
#include "isa/dtype.h"

#define T bf16
#define T_CLASS RS_HALF
#include "isa/dtype.h"

#define T i8
#define T_CLASS RS_INTEGER
#include "isa/dtype.h"

#define T u8
#define T_CLASS RS_INTEGER
#include "isa/dtype.h"

#define T i16
#define T_CLASS RS_INTEGER
#include "isa/dtype.h"

#define T u16
#define T_CLASS RS_INTEGER
#include "isa/dtype.h"

#define T i32
#define T_CLASS RS_INTEGER
#include "isa/dtype.h"

#define T u32
#define T_CLASS RS_INTEGER
#include "isa/dtype.h"

#define T i64
#define T_CLASS RS_INTEGER
#include "isa/dtype.h"

#define T u64
#define T_CLASS RS_INTEGER
#include "isa/dtype.h"

const rs_isa RS_CAT(rs_isa, ISA) = {
    RS_STR(ISA),
    {
#define RS_DTYPE(name, ...) [RS_##name] = &kernels_##name,
#include "dtypes.def"
    },
};
