// SPDX-License-Identifier: BSD-3-Clause
// The kernel of an operation, element by element. Before it come kernel.cl and csrc/kernels.h, and the definitions of
// _source.py:
//   PACK, pack_word        elements that a work item moves at once, and an integer as wide
//   KERNEL_NAME, VALUES, LANE_OF   the operation; PARAMETERS and what is below it, how the kernel gets its inputs
//   OUT(i)                 the place of element i in out
//   ONE_NAN                the device does not keep the payloads of NaNs; WAS_MOVED, FIRST_NAN and OPERANDS go with it
#if PACK > 1
typedef union {
    bits at[PACK];
    pack_word whole;
} pack;
#define LOAD_PACK(name, i)   \
    pack name##_pack;        \
    name##_pack.whole = ((global const pack_word *)name##_in)[i];
#endif

#if defined ONE_NAN
// A GPU gives the same NaN as the result of every operation with one. A CPU gives its first operand that is one, made
// quiet, and of numbers (infinity times 0) the NaN with a sign and no payload. What was moved stays as it is.
#define QUIET ((bits)((INF & -INF) >> 1))
RS_INLINE int is_nan(bits v) { return (v & ~SIGN) > INF; }
RS_INLINE bits nan_as_on_cpu(bits result, VALUES)
{
    if (!is_nan(result) || WAS_MOVED) {
        return result;
    }
    return FIRST_NAN SIGN | INF | QUIET;
}
RS_INLINE bits operation(VALUES) { return nan_as_on_cpu(RESULT(LANE_OF), OPERANDS); }
#else
RS_INLINE bits operation(VALUES) { return RESULT(LANE_OF); }
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(PARAMETERS)
{
    SKIP_OFFSETS
    const size_t base = get_group_id(0) * (GROUP * PACK), local_id = get_local_id(0);
    if (base + GROUP * PACK <= n) { // the whole group takes the same way
#if PACK > 1
        const size_t i = base / PACK + local_id;
        pack result;
        LOAD_PACKS(i)
        for (int k = 0; k < PACK; k++) {
            result.at[k] = operation(FROM_PACKS(i, k));
        }
        ((global pack_word *)out)[i] = result.whole;
#else
        // A compiler for CPUs makes a loop of what is between barriers: this one has nothing else in it, and
        // becomes vectors.
        barrier(CLK_LOCAL_MEM_FENCE);
        const size_t i = base + local_id;
        out[OUT(i)] = operation(FROM_MEMORY(i));
#endif
    } else {
        for (size_t i = base + local_id; i < n; i += GROUP) {
            out[OUT(i)] = operation(FROM_MEMORY(i));
        }
    }
}
