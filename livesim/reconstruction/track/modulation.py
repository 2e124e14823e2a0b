"""Follow the modulation of one angle, and raise an alarm where its fringes fade or are gone."""

from __future__ import annotations

import cmath
import math

from livesim.reconstruction.track.check import BandReading
from livesim.values.illumination import ChangeKind

WEAK = 0.5
"""Of the modulation at the start: below it an angle is called weak."""
LOST = 0.25
"""The same: below it it counts as lost."""
FOUND = 0.4
"""The same: above it a lost one is found again."""
PATIENCE = 3
"""Stacks in a row that must show no fringes, or show them again."""
MODULATION_STEP = 0.15
"""Relative change of the modulation that is worth new weights."""
_MODULATION_ERRORS = 5.0
_STEADY = 6
"""Stacks in a row that must show another modulation."""
_START = 0.1
_WALK = 0.01
"""Standard deviation of what the modulation changes by from stack to stack."""


class ModulationFilter:
    """A Kalman filter of one state, the modulation over that of the cached pattern."""

    def __init__(self) -> None:
        self.value = 1.0
        self._variance = _START**2

    @property
    def error(self) -> float:
        """Standard error of the modulation."""
        return math.sqrt(self._variance)

    def predict(self, stacks: float) -> None:
        """Let `stacks` stacks pass."""
        self._variance += stacks * _WALK**2

    def correct(self, reading: BandReading, phase: float) -> None:
        """Take a reading of the first harmonic into account; `phase` in rad is where it is."""
        seen = (reading.ratio * cmath.exp(-1j * phase)).real
        gain = self._variance / (self._variance + reading.error**2)
        self.value += gain * (seen - self.value)
        self._variance *= 1.0 - gain

    def restart(self, value: float) -> None:
        """Begin again at a modulation, as unsure as at first."""
        self.value, self._variance = value, _START**2

    def refer(self, modulation: float) -> None:
        """Refer to a cached pattern that has so many times the modulation of the former one."""
        self.value /= modulation
        self._variance /= modulation**2


class FringeAlarm:
    """Count the stacks in a row that show no fringes, or another modulation."""

    def __init__(self) -> None:
        self.weak = False
        self._missing = self._changed = 0

    def judge(self, modulation: ModulationFilter, strength: float) -> ChangeKind | None:
        """Return what has to be said after one more stack, if anything.

        Parameters
        ----------
        modulation
            As it is known now.
        strength
            Modulation of the cached pattern over that of the first one.
        """
        error = modulation.error
        whole, most = modulation.value * strength, (modulation.value + 2 * error) * strength
        self._missing = self._missing + 1 if most < LOST else 0
        if self._missing >= PATIENCE:
            return ChangeKind.LOST
        self.weak = most < (1.2 * WEAK if self.weak else WEAK)
        off = abs(modulation.value - 1.0)
        changed = off > max(MODULATION_STEP, _MODULATION_ERRORS * error) and whole > LOST
        self._changed = self._changed + 1 if changed else 0
        # Said once, until something is done about it.
        return ChangeKind.MODULATION if self._changed == _STEADY else None

    def forget_missing(self) -> None:
        """Count stacks without fringes from zero, after the angle was found again."""
        self._missing = 0

    def forget_changes(self) -> None:
        """Count stacks of another modulation from zero, after the cached pattern was replaced."""
        self._changed = 0
