"""Images in, their resolution in nm out: Fourier ring correlation and decorrelation analysis."""

from __future__ import annotations

import math

import numpy as np

from livesim_models.evaluation.similarity import Picture, Values
from livesim_models.evaluation.spectrum import Rings, faded_spectrum, rings

BORDER = 16
"""Pixels left out on every side."""
NOISY = 1.0 / 7.0
"""Threshold for two images of independent noise."""
NOISE_FREE = 0.5
"""Threshold for an image against one without noise: there the correlation is the root of
2 FRC / (1 + FRC), which is 0.5 where FRC is 1/7 (Rosenthal and Henderson, J. Mol. Biol. 333, 721
(2003), eq. 17)."""
_FIRST_RING = 3
"""Rings of fewer pixels say nothing."""
_LEAST_PIXELS = 64
_HIGH_PASSES = 20
_LEAST_PEAK = 0.001
"""By how much a peak must exceed what follows it: of a noise-free image the rest is rounding."""


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
    _check(one, other, border)
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


def decorrelation_nm(image: Picture, pixel_nm: float, border: int = BORDER) -> float:
    """Return the resolution of a single image by decorrelation analysis.

    The image is correlated with its own spectrum of unit amplitude, cut off at a radius r. Signal
    raises the correlation d(r), noise lowers it, so d peaks where the noise begins to rule. The
    finest peak over a series of high-pass filters is the cut-off (Descloux, Grußmayer and
    Radenovic, Nat. Methods 16, 918 (2019), eq. 1). inf where there is no peak.

    Raises
    ------
    ValueError
        If the image is too small.
    """
    _check(image, image, border)
    amplitude = np.abs(faded_spectrum(image, border))
    found = rings((amplitude.shape[0], amplitude.shape[1]), pixel_nm)
    plain = _peak(_decorrelation(amplitude, found))
    if plain == 0:
        return math.inf
    # From a filter as wide as the details seen so far to one far below a pixel.
    widths = np.geomspace(1.0 / found.cycles_per_nm[plain], 0.15 * pixel_nm, _HIGH_PASSES)
    frequency = np.append(found.cycles_per_nm, found.cycles_per_nm[-1])[found.number]
    peaks = [plain]
    for width in widths:
        passed = 1.0 - np.exp(-2.0 * (np.pi * width * frequency) ** 2)
        peaks.append(_peak(_decorrelation(amplitude * passed, found)))
    return float(1.0 / found.cycles_per_nm[max(peaks)])


def _decorrelation(amplitude: Values, found: Rings) -> Values:
    """Return d(r) at the outer edge of every ring."""
    # The product of a value and itself over its modulus is its modulus.
    power = float(found.sum(amplitude**2).sum())
    pixels = np.cumsum(found.sum(np.ones_like(amplitude)))
    return np.cumsum(found.sum(amplitude)) / np.sqrt(max(power, np.finfo(float).tiny) * pixels)


def _peak(curve: Values) -> int:
    """Return the ring of the highest value that later ones fall clearly below; 0 = none."""
    end = len(curve)
    while end > 1:
        best = int(np.argmax(curve[:end]))
        if curve[best] - curve[best:].min() > _LEAST_PEAK:
            return best
        end = best
    return 0


def _check(one: Picture, other: Picture, border: int) -> None:
    if one.ndim != 2 or one.shape != other.shape:
        raise ValueError(
            f"expected two images [y, x] of one shape, found {one.shape} and {other.shape}"
        )
    if min(one.shape) - 2 * border < _LEAST_PIXELS:
        raise ValueError(
            f"expected at least {_LEAST_PIXELS} pixels inside a border of {border}, "
            f"found an image of {one.shape}"
        )
