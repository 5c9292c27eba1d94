# SPDX-License-Identifier: BSD-3-Clause
"""What NumPy cannot read, or could read only element by element: a TypeError that says what to do.

Asked by the compiled module about operands that are no arrays, and by the layers and the monitor. Nothing is imported
here: whoever has such an object has imported its library.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def on_device(value: Any) -> bool:
    """Whether it is an array of pyopencl, which the functions hand on to `relu_simd.opencl`."""
    opencl = sys.modules.get("pyopencl.array")
    return opencl is not None and isinstance(value, opencl.Array)


def refuse(name: str, operand: str, value: Any) -> None:
    """Raise the TypeError for `name`'s argument `operand` if `value` is such a thing.

    Parameters
    ----------
    name, operand : str
        The function and its argument, for the message.
    value : object
        Anything. Lists and tuples are searched for arrays of pyopencl.

    Raises
    ------
    TypeError
        An array of pyopencl, a bfloat16 tensor of PyTorch, a scipy.sparse matrix, a tracer of JAX, or what has no
        protocol but DLPack.
    """
    kind = type(value)
    if issubclass(kind, (np.ndarray, np.generic, int, float)):
        return
    library = kind.__module__.partition(".")[0]
    what = f"{name}: {operand} is a {kind.__module__}.{kind.__qualname__}"
    opencl = sys.modules.get("pyopencl.array")
    if opencl is not None and _holds(value, opencl.Array):
        where = "is" if isinstance(value, opencl.Array) else "holds"
        raise TypeError(
            f"{name}: {operand} {where} a pyopencl array, which this function cannot read. It is for the functions in "
            f"relu_simd.opencl and those of the same name in relu_simd; {operand}.get() copies it into a NumPy array"
        )
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16:
        raise TypeError(
            f"{what} of bfloat16, of which NumPy makes no array. The functions and layers of "
            f"relu_simd.integrations.torch take it; otherwise give {operand}.float()"
        )
    if library == "scipy" and hasattr(value, "toarray"):
        raise TypeError(
            f"{what}, of which NumPy makes no array. Where the function leaves 0 at 0, apply it to the elements that "
            f"are stored, {operand}.data; otherwise take {operand}.toarray()"
        )
    if library in ("jax", "jaxlib") and any(base.__name__ == "Tracer" for base in kind.__mro__):
        raise TypeError(
            f"{what}: JAX traces it (jit, grad, vmap) and there are no numbers in it yet. Use jax.nn there, or "
            f"jax.pure_callback to call relu_simd.{name}"
        )
    if hasattr(kind, "__dlpack__") and not any(hasattr(kind, read) for read in _READABLE):
        raise TypeError(f"{what}, which NumPy reads by DLPack alone: give numpy.from_dlpack({operand})")


def refuse_out(name: str, out: Any) -> None:
    """Raise the TypeError for an `out` of `name`, whose inputs are NumPy's, that is or holds an array of pyopencl."""
    opencl = sys.modules.get("pyopencl.array")
    if opencl is not None and _holds(out, opencl.Array):
        raise TypeError(two_kinds(name, "the input", "out"))


def two_kinds(name: str, of_numpy: str, of_device: str) -> str:
    """Word the error for arrays of NumPy and of pyopencl in one call."""
    return (
        f"{name}: {of_numpy} is a NumPy array and {of_device} a pyopencl array; they must be of one kind:"
        " pyopencl.array.to_device(queue, array) brings an array to the device, and array.get() brings it back"
    )


_READABLE = ("__array__", "__array_interface__", "__array_struct__", "__array_ufunc__", "__buffer__", "__len__")


def _holds(value: Any, kind: type) -> bool:
    """Whether it is one, or a list that has one in it somewhere."""
    if isinstance(value, (list, tuple)):
        return any(_holds(item, kind) for item in value)
    return isinstance(value, kind)
