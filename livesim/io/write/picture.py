"""Show the widefield and what was made of it side by side in one PNG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from livesim.images.drawing import draw_scale_bar, draw_words, letter_height
from livesim.io.write.placement import Placement
from livesim.values.results import Image

PERCENTILES = (10.0, 99.9)
"""Black lies within the background, so that its noise does not look like light."""
"""Shown as black and white, in each image by itself."""
SMALLEST_PANEL = 384
"""Smaller images are enlarged by a whole factor, so that the labels fit."""
GAP = 6
WHITE = 255


def side_by_side(
    path: Path,
    widefield: Image,
    super_resolved: Mapping[str, Image],
    pixel_nm: float,
) -> None:
    """Write an 8-bit PNG of the images with labels and scale bars, the widefield first.

    For the eye only: each image is stretched by its own percentiles.

    Parameters
    ----------
    path
        The PNG; it appears whole or not at all.
    widefield
        [y, x], interpolated to twice the size.
    super_resolved
        [2 y, 2 x] each, by the labels in their upper left corners.
    pixel_nm
        Of `super_resolved`.

    Raises
    ------
    ValueError
        If one of `super_resolved` is not twice as large as `widefield`.
    DataError
        If the file exists already, or its folder does not exist.
    """
    expected = (2 * widefield.shape[0], 2 * widefield.shape[1])
    for label, image in super_resolved.items():
        if image.shape != expected:
            raise ValueError(f"expected '{label}' to be {expected}, found {image.shape}")
    zoom = math.ceil(SMALLEST_PANEL / min(expected))
    images = {"widefield": upsample(widefield), **super_resolved}
    panels = [_panel(image, label, zoom, pixel_nm / zoom) for label, image in images.items()]
    with Placement(path) as placement:
        _join(panels).save(placement.partial, format="PNG")
        placement.commit()


def upsample(image: Image) -> Image:
    """Return a [y, x] image at twice the sampling, bicubic, [2 y, 2 x].

    Pixel (0, 0) keeps its centre, as in the reconstruction: result pixel i lies at raw i / 2.
    """
    # One edge pixel more, or the last row and column would fall outside.
    padded = Pillow.fromarray(np.pad(image, ((0, 1), (0, 1)), mode="edge").astype(np.float32))
    y, x = image.shape
    # Pillow samples at (output + 0.5) a + c - 0.5; c = 0.25 makes that output / 2.
    halve = (0.5, 0.0, 0.25, 0.0, 0.5, 0.25)
    doubled = padded.transform(
        (2 * x, 2 * y), Pillow.Transform.AFFINE, halve, Pillow.Resampling.BICUBIC
    )
    return np.asarray(doubled, np.float32)


def to_grey(image: Image) -> NDArray[np.uint8]:
    """Return 0 ... 255 between the image's percentiles; what is not finite is black."""
    finite = image[np.isfinite(image)]
    if finite.size == 0:
        return np.zeros(image.shape, np.uint8)
    low, high = np.percentile(finite, PERCENTILES)
    unit = (image - low) / max(high - low, np.finfo(np.float32).tiny)
    grey: NDArray[np.uint8] = np.rint(255 * np.clip(np.nan_to_num(unit), 0, 1)).astype(np.uint8)
    return grey


def _panel(image: Image, label: str, zoom: int, pixel_nm: float) -> Pillow.Image:
    grey = to_grey(image).repeat(zoom, axis=0).repeat(zoom, axis=1)
    panel = Pillow.fromarray(grey)
    margin = letter_height(panel) // 2
    draw_words(panel, (margin, margin), label)
    draw_scale_bar(panel, pixel_nm / 1000)
    return panel


def _join(panels: list[Pillow.Image]) -> Pillow.Image:
    width, height = panels[0].size
    canvas = Pillow.new("L", (len(panels) * (width + GAP) - GAP, height), WHITE)
    for number, panel in enumerate(panels):
        canvas.paste(panel, (number * (width + GAP), 0))
    return canvas
