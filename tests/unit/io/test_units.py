"""Pixel sizes in the units that files use, and pixels that are no squares."""

import mrc
import numpy as np
import pytest
import tifffile
import zarr

from livesim.config.settings import PatternSettings
from livesim.io.read.open import open_recording
from tests.support.reader_faults.zarr import ome_axes

FRAMES = np.arange(1, 9 * 12 * 16 + 1, dtype=np.uint16).reshape(9, 12, 16)


def imagej(path, x, y, unit):
    """Pixels of x and y in a unit."""
    metadata = {"axes": "TYX", "unit": unit}
    tifffile.imwrite(path, FRAMES, imagej=True, resolution=(1 / x, 1 / y), metadata=metadata)


def ome(path, x, y, unit):
    sizes = {"PhysicalSizeX": x, "PhysicalSizeY": y}
    units = {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    tifffile.imwrite(path, FRAMES, ome=True, metadata={"axes": "TYX"} | sizes | units)


def ome_zarr(path, x, y, unit):
    group = zarr.create_group(path)
    group.create_array("0", data=FRAMES)
    axes = [one | ({"unit": unit} if one["name"] in "yx" else {}) for one in ome_axes("tyx")]
    scale = [{"type": "scale", "scale": [1.0, y, x]}]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}


def deltavision(path, x, y, unit):
    assert unit == "micrometer"  # the only one it knows
    mrc.imwrite(str(path), FRAMES, resolution=(x, y, 0.125))


def opened(write, folder, *size):
    path = folder / "raw"
    write(path, *size)
    return open_recording(path, PatternSettings())


@pytest.mark.parametrize(
    ("write", "size", "unit"),
    [
        (imagej, 65 / 25.4e6, "inch"),
        (imagej, 650, "\\u00c5"),
        (imagej, 65, "nm"),
        (ome, 650, "Å"),
        (ome, 65000, "pm"),
        (ome, 65 / 25.4e6, "in"),
        (ome_zarr, 650, "angstrom"),
        (ome_zarr, 65 / 25.4e6, "inch"),
        (ome_zarr, 65e-6, "millimeter"),
    ],
)
def test_every_unit_is_converted(write, size, unit, tmp_path):
    with opened(write, tmp_path, size, size, unit) as recording:
        assert recording.pixel_nm == pytest.approx(65.0, rel=1e-4)
        assert recording.warnings == ()


@pytest.mark.parametrize("write", [imagej, ome, ome_zarr, deltavision])
def test_pixels_that_are_no_squares_are_said(write, tmp_path):
    with opened(write, tmp_path, 0.065, 0.080, "micrometer") as recording:
        (warning,) = recording.warnings
    assert "expected square pixels, found 65 nm along x and 80 nm along y: periods" in warning


def test_a_unit_that_is_no_length_gives_no_size(tmp_path):
    with opened(imagej, tmp_path, 0.065, 0.065, "pixel") as recording:
        assert recording.pixel_nm is None
