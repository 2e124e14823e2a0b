"""Raw frames in one OME-TIFF: what they are, and when it has to be a BigTIFF."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from livesim.io.write import raw_tiff
from livesim.io.write.raw_tiff import RawTiffLayout, write_raw_tiff

LAYOUT = RawTiffLayout(
    time=2,
    frames=9,
    y=8,
    x=10,
    dtype=np.dtype(np.uint16),
    pixel_nm=80.0,
    exposure_ms=5.0,
    interval_s=0.5,
    name="run",
)
FRAMES = np.arange(2 * 9 * 80, dtype=np.uint16).reshape(18, 8, 10)


@pytest.mark.parametrize(("spare", "begins"), [(0, b"II\x2a\0"), (-1, b"II\x2b\0")])
def test_a_file_too_long_for_classic_tiff_becomes_a_bigtiff(tmp_path, monkeypatch, spare, begins):
    needed = 18 * (8 * 10 * 2 + raw_tiff.DIRECTORY_BYTES)
    monkeypatch.setattr(raw_tiff, "CLASSIC_LIMIT_BYTES", needed + spare)
    path = tmp_path / "raw.ome.tif"
    write_raw_tiff(path, iter(FRAMES), LAYOUT)
    assert path.read_bytes()[:4] == begins
    np.testing.assert_array_equal(tifffile.imread(path).reshape(FRAMES.shape), FRAMES)


def test_what_the_frames_are_stands_in_the_file(tmp_path):
    path = tmp_path / "raw.ome.tif"
    write_raw_tiff(path, iter(FRAMES), LAYOUT)
    with tifffile.TiffFile(path) as file:
        described = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (described["SizeT"], described["SizeZ"]) == (2, 9)
    assert (described["PhysicalSizeX"], described["PhysicalSizeY"]) == (0.08, 0.08)
    assert described["TimeIncrement"] == 0.5
    assert {plane["ExposureTime"] for plane in described["Plane"]} == {0.005}
    assert "PhysicalSizeZ" not in described
