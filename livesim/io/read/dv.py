"""Read DeltaVision and OMX files (.dv, .mrc), plane by plane."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from mrc import DVFile

from livesim.io.read.metadata import not_square, positive
from livesim.io.read.planes import NO_PLANE, PlaneFile, consecutive, expecting
from livesim.values.errors import DataError
from livesim.values.frames import Pixels
from livesim.values.wording import count

HEADER_BYTES = 1024
ID_OFFSET = 96
IDS = (b"\xa0\xc0", b"\xc0\xa0")
AXIS_NAMES = {"T": "time", "C": "channel", "Z": "z"}
# What mrc raises on a garbled header, on one that asks for more than the file holds, and on
# pixel types that numpy does not have.
BAD_DV = (ValueError, OSError, struct.error, KeyError, OverflowError, TypeError)
# Exposure is the ninth of the extended header's floats; mrc 0.4 assumes eight integers before them.
EXTENDED_INTS, EXTENDED_FLOATS = 8, 14


class _Header(DVFile):
    """What a file says of itself; mrc would map its pixels, all or none."""

    def open(self) -> None:
        """Leave the pixels alone."""


def open_dv(source: Path) -> PlaneFile:
    """Open a DeltaVision file; no pixel is read yet.

    Frames behind the end of a file that was cut off are missing in the grid.

    Raises
    ------
    DataError
        If the header is not one of DeltaVision's.
    """
    with expecting("a whole DeltaVision (.dv, .mrc) file", source, *BAD_DV):
        dv = _Header(source)
        exposure_ms = _exposure_ms(dv)
        axes, shape, dtype = dv.axes[:-2], dv.shape, dv.dtype
    _check_header(dv, source)
    y, x = shape[-2:]
    begin, size = HEADER_BYTES + dv.hdr.ext_hdr_len, y * x * dtype.itemsize
    grid = consecutive(tuple(AXIS_NAMES[axis] for axis in axes), shape[:-2])
    found = max(0, source.stat().st_size - begin) // size
    pixels = source.open("rb")

    def read(number: int) -> Pixels:
        pixels.seek(begin + number * size)
        return np.fromfile(pixels, dtype, y * x).reshape(y, x)

    return PlaneFile(
        source=source,
        frame_shape=(y, x),
        dtype=dtype,
        grid=replace(grid, numbers=np.where(grid.numbers < found, grid.numbers, NO_PLANE)),
        read=read,
        close=pixels.close,
        pixel_nm=_voxel_nm(dv, 0),
        z_step_nm=_voxel_nm(dv, 2),
        exposure_ms=exposure_ms,
        warnings=(
            *_cut_off(found, grid.numbers.size, source),
            *not_square(_voxel_nm(dv, 0), _voxel_nm(dv, 1), source),
        ),
        unfinished=found < grid.numbers.size,
    )


def _cut_off(found: int, stated: int, source: Path) -> tuple[str, ...]:
    if found >= stated:
        return ()
    return (
        f"{source}: expected {count(stated, 'frame')} as the header says, found {found} in a file "
        "that is cut off",
    )


def _check_header(dv: DVFile, source: Path) -> None:
    header = dv.hdr
    if min(dv.shape) < 1:
        raise DataError(f"{source}: expected frames, found a header of the shape {dv.shape}")
    frames = header.nt * header.nc * header.nz
    if frames != header.n_sections:
        raise DataError(
            f"{source}: expected {header.n_sections} frames as the header says, "
            f"found {header.nt} times x {header.nc} channels x {header.nz} sections in it"
        )


def _voxel_nm(dv: DVFile, axis: int) -> float | None:
    """Return the size of a voxel along x, y or z; one cubic µm is from writers who do not know."""
    voxel = tuple(dv.voxel_size)
    return None if voxel == (1.0, 1.0, 1.0) else positive(voxel[axis], 1e3)


def _exposure_ms(dv: DVFile) -> float | None:
    header = dv.hdr
    if dv.ext_hdr is None or header.n_ints != EXTENDED_INTS or header.n_floats < EXTENDED_FLOATS:
        return None
    return positive(dv.ext_hdr.frame(0).expTime, 1e3)
