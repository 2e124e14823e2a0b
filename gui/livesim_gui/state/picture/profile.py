"""Measure the values along a line across an image, and the width of their highest peak."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.values.errors import DataError
from livesim.values.results import Image

Point = tuple[float, float]
"""(x, y) in pixels; (0, 0) is the centre of the first pixel."""
STEP = 0.5
"""Of a pixel, from one sample to the next."""
FEWEST = 16
"""Samples from which the spread of a line is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Values along a line."""

    distance: NDArray[np.float64]
    """From its beginning, in pixels."""
    value: NDArray[np.float64]
    """In photo-electrons; NaN outside the image."""

    @property
    def fwhm(self) -> float:
        """Full width at half maximum of the highest peak, in pixels; NaN where it has no flank.

        The half lies between the peak and the lowest value, its places between samples.
        """
        left, right = self._flanks
        return right - left

    @property
    def prominence(self) -> float:
        """How far the highest peak rises above the median of the rest, in its spread.

        The rest is what lies half a width and more beyond the flanks; NaN where that is too
        little to tell, or the peak has no flank. The spread is 1.48 times the median deviation
        from the median, which for normal noise is the standard deviation.
        """
        left, right = self._flanks
        width = right - left
        outside = (self.distance < left - width / 2) | (self.distance > right + width / 2)
        rest = self.value[outside & np.isfinite(self.value)]
        if rest.size < FEWEST:
            return math.nan
        middle = np.median(rest)
        spread = 1.4826 * np.median(np.abs(rest - middle))
        return float((np.nanmax(self.value) - middle) / spread) if spread > 0 else math.inf

    @property
    def _flanks(self) -> tuple[float, float]:
        """Where the highest peak has half its height, on either side; NaN where it does not."""
        known = np.isfinite(self.value)
        value, distance = self.value[known], self.distance[known]
        if value.size < 3:
            return math.nan, math.nan
        peak = int(np.argmax(value))
        half = 0.5 * (value[peak] + value.min())
        right = _crossing(distance[peak:], value[peak:], half)
        left = _crossing(distance[peak::-1], value[peak::-1], half)
        return left, right


def profile(image: Image, start: Point, end: Point, width: int = 1) -> Profile:
    """Return the values along a line, bilinear between pixels.

    Parameters
    ----------
    image
        [y, x].
    start, end
        Of the line.
    width
        Mean of so many parallel lines, one pixel apart.

    Raises
    ------
    DataError
        If the line has no length.
    """
    length = math.dist(start, end)
    if length == 0:
        raise DataError("expected a line with two different ends, found none of any length")
    along = np.arange(0.0, length + 1e-9, STEP)
    dx, dy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    beside = np.arange(width) - (width - 1) / 2
    x = start[0] + along * dx - beside[:, None] * dy
    y = start[1] + along * dy + beside[:, None] * dx
    return Profile(along, _bilinear(image, x, y).mean(axis=0))


def _bilinear(image: Image, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = image.shape
    inside = (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)
    left = np.clip(np.floor(x).astype(int), 0, max(columns - 2, 0))
    top = np.clip(np.floor(y).astype(int), 0, max(rows - 2, 0))
    right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    u, v = x - left, y - top
    upper = (1 - u) * image[top, left] + u * image[top, right]
    lower = (1 - u) * image[bottom, left] + u * image[bottom, right]
    return np.where(inside, (1 - v) * upper + v * lower, np.nan)


def _crossing(distance: NDArray[np.float64], value: NDArray[np.float64], level: float) -> float:
    """Return where the values first fall below a level; NaN where they do not."""
    below = np.flatnonzero(value < level)
    if below.size == 0 or below[0] == 0:
        return math.nan
    after = int(below[0])
    share = (value[after - 1] - level) / (value[after - 1] - value[after])
    return float(distance[after - 1] + share * (distance[after] - distance[after - 1]))
