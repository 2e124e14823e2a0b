"""A DeltaVision or OMX file (.dv, .mrc) in, its planes one at a time out."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from mrc import DVFile

from livesim.io.read.metadata import positive
from livesim.io.read.planes import PlaneFile, consecutive, expecting
from livesim.values.errors import DataError
from livesim.values.frames import Pixels

HEADER_BYTES = 1024
ID_OFFSET = 96
IDS = (b"\xa0\xc0", b"\xc0\xa0")
AXIS_NAMES = {"T": "time", "C": "channel", "Z": "z"}
# What mrc raises on a garbled header, on one that asks for more than the file holds, and on
# pixel types that numpy does not have.
BAD_DV = (ValueError, OSError, struct.error, KeyError, OverflowError, TypeError)
# Exposure is the ninth of the extended header's floats; mrc 0.4 assumes eight integers before them.
EXTENDED_INTS, EXTENDED_FLOATS = 8, 14


def open_dv(source: Path) -> PlaneFile:
    """Open a DeltaVision file; no pixel is read yet.

    Raises
    ------
    DataError
        If the header is not one of DeltaVision's or promises more than the file holds.
    """
    with ExitStack() as stack:
        with expecting("a whole DeltaVision (.dv, .mrc) file", source, *BAD_DV):
            dv = DVFile(source)
            stack.callback(dv.close)
            exposure_ms = _exposure_ms(dv)
        _check_header(dv, source)
        stack.pop_all()
    names = tuple(AXIS_NAMES[axis] for axis in dv.axes[:-2])
    y, x = dv.shape[-2:]

    def read(number: int) -> Pixels:
        # A copy: mrc unmaps the file on closing, and a view of it would crash the process.
        return np.array(dv.data.reshape(-1, y, x)[number])

    return PlaneFile(
        source=source,
        frame_shape=(y, x),
        dtype=dv.dtype,
        grid=consecutive(names, dv.shape[:-2]),
        read=read,
        close=dv.close,
        pixel_nm=_voxel_nm(dv, 0),
        z_step_nm=_voxel_nm(dv, 2),
        exposure_ms=exposure_ms,
    )


def _check_header(dv: DVFile, source: Path) -> None:
    header = dv.hdr
    frames = header.nt * header.nc * header.nz
    if frames != header.n_sections:
        raise DataError(
            f"{source}: expected {header.n_sections} frames as the header says, "
            f"found {header.nt} times x {header.nc} channels x {header.nz} sections in it"
        )
    needed = HEADER_BYTES + header.ext_hdr_len + int(np.prod(dv.shape)) * dv.dtype.itemsize
    size = source.stat().st_size
    if size < needed:
        raise DataError(f"{source}: expected {needed} bytes, found {size}: the file is cut off")


def _voxel_nm(dv: DVFile, axis: int) -> float | None:
    """Return the size of a voxel along x, y or z; one cubic µm is from writers who do not know."""
    voxel = tuple(dv.voxel_size)
    return None if voxel == (1.0, 1.0, 1.0) else positive(voxel[axis], 1e3)


def _exposure_ms(dv: DVFile) -> float | None:
    header = dv.hdr
    if dv.ext_hdr is None or header.n_ints != EXTENDED_INTS or header.n_floats < EXTENDED_FLOATS:
        return None
    return positive(dv.ext_hdr.frame(0).expTime, 1e3)
