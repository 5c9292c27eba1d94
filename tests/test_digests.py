# SPDX-License-Identifier: BSD-3-Clause
"""Every function, dtype and instruction set gives the scalar one's bytes: those of this machine or, where
RELU_SIMD_DIGESTS names a file that tests/tools/digests.py wrote on another, of that one.
"""

import functools
import json
import os
from pathlib import Path

import pytest
from cases import ISAS, dtypes, using_isa
from tools.digests import CASES, digest, of_inputs

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
