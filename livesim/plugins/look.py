"""Choose the contrast that an image is first shown with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

QUANTILES = (0.01, 0.999)


def contrast(image: NDArray[np.generic]) -> tuple[float, float]:
    """Return black and white for an image; what is not a number does not count."""
    values = np.asarray(image, np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(one) for one in np.quantile(values, QUANTILES))
    return (low, high) if high > low else (low, low + 1.0)
