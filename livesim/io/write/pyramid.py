"""Make the lower levels of resolution that viewers show of large images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from livesim.values.results import Image

SMALLEST = 512
"""Pixels of a side; there are levels until both sides are shorter."""


def pyramid_levels(shape: tuple[int, int]) -> int:
    """Return how many levels an image [y, x] has, with itself."""
    longest, levels = max(shape), 1
    while longest >= SMALLEST:
        longest, levels = longest // 2, levels + 1
    return levels


def halved_shape(shape: tuple[int, int], times: int) -> tuple[int, int]:
    """Return the shape [y, x] after so many halvings; an odd last row or column is left out."""
    return max(1, shape[0] >> times), max(1, shape[1] >> times)


def lower_levels(image: Image, count: int) -> Iterator[Image]:
    """Yield so many levels below an image [y, x], each the means of 2 x 2 pixels of the last.

    A pixel of a level is the mean of the light on its whole area, so that photo-electrons per raw
    pixel stay what they are.
    """
    for _ in range(count):
        image = _halved(image)
        yield image


def _halved(image: Image) -> Image:
    y, x = halved_shape(image.shape, 1)
    by, bx = min(2, image.shape[0]), min(2, image.shape[1])  # one row alone stays as it is
    blocks = image[: y * by, : x * bx].reshape(y, by, x, bx)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64), np.float32)
