# SPDX-License-Identifier: BSD-3-Clause
"""Containers around arrays come through the ufunc: each function keeps what the container is about, or refuses."""

import os
from functools import cache

import numpy as np
import pytest
from cases import OPS

import relu_simd
from relu_simd import reference, ufuncs

X = np.random.default_rng(0).uniform(-9, 9, (4, 6))
EACH = pytest.mark.parametrize("op", OPS.values(), ids=OPS)


def call(op, container, face=relu_simd):
    """Of a container at every input; a parameter is the number 0.5."""
    inputs = [container] * len(op.arrays) + [0.5] * len(op.params)
    return getattr(face, op.name)(*inputs)


def close(op, got, x):
    want = call(op, np.asarray(x), reference)
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-15 * op.accuracy.max_ulp, atol=0)


@EACH
def test_dask_stays_lazy(op):
    da = pytest.importorskip("dask.array")
    read = []

    def block(block_info=None):
        read.append(block_info)
        return X[:2]

    lazy = da.map_blocks(block, chunks=((2, 2), (6,)), dtype=float, meta=X[:0])
    got = call(op, lazy)
    assert isinstance(got, da.Array)
    assert got.chunks == lazy.chunks
    assert got.dtype == X.dtype
    assert read == []
    close(op, got.compute(scheduler="sync"), np.concatenate([X[:2], X[:2]]))
    assert len(read) == 2


def test_dask_fuses_with_what_is_around():
    da = pytest.importorskip("dask.array")
    x = da.from_array(X, chunks=(2, 3))
    got = relu_simd.add_relu(x @ x.T, np.arange(4.0)).sum(axis=0)
    np.testing.assert_allclose(got.compute(scheduler="threads"), np.maximum(X @ X.T + np.arange(4.0), 0).sum(axis=0))


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as two,
        distributed.Client(two) as client,
    ):
        client.wait_for_workers(2)
        yield client


@pytest.mark.wide
@pytest.mark.filterwarnings("ignore")  # distributed's own, of ports and clocks
def test_dask_on_two_worker_processes(cluster):
    """The ufuncs travel by name; and so do the functions."""
    import dask.array as da

    x = da.from_array(X, chunks=(1, 6))
    parts = [call(op, x) for op in OPS.values()]
    for op, got in zip(OPS.values(), cluster.gather(cluster.compute(parts)), strict=True):
        close(op, got, X)
    pids = cluster.run(lambda: __import__("os").getpid())
    assert len({os.getpid(), *pids.values()}) == 3
    for address in pids:
        for face in (relu_simd, ufuncs):
            got = cluster.submit(face.relu, X, workers=[address], allow_other_workers=False, pure=False).result()
            np.testing.assert_array_equal(got, relu_simd.relu(X))


@EACH
def test_xarray_keeps_coordinates(op):
    xr = pytest.importorskip("xarray")
    array = xr.DataArray(X, dims=("time", "unit"), coords={"time": [3, 1, 4, 5], "unit": list("abcdef")}, name="h")
    got = call(op, array)
    assert isinstance(got, xr.DataArray)
    assert got.dims == array.dims
    assert got.name == "h"
    xr.testing.assert_equal(got.coords.to_dataset(), array.coords.to_dataset())
    close(op, got.data, X)
    data = call(op, xr.Dataset({"h": array}))
    assert isinstance(data, xr.Dataset)
    xr.testing.assert_equal(data["h"], got)


def test_xarray_aligns_by_name():
    xr = pytest.importorskip("xarray")
    weight = xr.DataArray(np.linspace(0.1, 0.9, 4), dims="channel")
    got = relu_simd.prelu(xr.DataArray(X, dims=("channel", "x")), weight)
    np.testing.assert_array_equal(got.transpose("channel", "x"), relu_simd.prelu(X, weight.data[:, None]))


def test_xarray_over_dask_stays_lazy():
    xr, da = pytest.importorskip("xarray"), pytest.importorskip("dask.array")
    got = relu_simd.relu(xr.DataArray(da.from_array(X, chunks=2), dims=("a", "b")))
    assert isinstance(got.data, da.Array)
    np.testing.assert_array_equal(got.compute(), np.maximum(X, 0))


@EACH
def test_pandas_keeps_the_index(op):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, index=list("wxyz"), columns=list("abcdef"))
    got = call(op, frame)
    pd.testing.assert_frame_equal(got, pd.DataFrame(call(op, X), frame.index, frame.columns))
    series = call(op, frame["b"])
    pd.testing.assert_series_equal(series, got["b"])
    assert series.name == "b"


def test_pandas_of_two_dtypes_and_missing_values():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"f": np.array([-1, 2], "f4"), "i": np.array([-3, 4], "i2")})
    assert relu_simd.relu(frame)["f"].tolist() == [0, 2]
    assert relu_simd.relu(frame)["i"].tolist() == [0, 4]
    missing = pd.array([-1.5, None], dtype="Float64")
    assert relu_simd.relu(missing).isna().tolist() == [False, True]
    assert relu_simd.relu(missing)[0] == 0


@EACH
@pytest.mark.parametrize("form", ["COO", "GCXS"])
def test_sparse_stays_sparse(op, form):
    sparse = pytest.importorskip("sparse")
    dense = np.where(X > 5, X, np.where(X < -5, X, 0))
    got = call(op, getattr(sparse, form).from_numpy(dense))
    assert type(got).__name__ == form
    close(op, got.todense(), dense)
    assert got.fill_value == call(op, np.zeros(1))[0]
    if op.name == "relu":
        assert got.nnz == np.count_nonzero(dense > 0)


@EACH
def test_masked_arrays_keep_the_mask(op):
    x = np.ma.masked_array(X, X > 7, fill_value=-99.0)
    got = call(op, x)
    assert isinstance(got, np.ma.MaskedArray)
    np.testing.assert_array_equal(got.mask, x.mask)
    close(op, got.data[~x.mask], X[~x.mask])
    out = call(op, x[x.mask])
    assert out.mask.all()


@EACH
def test_memmaps(op, tmp_path):
    x = np.memmap(tmp_path / "x", X.dtype, "w+", shape=X.shape)
    x[:] = X
    x.flush()
    x = np.memmap(tmp_path / "x", X.dtype, "r", shape=X.shape)
    close(op, call(op, x), X)


def test_memmap_as_out(tmp_path):
    """Written to the file; and a file that is read-only is not."""
    file = tmp_path / "y"
    y = np.memmap(file, X.dtype, "w+", shape=X.shape)
    assert relu_simd.relu(X, out=y) is y
    y.flush()
    np.testing.assert_array_equal(np.fromfile(file).reshape(X.shape), np.maximum(X, 0))
    with pytest.raises(ValueError, match="read-only"):
        relu_simd.sigmoid(X, out=np.memmap(file, X.dtype, "r", shape=X.shape))


@cache
def units(pint):
    return pint.UnitRegistry()


@EACH
@pytest.mark.parametrize("unit", ["m", "dimensionless"])
def test_quantities_of_astropy_are_refused(op, unit):
    """astropy knows the units of NumPy's own ufuncs alone: an exception, whichever input has the unit."""
    units = pytest.importorskip("astropy.units")
    quantity = units.Quantity(X, "" if unit == "dimensionless" else unit)
    for face in (relu_simd, ufuncs):
        for which in range(len(op.inputs)):
            inputs = [X] * len(op.inputs)
            inputs[which] = quantity
            with pytest.raises(TypeError, match=op.name):
                getattr(face, op.name)(*inputs)
        with pytest.raises(TypeError, match=op.name):
            getattr(face, op.name)(*[X] * len(op.inputs), out=quantity.copy())


@EACH
@pytest.mark.parametrize("unit", ["m", "dimensionless"])
def test_quantities_of_pint_are_refused(op, unit):
    """pint goes by names: of ours it knows tanh, which it does itself, for what has no unit."""
    quantity = units(pytest.importorskip("pint")).Quantity(X, unit)
    for face in (relu_simd, ufuncs):
        for which in range(len(op.inputs)):
            inputs = [X] * len(op.inputs)
            inputs[which] = quantity
            if op.name == "tanh" and unit == "dimensionless":
                got = getattr(face, op.name)(*inputs)
                assert type(got) is type(quantity)
                assert got.units == quantity.units
                continue
            with pytest.raises(TypeError, match=f"{op.name}|Cannot convert from 'meter'"):
                getattr(face, op.name)(*inputs)
