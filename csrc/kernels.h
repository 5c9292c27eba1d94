/* SPDX-License-Identifier: BSD-3-Clause */
/* Each operation, once, as an expression over the vocabulary of an ISA file (see isa/scalar.c for
 * what each word means for NaN and -0.0). No expression multiplies by a mask or reorders operands:
 * the bytes of the result are part of the contract.
 * KERNEL1 has one array and KERNEL2 two; _PARAM1 and _PARAM2 have parameters after them. The sections are by the
 * columns `dtypes` and `half` of ops.def. Included by isa/dtype.h once for each dtype, and by isa/parts.h. */

/* dtypes ALL, half BITS or STEPS */
#if HAS_STEPS

KERNEL1(relu, x) { return drop(negative(x), x); }

KERNEL2(relu_backward, grad_output, x) { return drop(nonpositive(x), grad_output); }

KERNEL1(relu6, x) { return select(above(x, 6), value(6), drop(negative(x), x)); }

KERNEL2(relu6_backward, grad_output, x) { return drop(at_least(x, 6), drop(nonpositive(x), grad_output)); }

KERNEL1_PARAM2(hardtanh, x, min_val, max_val)
{
    const vec raised = select(below_param(x, min_val), of_param(min_val), x);
    return select(above_param(raised, max_val), of_param(max_val), raised);
}

KERNEL2_PARAM2(hardtanh_backward, grad_output, x, min_val, max_val)
{
    return drop(at_least_param(x, max_val), drop(at_most_param(x, min_val), grad_output));
}

KERNEL1_PARAM2(threshold, x, border, in_place) { return select(at_most_param(x, border), of_param(in_place), x); }

KERNEL2_PARAM2(threshold_backward, grad_output, x, border, in_place)
{
    (void)in_place;
    return drop(at_most_param(x, border), grad_output);
}

KERNEL2(add_relu, a, b)
{
    const vec sum = add(a, b);
    return drop(negative(sum), sum);
}

KERNEL1(relu_squared, x) { return drop(nonpositive(x), times(x, x)); }

KERNEL2(relu_squared_backward, grad_output, x) { return drop(nonpositive(x), times(grad_output, add(x, x))); }

KERNEL1_PARAM1(hardshrink, x, lambd) { return drop_within(x, lambd, x); }

KERNEL2_PARAM1(hardshrink_backward, grad_output, x, lambd) { return drop_within(x, lambd, grad_output); }

KERNEL1_PARAM1(softshrink, x, lambd)
{
    return drop_within(x, lambd, select(negative(x), add_param(x, lambd), sub_param(x, lambd)));
}

KERNEL2_PARAM1(softshrink_backward, grad_output, x, lambd) { return drop_within(x, lambd, grad_output); }

#endif

/* dtypes FLOATS, half BITS or STEPS */
#if HAS_STEPS && T_CLASS >= RS_HALF

KERNEL1_PARAM1(leaky_relu, x, negative_slope) { return select(above(x, 0), x, mul(x, negative_slope)); }

KERNEL2_PARAM1(leaky_relu_backward, grad_output, x, negative_slope)
{
    return select(above(x, 0), grad_output, mul(grad_output, negative_slope));
}

KERNEL1_PARAM1(prelu, x, weight) { return select(above(x, 0), x, mul(x, weight)); }

#endif

/* dtypes FLOATS, half WIDEN; TO_HALF is 1 where the result will be rounded once more, to a 16-bit float */
#if HAS_WIDEN

KERNEL1(hardsigmoid, x)
{
    const vec line = hardsigmoid_line(x, splat(1), TO_HALF);
    return nan_of(x, select(at_least(x, 3), splat(1), drop(less_equal(x, splat(-3)), line)));
}

KERNEL2(hardsigmoid_backward, grad_output, x)
{
    return select(above(x, -3), drop(at_least(x, 3), div(grad_output, splat(6))), splat(0));
}

KERNEL1(hardswish, x)
{
    const vec curve = beside_half(x, splat(1), hardsigmoid_line(x, x, TO_HALF), TO_HALF);
    return nan_of(x, select(at_least(x, 3), x, copysign(drop(less_equal(x, splat(-3)), curve), x)));
}

KERNEL2(hardswish_backward, grad_output, x)
{
    const vec inside = times_factor(grad_output, hardswish_factor(x));
    return drop(less_equal(x, splat(-3)), select(less(x, splat(3)), inside, grad_output));
}

KERNEL1(softsign, x) { return softsign_of(x, TO_HALF); }

KERNEL2(softsign_backward, grad_output, x) { return times_factor(grad_output, softsign_factor(x)); }

KERNEL1_PARAM1(elu, x, alpha) { return elu_sum(x, alpha, TO_HALF); }

KERNEL2_PARAM1(elu_backward, grad_output, x, alpha)
{
    return select(above(x, 0), grad_output, times_factor(grad_output, elu_factor(x, alpha)));
}

KERNEL1_PARAM1(celu, x, alpha) { return celu_sum(x, alpha, TO_HALF); }

KERNEL2_PARAM1(celu_backward, grad_output, x, alpha)
{
    return select(at_least(x, 0), grad_output, times_factor(grad_output, celu_factor(x, alpha)));
}

KERNEL1(selu, x) { return selu_of(x, TO_HALF); }

KERNEL2(selu_backward, grad_output, x) { return times_factor(grad_output, selu_factor(x)); }

KERNEL1_PARAM1(silu, x, beta) { return silu_of(x, beta, TO_HALF); }

KERNEL2_PARAM1(silu_backward, grad_output, x, beta) { return times_factor(grad_output, silu_factor(x, beta)); }

KERNEL1_PARAM1(softplus, x, beta) { return softplus_sum(x, beta, TO_HALF); }

KERNEL2_PARAM1(softplus_backward, grad_output, x, beta) { return times_factor(grad_output, softplus_factor(x, beta)); }

/* Compilers make of the product with -1 a flip of the sign, also of a NaN's. */
KERNEL1(logsigmoid, x) { return nan_of(x, softplus_sum(x, splat(-1), TO_HALF)); }

KERNEL2(logsigmoid_backward, grad_output, x)
{
    return times_factor(grad_output, nan_of(x, softplus_factor(x, splat(-1))));
}

KERNEL1(gelu, x) { return gelu_of(x, TO_HALF); }

KERNEL2(gelu_backward, grad_output, x) { return times_factor(grad_output, gelu_factor(x)); }

KERNEL1(gelu_tanh, x) { return gelu_tanh_of(x, TO_HALF); }

KERNEL2(gelu_tanh_backward, grad_output, x) { return times_factor(grad_output, gelu_tanh_factor(x)); }

KERNEL1(mish, x) { return mish_of(x, TO_HALF); }

KERNEL2(mish_backward, grad_output, x) { return times_factor(grad_output, mish_factor(x)); }

KERNEL1(tanhshrink, x) { return tanhshrink_of(x, TO_HALF); }

KERNEL2(tanhshrink_backward, grad_output, x) { return times_factor(grad_output, tanhshrink_factor(x)); }

KERNEL1(sigmoid, x) { return sigmoid_less(x, splat(0), TO_HALF); }

KERNEL2(sigmoid_backward, grad_output, y) { return mul(mul(grad_output, sub(value(1), y)), y); }

KERNEL1(tanh, x) { return tanh_of(x); }

KERNEL2(tanh_backward, grad_output, y) { return mul(grad_output, sub(value(1), mul(y, y))); }

#endif
