"""Read the planes of a folder that livesim recorded in, in the order of acquisition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from livesim.io.read.metadata import names_of, positive
from livesim.io.read.planes import NO_PLANE, PlaneFile, PlaneGrid, check_size
from livesim.io.read.zarr_planes import plane_reader
from livesim.io.write.growing_stacks import common_region
from livesim.io.write.recorder import RAW_AXES, RAW_FORMAT
from livesim.values.errors import DataError
from livesim.values.frames import Pixels

NAMES = tuple({"t": "time", "c": "channel"}.get(axis, axis) for axis in RAW_AXES[:-2])
STACK_AXES = 4
"""position, t, c, z: the axes of the log beside the pixels."""
LOG = ("written", "last_received_ns", "exposure_ms")


def is_own_recording(group: zarr.Group) -> bool:
    """Whether livesim's raw recorder wrote the group."""
    stated = group.attrs.get("livesim")
    return isinstance(stated, Mapping) and stated.get("format") == RAW_FORMAT


def open_own_recording(group: zarr.Group, folder: Path) -> PlaneFile:
    """Open a recording of livesim, finished or not; stacks that were never written are missing.

    Raises
    ------
    DataError
        If pixels and log do not belong together, or no stack was written.
    """
    pixels, log = _array(group, "raw", folder), [_array(group, name, folder) for name in LOG]
    if pixels.ndim != len(RAW_AXES) or any(column.ndim != STACK_AXES for column in log):
        raise DataError(
            f"{folder}: expected raw [{', '.join(RAW_AXES)}] and a log of its stacks, "
            f"found {pixels.shape} and {[column.shape for column in log]}"
        )
    check_size(pixels.shape[:-2], pixels.shape[-2:], folder)
    region = common_region([pixels, *log], STACK_AXES)
    written, received, exposures = (np.asarray(column[region]) for column in log)
    if not written.any():
        raise DataError(f"{folder}: expected recorded stacks, found none")
    places = np.argwhere(written)[np.argsort(received[written], kind="stable")]
    stacks = np.ravel_multi_index(tuple(places.T), pixels.shape[:STACK_AXES])
    frames = pixels.shape[STACK_AXES] * pixels.shape[STACK_AXES + 1]
    read_stored = plane_reader(pixels, folder)

    def read(number: int) -> Pixels:
        return read_stored(int(stacks[number // frames]) * frames + number % frames)

    stated: Mapping[str, Any] = group.attrs["livesim"]  # type: ignore[assignment]
    return PlaneFile(
        source=folder,
        frame_shape=(pixels.shape[-2], pixels.shape[-1]),
        dtype=pixels.dtype,
        grid=_grid(stacks, pixels.shape[:-2]),
        read=read,
        close=lambda: None,  # zarr keeps no file open
        below_zero=pixels.dtype.kind == "i",  # the engine has looked at every frame
        pixel_nm=positive(stated.get("pixel_nm")),
        exposure_ms=positive(exposures[tuple(places[0])]),
        interval_s=positive(stated.get("interval_s")),
        z_step_nm=positive(stated.get("z_step_nm")),
        channel_names=names_of(stated.get("channel_names")),
    )


def _array(group: zarr.Group, name: str, folder: Path) -> zarr.Array[Any]:
    array = group.get(name)
    if not isinstance(array, zarr.Array):
        raise DataError(f"{folder}: expected the array '{name}' of a recording, found none")
    return array


def _grid(stacks: NDArray[np.intp], shape: tuple[int, ...]) -> PlaneGrid:
    """Return the frames of the written stacks, numbered in the order in which the stacks came."""
    frames = shape[STACK_AXES] * shape[STACK_AXES + 1]
    numbers = np.full((int(np.prod(shape[:STACK_AXES])), frames), NO_PLANE, dtype=np.int64)
    numbers[stacks] = np.arange(len(stacks) * frames).reshape(-1, frames)
    # Arrays of an unfinished recording are longer than what was recorded.
    ends = (int(at.max()) + 1 for at in np.unravel_index(stacks, shape[:STACK_AXES]))
    return PlaneGrid(NAMES, numbers.reshape(shape)[tuple(slice(end) for end in ends)])
