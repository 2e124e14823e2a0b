"""Tell a jump of the phase from noise and from a steady drift."""

from __future__ import annotations

import cmath
import math

from livesim.reconstruction.track.check import BandReading
from livesim.reconstruction.track.modulation import LOST
from livesim.reconstruction.track.phase import PhaseFilter, PhaseReading

_JUMP = math.radians(12.0)
"""The least that counts as a jump."""
_JUMP_ERRORS = 5.0
"""The same in standard errors."""
_MEMORY = 0.15
"""Weight of the newest stack in the mean of the last ones."""


class JumpDetector:
    """Find a jump in one clear reading, or in weak light in the mean of the last ones."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin a new mean, after the phase was set or referred to another pattern."""
        self._mean, self._variance, self._seen = 0j, 0.0, 0

    def predict(self, turn: float) -> None:
        """Turn the mean by what the phase has drifted, in rad."""
        self._mean *= cmath.exp(1j * turn)

    def remember(self, reading: BandReading) -> None:
        """Take a reading of the first harmonic into the mean."""
        self._seen += 1
        share = max(1.0 / self._seen, _MEMORY)
        self._mean += share * (reading.ratio - self._mean)
        self._variance *= (1.0 - share) ** 2
        self._variance += (share * reading.error) ** 2

    def in_one_stack(self, reading: PhaseReading, expected: PhaseFilter) -> bool:
        """Return whether a clear reading is far from what was expected."""
        limit = _JUMP_ERRORS * math.sqrt(expected.variance + reading.variance)
        return reading.clear and not abs(reading.off) < max(limit, _JUMP)

    def in_the_mean(self, expected: PhaseFilter, modulation: float) -> PhaseReading | None:
        """Return the phase of the last stacks' mean where it cannot be noise, else None.

        It is clear where it has jumped; else the drift is no longer what it was.
        """
        mean = self._mean * cmath.exp(-1j * expected.phase)
        if self._seen < 1.0 / _MEMORY or abs(mean) < 0.5 * max(modulation, LOST):
            return None
        error, off = math.sqrt(self._variance) / abs(mean), cmath.phase(mean)
        limit = _JUMP_ERRORS * math.hypot(error, expected.error)
        if not abs(off) > limit:
            return None
        return PhaseReading(off, error**2, clear=abs(off) > _JUMP)
