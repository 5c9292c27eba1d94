/* SPDX-License-Identifier: BSD-3-Clause */
/* Each operation, once, as an expression over the vocabulary of an ISA file (see isa_scalar.c for
 * what each word means for NaN and -0.0). No expression multiplies by a mask or reorders operands:
 * the bytes of the result are part of the contract.
 * Included by isa_body.h once a dtype; rows and order as in ops.def. */

KERNEL1(relu, x) { return drop(lt(x, splat(0)), x); }

KERNEL2(relu_backward, grad_output, x) { return drop(le(x, splat(0)), grad_output); }

KERNEL2(leaky_relu, x, negative_slope) { return select(lt(splat(0), x), x, mul(x, negative_slope)); }

KERNEL3(leaky_relu_backward, grad_output, x, negative_slope)
{
    return select(lt(splat(0), x), grad_output, mul(grad_output, negative_slope));
}
