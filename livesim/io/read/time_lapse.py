"""Read a time-lapse image by image: results, or images made of raw stacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import OutputLayout
from livesim.values.frames import StackIndex
from livesim.values.results import Image

PAUSE = 3.0
"""Medians of the steps in time from which on one is no step, but a pause."""


@dataclass(frozen=True, slots=True, eq=False)
class TimeLapse:
    """The images of a recording, as far as they were there when it was opened.

    Nothing but this description is in memory until an image is read.
    """

    source: Path
    layout: OutputLayout
    written: NDArray[np.bool_]
    """[position, time, channel, z]: which images there are."""
    moments_s: NDArray[np.float64] | None
    """[position, time] since the first image, NaN where there is none; None = not noted."""
    recipe: Recipe
    read: Callable[[StackIndex], Image]
    close: Callable[[], None] = lambda: None
    received_ns: NDArray[np.int64] | None = None
    """[position, time, channel, z]: when each image's last raw frame was received; 0 = never."""
    networked: NDArray[np.bool_] | None = None
    """[position, time, channel, z]: which images networks have worked on; None = all alike."""
    counts: bool = False
    """Whether these are camera counts, whole numbers of at most 16 bits."""

    @property
    def interval_s(self) -> float | None:
        """From one time point to the next: the mean of what was noted, or else as stated.

        Taken over a quarter of the time-lapse at once, and without what is far above the median:
        stacks that came in bursts, or a pause between two of them, change little.
        """
        if self.moments_s is None:
            return self.layout.interval_s
        apart = max(self.moments_s.shape[1] // 4, 1)
        steps = (self.moments_s[:, apart:] - self.moments_s[:, :-apart]) / apart
        steps = steps[np.isfinite(steps)]
        median = float(np.median(steps)) if steps.size else 0.0
        if median <= 0:
            return self.layout.interval_s
        return float(steps[steps <= PAUSE * median].mean())

    def every(self, interval_s: float) -> Self:
        """Return the same with time points this far apart, not at the times that were noted."""
        return replace(self, layout=replace(self.layout, interval_s=interval_s), moments_s=None)

    def moment_s(self, position: int, time: int) -> float | None:
        """Return when a time point was taken, since the first one; None where nothing tells."""
        if self.moments_s is None:
            stated = self.layout.interval_s
            return None if stated is None else time * stated
        moment = float(self.moments_s[position, time])
        return moment if np.isfinite(moment) else None

    def image(self, index: StackIndex) -> Image | None:
        """Read one image [y, x]; None where there is none (yet), or nothing but NaN.

        Raises
        ------
        DataError
            If it cannot be read.
        """
        place = (index.position, index.time, index.channel, index.z)
        if any(at >= size for at, size in zip(place, self.written.shape, strict=True)):
            return None
        if not self.written[place]:
            return None
        image = self.read(index)
        return None if np.isnan(image).all() else image

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def moments_since_first(received_ns: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return seconds since the first image, [position, time], of what was noted of every image.

    Parameters
    ----------
    received_ns
        [position, time, channel, z], when each image's last raw frame came; 0 = never.
    """
    noted = np.where(received_ns > 0, received_ns, np.iinfo(np.int64).max)
    first = noted.min(axis=(2, 3))
    known = first < np.iinfo(np.int64).max
    if not known.any():
        return None
    return np.where(known, (first - first.min()) / 1e9, np.nan)
