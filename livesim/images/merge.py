"""Merge several channels, each in its own colours, into one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livesim.images.colour_tables import SIZE, Colours

MERGED_LUTS = ("green", "magenta", "cyan", "blue")
"""Of several channels, in turn, where nobody chose. Who sees no red or no green tells every two of
them apart; yellow would look like green to them."""


def merged(greys: Sequence[NDArray[np.uint8]], tables: Sequence[Colours]) -> NDArray[np.uint8]:
    """Add the colours of all channels; what is brighter than white is white.

    Parameters
    ----------
    greys
        [y, x] grey levels of each channel, all of one shape.
    tables
        [256, 3], one for each channel.

    Returns
    -------
    NDArray[np.uint8]
        [y, x, 3], red, green, blue.
    """
    if len(greys) == 1:
        return tables[0][greys[0]]
    total = np.zeros((*greys[0].shape, 3), np.uint16)
    for grey, table in zip(greys, tables, strict=True):
        total += table[grey]
    return np.minimum(total, SIZE - 1).astype(np.uint8)
