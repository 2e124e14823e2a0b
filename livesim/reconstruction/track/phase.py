"""Follow the phase of one angle and its drift with a Kalman filter."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

from livesim.reconstruction.track.check import BandReading

_START_PHASE = math.radians(1.5)
_START_RATE = math.radians(0.5)
_PHASE_WALK = math.radians(0.03)
"""Standard deviation of what the phase does in one stack, beside a steady drift."""
_RATE_WALK = math.radians(0.005)
"""Standard deviation of what the drift changes by from stack to stack."""
_CLEAR = 4.0
"""Modulation over its error from which the angle of one reading is taken as it is."""
_LEAST_MODULATION = 0.1
_LEAST_ERROR = 1e-3
_SURE_ERRORS = 4.0
"""Drift over its error from which there is no doubt that the pattern moves."""


@dataclass(frozen=True, slots=True)
class PhaseReading:
    """A phase relative to the expected one in rad, and how sure it is."""

    off: float
    variance: float
    """In rad²."""
    clear: bool = True
    """Whether a single stack is enough to tell it."""


def read_phase(readings: Sequence[BandReading], phase: float, modulation: float) -> PhaseReading:
    """Return the phase that all harmonics of one angle show together, relative to `phase`.

    Parameters
    ----------
    readings
        Of one stack; at least one.
    phase
        The expected one in rad.
    modulation
        Over that of the cached pattern.
    """
    strength = max(modulation, _LEAST_MODULATION)
    weights, total, near, clear = 0.0, 0.0, 0.0, False
    for one in sorted(readings, key=lambda reading: reading.harmonic):
        # A higher harmonic has turned as often as the first one says.
        turned = one.ratio * cmath.exp(-1j * one.harmonic * (phase + near))
        above_noise = abs(turned) > max(_CLEAR * one.error, 0.5 * strength)
        # Where noise could turn it anywhere, the projection is unbiased and the angle is not.
        seen = cmath.phase(turned) if above_noise else turned.imag / strength
        off = near + seen / one.harmonic
        weight = (one.harmonic * strength / max(one.error, _LEAST_ERROR)) ** 2
        weights += weight
        total += weight * off
        if one.harmonic == 1 and above_noise:
            near, clear = off, True
    return PhaseReading(total / weights, 1.0 / weights, clear)


class PhaseFilter:
    """A Kalman filter of two states, phase and drift per stack.

    In good light the newest stack decides, in weak light many of them (Bar-Shalom et al.,
    Estimation with Applications to Tracking and Navigation, 2001, ch. 6.3.2).
    """

    def __init__(self) -> None:
        self.phase, self.rate = 0.0, 0.0
        """Relative to the cached pattern, rad and rad per stack."""
        # Variance of the phase, covariance, variance of the drift.
        self._spread = (_START_PHASE**2, 0.0, _START_RATE**2)

    @property
    def variance(self) -> float:
        """Variance of the phase in rad²."""
        return self._spread[0]

    @property
    def error(self) -> float:
        """Standard error of the phase in rad."""
        return math.sqrt(self.variance)

    @property
    def surely_drifts(self) -> bool:
        """Whether the drift is far above its error."""
        return abs(self.rate) > _SURE_ERRORS * math.sqrt(self._spread[2])

    def predict(self, stacks: float) -> None:
        """Let `stacks` stacks pass."""
        self.phase += self.rate * stacks
        p, c, r = self._spread
        p += stacks * (2.0 * c + stacks * r) + stacks * _PHASE_WALK**2
        self._spread = (p, c + stacks * r, r + stacks * _RATE_WALK**2)

    def correct(self, reading: PhaseReading) -> None:
        """Take one stack's phase into account."""
        p, c, r = self._spread
        gain = 1.0 / (p + reading.variance)
        self.phase += p * gain * reading.off
        self.rate += c * gain * reading.off
        self._spread = (p - p * p * gain, c - p * c * gain, r - c * c * gain)

    def jump(self, reading: PhaseReading) -> None:
        """Take a phase as it was read; the drift stays."""
        self.phase += reading.off
        self._spread = (reading.variance + _PHASE_WALK**2, 0.0, self._spread[2])

    def relearn_drift(self, off: float) -> None:
        """Trust the drift no longer, since it has led astray by `off` rad."""
        p, c, r = self._spread
        self._spread = (p + off * off, c, max(r, _START_RATE**2))

    def restart(self, off: float) -> None:
        """Begin again `off` rad from the expected phase, as unsure as at first."""
        self.phase += off
        self._spread = (_START_PHASE**2, 0.0, _START_RATE**2)

    def refer(self, sign: float, shift: float) -> None:
        """Refer to another cached pattern: phase -> sign * (phase - shift)."""
        self.phase, self.rate = sign * (self.phase - shift), sign * self.rate
