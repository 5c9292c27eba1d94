// SPDX-License-Identifier: BSD-3-Clause
// relu with its mask, or the gradient from the mask; kernel.cl comes before. The bits are those of csrc/loops/mask.h.
// _source.py defines OUT(i) and IN(i), the places of element i. The bytes of a mask lie `step` apart.

#if defined MAKES_MASK
// A work item makes a byte of the mask from its 8 elements, so that no two write to the same byte.
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(PARAMETERS)
{
    SKIP_OFFSETS
    const size_t byte = get_global_id(0), first = 8 * byte;
    if (first >= n) {
        return;
    }
    const int count = n - first < 8 ? (int)(n - first) : 8;
    uint active = 0;
    for (int k = 0; k < count; k++) {
        const vec v = OPERAND(x_in[IN(first + k)]);
        active |= (nonpositive(v).is ? 0u : 1u) << k;
        out[OUT(first + k)] = RESULT(drop(negative(v), v));
    }
    mask_bytes[(long)byte * step] = active;
}
#else
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL_NAME(PARAMETERS)
{
    SKIP_OFFSETS
    const size_t i = get_global_id(0);
    if (i < n) {
        const bits passed = grad_output_in[IN(i)];
        out[OUT(i)] = mask_bytes[(long)(i / 8) * step] >> i % 8 & 1 ? passed : 0;
    }
}
#endif
