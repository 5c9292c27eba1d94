# SPDX-License-Identifier: BSD-3-Clause
"""The same functions on the arrays of a GPU, or of any other OpenCL device, through pyopencl.

Below is the table: a line is an operation of `relu_simd._core.OPS`, with its body in OpenCL C. A body is
an expression over the operation's inputs and the words of kernel.cl. Inputs are bits; `widen` makes
numbers of them to compute with, `narrow` bits again.
"""

from __future__ import annotations

try:
    import pyopencl  # noqa: F401  # before what needs it
except ImportError as error:
    raise ImportError(f'relu_simd.opencl needs pyopencl: pip install "relu-simd[opencl]" ({error})') from error

from relu_simd.opencl._kernels import devices
from relu_simd.opencl._operation import operation

relu = operation("relu", "rectified(x)")
relu_backward = operation("relu_backward", "nonpositive(x) ? 0 : grad_output")
leaky_relu = operation("leaky_relu", "positive(x) ? x : narrow(widen(x) * negative_slope)")
leaky_relu_backward = operation(
    "leaky_relu_backward", "positive(x) ? grad_output : narrow(widen(grad_output) * negative_slope)"
)
prelu = operation("prelu", "positive(x) ? x : narrow(widen(x) * weight)")
relu6 = operation("relu6", "above_six(x) ? SIX : rectified(x)")
relu6_backward = operation("relu6_backward", "nonpositive(x) || six_or_above(x) ? 0 : grad_output")
add_relu = operation("add_relu", "rectified(narrow(widen(a) + widen(b)))")
sigmoid = operation("sigmoid", "narrow(sigmoid_of(widen(x)))")
sigmoid_backward = operation("sigmoid_backward", "narrow(widen(grad_output) * (1 - widen(y)) * widen(y))")
tanh = operation("tanh", "narrow(tanh_of(widen(x)))")
tanh_backward = operation("tanh_backward", "narrow(widen(grad_output) * (1 - widen(y) * widen(y)))")

__all__ = [
    "add_relu",
    "devices",
    "leaky_relu",
    "leaky_relu_backward",
    "prelu",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "tanh",
    "tanh_backward",
]
