"""Find the range in which a viewer should first show each channel."""

from __future__ import annotations

import numpy as np

from livesim.values.results import Image

PERCENTILES = (0.1, 99.9)
EVERY = 8
"""Rows and columns looked at: one in so many, so that looking costs next to nothing."""


class Contrast:
    """Widens the range of each channel with every image that it sees."""

    def __init__(self) -> None:
        self._windows: dict[int, tuple[float, float]] = {}

    def see(self, channel: int, image: Image) -> None:
        """Widen the channel's window to the image's percentiles."""
        sample = image[::EVERY, ::EVERY]
        finite = sample[np.isfinite(sample)]
        if finite.size == 0:
            return
        low, high = np.percentile(finite, PERCENTILES)
        self.widen(channel, float(low), float(high))

    @property
    def windows(self) -> dict[int, tuple[float, float]]:
        """(low, high) of every channel that was seen."""
        return dict(self._windows)

    def widen(self, channel: int, low: float, high: float) -> None:
        """Widen the channel's window to another one, seen elsewhere."""
        before = self._windows.get(channel, (low, high))
        self._windows[channel] = (min(low, before[0]), max(high, before[1]))

    def window(self, channel: int) -> tuple[float, float]:
        """Return (low, high), low < high; (0, 1) for a channel never seen."""
        low, high = self._windows.get(channel, (0.0, 1.0))
        return (low, high) if high > low else (low, low + 1.0)
