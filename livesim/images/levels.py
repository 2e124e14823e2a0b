"""Choose what is shown as black and as white, from percentiles of a sample of the pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.values.errors import DataError
from livesim.values.results import Image

PERCENTILES = (1.0, 99.9)
SAMPLES = 16384
"""Pixels looked at; more cost time and change nothing."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Shown as black and as white, in photo-electrons.

    Raises
    ------
    DataError
        If white is not above black.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.high > self.low:
            raise DataError(f"expected white above black, found {self.low:g} and {self.high:g}")

    @property
    def range(self) -> float:
        """From black to white."""
        return self.high - self.low


def sampled(image: Image) -> Image:
    """Return about `SAMPLES` finite pixels of an image, evenly spread."""
    every = max(1, math.isqrt(image.size // SAMPLES))
    # Copied first: a strided view is slow to compare.
    sample = np.ascontiguousarray(image[::every, ::every]).ravel()
    return sample[np.isfinite(sample)]


def levels_of(*samples: NDArray[np.float32]) -> Levels | None:
    """Return the percentiles of all samples together; None where there is none.

    Parameters
    ----------
    samples
        What `sampled` takes of each image.
    """
    sample = np.concatenate(samples) if samples else np.empty(0, np.float32)
    if sample.size == 0:
        return None
    low, high = (float(value) for value in np.percentile(sample, PERCENTILES))
    return Levels(low, high if high > low else low + max(abs(low), 1.0) * 1e-3)
