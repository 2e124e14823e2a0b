"""Draw points, lines and profiles as a density on the doubled grid."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from livesim_acquisition.specimens.specimen import Density

Vector = NDArray[np.float64]
Points = tuple[Vector, Vector, Vector | float]
"""(y, x, weight) of points, y and x in nm."""

BLUR_NM = 20.0
"""Standard deviation of what labels and linkers blur: a point moves without a trace of pixels."""
STEP_NM = 15.0
"""Between the points of a line: less than half a pixel of the doubled grid."""


def draw(shape: tuple[int, int], pixel_nm: float, clouds: Iterable[Points]) -> Density:
    """Draw clouds of points on a torus of `shape` (y, x) pixels."""
    image = np.zeros(shape, dtype=np.float64)
    for y, x, weight in clouds:
        splat(image, y / pixel_nm, x / pixel_nm, weight)
    return soften(image, sigma=BLUR_NM / pixel_nm).astype(np.float32)


def splat(image: Vector, y: Vector, x: Vector, weight: Vector | float = 1.0) -> None:
    """Add points to `image`, each shared between its four pixels, wrapping at the borders.

    The centre of mass of what is added is the point itself, so points move smoothly.
    """
    rows, columns = image.shape
    flat = image.reshape(-1)  # one index a point: five times faster than two
    y0, x0 = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    dy, dx = y - y0, x - x0
    for row, wy in ((y0, 1.0 - dy), (y0 + 1, dy)):
        start = row % rows * columns
        for column, wx in ((x0, 1.0 - dx), (x0 + 1, dx)):
            np.add.at(flat, start + column % columns, wy * wx * weight)


def blur(image: Vector, sigma: float) -> Vector:
    """Blur with a Gaussian of `sigma` pixels, periodic, cut off at the grid's highest frequency.

    Where `sigma` is below a pixel, that leaves ripples of a percent, cut off below zero.
    """
    fy = np.fft.fftfreq(image.shape[0])[:, None]
    fx = np.fft.rfftfreq(image.shape[1])[None, :]
    transfer = np.exp(-2.0 * (np.pi * sigma) ** 2 * (fy * fy + fx * fx))
    return np.fft.irfft2(np.fft.rfft2(image) * transfer, s=image.shape).clip(min=0.0)


def soften(image: Vector, sigma: float) -> Vector:
    """Blur with a Gaussian of `sigma` pixels, periodic, sampled in space: without ripples."""
    rows, columns = image.shape
    down = _sampled_gaussian(np.arange(rows) / rows, sigma)
    transfer = np.outer(down, _sampled_gaussian(np.arange(columns // 2 + 1) / columns, sigma))
    return np.fft.irfft2(np.fft.rfft2(image) * transfer, s=image.shape).clip(min=0.0)


def _sampled_gaussian(frequency: Vector, sigma: float) -> Vector:
    """Return the transform of a Gaussian's samples: the Gaussian's own, repeated at 1, 2 ..."""
    repeats = np.arange(-4, 5)[:, None]
    transfer = np.exp(-2.0 * (np.pi * sigma * (frequency + repeats)) ** 2).sum(axis=0)
    at_zero = np.exp(-2.0 * (np.pi * sigma * repeats) ** 2).sum()
    return transfer / at_zero


def covered(edges: Vector, start: float, stop: float) -> Vector:
    """Return how much of every pixel lies between `start` and `stop`, 0 to 1.

    Parameters
    ----------
    edges
        [pixels + 1], ascending, in the unit of `start` and `stop`.
    """
    inside = np.clip(edges, start, stop)
    share: Vector = np.diff(inside) / np.diff(edges)
    return share


def pixel_edges(count: int, pixel_nm: float) -> Vector:
    """Return where the `count` pixels begin and end; the first pixel's centre is 0."""
    return (np.arange(count + 1, dtype=np.float64) - 0.5) * pixel_nm


def shifted(density: Density, y_pixels: float, x_pixels: float) -> Density:
    """Move a density on its torus by any fraction of a pixel.

    All frequencies keep their amplitude (the shift theorem), so nothing blurs or jumps on the way.
    Beside hard edges the result ripples, and may fall below zero, at frequencies that no objective
    passes.
    """
    fy = np.fft.fftfreq(density.shape[0])[:, None]
    fx = np.fft.rfftfreq(density.shape[1])[None, :]
    ramp = np.exp(-2j * np.pi * (fy * y_pixels + fx * x_pixels))
    return np.fft.irfft2(np.fft.rfft2(density) * ramp, s=density.shape).astype(np.float32)
