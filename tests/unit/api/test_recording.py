"""A recording as an array that is read when it is indexed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import tifffile

import livesim

OPTICS = {"numerical_aperture": 1.4, "emission_nm": 520.0}
SETTINGS = livesim.settings(**OPTICS)
SHAPE = (2, 2, 3, 3, 3, 16, 20)


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(0).integers(0, 4000, SHAPE).astype(np.uint16)


@pytest.fixture(scope="module")
def recording(tmp_path_factory, values):
    """A TIFF with two time points, two channels and three planes."""
    path = tmp_path_factory.mktemp("open") / "raw.tif"
    pages = values.reshape(-1, *SHAPE[-2:])
    axes = {"axes": "TCZYX"}
    shape = (SHAPE[0], SHAPE[1], SHAPE[2] * 9)
    settings = livesim.settings(**OPTICS, pixel_nm=80.0, order=("phase", "angle", "z"))
    tifffile.imwrite(path, pages.reshape(*shape, *SHAPE[-2:]), ome=True, metadata=axes)
    with livesim.open(path, settings) as opened:
        yield opened


INDICES = [
    ...,
    0,
    -1,
    (1, 0, 2),
    (slice(None), 1),
    (0, ..., slice(2, 9), 5),
    (0, 0, 0, slice(None, None, -1), 1),
    (slice(1, None), 0, slice(0, 3, 2), 1, 2, slice(3, 3)),
    (np.int64(1), 0, 0),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_it_is_indexed_as_numpy_indexes(recording, values, index):
    assert np.array_equal(recording[index], values[index])


def test_it_says_what_it_is(recording, values):
    assert recording.shape == SHAPE
    assert recording.dtype == np.uint16
    assert recording.ndim == len(recording.dims) == 7
    assert list(recording.sizes.items())[:3] == [("t", 2), ("c", 2), ("z", 3)]
    assert np.array_equal(np.asarray(recording), values)
    assert len(recording) == 2


@pytest.mark.parametrize(
    "index", [5, (0, 0, 0, 3), (0,) * 8, ([0, 1],), (..., ...), 1.5, True, np.array([0, 1])]
)
def test_what_is_no_index_is_refused(recording, index):
    with pytest.raises(IndexError):
        recording[index]


def test_dask_and_xarray_read_it_when_asked(recording, values):
    named = recording.to_xarray()
    assert named.dims == ("t", "c", "z", "angle", "phase", "y", "x")
    assert named.sizes["angle"] == 3
    assert named.x[1].item() == pytest.approx(0.08)
    read = []
    plane = recording._recording.file.read
    object.__setattr__(
        recording._recording.file, "read", lambda number: read.append(number) or plane(number)
    )
    lazy = recording.to_dask()
    assert lazy.chunksize == (1, 1, 1, *SHAPE[3:])
    assert not read
    assert np.array_equal(lazy[1, 0, 2].compute(), values[1, 0, 2])
    assert len(read) == 9
    object.__setattr__(recording._recording.file, "read", plane)


def test_a_missing_position_is_refused(recording):
    path = recording._recording.source
    with pytest.raises(ValueError, match="expected position 0 to 0, found 3"):
        livesim.open(path, recording.settings, position=3)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="found nothing there"):
        livesim.open(tmp_path / "none.tif", SETTINGS)


def test_a_pickled_recording_is_opened_again(recording, values):
    text = pickle.dumps(recording)
    assert len(text) < 10_000
    with pickle.loads(text) as again:  # our own pickle
        assert again.settings == recording.settings
        assert np.array_equal(again[1, 1], values[1, 1])


@pytest.mark.slow
def test_dask_reads_it_in_other_processes(recording, values):
    read = recording.to_dask()[:, 1].compute(scheduler="processes", num_workers=2)
    assert np.array_equal(read, values[:, 1])


def test_a_closed_recording_says_so(recording):
    again = livesim.open(recording._recording.source, recording.settings)
    again.close()
    again.close()
    with pytest.raises(ValueError, match="expected it open, found it closed"):
        again[0]


def test_several_channels_at_once_are_refused(recording):
    for several in (recording, recording.to_xarray()):
        with pytest.raises(
            ValueError, match=r"expected one channel.*found 2: take recording\[:, c\]"
        ):
            livesim.calibrate(several, recording.settings)
