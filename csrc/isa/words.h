/* SPDX-License-Identifier: BSD-3-Clause */
/* The plain names of the words and functions of one dtype, T, and the macros that make kernels of expressions. A
 * function of vmath.h or vmath_gelu.h has to be here: without a name for each dtype it is defined twice, an error.
 * Included by isa/body.h, which undefines nothing: it is the end of an ISA file. */
#define RS_DTYPE(name, element, ...) typedef element elem_##name;
#include "dtypes.def"

#define NAME(word) RS_CAT(word, T)

/* Words that the ISA files and isa/half.h define. */
#define vec NAME(vec)
#define mask NAME(mask)
#define elem NAME(elem)
#define LANES ((size_t)NAME(LANES))
#define load NAME(load)
#define load_n NAME(load_n)
#define store NAME(store)
#define store_n NAME(store_n)
#define stream NAME(stream)
#define splat NAME(splat)
#define value NAME(value)
#define negative NAME(negative)
#define nonpositive NAME(nonpositive)
#define less NAME(less)
#define less_equal NAME(less_equal)
#define above NAME(above)
#define at_least NAME(at_least)
#define below_param NAME(below_param)
#define at_most_param NAME(at_most_param)
#define above_param NAME(above_param)
#define at_least_param NAME(at_least_param)
#define of_param NAME(of_param)
#define add_param NAME(add_param)
#define sub_param NAME(sub_param)
#define times NAME(times)
#define drop_within NAME(drop_within)
#define select NAME(select)
#define drop NAME(drop)
#define to_bits NAME(to_bits)
#define from_bits NAME(from_bits)
#define join NAME(join)
#define split NAME(split)
#define counter NAME(counter)
#define count_elem NAME(count_elem)
#define no_counts NAME(no_counts)
#define tally NAME(tally)
#define store_counts NAME(store_counts)
#define add NAME(add)
#define sub NAME(sub)
#define mul NAME(mul)
#define div NAME(div)
#define fma NAME(fma)
#define fms NAME(fms)
#define fnma NAME(fnma)
#define min NAME(min)
#define max NAME(max)
#define min_abs NAME(min_abs)
#define CONSTANTS(name) RS_CAT(name, CONSTANT_TYPE)
#define POW2 CONSTANTS(POW2)
#define pow2 NAME(pow2)
#define copysign NAME(copysign)
#define nan_of NAME(nan_of)
#define wide NAME(wide)
#define wide_elem NAME(wide_elem)
#define load_wide NAME(load_wide)
#define load_wide_n NAME(load_wide_n)
#define store_wide NAME(store_wide)
#define splat_wide NAME(splat_wide)
#define doubles NAME(doubles)
#define DOUBLES ((size_t)NAME(DOUBLES))
#define to_doubles NAME(to_doubles)

/* Functions of vmath.h and vmath_gelu.h, and of the drivers. */
#define polynomial NAME(polynomial)
#define tanh_of NAME(tanh_of)
#define nudged NAME(nudged)
#define product_and NAME(product_and)
#define beside_half NAME(beside_half)
#define hardsigmoid_line NAME(hardsigmoid_line)
#define hardswish_factor NAME(hardswish_factor)
#define softsign_inverse NAME(softsign_inverse)
#define softsign_of NAME(softsign_of)
#define softsign_factor NAME(softsign_factor)
#define exp_sum NAME(exp_sum)
#define long_polynomial NAME(long_polynomial)
#define sum_rest NAME(sum_rest)
#define normal_tail NAME(normal_tail)
#define normal_tail_of NAME(normal_tail_of)
#define gelu_of NAME(gelu_of)
#define gelu_factor NAME(gelu_factor)
#define gelu_tanh_argument NAME(gelu_tanh_argument)
#define gelu_tanh_of NAME(gelu_tanh_of)
#define gelu_tanh_factor NAME(gelu_tanh_factor)
#define mish_parts NAME(mish_parts)
#define mish_parts_of NAME(mish_parts_of)
#define quotient_of NAME(quotient_of)
#define mish_of NAME(mish_of)
#define mish_factor NAME(mish_factor)
#define tanhshrink_of NAME(tanhshrink_of)
#define tanhshrink_factor NAME(tanhshrink_factor)
#define tanh_parts NAME(tanh_parts)
#define logistic NAME(logistic)
#define logistic_of NAME(logistic_of)
#define times_sigmoid NAME(times_sigmoid)
#define sigmoid_slope NAME(sigmoid_slope)
#define silu_of NAME(silu_of)
#define silu_factor NAME(silu_factor)
#define halves_of_power NAME(halves_of_power)
#define celu_quotient NAME(celu_quotient)
#define celu_sum NAME(celu_sum)
#define celu_factor NAME(celu_factor)
#define exp_times NAME(exp_times)
#define selu_of NAME(selu_of)
#define selu_factor NAME(selu_factor)
#define sigmoid_less NAME(sigmoid_less)
#define exp_of NAME(exp_of)
#define powers NAME(powers)
#define finite NAME(finite)
#define elu_sum NAME(elu_sum)
#define elu_factor NAME(elu_factor)
#define softplus_sum NAME(softplus_sum)
#define softplus_factor NAME(softplus_factor)
#define times_factor NAME(times_factor)
#define lane NAME(lane)
#define numbers NAME(numbers)
#define operands NAME(operands)
#define eval NAME(eval)
#define put NAME(put)
#define operands_of NAME(operands_of)
#define operands_at NAME(operands_at)
#define arrays_loaded NAME(arrays_loaded)
#define params_loaded NAME(params_loaded)
#define ragged_first NAME(ragged_first)
#define whole NAME(whole)
#define drive_whole NAME(drive_whole)
#define with_ends NAME(with_ends)
#define drive_long NAME(drive_long)
#define drive_steps NAME(drive_steps)
#define spread_last NAME(spread_last)
#define load_up_to NAME(load_up_to)
#define load_wide_up_to NAME(load_wide_up_to)
#define store_up_to NAME(store_up_to)
#define mask_block NAME(mask_block)
#define mask_quarter NAME(mask_quarter)
#define with_mask NAME(with_mask)
#define unmask_block NAME(unmask_block)
#define from_mask NAME(from_mask)
#define sum_active NAME(sum_active)
#define columns_active NAME(columns_active)
#define tally_rows NAME(tally_rows)
#define add_rows NAME(add_rows)
#define weight_grads NAME(weight_grads)
#define sum_weight_grads NAME(sum_weight_grads)
#define columns_weight_grads NAME(columns_weight_grads)

/* Every lane function takes two arrays and two parameters, so that the drivers take any of them. */
#define LANE(name, a, b, s, t) RS_INLINE vec NAME(LANE_NAME(name))(vec a, vec b, wide s, wide t)
#define KERNEL1(name, a) LANE(name, a, b_ RS_UNUSED, s_ RS_UNUSED, t_ RS_UNUSED)
#define KERNEL2(name, a, b) LANE(name, a, b, s_ RS_UNUSED, t_ RS_UNUSED)
#define KERNEL1_PARAM1(name, a, s) LANE(name, a, b_ RS_UNUSED, s, t_ RS_UNUSED)
#define KERNEL2_PARAM1(name, a, b, s) LANE(name, a, b, s, t_ RS_UNUSED)
#define KERNEL1_PARAM2(name, a, s, t) LANE(name, a, b_ RS_UNUSED, s, t)
#define KERNEL2_PARAM2(name, a, b, s, t) LANE(name, a, b, s, t)

/* A kernel is a loop with the operation and the form fixed: one body for both kinds of stores. Arrays in place of
 * numbers as parameters are rare, and are not unrolled. An operation that computes and has no parameter has one body
 * alone: its last array, where that is a single element, is spread over a block, which takes no time beside the rest.
 */
#define BODY(name, arrays, params, form, step)                                                                   \
    static RS_APART RS_UNUSED void NAME(name##_whole##form)(const operands *in, size_t from, elem *to, size_t n, \
                                                            int past_cache)                                      \
    {                                                                                                            \
        drive_whole(NAME(lane_##name), arrays, params, form, in, from, to, n, past_cache);                       \
    }                                                                                                            \
    static RS_APART void NAME(name##_body##form)(const void *const *in, void *out, size_t n, int streamed)       \
    {                                                                                                            \
        if (n == 0) {                                                                                            \
            return;                                                                                              \
        }                                                                                                        \
        if ((step) == 1) {                                                                                       \
            drive_long(NAME(name##_whole##form), arrays, params, form, in, out, n, streamed);                    \
        } else {                                                                                                 \
            drive_steps(NAME(lane_##name), arrays, params, form, step, in, out, n, streamed);                    \
        }                                                                                                        \
    }
#define ENTRIES(name, form, ...)                                                      \
    static void NAME(name##_##form)(const void *const *in, void *out, size_t n)       \
    {                                                                                 \
        const int streamed = 0;                                                       \
        __VA_ARGS__;                                                                  \
    }                                                                                 \
    static void NAME(name##_stream##form)(const void *const *in, void *out, size_t n) \
    {                                                                                 \
        const int streamed = 1;                                                       \
        __VA_ARGS__;                                                                  \
    }
#define BOTH_FORMS(name, arrays, params, step)                 \
    BODY(name, arrays, params, 0, ((params) > 1 ? 1 : (step))) \
    BODY(name, arrays, params, 1, step)                        \
    ENTRIES(name, 0, NAME(name##_body0)(in, out, n, streamed)) \
    ENTRIES(name, 1, NAME(name##_body1)(in, out, n, streamed))
#define ONE_FORM(name, arrays, params, step)                   \
    BODY(name, arrays, params, 0, step)                        \
    ENTRIES(name, 0, NAME(name##_body0)(in, out, n, streamed)) \
    ENTRIES(name, 1, spread_last(NAME(name##_body0), arrays, in, out, n, streamed))
#define FORMS_MEMORY_NONE BOTH_FORMS
#define FORMS_MEMORY_ONE BOTH_FORMS
#define FORMS_MEMORY_TWO BOTH_FORMS
#define FORMS_MEMORY_WEIGHT BOTH_FORMS
#define FORMS_COMPUTE_NONE ONE_FORM
#define FORMS_COMPUTE_ONE BOTH_FORMS
#define ROW(name, place)                                                                            \
    [RS_##name] = {RS_CAT(name##_0, place), RS_CAT(name##_1, place), RS_CAT(name##_stream0, place), \
                   RS_CAT(name##_stream1, place)},
