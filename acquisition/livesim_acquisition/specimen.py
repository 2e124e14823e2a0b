"""A seed and a time in, the fluorophore density of moving filaments out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Density = NDArray[np.float32]
_STEP_NM = 15.0


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
        """Return the density [y, x] at `time_s`; its maximum is 1."""
        random = np.random.default_rng(self.seed)
        points = int(self.length_um * 1000.0 / _STEP_NM)
        travelled = time_s * self.speed_nm_per_s / _STEP_NM
        image = np.zeros(self.shape, dtype=np.float64)
        for _ in range(self.count):
            path = self._path(random, points)
            y, x = _walk_along(path, travelled)
            _splat(image, y / self.pixel_nm, x / self.pixel_nm)
        image = _blur(image, sigma=20.0 / self.pixel_nm)
        return (image / image.max()).astype(np.float32)

    def _path(self, random: np.random.Generator, points: int) -> NDArray[np.float64]:
        """Return (start y, start x, headings [points]) of a chain, folded to glide for ever."""
        bend = np.sqrt(_STEP_NM / (self.persistence_um * 1000.0))
        start = random.uniform(0.0, np.array(self.shape) * self.pixel_nm)
        turns = random.normal(0.0, bend, 4 * points)
        heading = random.uniform(0.0, 2.0 * np.pi) + np.cumsum(turns)
        steps = _STEP_NM * np.stack([np.sin(heading), np.cos(heading)])
        return start[:, None] + np.cumsum(steps, axis=1)


def _walk_along(
    path: NDArray[np.float64], travelled: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the quarter of `path` that the filament covers after gliding `travelled` points."""
    length = path.shape[1]
    place = (travelled + np.arange(length // 4)) % (2 * length)
    place = np.where(place < length, place, 2 * length - 1 - place)  # at the end it turns back
    known = np.arange(length)
    return np.interp(place, known, path[0]), np.interp(place, known, path[1])


def _splat(image: NDArray[np.float64], y: NDArray[np.float64], x: NDArray[np.float64]) -> None:
    """Add points to `image`, each shared between its four pixels, wrapping at the borders."""
    rows, columns = image.shape
    y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
    dy, dx = y - y0, x - x0
    for row, wy in ((y0, 1.0 - dy), (y0 + 1, dy)):
        for column, wx in ((x0, 1.0 - dx), (x0 + 1, dx)):
            np.add.at(image, (row % rows, column % columns), wy * wx)


def _blur(image: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Blur with a Gaussian of `sigma` pixels, periodic."""
    fy = np.fft.fftfreq(image.shape[0])[:, None]
    fx = np.fft.rfftfreq(image.shape[1])[None, :]
    transfer = np.exp(-2.0 * (np.pi * sigma) ** 2 * (fy * fy + fx * fx))
    return np.fft.irfft2(np.fft.rfft2(image) * transfer, s=image.shape).clip(min=0.0)
