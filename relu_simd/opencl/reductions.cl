// SPDX-License-Identifier: BSD-3-Clause
// Sums over axes of what each element contributes; kernel.cl comes before. The order of every sum is that of
// csrc/run/reduce.c and csrc/loops/reduce.h, which the shape alone decides: units leave partial sums, and `total` adds
// these up in order. _source.py defines
//   ACTIVE                 the contribution is 1 of an element above 0; otherwise grad_output * x of one that is not
//   sum                    the type of a sum
//   RUNS, COLUMNS or TOTAL the kernel
//   X(i), GRAD_OUTPUT(i)   the places of element i
//   narrowed_FLOAT64 ...   of TOTAL, the dtype of the result
enum { SUMS = 16, UNIT = 16384 };

#if defined TOTAL && !defined ACTIVE
// Rounded once, to nearest even, but for bfloat16, which is rounded by way of float32 as ml_dtypes does.
#if defined TO_FLOAT64
typedef double result;
RS_INLINE result narrowed(sum s) { return s; }
#elif defined TO_FLOAT32
typedef float result;
RS_INLINE result narrowed(sum s) { return convert_float_rte(s); }
#elif defined TO_BFLOAT16
typedef ushort result;
RS_INLINE result narrowed(sum s)
{
    const uint u = as_uint(convert_float_rte(s));
    return s != s ? (as_ulong(s) >> 63 << 15) | 0x7fc0 : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
#else
typedef ushort result;
RS_INLINE result narrowed(sum s)
{
    const ulong u = as_ulong(s), sign = u >> 48 & 0x8000, magnitude = u & 0x7fffffffffffffff;
    if (magnitude > 0x7ff0000000000000) {
        return sign | 0x7e00 | (magnitude >> 42 & 0x03ff);
    }
    if (magnitude < 0x3f10000000000000) { // below 2^-14, in steps of 2^-24
        return sign | (ushort)rint(as_double(magnitude) * 0x1p24);
    }
    const ulong normal = ((magnitude + 0x1ffffffffff + (magnitude >> 42 & 1)) >> 42) - (1008ul << 10);
    return sign | (magnitude >= 0x40effe0000000000 ? 0x7c00 : normal); // from 65520 on it is infinity
}
#endif
#elif defined TOTAL
typedef sum result;
RS_INLINE result narrowed(sum s) { return s; }
#endif

#if defined ACTIVE
#define CONTRIBUTION(i) contribution(x_in[X(i)])
RS_INLINE sum contribution(bits x) { return above(OPERAND(x), 0).is ? 1 : 0; }
#else
#define CONTRIBUTION(i) contribution(grad_output_in[GRAD_OUTPUT(i)], x_in[X(i)])
// What x > 0 keeps out is dropped before the product, which infinity and NaN would spoil.
RS_INLINE sum contribution(bits grad_output, bits x)
{
    const mask active = above(x, 0);
    return (sum)widen(drop(active, grad_output)) * (sum)widen(drop(active, x));
}
#endif

#if defined RUNS
// `length` adjoining elements are one run, cut into units; element k of a unit goes into partial sum k % SUMS.
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(PARAMETERS)
{
    SKIP_OFFSETS
    local sum each[GROUP];
    const size_t id = get_local_id(0), lane = id % SUMS, unit = get_global_id(0) / SUMS;
    sum mine = 0;
    if (unit < units) {
        const size_t run = unit / cuts, begin = (unit - run * cuts) * UNIT, first = run * length + begin;
        const size_t left = length - begin;
        const size_t count = left < UNIT ? left : UNIT;
        for (size_t k = lane; k < count; k += SUMS) {
            mine += CONTRIBUTION(first + k);
        }
    }
    each[id] = mine;
    for (size_t half_of = SUMS / 2; half_of != 0; half_of /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < half_of) {
            each[id] += each[id + half_of];
        }
    }
    if (lane == 0 && unit < units) {
        out[unit] = each[id];
    }
}
#elif defined COLUMNS
// Of `rows` rows, a unit takes `step`, and a work item one of its columns.
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(PARAMETERS)
{
    SKIP_OFFSETS
    const size_t id = get_global_id(0), unit = id / columns, column = id - unit * columns, begin = unit * step;
    if (begin >= rows) {
        return;
    }
    const size_t left = rows - begin, count = left < step ? left : step;
    sum mine = 0;
    for (size_t row = begin; row < begin + count; row++) {
        mine += CONTRIBUTION(row * columns + column);
    }
    out[id] = mine;
}
#else
// First the rows that no unit took, then of each of `units` the `parts` that belong to the same sum.
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(PARAMETERS)
{
    SKIP_OFFSETS
    const size_t id = get_global_id(0);
    if (id >= n) {
        return;
    }
    sum mine = 0;
    for (size_t row = first_row; row < rows; row++) {
        mine += CONTRIBUTION(row * n + id);
    }
    for (size_t unit = 0; unit < units; unit++) {
        for (size_t k = 0; k < parts; k++) {
            mine += partial[unit * unit_step + id * sum_step + k * part_step];
        }
    }
    out[id] = narrowed(mine);
}
#endif
