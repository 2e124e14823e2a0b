"""One number that says how well the engine and its results are doing, ready to be shown.

The engine lists all of them once, in `livesim.engine.figures`. `livesim status`, the page for
Prometheus and the viewer's health panel go through that list and know no figure by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from livesim.values.numbers import Finite


class Tone(StrEnum):
    """How a word or a number is meant: from nothing to see to act now."""

    QUIET = "quiet"
    GOOD = "good"
    NOTE = "note"
    """Look at it when there is time."""
    BAD = "bad"
    """Act."""


class Unit(StrEnum):
    """What a figure counts in."""

    NONE = ""
    """A ratio."""
    COUNT = "count"
    TOTAL = "total"
    """A count that only grows while the stream runs."""
    PER_SECOND = "/s"
    MILLISECONDS = "ms"
    NANOMETRES = "nm"
    DEGREES = "°"
    PERCENT = "%"
    GIB = "GiB"
    SIGMAS = "σ"
    """Standard deviations of the noise."""
    YES_OR_NO = "yes or no"
    """1 or 0."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name and unit."""

    name: str
    """Lower case, words with blanks between them; the same in every version, for alerts use it."""
    value: Finite
    unit: Unit = Unit.NONE
    tone: Tone = Tone.QUIET
    channel: int | None = None
    """Whose it is; None = of the whole stream or engine."""
    remark: str = ""
    """What it is to be compared with, or what to do about it; follows the number."""

    @property
    def words(self) -> str:
        """The number as people read it, with its unit and the remark."""
        return f"{self._number} {self.remark}" if self.remark else self._number

    @property
    def _number(self) -> str:
        if self.unit is Unit.YES_OR_NO:
            return "yes" if self.value else "no"
        if self.unit in (Unit.COUNT, Unit.TOTAL):
            return f"{self.value:.0f}"
        number = f"{self.value:.{_decimals(self.value)}f}"
        blank = "" if self.unit in (Unit.NONE, Unit.DEGREES) else " "
        return f"{number}{blank}{self.unit}"


def labels(figures: Sequence[Figure], first_channel: int = 0) -> list[str]:
    """Return what stands in front of each figure in a list of them.

    Parameters
    ----------
    first_channel
        What the first channel is called; channels are named only where there are several.
    """
    several = len({one.channel for one in figures} - {None}) > 1
    return [_label(one, first_channel if several else None) for one in figures]


def _label(figure: Figure, first_channel: int | None) -> str:
    named = f"{figure.name[:1].upper()}{figure.name[1:]}"
    if figure.channel is None or first_channel is None:
        return named
    return f"{named}, channel {figure.channel + first_channel}"


def _decimals(value: float) -> int:
    """Return how many decimals make three digits, two at most."""
    if value == 0:
        return 0
    return min(max(2 - math.floor(math.log10(abs(value))), 0), 2)
