# SPDX-License-Identifier: BSD-3-Clause
"""The functions of `relu_simd` for arrays on a GPU, or on any other OpenCL device, through pyopencl.

There is one function for each elementwise function of `relu_simd`, and there are those for masks, counts and the
gradient of PReLU's weights. The device runs the same expressions as the CPU: csrc/kernels.h, compiled with kernel.cl.
"""

from __future__ import annotations

try:
    import pyopencl  # noqa: F401  # before what needs it
except ImportError as error:
    raise ImportError(f'relu_simd.opencl needs pyopencl: pip install "relu-simd[opencl]" ({error})') from error

from relu_simd import _core
from relu_simd.opencl._kernels import devices
from relu_simd.opencl._launch import beside as beside
from relu_simd.opencl._masks import relu_backward_from_mask, relu_with_mask
from relu_simd.opencl._operation import operation
from relu_simd.opencl._reductions import count_active, prelu_backward

_FUNCTIONS = {op.name: operation(op) for op in _core.OPS}
globals().update(_FUNCTIONS)

__all__ = ["count_active", "devices", "prelu_backward", "relu_backward_from_mask", "relu_with_mask", *_FUNCTIONS]
