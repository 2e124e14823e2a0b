"""Draw fixed beads that are smaller than the resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livesim_acquisition.specimens.drawing import soften, splat
from livesim_acquisition.specimens.specimen import Density


@dataclass(frozen=True)
class Beads:
    """Homogeneously stained spheres of one size that stand still."""

    shape: tuple[int, int]
    pixel_nm: float
    count: int = 100
    diameter_nm: float = 40.0
    brightness_spread: float = 0.1
    """Standard deviation of the logarithm of a bead's brightness."""
    seed: int = 0

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density [y, x], at any time the same."""
        random = np.random.default_rng(self.seed)
        y, x = random.uniform(0.0, 1.0, (2, self.count)) * np.array(self.shape)[:, None]
        image = np.zeros(self.shape, dtype=np.float64)
        splat(image, y, x, np.exp(random.normal(0.0, self.brightness_spread, self.count)))
        # The projection of a full sphere has the variance diameter squared / 20 along each axis.
        sigma_nm = self.diameter_nm / np.sqrt(20.0)
        return soften(image, sigma_nm / self.pixel_nm).astype(np.float32)
