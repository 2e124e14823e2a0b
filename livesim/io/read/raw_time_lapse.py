"""Show a raw recording of livesim's own as a time-lapse of its frames or widefield images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray

from livesim.io.read.open import open_recording
from livesim.io.read.planes import NO_PLANE, expecting
from livesim.io.read.recording import Recording
from livesim.io.read.scales import channel_names, z_step_nm
from livesim.io.read.time_lapse import TimeLapse, moments_since_first
from livesim.io.read.zarr_planes import BAD_ZARR
from livesim.io.recipe import Recipe
from livesim.io.recording_files import finished_name
from livesim.io.write.ome_zarr import read_recipe_of_zarr
from livesim.io.write.output_layout import OutputLayout
from livesim.values.frames import StackIndex
from livesim.values.results import Image


def open_raw(path: Path) -> TimeLapse:
    """Open the raw frames of a recording, in camera counts.

    The frames of a stack lie along z, as microscopes write them: the phase fastest, then the
    angle, then z itself.

    Raises
    ------
    DataError
        If this is no recording of livesim's own.
    """
    raws = _Raws(path)
    angles, phases = raws.recording.stack_shape
    frames = angles * phases

    def read(index: StackIndex) -> Image:
        z, frame = divmod(index.z, frames)
        pixels = raws.stack(replace(index, z=z))
        return np.asarray(pixels[divmod(frame, phases)], np.float32)

    whole = _time_lapse(raws, read)
    return replace(
        whole,
        layout=replace(whole.layout, z=whole.layout.z * frames, z_step_nm=None),
        written=whole.written.repeat(frames, axis=3),
        counts=True,
    )


def open_widefield(path: Path) -> TimeLapse:
    """Open the widefield images of a recording: the mean of each stack, in photo-electrons.

    Raises
    ------
    DataError
        If this is no recording of livesim's own.
    """
    raws = _Raws(path)
    camera = raws.recipe.settings.camera

    def read(index: StackIndex) -> Image:
        mean = raws.stack(index).mean(axis=(0, 1), dtype=np.float32)
        return np.asarray((mean - camera.offset) / camera.gain, np.float32)

    return _time_lapse(raws, read)


class _Raws:
    """A recording that may be renamed when it ends, while it is read; one stack is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe: Recipe = read_recipe_of_zarr(path)
        self._kept: tuple[StackIndex, NDArray[np.generic]] | None = None
        self.recording: Recording = self._open()

    def stack(self, index: StackIndex) -> NDArray[np.generic]:
        """Return the pixels [angle, phase, y, x] of a stack."""
        if self._kept is None or self._kept[0] != index:
            self._kept = (index, self._read(index))
        return self._kept[1]

    def _read(self, index: StackIndex) -> NDArray[np.generic]:
        pixels = self.recording.stack(index).pixels
        if not self.path.exists():  # its chunks were missing, which Zarr reads as zeros
            self.path = finished_name(self.path)
            self.recording = self._open()
            pixels = self.recording.stack(index).pixels
        return pixels

    def _open(self) -> Recording:
        return open_recording(self.path, self.recipe.settings.pattern)


def _time_lapse(raws: _Raws, read: Callable[[StackIndex], Image]) -> TimeLapse:
    recording = raws.recording
    y, x = recording.frame_shape
    sizes = recording.sizes
    layout = OutputLayout(
        y=y,
        x=x,
        pixel_nm=raws.recipe.settings.optics.pixel_nm or recording.pixel_nm or 1.0,
        time=sizes.time,
        channel=sizes.channel,
        z=sizes.z,
        position=sizes.position,
        z_step_nm=z_step_nm(raws.recipe.settings, sizes.z, recording.z_step_nm),
        interval_s=recording.interval_s,
        channel_names=channel_names(raws.recipe.settings, sizes.channel, recording.channel_names),
    )
    return TimeLapse(
        source=raws.path,
        layout=layout,
        written=(recording.numbers != NO_PLANE).all(axis=(4, 5)),
        moments_s=moments_since_first(_received(raws.path, layout.sizes)),
        recipe=raws.recipe,
        read=read,
        close=recording.close,
    )


def _received(path: Path, sizes: tuple[int, int, int, int]) -> NDArray[np.int64]:
    """Read when each stack was received, [position, time, channel, z]."""
    with expecting("a recording's log", path, *BAD_ZARR):
        array = zarr.open_group(path, mode="r")["last_received_ns"]
        if not isinstance(array, zarr.Array):
            raise TypeError("last_received_ns is a group")
        noted: NDArray[np.int64] = np.zeros(sizes, np.int64)
        found = np.asarray(array[tuple(slice(size) for size in sizes)], np.int64)
        noted[tuple(slice(size) for size in found.shape)] = found
    return noted
