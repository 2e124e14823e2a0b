"""Make a picture of an image's Fourier transform, with the frequencies of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.values.results import Image

MOST_SIDE = 512
"""Rows and columns that are transformed, from the middle of the image."""
PERCENTILES = (20.0, 99.9)


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """The logarithm of the power, for the eye."""

    picture: NDArray[np.uint8]
    """[fy, fx], frequency 0 in the middle: at row n // 2, column n // 2."""
    step: tuple[float, float]
    """(x, y) from one pixel to the next, in cycles per unit of the image's pixel."""


def spectrum(image: Image, pixel: float) -> Spectrum | None:
    """Return the spectrum of the middle of an image; None where that holds nothing finite.

    Parameters
    ----------
    image
        [y, x].
    pixel
        Its size, in µm or in raw pixels.
    """
    part = middle(image)
    if not np.isfinite(part).any() or min(part.shape) < 2:
        return None
    values = np.nan_to_num(part, nan=0.0, posinf=0.0, neginf=0.0)
    rows, columns = values.shape
    # Without a taper the edges make a cross that hides everything else.
    taper = np.hanning(rows + 2)[1:-1, None] * np.hanning(columns + 2)[1:-1]
    tapered = (values - values.mean()) * taper.astype(np.float32)
    half = np.fft.rfft2(tapered)
    power = np.log10(half.real**2 + half.imag**2 + np.finfo(np.float32).tiny)
    return Spectrum(_shade(_whole(power, columns)), (1 / (columns * pixel), 1 / (rows * pixel)))


def middle(image: Image) -> Image:
    """Return at most `MOST_SIDE` rows and columns, from the middle of an image."""
    rows, columns = (min(side, MOST_SIDE) for side in image.shape)
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    return image[top : top + rows, left : left + columns]


def _whole(half: NDArray[np.floating], columns: int) -> NDArray[np.floating]:
    """Return the whole plane from the half that a real image needs; P(-f) = P(f)."""
    mirrored = np.roll(half[::-1, ::-1], 1, axis=0)
    left = mirrored[:, (1 if columns % 2 == 0 else 0) : -1]
    rolled = np.concatenate([half, left], axis=1)
    return np.fft.fftshift(rolled)


def _shade(power: NDArray[np.floating]) -> NDArray[np.uint8]:
    low, high = np.percentile(power[::2, ::2], PERCENTILES)
    unit = np.clip((power - low) / max(high - low, 1e-6), 0.0, 1.0)
    shade: NDArray[np.uint8] = (255 * unit).astype(np.uint8)
    return shade
