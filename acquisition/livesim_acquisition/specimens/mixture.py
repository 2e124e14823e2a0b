"""Several structures in, one specimen of all of them out, each as bright as the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from livesim_acquisition.specimens.specimen import Density, Specimen


@dataclass(frozen=True)
class Mixture:
    """Structures on top of each other; the brightest pixel of each is 1 at time 0."""

    parts: tuple[Specimen, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(2 y, 2 x) of the density."""
        return self.parts[0].shape

    @property
    def pixel_nm(self) -> float:
        """Of the doubled grid."""
        return self.parts[0].pixel_nm

    def density(self, time_s: float = 0.0) -> Density:
        """Return the sum of the densities [y, x] at `time_s`."""
        scaled = zip(self.parts, self._brightest, strict=True)
        return np.sum([part.density(time_s) / most for part, most in scaled], axis=0)

    @cached_property
    def _brightest(self) -> tuple[np.float32, ...]:
        return tuple(part.density(0.0).max() for part in self.parts)
