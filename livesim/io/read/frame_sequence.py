"""Read the frames of a recording one after the other, in the order in which they were acquired.

Here nothing has to fit: this is for files that `open_recording` refuses, and for the doctor.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.config.pattern import Axis, PatternSettings
from livesim.io.read.axes import size_of
from livesim.io.read.layout import arrange
from livesim.io.read.open import open_planes
from livesim.io.read.planes import NO_PLANE, PlaneFile, PlaneGrid, as_counts, counts_dtype_of
from livesim.io.read.whole_stacks import fewest_whole, missing_frames, whole_stacks
from livesim.values.errors import DataError
from livesim.values.frames import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class FrameSequence:
    """The frames of the first position and z of a recording's channel, as they were acquired."""

    file: PlaneFile
    numbers: NDArray[np.int64]
    """[frame] plane numbers."""
    dtype: np.dtype[np.generic]
    pattern: PatternSettings
    """How the frames follow each other here, whatever the file's own axes say."""
    misfit: str | None = None
    """Why the frames make no whole stacks; None where they do."""
    gaps: str | None = None
    """Which raw stacks of the recording are not whole; None where all are."""
    mixed: bool = False
    """Whether the planes of several z may lie between the frames of a raw stack."""
    channels: int = 1
    """Of the recording."""

    def read(self, first: int, count: int) -> Pixels:
        """Read consecutive frames, [frame, y, x], fewer at the end.

        Raises
        ------
        DataError
            If a frame cannot be read.
        """
        planes = [
            as_counts(self.file.read(int(number)), self.dtype, self.file.source)
            for number in self.numbers[first : first + count]
        ]
        return np.stack(planes)

    def __len__(self) -> int:
        return len(self.numbers)


def open_frames(path: Path, pattern: PatternSettings, channel: int = 0) -> FrameSequence:
    """Open any recording, to read the frames of one channel; the caller closes `file`.

    Raises
    ------
    DataError
        If the file cannot be read or holds no camera counts.
    """
    file = open_planes(path)
    try:
        dtype = counts_dtype_of(file)
        if not {"angle", "phase"}.isdisjoint(file.grid.names):
            pattern = pattern.model_copy(update={"first_frame": 0})
        return _sequence(file, dtype, pattern, channel)
    except BaseException:
        file.close()
        raise


def _sequence(
    file: PlaneFile, dtype: np.dtype[np.generic], pattern: PatternSettings, channel: int
) -> FrameSequence:
    try:
        # Where the file shows no stop, a frame may as well have been lost in the middle.
        fewest = fewest_whole(file) if file.unfinished else None
        numbers = arrange(file.grid, pattern, file.source, fewest_whole=fewest)
    except DataError as error:
        mixed = _has_planes_within_stacks(file.grid, pattern)
        frames, channels = _all(file.grid, channel), size_of(file.grid, "channel")
        return FrameSequence(
            file, frames, dtype, pattern, str(error), mixed=mixed, channels=channels
        )
    gaps, channels = missing_frames(numbers, file.source), numbers.shape[2]
    first = numbers[0, :, channel, 0]
    whole = first[whole_stacks(numbers)[0, :, channel, 0]]
    if not len(whole):
        frames, mixed = _all(file.grid, channel), numbers.shape[3] > 1
        return FrameSequence(file, frames, dtype, pattern, gaps, mixed=mixed, channels=channels)
    order = pattern.model_copy(update={"order": _as_stored(pattern.order, whole)})
    acquired = np.sort(whole.reshape(len(whole), -1)).ravel()
    return FrameSequence(file, acquired, dtype, order, gaps=gaps, channels=channels)


def _as_stored(order: tuple[Axis, ...], numbers: NDArray[np.int64]) -> tuple[Axis, ...]:
    """Return `order` with phase and angle as `numbers` [stack, angle, phase] step them."""
    between_angles, between_phases = (
        np.median(np.abs(np.diff(numbers, axis=axis))) if numbers.shape[axis] > 1 else np.inf
        for axis in (1, 2)
    )
    if "angle" not in order or "phase" not in order:
        return order
    if (between_phases <= between_angles) == (order.index("phase") < order.index("angle")):
        return order
    other: dict[Axis, Axis] = {"phase": "angle", "angle": "phase"}
    return tuple(other.get(axis, axis) for axis in order)


def _has_planes_within_stacks(grid: PlaneGrid, pattern: PatternSettings) -> bool:
    """Return whether z may change before a raw stack is whole, as file or settings have it."""
    if "z" in grid.names:
        return bool(grid.numbers.shape[grid.names.index("z")] > 1)
    if "z" not in pattern.order:
        return False
    slowest = max(pattern.order.index("angle"), pattern.order.index("phase"))
    return pattern.order.index("z") < slowest


def _all(grid: PlaneGrid, channel: int) -> NDArray[np.int64]:
    """Return the planes of the first position and of a channel."""
    places = {"position": 0, "channel": channel}
    numbers = grid.numbers[tuple(places.get(name, slice(None)) for name in grid.names)]
    return np.sort(numbers[numbers != NO_PLANE], axis=None)
