"""Measure up to which resolution two images of one object agree: Fourier ring correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Picture = NDArray[np.floating]
"""[y, x]."""
Spectrum = NDArray[np.complex128]

BORDER = 16
"""Pixels left out on every side."""
FADE_PIXELS = 20
"""Border over which an image fades to its mean, so that its borders do not count as detail."""
NOISY = 1.0 / 7.0
"""Threshold for two images of independent noise."""
NOISE_FREE = 0.5
"""Threshold for an image against one without noise: there the correlation is the root of
2 FRC / (1 + FRC), which is 0.5 where FRC is 1/7 (Rosenthal and Henderson, J. Mol. Biol. 333, 721
(2003), eq. 17)."""
_FIRST_RING = 3
"""Rings of fewer pixels say nothing."""
_LEAST_PIXELS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """The frequencies of a field, sorted by their distance from zero up to Nyquist's."""

    number: NDArray[np.int64]
    """[y, x] of the spectrum in FFT order: the ring a frequency is in; those beyond: `count`."""
    cycles_per_nm: Values
    """[ring], the middle of each; the first one holds zero frequency alone."""

    @property
    def count(self) -> int:
        """How many rings there are."""
        return len(self.cycles_per_nm)

    def sum(self, values: Values) -> Values:
        """Return the sum of `values` [y, x] over each ring."""
        sums = np.bincount(self.number.ravel(), weights=values.ravel(), minlength=self.count + 1)
        return sums[: self.count].astype(np.float64)


def rings(shape: tuple[int, int], pixel_nm: float) -> Rings:
    """Return the rings of a field of `shape`, one spectral pixel of its shorter side wide."""
    step = np.float64(1.0 / (min(shape) * pixel_nm))
    fy, fx = (np.fft.fftfreq(n, pixel_nm) for n in shape)
    number = np.rint(np.hypot(fy[:, None], fx[None, :]) / step).astype(np.int64)
    count = min(shape) // 2 + 1
    return Rings(np.minimum(number, count), step * np.arange(count, dtype=np.float64))


def faded_spectrum(image: Picture, border: int) -> Spectrum:
    """Return the spectrum of `image` inside `border`, fading to its mean over `FADE_PIXELS`."""
    rows, columns = image.shape
    values = image[border : rows - border, border : columns - border].astype(np.float64)
    window = edge_window((values.shape[0], values.shape[1]), FADE_PIXELS)
    return np.fft.fft2(window * (values - values.mean()))


def edge_window(shape: tuple[int, int], width: int) -> Values:
    """Return a [y, x] window that is 1 inside and falls to 0 over `width` border pixels."""
    wy, wx = (_edge_profile(n, min(width, n // 4)) for n in shape)
    return wy[:, None] * wx[None, :]


def _edge_profile(length: int, width: int) -> Values:
    profile = np.ones(length)
    if width > 0:
        rise = np.sin((np.arange(width) + 0.5) * (np.pi / 2.0 / width)) ** 2
        profile[:width] = rise
        profile[length - width :] = rise[::-1]
    return profile


def ring_correlation(
    one: Picture, other: Picture, pixel_nm: float, border: int = BORDER
) -> tuple[Values, Values]:
    """Return (cycles/nm, correlation of the two images in each ring), up to Nyquist's frequency.

    Nieuwenhuizen et al., Nat. Methods 10, 557 (2013), eq. 1.

    Raises
    ------
    ValueError
        If the images differ in shape, or are too small.
    """
    check_pictures(one, other, border)
    first, second = (faded_spectrum(image, border) for image in (one, other))
    found = rings((first.shape[0], first.shape[1]), pixel_nm)
    power = found.sum(np.abs(first) ** 2) * found.sum(np.abs(second) ** 2)
    product = found.sum((first * second.conj()).real)
    correlation = np.divide(product, np.sqrt(power), out=np.zeros_like(power), where=power > 0.0)
    return found.cycles_per_nm, correlation


def ring_resolution_nm(
    one: Picture,
    other: Picture,
    pixel_nm: float,
    threshold: float = NOISY,
    border: int = BORDER,
) -> float:
    """Return the period at which the correlation of two images falls below `threshold`.

    The correlation is averaged over three rings. Never finer than two pixels; inf where the images
    have nothing in common.

    Parameters
    ----------
    one, other
        [y, x] of the same object, with independent noise.
    pixel_nm
        Of both.
    threshold
        `NOISY`, or `NOISE_FREE` if one of the images has no noise.
    border
        Pixels left out on every side.

    Raises
    ------
    ValueError
        As `ring_correlation`.
    """
    frequency, correlation = ring_correlation(one, other, pixel_nm, border)
    smooth = np.convolve(correlation, np.ones(3) / 3.0, mode="same")[:-1]
    below = np.flatnonzero(smooth[_FIRST_RING:] < threshold)
    if not len(below):
        return 2.0 * pixel_nm
    end = _FIRST_RING + int(below[0])
    if end == _FIRST_RING:
        return math.inf
    part = (smooth[end - 1] - threshold) / (smooth[end - 1] - smooth[end])
    return float(1.0 / (frequency[end - 1] + part * (frequency[end] - frequency[end - 1])))


def check_pictures(one: Picture, other: Picture, border: int) -> None:
    """Raise ValueError unless two images are of one shape and large enough."""
    if one.ndim != 2 or one.shape != other.shape:
        raise ValueError(
            f"expected two images [y, x] of one shape, found {one.shape} and {other.shape}"
        )
    if min(one.shape) - 2 * border < _LEAST_PIXELS:
        raise ValueError(
            f"expected at least {_LEAST_PIXELS} pixels inside a border of {border}, "
            f"found an image of {one.shape}"
        )
