"""Count how many pixels of an image have which value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.images.levels import sampled
from livesim.values.results import Image

BINS = 128


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of sampled pixels; bin i lies between edges i and i + 1."""

    edges: NDArray[np.float64]
    """[bins + 1] in photo-electrons."""
    counts: NDArray[np.int64]


def histogram(image: Image) -> Histogram | None:
    """Return the histogram of an image's finite pixels; None where it has none."""
    sample = sampled(image)
    if sample.size == 0:
        return None
    counts, edges = np.histogram(sample.astype(np.float64), BINS)
    return Histogram(edges, counts)
