"""Choose a scale bar of a round length for a view."""

from __future__ import annotations

import math
from dataclasses import dataclass

from livesim.values.errors import DataError

MOST = 0.25
"""Of the width."""


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """How long it is, and what is written beside it."""

    length: float
    """In µm, or in raw pixels where the pixel size is not known."""
    words: str


def scale_bar(width: float, *, in_um: bool = True) -> ScaleBar:
    """Return the longest of 1, 2, 5, 10, … (or 0.5, 0.2, …) within a quarter of a width.

    Raises
    ------
    DataError
        If the width is not positive.
    """
    if not width > 0:
        raise DataError(f"expected a positive width, found {width:g}")
    room = width * MOST
    decade = 10.0 ** math.floor(math.log10(room))
    length = next(step * decade for step in (5, 2, 1) if step * decade <= room * (1 + 1e-9))
    return ScaleBar(length, _words(length, in_um))


def _words(length: float, in_um: bool) -> str:
    if not in_um:
        return f"{length:g} raw pixels"
    return f"{length:g} µm" if length >= 1 else f"{1000 * length:g} nm"
