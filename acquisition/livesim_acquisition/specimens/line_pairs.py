"""Draw groups of lines whose spacings test the resolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from livesim_acquisition.specimens.drawing import Vector, covered, pixel_edges
from livesim_acquisition.specimens.specimen import Density

LINES = 5
"""In a group."""


@dataclass(frozen=True)
class LinePairs:
    """Groups of five parallel lines, half a spacing wide, upright and lying rows in turn."""

    shape: tuple[int, int]
    pixel_nm: float
    spacings_nm: tuple[float, ...] = (300, 250, 200, 170, 150, 130, 120, 110, 100, 90, 80)

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density [y, x], at any time the same; exact to a fraction of a pixel."""
        image = np.zeros(self.shape, dtype=np.float64)
        for top, left, spacing, upright in self._groups():
            length = LINES * spacing
            rows, y_edges = self._around(top, length, self.shape[0])
            columns, x_edges = self._around(left, length, self.shape[1])
            if upright:
                group = np.outer(
                    covered(y_edges, top, top + length), _lines(x_edges, left, spacing)
                )
            else:
                group = np.outer(
                    _lines(y_edges, top, spacing), covered(x_edges, left, left + length)
                )
            image[rows, columns] = group
        return image.astype(np.float32)

    def _around(self, start: float, length: float, count: int) -> tuple[slice, Vector]:
        """Return the pixels that a group touches along an axis, and where they begin and end."""
        first = max(int(start / self.pixel_nm) - 1, 0)
        stop = min(int((start + length) / self.pixel_nm) + 3, count)
        return slice(first, stop), pixel_edges(count, self.pixel_nm)[first : stop + 1]

    def _groups(self) -> Iterator[tuple[float, float, float, bool]]:
        """Yield (top, left, spacing in nm, upright) of the groups that fit into the field."""
        height, width = (count * self.pixel_nm for count in self.shape)
        gap = max(self.spacings_nm)
        spacings = cycle(self.spacings_nm)
        spacing, top, upright = next(spacings), gap, True
        while top + LINES * spacing < height:
            left, tallest = gap, 0.0
            while left + LINES * spacing < width and top + LINES * spacing < height:
                yield top, left, spacing, upright
                left += LINES * spacing + gap
                tallest = max(tallest, LINES * spacing)
                spacing = next(spacings)
            if tallest == 0.0:
                return
            top, upright = top + tallest + gap, not upright


def _lines(edges: Vector, start: float, spacing: float) -> Vector:
    """Return how much of every pixel the lines of a group cover."""
    starts = start + spacing * np.arange(LINES)
    return np.sum([covered(edges, one, one + spacing / 2.0) for one in starts], axis=0)
