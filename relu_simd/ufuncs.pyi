# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

__all__: list[str]

def __getattr__(name: str) -> np.ufunc: ...
