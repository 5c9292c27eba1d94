# SPDX-License-Identifier: BSD-3-Clause
"""Every function, dtype and instruction set gives the scalar one's bytes: those of this machine or, where
RELU_SIMD_DIGESTS names a file that tests/tools/digests.py wrote on another, of that one.
"""

import functools
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from cases import ISAS, OPS, dtypes, using_isa
from tools.digests import CASES, digest, of_inputs

import relu_simd

GIVEN = os.environ.get("RELU_SIMD_DIGESTS")
ELSEWHERE = json.loads(Path(GIVEN).read_text(encoding="utf-8")) if GIVEN else {}

# Scalar's are compared with another machine's alone: with its own it could not differ.
COMPARED = ISAS if GIVEN else [name for name in ISAS if name != "scalar"]
CASE = [
    pytest.param(case, id=case, marks=parameter.marks)
    for case, (*_, name) in CASES.items()
    for parameter in dtypes([name])
]


@functools.cache
def of_scalar(case):
    with using_isa("scalar"):
        return digest(case)


@pytest.mark.skipif(not GIVEN, reason="RELU_SIMD_DIGESTS names no file of another machine")
def test_inputs_are_those_of_the_other_machine():
    assert of_inputs() == ELSEWHERE["inputs"]


@pytest.mark.parametrize("isa", COMPARED, indirect=True)
@pytest.mark.parametrize("case", CASE)
def test_the_bytes_of_scalar(case, isa):
    assert digest(case) == (ELSEWHERE[case] if GIVEN else of_scalar(case))


# Digests of the results for a walk over where the functions bend. A coefficient that is off by its last bit shows here
# and nowhere else. Who changes the arithmetic measures the error anew (csrc/vmath.h, FOUND in test_accuracy.py) and
# stores new ones.
STORED = {
    ("hardsigmoid", "float32"): "5d5b303e3369630f",
    ("hardsigmoid", "float64"): "93291e60aa1bac7a",
    ("hardswish", "float32"): "dc86f33d7d09a411",
    ("hardswish", "float64"): "d361b1da6b424e26",
    ("hardswish_backward", "float32"): "39bce81e32138025",
    ("hardswish_backward", "float64"): "24541f543bb1c158",
    ("softsign", "float32"): "2afb26a3af1719c7",
    ("softsign", "float64"): "38fde912640586c2",
    ("softsign_backward", "float32"): "fc905ef6247a3b2d",
    ("softsign_backward", "float64"): "879383d854b4c1e2",
    ("elu", "float32"): "26bd85d2581cfb45",
    ("elu", "float64"): "837a1317d00f3484",
    ("elu_backward", "float32"): "b7f5a7a5f44a45c1",
    ("elu_backward", "float64"): "b1fd0c372719f822",
    ("celu", "float32"): "26bd85d2581cfb45",
    ("celu", "float64"): "837a1317d00f3484",
    ("celu_backward", "float32"): "b7f5a7a5f44a45c1",
    ("celu_backward", "float64"): "b1fd0c372719f822",
    ("selu", "float32"): "9d4e3ff639c3cf67",
    ("selu", "float64"): "95fd78a4c9683557",
    ("selu_backward", "float32"): "cc2a18465c0a6156",
    ("selu_backward", "float64"): "45f920fff9b6f9c4",
    ("softplus", "float32"): "08bdff55e1494634",
    ("softplus", "float64"): "ece58e0d522901fd",
    ("softplus_backward", "float32"): "1ee94fa82946f0c3",
    ("softplus_backward", "float64"): "c28884c3734c9505",
    ("silu", "float32"): "e67f41b05fa5ce64",
    ("silu", "float64"): "ca1d58849a7789a1",
    ("silu_backward", "float32"): "bd6b4dc824e22bcc",
    ("silu_backward", "float64"): "281ee52f5eb21c0e",
    ("logsigmoid", "float32"): "cae36ff63adf3773",
    ("logsigmoid", "float64"): "72dcad05f662dd2a",
    ("logsigmoid_backward", "float32"): "43cce1ff0c2200ad",
    ("logsigmoid_backward", "float64"): "504076705088deb6",
    ("gelu", "float32"): "bc424a2060846a0f",
    ("gelu", "float64"): "05af2001a6b7584c",
    ("gelu_backward", "float32"): "977ab1cc1296199e",
    ("gelu_backward", "float64"): "a6b64baa9528f0ca",
    ("gelu_tanh", "float32"): "3da29e1ec6e84a44",
    ("gelu_tanh", "float64"): "764e235e4806d79c",
    ("gelu_tanh_backward", "float32"): "9bfafc1e14587ddb",
    ("gelu_tanh_backward", "float64"): "cb34d3dd6d27a52f",
    ("mish", "float32"): "2c3ca5ce2c817df4",
    ("mish", "float64"): "18993bab83b7fb20",
    ("mish_backward", "float32"): "ab5d02ba23a3526e",
    ("mish_backward", "float64"): "9ef64daa8fe097b5",
    ("tanhshrink", "float32"): "e59225d33c96368e",
    ("tanhshrink", "float64"): "f9bdf90a660f4340",
    ("tanhshrink_backward", "float32"): "d6bdcc7433a79f51",
    ("tanhshrink_backward", "float64"): "f3e8b0c6b5443103",
    ("sigmoid", "float32"): "1ee94fa82946f0c3",
    ("sigmoid", "float64"): "c28884c3734c9505",
    ("tanh", "float32"): "7eebbf7eb42021b2",
    ("tanh", "float64"): "9ad11fc5220d90c0",
}


@pytest.mark.parametrize(("name", "dtype"), STORED)
def test_the_bytes_are_those_that_were_judged(name, dtype, isa):
    """Of numbers that are made exactly: whole multiples of one, from -19.7 to 19.7, rounded to float32 for that."""
    x = (np.arange(-(2**18), 2**18) * (20_261_127 * 2.0**-38)).astype(dtype)
    result = getattr(relu_simd, name)(*[np.ones_like(x)] * (len(OPS[name].arrays) - 1), x)
    assert hashlib.sha256(result.tobytes()).hexdigest()[:16] == STORED[name, dtype]


def test_each_that_has_an_error_was_judged():
    assert {name for name, _ in STORED} == {op.name for op in OPS.values() if op.accuracy.max_ulp}
