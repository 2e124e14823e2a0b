"""Draw a Siemens star, whose spokes come closer towards its centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livesim_acquisition.specimens.drawing import Vector
from livesim_acquisition.specimens.specimen import Density

RADIUS = 0.45
"""Of the field's shorter side."""


@dataclass(frozen=True)
class SiemensStar:
    """Bright and dark spokes of equal width; at radius r their spacing is 2 pi r / spokes."""

    shape: tuple[int, int]
    pixel_nm: float
    spokes: int = 36

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density [y, x], 0 to 1, at any time the same; edges are one pixel soft."""
        y, x = (np.arange(count) - count / 2.0 for count in self.shape)
        radius = np.hypot(y[:, None], x)
        turn = np.arctan2(y[:, None], x)
        # Distance along the arc to the nearest edge of a spoke, positive inside of it.
        depth = np.arcsin(np.sin(self.spokes * turn)) * radius / self.spokes
        rim = RADIUS * min(self.shape) - radius
        return (_soft(depth) * _soft(rim)).astype(np.float32)


def _soft(depth: Vector) -> Vector:
    """Return how much of a pixel lies inside an edge that is `depth` pixels away."""
    return np.clip(0.5 + depth, 0.0, 1.0)
