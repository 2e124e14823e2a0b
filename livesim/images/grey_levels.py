"""Turn photo-electrons into 8-bit grey levels, which a colour table gives their colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livesim.images.levels import Levels
from livesim.values.results import Image

WHITE = 255


def grey_levels(image: Image, levels: Levels) -> NDArray[np.uint8]:
    """Return 0 where the image is black or not a number, 255 where it is white.

    Parameters
    ----------
    image
        [y, x] in photo-electrons.
    """
    scaled = np.subtract(image, np.float32(levels.low), dtype=np.float32)
    scaled *= np.float32(WHITE / levels.range)
    # maximum and minimum pass NaN on, fmax does not: it is shown as black.
    np.fmax(scaled, np.float32(0.0), out=scaled)
    np.minimum(scaled, np.float32(WHITE), out=scaled)
    return scaled.astype(np.uint8)


def every_nth(step: float, screen_per_raw: float) -> int:
    """Return which rows and columns suffice: more pixels than the screen has cannot be seen.

    Parameters
    ----------
    step
        A pixel of the image in raw pixels.
    screen_per_raw
        Pixels of the screen for each raw pixel.
    """
    return max(1, int(1.0 / max(step * screen_per_raw, 1e-3)))
