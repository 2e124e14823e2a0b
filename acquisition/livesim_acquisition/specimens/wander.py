"""Move values smoothly and at random, known at any time and in any order."""

from __future__ import annotations

import numpy as np

from livesim_acquisition.specimens.drawing import Vector

WAVES = 6


class Wander:
    """Many values that each wander about 0 with a standard deviation of 1.

    Each is a sum of `WAVES` sine waves of random phase, whose periods are spread around
    `period_s` by a factor of three; so it is smooth, bounded and known at every time.
    """

    def __init__(self, random: np.random.Generator, count: int, period_s: float) -> None:
        spread = random.uniform(-1.0, 1.0, (WAVES, count))
        self._turns_per_s = 3.0**spread / period_s
        self._phase = random.uniform(0.0, 2.0 * np.pi, (WAVES, count))

    def at(self, time_s: float) -> Vector:
        """Return the values at a time, [count]."""
        waves = np.sin(2.0 * np.pi * self._turns_per_s * time_s + self._phase)
        return waves.sum(axis=0) * np.sqrt(2.0 / WAVES)

    def since_start(self, time_s: float) -> Vector:
        """Return how far each has gone since time 0: what only moves starts undisturbed."""
        return self.at(time_s) - self.at(0.0)
