"""Read raw stacks and frames from an open file, sorted as the settings of the pattern say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import PatternSettings
from livesim.io.read.layout import AXES, arrange
from livesim.io.read.planes import (
    NO_PLANE,
    PlaneFile,
    as_counts,
    counts_dtype_of,
    counts_warnings,
)
from livesim.io.read.whole_stacks import (
    fewest_whole,
    missing_frames,
    whole_stacks,
    without_unrecorded_end,
)
from livesim.values.errors import DataError, LostFrameError
from livesim.values.frames import FrameAxes, Pixels, RawFrame, RawStack, StackIndex


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many raw stacks a recording has along each axis."""

    position: int
    time: int
    channel: int
    z: int


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recording on disk; a plane is read only when its stack or frame is asked for."""

    file: PlaneFile
    numbers: NDArray[np.int64]
    """Plane numbers, [position, time, channel, z, angle, phase]."""
    dtype: np.dtype[np.generic]
    """Of the counts: uint8 or uint16, or float32 with a warning."""
    gaps: str | None = None
    """Which raw stacks are not whole; None where all are."""

    @property
    def source(self) -> Path:
        """The file or folder."""
        return self.file.source

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(y, x) of every raw frame."""
        return self.file.frame_shape

    @property
    def stack_shape(self) -> tuple[int, int]:
        """(angles, phases) of every raw stack."""
        return self.numbers.shape[4], self.numbers.shape[5]

    @property
    def pixel_nm(self) -> float | None:
        """Raw pixel in the sample as the file states it."""
        return self.file.pixel_nm

    @property
    def exposure_ms(self) -> float | None:
        """Exposure of one frame as the file states it."""
        return self.file.exposure_ms

    @property
    def interval_s(self) -> float | None:
        """Time between two time points as the file states it."""
        return self.file.interval_s

    @property
    def z_step_nm(self) -> float | None:
        """Distance of two planes as the file states it."""
        return self.file.z_step_nm

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels as the file states them; none where it states no such names."""
        names = self.file.channel_names
        return names if len(names) == self.sizes.channel else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that the user should see; the data can be used all the same."""
        gaps = () if self.gaps is None else (self.gaps,)
        live = self.file.below_zero  # a stream whose settings said what the values are
        counts = () if live else counts_warnings(self.file.dtype, self.dtype, self.source)
        return (*self.file.warnings, *gaps, *counts)

    @property
    def is_taken_for_stopped(self) -> bool:
        """Whether its end is taken for a stop in mid-stack, which the file itself does not show.

        Then a frame may as well have been lost in the middle; `livesim doctor` knows. A file in
        which places are free counts its frames, and would show that.
        """
        stored = self.file.grid.numbers
        counts_its_frames = self.file.unfinished or bool((stored == NO_PLANE).any())
        ends_torn = self.numbers.size > stored.size and not self.whole[:, -1].all()
        return ends_torn and not counts_its_frames

    @property
    def sizes(self) -> Sizes:
        """How many raw stacks there are along each axis."""
        return Sizes(*self.numbers.shape[:4])

    @property
    def indices(self) -> list[StackIndex]:
        """The raw stacks that are whole, in the order of their ends."""
        places = np.argwhere(self.whole)
        ends = self.numbers.max(axis=(4, 5))[self.whole]
        ordered = places[np.argsort(ends, kind="stable")].tolist()
        return [StackIndex(position=p, time=t, channel=c, z=z) for p, t, c, z in ordered]

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which raw stacks have all their frames, [position, time, channel, z]."""
        return whole_stacks(self.numbers)

    def stack(self, index: StackIndex) -> RawStack:
        """Read one raw stack, pixels [angle, phase, y, x].

        Raises
        ------
        DataError
            If the recording has no such stack, a frame of it is missing or cannot be read.
        """
        numbers = self._numbers_of(index)
        pixels = np.empty((*numbers.shape, *self.frame_shape), dtype=self.dtype)
        for place in np.ndindex(*numbers.shape):
            pixels[place] = self.plane(int(numbers[place]))
        return RawStack(
            stream=self.source.name,
            index=index,
            pixels=pixels,
            exposure_ms=self.exposure_ms or 0.0,
        )

    def lit_stack(self, index: StackIndex) -> RawStack:
        """Read one raw stack all of whose frames hold light, pixels [angle, phase, y, x].

        Raises
        ------
        LostFrameError
            If a frame of it cannot be read, or holds nothing but zeros.
        DataError
            If the recording has no such stack, or a frame of it is missing.
        """
        stack = self.stack(index)
        empty = np.argwhere(~stack.pixels.any(axis=(2, 3)))
        if empty.size:
            raise LostFrameError(
                f"{self.source}: expected light in every frame of the stack {_words(index)}, found "
                f"nothing but zeros in angle {empty[0][0]}, phase {empty[0][1]}"
            )
        return stack

    def frames(self, lost: Callable[[LostFrameError], None] | None = None) -> Iterator[RawFrame]:
        """Read all frames one by one, in the order in which they were acquired.

        Parameters
        ----------
        lost
            Is told of a frame that cannot be read, which is then passed over, as a camera passes
            over one that it loses; None = it is an error.

        Raises
        ------
        LostFrameError
            If a frame cannot be read, and nobody wants to be told.
        """
        order = np.argsort(self.numbers, axis=None, kind="stable")
        present = order[self.numbers.ravel()[order] != NO_PLANE]
        for sequence, flat in enumerate(present):
            place = np.unravel_index(int(flat), self.numbers.shape)
            try:
                pixels = self.plane(int(self.numbers[place]))
            except LostFrameError as error:
                if lost is None:
                    raise
                lost(error)
                continue
            yield RawFrame(
                stream=self.source.name,
                sequence=sequence,
                axes=FrameAxes(**{axis: int(at) for axis, at in zip(AXES, place, strict=True)}),
                pixels=pixels,
                exposure_ms=self.exposure_ms or 0.0,
            )

    def plane(self, number: int) -> Pixels:
        """Read the frame [y, x] with a number out of `numbers`.

        Raises
        ------
        LostFrameError
            If it cannot be read, or has another size or type than the others.
        DataError
            If it has values that are no counts.
        """
        try:
            plane = self.file.read(number)
        except DataError as error:
            raise LostFrameError(str(error)) from error
        stored = self.file.dtype.newbyteorder("=")
        if (plane.shape, plane.dtype.newbyteorder("=")) != (self.frame_shape, stored):
            raise LostFrameError(
                f"{self.source}: expected frames of {self.frame_shape[0]} x {self.frame_shape[1]} "
                f"pixels, {stored}, found {' x '.join(map(str, plane.shape))}, {plane.dtype}, in "
                f"frame {number}"
            )
        return as_counts(plane, self.dtype, self.source)

    def close(self) -> None:
        """Close the file; nothing can be read afterwards."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _numbers_of(self, index: StackIndex) -> NDArray[np.int64]:
        place = (index.position, index.time, index.channel, index.z)
        for axis, at, size in zip(AXES, place, self.numbers.shape, strict=False):
            if not 0 <= at < size:
                raise DataError(f"{self.source}: expected {axis} 0 to {size - 1}, found {at}")
        numbers: NDArray[np.int64] = self.numbers[place]
        missing = np.argwhere(numbers == NO_PLANE)
        if missing.size:
            raise DataError(
                f"{self.source}: expected {numbers.size} frames in the stack {_words(index)}, "
                f"found {numbers.size - len(missing)}; "
                f"missing: angle {missing[0][0]}, phase {missing[0][1]}"
                + (" and others" if len(missing) > 1 else "")
            )
        return numbers


def make_recording(file: PlaneFile, pattern: PatternSettings) -> Recording:
    """Fit an open file to the settings of the pattern.

    Raises
    ------
    DataError
        If the file holds no camera counts, or not one whole raw stack.
    """
    dtype = counts_dtype_of(file)
    try:
        numbers = arrange(file.grid, pattern, file.source, fewest_whole=fewest_whole(file))
    except DataError as error:
        raise _refusal(str(error), file) from error
    gaps = missing_frames(numbers, file.source)
    if not whole_stacks(numbers).any():
        raise _refusal(gaps or f"{file.source}: expected frames, found none", file)
    return Recording(file, without_unrecorded_end(numbers), dtype, gaps)


def _refusal(sentence: str, file: PlaneFile) -> DataError:
    """Return the refusal of a file, with what is known of its state."""
    state = (warning.removeprefix(f"{file.source}: ") for warning in file.warnings)
    return DataError("; ".join((sentence, *state)))


def _words(index: StackIndex) -> str:
    return f"position {index.position}, time {index.time}, channel {index.channel}, z {index.z}"
