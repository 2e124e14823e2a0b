"""Define what the microscope asks of a structure: its density at any time."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Density = NDArray[np.float32]
"""Fluorophores [2 y, 2 x] on the doubled grid: non-negative, finite, in units of one's own."""


class Specimen(Protocol):
    """A structure that may move; drawn on a torus, so that what leaves the field comes back."""

    @property
    def shape(self) -> tuple[int, int]:
        """(2 y, 2 x) of the density."""
        ...

    @property
    def pixel_nm(self) -> float:
        """Of the doubled grid."""
        ...

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density at any time, in any order; its unit is the same at all times."""
        ...
