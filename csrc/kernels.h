/* SPDX-License-Identifier: BSD-3-Clause */
/* Each operation, once, as an expression over the vocabulary of an ISA file (see isa_scalar.c for
 * what each word means for NaN and -0.0). No expression multiplies by a mask or reorders operands:
 * the bytes of the result are part of the contract.
 * Included by isa_dtype.h once a dtype; rows as in ops.def, sections by its kinds. */

KERNEL1(relu, x) { return drop(negative(x), x); }

KERNEL2(relu_backward, grad_output, x) { return drop(nonpositive(x), grad_output); }

KERNEL1(relu6, x) { return select(above(x, 6), value(6), drop(negative(x), x)); }

#if T_CLASS >= RS_HALF
SCALED1(leaky_relu, x, negative_slope) { return select(above(x, 0), x, mul(x, negative_slope)); }

SCALED2(leaky_relu_backward, grad_output, x, negative_slope)
{
    return select(above(x, 0), grad_output, mul(grad_output, negative_slope));
}

SCALED1(prelu, x, weight) { return select(above(x, 0), x, mul(x, weight)); }

KERNEL2(relu6_backward, grad_output, x) { return drop(at_least(x, 6), drop(nonpositive(x), grad_output)); }

KERNEL2(add_relu, a, b)
{
    const vec sum = add(a, b);
    return drop(negative(sum), sum);
}
#endif

#if T_CLASS == RS_WHOLE
KERNEL1(sigmoid, x) { return sigmoid_of(x); }

KERNEL2(sigmoid_backward, grad_output, y) { return mul(mul(grad_output, sub(value(1), y)), y); }

KERNEL1(tanh, x) { return tanh_of(x); }

KERNEL2(tanh_backward, grad_output, y) { return mul(grad_output, sub(value(1), mul(y, y))); }
#endif
