# SPDX-License-Identifier: BSD-3-Clause
"""The column `definition` of ops.def as a function: what the documentation says of an operation, made to compute."""

import re
from functools import cache


def as_python(text):
    """C's `c ? a : b`, `||` and `&&` in Python's words; `..., s = 1 / x` at the end is what `s` means."""
    text, _, meaning = text.partition(", s = ")
    if meaning:
        return f"(lambda s: {as_python(text)})({as_python(meaning)})"
    whole, depth, begin = "", 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "(" and depth == 1:
            whole, begin = whole + text[begin : at + 1], at + 1
        elif letter == ")" and depth == 0:
            whole, begin = whole + as_python(text[begin:at]), at
    return conditional((whole + text[begin:]).replace("||", "or").replace("&&", "and"))


def conditional(text):
    """The conditional expression outside all parentheses, if there is one."""
    depth, marks = 0, []
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter in "?:" and text[at - 1 : at + 2] == f" {letter} ":
            marks.append((at, letter))
    if not marks:
        return text
    first, opened = marks[0][0], 0
    for at, letter in marks:
        opened += 1 if letter == "?" else -1
        if opened == 0:
            parts = text[: first - 1], text[first + 2 : at - 1], text[at + 2 :]
            condition, yes, no = map(conditional, parts)
            return f"({yes} if {condition} else {no})"
    raise SyntaxError(f"no : for the ? in {text!r}")


@cache
def compiled(definition, is_precise):
    text = as_python(definition)
    return compile(re.sub(r"\d+\.\d+", r"mpf('\g<0>')", text) if is_precise else text, definition, "eval")


def precisely(op, inputs, mpmath):
    """The definition's value to 30 digits, with as many within as that takes where it cancels."""
    value, digits = mpmath.mpf(0), 40
    while True:
        with mpmath.workdps(digits):
            before, value = value, evaluate(op, [mpmath.mpf(number) for number in inputs], vars(mpmath))
        if abs(value - before) <= abs(value) * mpmath.mpf(10) ** -30 and (value != 0 or digits > 1000):
            return value
        digits *= 2


def evaluate(op, inputs, functions=None):
    """The definition's value for one number per input; parameters that are left out have their defaults.

    With the functions of mpmath, the decimals in it are exact.
    """
    given = [*inputs, *op.defaults[len(inputs) - len(op.arrays) :]]
    names = dict(zip(op.inputs, given, strict=True))
    return eval(compiled(op.definition, functions is not None), {**(functions or {}), **names})
