# SPDX-License-Identifier: BSD-3-Clause
import pytest
from cases import DTYPES, ISAS, OPS

import relu_simd


@pytest.fixture(params=OPS.values(), ids=OPS)
def op(request):
    return request.param


@pytest.fixture(params=DTYPES)
def dtype(request):
    return request.param


@pytest.fixture(params=ISAS)
def isa(request):
    """Every instruction set in turn."""
    before = relu_simd.isa()
    relu_simd.set_isa(request.param)
    yield request.param
    relu_simd.set_isa(before)


@pytest.fixture(autouse=True)
def threads():
    """Each test starts and ends with the same number of threads."""
    before = relu_simd.get_num_threads()
    yield before
    relu_simd.set_num_threads(before)
