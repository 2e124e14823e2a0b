"""Measure the resolution of a single image by decorrelation analysis."""

from __future__ import annotations

import math

import numpy as np

from livesim.images.resolution import (
    BORDER,
    Picture,
    Rings,
    Values,
    check_pictures,
    faded_spectrum,
    rings,
)

_HIGH_PASSES = 20
_LEAST_PEAK = 0.001
"""By how much a peak must exceed what follows it: of a noise-free image the rest is rounding."""


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
    check_pictures(image, image, border)
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
