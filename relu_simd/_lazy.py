# SPDX-License-Identifier: BSD-3-Clause
"""Modules of the package that are imported when they are first used: that takes as long as all the rest.

A `__getattr__` of the package would do, but CPython 3.11 and later look up every attribute of such a module the slow
way: `relu_simd.relu` would take 25 ns more at each call.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class LazyModule(ModuleType):
    """Stands for a module until it is imported, which the first use of anything in it does."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(importlib.import_module(self.__name__), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(importlib.import_module(self.__name__), name)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # of the module, for vars() and monkeypatch
        return importlib.import_module(self.__name__).__dict__

    def __dir__(self) -> list[str]:
        return dir(importlib.import_module(self.__name__))

    def __repr__(self) -> str:
        return repr(importlib.import_module(self.__name__))
