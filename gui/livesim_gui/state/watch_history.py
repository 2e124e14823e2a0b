"""What the watchdog says, time after time, in; a curve for each angle out."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from livesim.wire.control import AngleStatus, WatchdogStatus

KEPT = 600
"""Readings: five minutes at two a second."""

Curve = NDArray[np.float64]


class WatchHistory:
    """Modulation and phase drift of every angle over the last minutes."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, tuple[AngleStatus, ...]]] = deque(maxlen=KEPT)

    def see(self, watchdog: WatchdogStatus, now_s: float) -> None:
        """Keep a reading; another number of angles begins anew."""
        if self._readings and len(self._readings[-1][1]) != len(watchdog.angles):
            self.clear()
        self._readings.append((now_s, watchdog.angles))

    def clear(self) -> None:
        """Forget everything: another stream begins."""
        self._readings.clear()

    @property
    def angles(self) -> int:
        """How many angles the readings have."""
        return len(self._readings[-1][1]) if self._readings else 0

    def seconds(self) -> Curve:
        """Return when each reading came, the newest at 0."""
        moments = np.array([moment for moment, _ in self._readings], np.float64)
        return moments - moments[-1] if moments.size else moments

    def modulation(self, angle: int) -> Curve:
        """Return the modulation of the first harmonic, 0 to 1."""
        return np.array([angles[angle].modulation for _, angles in self._readings], np.float64)

    def drift_deg(self, angle: int) -> Curve:
        """Return how far the phases have drifted since the pattern was first known."""
        return np.array([angles[angle].drift_deg for _, angles in self._readings], np.float64)
