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
from cases import ISAS, dtypes, using_isa
from tools.digests import CASES, digest, of_inputs

import relu_simd

GIVEN = os.environ.get("RELU_SIMD_DIGESTS")
ELSEWHERE = json.loads(Path(GIVEN).read_text()) if GIVEN else {}

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
    ("elu", "float32"): "26bd85d2581cfb45",
    ("elu", "float64"): "837a1317d00f3484",
    ("softplus", "float32"): "08bdff55e1494634",
    ("softplus", "float64"): "ece58e0d522901fd",
    ("sigmoid", "float32"): "1ee94fa82946f0c3",
    ("sigmoid", "float64"): "c28884c3734c9505",
    ("tanh", "float32"): "7eebbf7eb42021b2",
    ("tanh", "float64"): "9ad11fc5220d90c0",
}


@pytest.mark.parametrize(("name", "dtype"), STORED)
def test_the_bytes_are_those_that_were_judged(name, dtype, isa):
    """Of numbers that are made exactly: whole multiples of one, from -19.7 to 19.7, rounded to float32 for that."""
    x = (np.arange(-(2**18), 2**18) * (20_261_127 * 2.0**-38)).astype(dtype)
    assert hashlib.sha256(getattr(relu_simd, name)(x).tobytes()).hexdigest()[:16] == STORED[name, dtype]
