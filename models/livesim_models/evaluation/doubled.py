"""Bring an image from the raw grid to the doubled one, where results are.

A file of its own: SciPy takes long to load, and the engine has no need of it.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import resample

from livesim_models.evaluation.similarity import Picture, Values


def doubled(image: Picture) -> Values:
    """Return `image` [y, x] continued between its pixels, [2 y, 2 x].

    By its Fourier series: every second sample is the image itself, and pixel (0, 0) stays where it
    is. That is how a widefield image is compared with a reconstruction.
    """
    rows, columns = image.shape
    tall = resample(image.astype(np.float64), 2 * rows, axis=0)
    return np.asarray(resample(tall, 2 * columns, axis=1), dtype=np.float64)
