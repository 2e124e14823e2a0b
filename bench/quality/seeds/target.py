"""Draw the test target: grids of points, dense lines, a texture."""

from __future__ import annotations

import numpy as np

from bench.quality.seeds.stacks import Picture

SPACINGS = (2, 3, 4, 6)
"""Pixels between points, and between lines."""
TEXTURE_EXPONENT = -1.2
"""Of the amplitude over the frequency."""


def drawn_target(side: int) -> Picture:
    """Return the target [side, side], from 0 to 255.

    Its upper half holds grids of single bright pixels, to the left, and lines of one pixel, upright
    and lying, to the right; its lower half a texture, and discs and rings of falling brightness.
    """
    picture = np.zeros((side, side))
    half, cell = side // 2, side // (2 * len(SPACINGS))
    inside = slice(cell // 8, -(cell // 8))
    for number, spacing in enumerate(SPACINGS):
        rows = picture[number * cell : (number + 1) * cell]
        rows[:, :half][inside, inside][::spacing, ::spacing] = 255.0
        rows[:, half : half + half // 2][inside, inside][:, ::spacing] = 255.0
        rows[:, half + half // 2 :][inside, inside][::spacing] = 255.0
    picture[half:, :half] = texture(half)
    picture[half:, half:] = _discs(half)
    return picture


def texture(side: int) -> Picture:
    """Return noise whose amplitude falls with its frequency, 0 to 255."""
    at = np.fft.fftfreq(side)
    frequency = np.hypot(at[:, None], at[None])
    frequency[0, 0] = np.inf
    white = np.random.default_rng(0).standard_normal((side, side))
    values = np.fft.ifft2(np.fft.fft2(white) * frequency**TEXTURE_EXPONENT).real
    return np.asarray(255.0 * (values - values.min()) / np.ptp(values))


def _discs(side: int) -> Picture:
    """Return discs above and rings below, in four brightnesses."""
    picture = np.zeros((side, side))
    y, x = np.indices(picture.shape)
    for number in range(4):
        radius, middle = side / (10.0 + 4.0 * number), side * (2 * number + 1) / 8.0
        value = 255.0 / (number + 1)
        picture[np.hypot(y - 0.25 * side, x - middle) < radius] = value
        picture[np.abs(np.hypot(y - 0.75 * side, x - middle) - radius) < 1.0] = value
    return picture
