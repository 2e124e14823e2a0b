"""Count how many pixels of an image have which value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.images.levels import sampled
from livesim.values.results import Image

BINS = 128
ROOM = 0.25
"""Of what is shown: how far a resting axis reaches beyond it on each side."""
TOO_LONG = 3.0
"""Times what is shown: an axis that reaches so far is made again."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of sampled pixels; bin i lies between edges i and i + 1."""

    edges: NDArray[np.float64]
    """[bins + 1] in photo-electrons."""
    counts: NDArray[np.int64]


class RestingAxis:
    """The ends of an axis that stand still while what is shown fits between them.

    Noise moves the ends of every histogram a little; an axis that followed would never rest.
    """

    def __init__(self) -> None:
        self.ends = (0.0, 0.0)

    def see(self, low: float, high: float) -> tuple[float, float]:
        """Return the ends for values between two others; mostly those of the last time."""
        first, last = self.ends
        length = high - low
        if not first <= low <= high <= last or last - first > TOO_LONG * length:
            self.ends = (low - ROOM * length, high + ROOM * length)
        return self.ends


def histogram(image: Image) -> Histogram | None:
    """Return the histogram of an image's finite pixels; None where it has none."""
    sample = sampled(image)
    if sample.size == 0:
        return None
    counts, edges = np.histogram(sample.astype(np.float64), BINS)
    return Histogram(edges, counts)
