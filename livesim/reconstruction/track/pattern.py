"""Track all angles of a pattern from one raw stack to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from livesim.reconstruction.track.angle import AngleTracker
from livesim.reconstruction.track.check import BandReading
from livesim.reconstruction.track.event import Event
from livesim.values.illumination import AngleHealth, AngleState


class PatternTracker:
    """Follow all angles of a pattern.

    Parameters
    ----------
    usable
        For each angle whether the pattern has it at all.
    modulations
        For each angle the modulation of the first harmonic in the cached pattern.
    """

    def __init__(self, usable: Sequence[bool], modulations: Sequence[float]) -> None:
        self.angles = tuple(AngleTracker(number) for number in range(len(usable)))
        self._usable = list(usable)
        self._modulations = list(modulations)

    @property
    def turns(self) -> tuple[float, ...]:
        """The phases in use, relative to the cached pattern, in rad."""
        return tuple(angle.turn for angle in self.angles)

    @property
    def phases(self) -> tuple[float, ...]:
        """The phases as they are known now."""
        return tuple(angle.phase for angle in self.angles)

    @property
    def lost(self) -> tuple[int, ...]:
        """The angles that are lost."""
        return tuple(angle.number for angle in self.angles if angle.lost)

    def see(self, readings: Sequence[BandReading], stacks: float = 1.0) -> list[Event]:
        """Take the readings of one stack, `stacks` stacks after the last one."""
        events: list[Event] = []
        for angle in self.angles:
            own = [one for one in readings if one.angle == angle.number]
            if own and not angle.lost:
                events += angle.see(own, stacks)
        return events

    def admit(self, angles: Sequence[tuple[bool, float]]) -> None:
        """Say of each angle whether a new estimate has it, and its modulation there."""
        for angle, (usable, modulation) in zip(self.angles, angles, strict=True):
            if usable and not self._usable[angle.number]:
                self._usable[angle.number] = True
                self._modulations[angle.number] = modulation
            angle.lost = angle.lost and not usable

    def health(self) -> tuple[AngleHealth, ...]:
        """Return what is known of every angle."""
        return tuple(
            AngleHealth(
                state=angle.state if usable else AngleState.UNTRACKED,
                drift_deg=math.degrees(angle.drift),
                error_deg=math.degrees(angle.error),
                rate_deg=math.degrees(angle.rate),
                modulation=modulation * angle.strength * angle.modulation,
            )
            for angle, usable, modulation in zip(
                self.angles, self._usable, self._modulations, strict=True
            )
        )
