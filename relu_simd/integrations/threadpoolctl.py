# SPDX-License-Identifier: BSD-3-Clause
"""Lets threadpoolctl see and limit the threads of this package: importing this module is enough.

`import relu_simd` imports it by itself if threadpoolctl was imported before, for example by
scikit-learn.

Examples
--------
>>> import threadpoolctl, relu_simd
>>> import relu_simd.integrations.threadpoolctl
>>> with threadpoolctl.threadpool_limits(1, user_api="relu_simd"):
...     print(relu_simd.get_num_threads())
1
"""

from __future__ import annotations

from pathlib import Path

import relu_simd
from relu_simd import _core
from relu_simd.integrations import _needs

with _needs("threadpoolctl", "sklearn"):
    import threadpoolctl

__all__ = ["Controller"]


class Controller(threadpoolctl.LibController):
    """The threads of relu_simd, in the form in which threadpoolctl controls those of a library."""

    user_api = internal_api = "relu_simd"
    filename_prefixes = (Path(_core.__file__).name.lower(),)

    def get_num_threads(self) -> int:
        """Return the largest number of threads that a call may use."""
        return relu_simd.get_num_threads()

    def set_num_threads(self, num_threads: int) -> None:
        """Let calls of every Python thread use up to `num_threads`."""
        relu_simd.set_num_threads(max(1, num_threads))

    def get_version(self) -> str:
        """Return the version of the package."""
        return relu_simd.__version__


threadpoolctl.register(Controller)
