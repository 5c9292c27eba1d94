# SPDX-License-Identifier: BSD-3-Clause
"""The column `definition` of ops.def as a function: what the documentation says of an operation, made to compute."""

import re
from functools import cache


def as_python(text):
    """C's `c ? a : b`, `||` and `&&` in Python's words."""
    text = re.sub(r"\(([^()]*\?[^()]*)\)", lambda inner: f"({as_python(inner[1])})", text)
    condition, question, rest = text.partition(" ? ")
    if not question:
        return text.replace("||", "or").replace("&&", "and")
    depth = 1
    for at in re.finditer(r" ([?:]) ", rest):
        depth += 1 if at[1] == "?" else -1
        if depth == 0:
            yes, no = rest[: at.start()], rest[at.end() :]
            return f"({as_python(yes)} if {as_python(condition)} else {as_python(no)})"
    raise SyntaxError(f"no : for the ? in {text!r}")


@cache
def compiled(definition, is_precise):
    text = as_python(definition)
    return compile(re.sub(r"\d+\.\d+", r"mpf('\g<0>')", text) if is_precise else text, definition, "eval")


def evaluate(op, inputs, functions=None):
    """The definition's value for one number per input; parameters that are left out have their defaults.

    With the functions of mpmath, the decimals in it are exact.
    """
    given = [*inputs, *op.defaults[len(inputs) - len(op.arrays) :]]
    return eval(
        compiled(op.definition, functions is not None), dict(functions or {}), dict(zip(op.inputs, given, strict=True))
    )
