"""Decide which of the remembered results is shown now: the newest, a held one, or one played."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Self

from livesim.values.errors import DataError
from livesim_gui.state.time.archive import PastShot
from livesim_gui.state.time.ring import Shot

Placed = Shot | PastShot
"""A result with its place in time, in memory or on the disk."""
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)


class Mode(Enum):
    """Where in time the viewer is."""

    LIVE = "live"
    """At the newest result."""
    HELD = "held"
    """At one result."""
    PLAYING = "playing"
    """Runs from an older result towards the newest."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where in time the viewer is; never changed, replaced as a whole."""

    mode: Mode = Mode.LIVE
    number: int = 0
    """Of the result that is held, or that playing began with."""
    began_s: float = 0.0
    """When playing began."""
    speed: float = 1.0

    def live(self) -> Self:
        """Go to the newest result and stay with it."""
        return replace(self, mode=Mode.LIVE)

    def hold(self, number: int) -> Self:
        """Stay at one result."""
        return replace(self, mode=Mode.HELD, number=number)

    def play(self, number: int, now_s: float) -> Self:
        """Run from a result at the speed set."""
        return replace(self, mode=Mode.PLAYING, number=number, began_s=now_s)

    def at_speed(self, speed: float, shown: int, now_s: float) -> Self:
        """Run faster or slower from the result that is shown on.

        Raises
        ------
        DataError
            If the speed is not positive.
        """
        if not speed > 0:
            raise DataError(f"expected a positive speed, found {speed:g}")
        changed = replace(self, speed=speed)
        return changed.play(shown, now_s) if self.mode is Mode.PLAYING else changed

    def advance(self, shots: Sequence[Placed], now_s: float) -> tuple[Self, Placed | None]:
        """Return where the viewer is now, and what it shows; None where nothing is remembered.

        What has left the memory is replaced by the oldest that is still there. Playing ends in
        live mode where it catches up.
        """
        if not shots:
            return self, None
        if self.mode is Mode.LIVE:
            return self, shots[-1]
        start = nearest(shots, self.number)
        if self.mode is Mode.HELD:
            return self, start
        shown = _reached(shots, start.moment_s + (now_s - self.began_s) * self.speed)
        if shown is shots[-1]:
            return self.live(), shown
        return self, shown

    def step(self, shots: Sequence[Placed], shown: int, by: int) -> Self:
        """Hold the result that is `by` after (before, if negative) the one shown."""
        if not shots:
            return self
        place = _place(shots, shown) + by
        return self.hold(shots[min(max(place, 0), len(shots) - 1)].number)


def nearest(shots: Sequence[Placed], number: int) -> Placed:
    """Return the result of this number, or else the next one that is there."""
    return shots[min(_place(shots, number), len(shots) - 1)]


def _place(shots: Sequence[Placed], number: int) -> int:
    return bisect_left(shots, number, key=lambda shot: shot.number)


def _reached(shots: Sequence[Placed], moment_s: float) -> Placed:
    """Return the last result that had come by then."""
    after = bisect_right(shots, moment_s, key=lambda shot: shot.moment_s)
    return shots[max(after - 1, 0)]
