"""Draw filaments that glide along themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from livesim_acquisition.specimens.drawing import BLUR_NM, STEP_NM, Vector, blur, splat
from livesim_acquisition.specimens.specimen import Density


@dataclass(frozen=True)
class Filaments:
    """Microtubule-like filaments that glide along themselves: worm-like chains on a torus."""

    shape: tuple[int, int]
    """(y, x) of the image, usually the doubled grid."""
    pixel_nm: float
    count: int = 30
    length_um: float = 12.0
    persistence_um: float = 8.0
    speed_nm_per_s: float = 300.0
    seed: int = 0

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density [y, x] at `time_s`; its maximum at time 0 is 1."""
        return (self._drawn(time_s) / self._brightest).astype(np.float32)

    @cached_property
    def _brightest(self) -> float:
        return float(self._drawn(0.0).max())

    @cached_property
    def _paths(self) -> tuple[Vector, ...]:
        random = np.random.default_rng(self.seed)
        points = int(self.length_um * 1000.0 / STEP_NM)
        return tuple(self._path(random, points) for _ in range(self.count))

    def _drawn(self, time_s: float) -> Vector:
        travelled = time_s * self.speed_nm_per_s / STEP_NM
        image = np.zeros(self.shape, dtype=np.float64)
        for path in self._paths:
            y, x = _walk_along(path, travelled)
            splat(image, y / self.pixel_nm, x / self.pixel_nm)
        return blur(image, sigma=BLUR_NM / self.pixel_nm)

    def _path(self, random: np.random.Generator, points: int) -> Vector:
        """Return (y, x) of a chain [2, 4 points], long enough to glide a while before it turns."""
        bend = np.sqrt(STEP_NM / (self.persistence_um * 1000.0))
        start = random.uniform(0.0, np.array(self.shape) * self.pixel_nm)
        turns = random.normal(0.0, bend, 4 * points)
        heading = random.uniform(0.0, 2.0 * np.pi) + np.cumsum(turns)
        steps = STEP_NM * np.stack([np.sin(heading), np.cos(heading)])
        return start[:, None] + np.cumsum(steps, axis=1)


def _walk_along(path: Vector, travelled: float) -> tuple[Vector, Vector]:
    """Return the quarter of `path` that the filament covers after gliding `travelled` points."""
    length = path.shape[1]
    place = (travelled + np.arange(length // 4)) % (2 * length)
    place = np.where(place < length, place, 2 * length - 1 - place)  # at the end it turns back
    known = np.arange(length)
    return np.interp(place, known, path[0]), np.interp(place, known, path[1])
