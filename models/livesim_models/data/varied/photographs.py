"""Name the photographs that other packages ship, those of training apart from those of tests."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TRAINING: Final = {
    "skimage/data/astronaut.png": "public domain, NASA",
    "skimage/data/cell.png": "CC0",
    "skimage/data/chelsea.png": "CC0",
    "skimage/data/clock_motion.png": "public domain, by its photographer",
    "skimage/data/coffee.png": "CC0",
    "skimage/data/gravel.png": "CC0",
    "skimage/data/hubble_deep_field.jpg": "public domain, NASA",
    "skimage/data/retina.jpg": "CC0",
    "skimage/data/rocket.jpg": "public domain, SpaceX",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg": "public domain, US Navy",
}
"""Path in its package -> licence, as scikit-image 0.26 states it where it names the picture."""
HELD_OUT: Final = ("camera", "coins", "brick", "grass", "text")
"""Names in `skimage.data` of those that benches look at, and no training may."""

Picture = NDArray[np.float32]


@cache
def photograph(path: str) -> Picture:
    """Return a photograph [y, x] of `TRAINING` in grey, between 0 and 1."""
    package, _, inside = path.partition("/")
    with files(package).joinpath(inside).open("rb") as file, Image.open(file) as image:
        grey = np.asarray(image.convert("L"), dtype=np.float32)
    return grey / np.float32(255.0)
