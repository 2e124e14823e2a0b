"""Write raw frames into one OME-TIFF that Fiji shows as a hyperstack."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from livesim.io.write.ome_tiff import CLASSIC_LIMIT_BYTES, DIRECTORY_BYTES
from livesim.values.frames import Pixels
from livesim.values.version import VERSION


@dataclass(frozen=True, slots=True)
class RawTiffLayout:
    """Sizes and scales of raw stacks."""

    time: int
    frames: int
    """Of one raw stack; they are the z planes of a time point, as fairSIM expects them too."""
    y: int
    x: int
    dtype: np.dtype[Any]
    pixel_nm: float
    exposure_ms: float
    interval_s: float
    name: str
    """What the file's UUID is made from: the same run has the same file."""
    z_step_nm: float | None = None
    """Of volumes."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[time, frame, y, x]."""
        return (self.time, self.frames, self.y, self.x)


def write_raw_tiff(path: Path, frames: Iterator[Pixels], layout: RawTiffLayout) -> None:
    """Write `frames` [y, x] as they come, so that no more than one is held.

    The file is uncompressed and has all metadata that `livesim.io` reads; an OME-TIFF has no axes
    for angle and phase, so `[pattern] order` tells how the frames of a stack are sorted.
    """
    planes = layout.time * layout.frames
    plane_bytes = layout.y * layout.x * layout.dtype.itemsize + DIRECTORY_BYTES
    big = planes * plane_bytes > CLASSIC_LIMIT_BYTES
    with tifffile.TiffWriter(path, bigtiff=big, byteorder="<", ome=True) as file:
        file.write(
            frames,
            shape=layout.shape,
            dtype=layout.dtype,
            photometric="minisblack",
            software=f"livesim {VERSION}",
            metadata=_metadata(layout),
        )


def _metadata(layout: RawTiffLayout) -> dict[str, Any]:
    planes = layout.time * layout.frames
    step = {} if layout.z_step_nm is None else _step(layout.z_step_nm)
    return step | {
        "axes": "TZYX",
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_URL, layout.name)),
        "PhysicalSizeX": layout.pixel_nm / 1000.0,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": layout.pixel_nm / 1000.0,
        "PhysicalSizeYUnit": "µm",
        "TimeIncrement": layout.interval_s,
        "TimeIncrementUnit": "s",
        "Plane": {
            "ExposureTime": [layout.exposure_ms / 1000.0] * planes,
            "ExposureTimeUnit": ["s"] * planes,
        },
    }


def _step(z_step_nm: float) -> dict[str, Any]:
    return {"PhysicalSizeZ": z_step_nm / 1000.0, "PhysicalSizeZUnit": "µm"}
