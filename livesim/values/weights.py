"""The frozen value of arbitration: which share of the networks' change is shown, band by band."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livesim.values.frames import StackIndex
from livesim.values.numbers import Count

FULL = 255
"""The number that stands for a weight of 1."""


@dataclass(frozen=True, slots=True)
class WeightGrid:
    """The weights of one band of frequencies, on a grid over the field that suits the band.

    Raises
    ------
    ValueError
        If there is not one number for every place of the grid.
    """

    shape: tuple[int, int]
    """(y, x) of the grid."""
    numbers: bytes = field(repr=False)
    """[y, x] 0 to `FULL`, row by row."""

    def __post_init__(self) -> None:
        rows, columns = self.shape
        if len(self.numbers) != rows * columns or not self.numbers:
            raise ValueError(f"expected {rows} x {columns} weights, found {len(self.numbers)}")

    @property
    def array(self) -> NDArray[np.uint8]:
        """The numbers [y, x], not to be written to."""
        return np.frombuffer(self.numbers, np.uint8).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class BandWeights:
    """The weights of every band as they are used, live and again from a recording.

    They are what is recorded, number by number, so that both show the same pixels.
    """

    grids: tuple[WeightGrid, ...]
    """The finest band first."""

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(y, x) of every grid: weights of other shapes are those of other bands."""
        return tuple(grid.shape for grid in self.grids)

    def mixed(self, new: BandWeights) -> BandWeights:
        """Return the mean of these and new weights; the new ones where the bands are others."""
        if new.shapes != self.shapes:
            return new
        pairs = zip(self.grids, new.grids, strict=True)
        return BandWeights(tuple(_mean(old, now) for old, now in pairs))


@dataclass(frozen=True, slots=True)
class WeightsChange:
    """Other weights; they hold from `stack` on, that stack included."""

    stack: StackIndex
    received_ns: Count
    """When the last frame of that stack was received, wall clock."""
    weights: BandWeights | None
    """None = the plain image is shown."""


def _mean(old: WeightGrid, new: WeightGrid) -> WeightGrid:
    # Rounded towards the new one: else a difference of 1 would last for ever.
    was, now = old.array.astype(np.int16), new.array.astype(np.int16)
    half = (was + now + (now > was)) // 2
    return WeightGrid(new.shape, half.astype(np.uint8).tobytes())
