"""Measure the statistics of the pixels inside a rectangle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livesim.values.results import Image


@dataclass(frozen=True, slots=True)
class RegionStatistics:
    """Of the finite pixels in a rectangle, in photo-electrons; NaN where there are none."""

    pixels: int
    mean: float
    deviation: float
    least: float
    most: float


def region_statistics(
    image: Image, left: float, top: float, right: float, bottom: float
) -> RegionStatistics:
    """Return the statistics of the pixels whose centres lie within a rectangle.

    Parameters
    ----------
    image
        [y, x].
    left, top, right, bottom
        In pixels; (0, 0) is the centre of the first pixel.
    """
    rows = slice(max(0, math.ceil(top)), max(0, math.floor(bottom) + 1))
    columns = slice(max(0, math.ceil(left)), max(0, math.floor(right) + 1))
    inside = image[rows, columns]
    values = inside[np.isfinite(inside)].astype(np.float64)
    if values.size == 0:
        return RegionStatistics(0, math.nan, math.nan, math.nan, math.nan)
    return RegionStatistics(
        values.size,
        float(values.mean()),
        float(values.std()),
        float(values.min()),
        float(values.max()),
    )
