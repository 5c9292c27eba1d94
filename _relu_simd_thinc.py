# SPDX-License-Identifier: BSD-3-Clause
"""The entry point by which thinc, and so spaCy, finds the backend of relu_simd.

thinc imports it in every process that asks for any backend, also for people who never heard of relu_simd. So nothing
that goes wrong in relu_simd, a wrong RELU_SIMD_ISA or a broken build, may be raised from here: then the backend of the
name "relu_simd" is thinc's own NumPy backend, and a warning says why. This is why the module stands outside the
package, whose import is what may fail.
"""

import sys
import warnings

try:
    from relu_simd.integrations.thinc import ReluSimdOps
except Exception as error:
    from thinc.backends.numpy_ops import NumpyOps

    class ReluSimdOps(NumpyOps):
        """thinc's NumPy backend, under the name of the one that could not be had."""

        name = "relu_simd"

    message = f"relu_simd cannot be used, and thinc goes on without it: {type(error).__name__}: {error}"
    try:
        warnings.warn(message, stacklevel=2)
    except Warning:  # python -W error
        print(message, file=sys.stderr)

__all__ = ["ReluSimdOps"]
