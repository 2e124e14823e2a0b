"""Recordings far larger than memory should be: what is read is what is asked for."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from livesim.config.settings import PatternSettings
from livesim.io.read.open import open_recording
from livesim.values.frames import StackIndex

FRAMES, Y, X = 9000, 512, 512
STACK_BYTES = 9 * Y * X * 2
PLACE = StackIndex(time=999)
LAST = np.arange(Y * X, dtype=np.uint16).reshape(Y, X)
"""The only frame with a picture in it; it lies beyond 4 GB."""


def sparse_tiff(path: Path, **options) -> Path:
    tifffile.imwrite(path, shape=(FRAMES, Y, X), dtype=np.uint16, **options)
    with tifffile.TiffFile(path) as tif:
        offset = tif.series[0].dataoffset
        order = tif.byteorder
    with path.open("r+b") as file:
        file.seek(offset + (FRAMES - 1) * LAST.nbytes)
        file.write(LAST.astype(f"{order}u2").tobytes())
    return path


def bigtiff(folder: Path) -> Path:
    return sparse_tiff(folder / "raw.tif", bigtiff=True)


def imagej(folder: Path) -> Path:
    """ImageJ's way beyond 4 GB: one page, and the pixels of the others behind it."""
    with pytest.warns(UserWarning, match="truncating ImageJ file"):
        return sparse_tiff(folder / "raw.tif", imagej=True, metadata={"axes": "TYX"})


def sparse_zarr(folder: Path) -> Path:
    array = zarr.create_array(
        folder / "raw.zarr", shape=(FRAMES, Y, X), chunks=(9, Y, X), dtype=np.uint16
    )
    array[:9] = 1
    array[-9:] = np.concatenate([np.ones((8, Y, X), np.uint16), LAST[None]])
    written = folder / "raw.zarr" / "c"
    for chunk in range(1, FRAMES // 9 - 1):
        (written / str(chunk) / "0").mkdir(parents=True)
        os.link(written / "0" / "0" / "0", written / str(chunk) / "0" / "0")
    return folder / "raw.zarr"


@pytest.mark.parametrize("make", [bigtiff, imagej, sparse_zarr])
def test_one_stack_of_five_gigabytes_costs_the_memory_of_a_few_stacks(make, tmp_path):
    path = make(tmp_path)
    tracemalloc.start()
    try:
        with open_recording(path, PatternSettings()) as recording:
            stack = recording.stack(PLACE)
            first = next(recording.frames())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(recording.indices) == FRAMES // 9
    assert np.array_equal(stack.pixels[-1, -1], LAST)
    assert not (first.pixels > 1).any()
    # The bound holds the stack, the chunk or plane it is read through, and the file's directory,
    # and is a hundredth of the file.
    assert STACK_BYTES < peak < 10 * STACK_BYTES < FRAMES * LAST.nbytes / 90


def test_frames_of_a_compressed_file_do_not_pile_up(tmp_path):
    path = tmp_path / "raw.tif"
    tifffile.imwrite(path, np.zeros((180, 256, 256), np.uint16), compression="zlib")
    tracemalloc.start()
    try:
        with open_recording(path, PatternSettings()) as recording:
            for _ in recording.frames():
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 180 * 256 * 256 * 2 / 4
