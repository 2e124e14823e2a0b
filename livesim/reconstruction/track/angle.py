"""Readings of one angle, stack after stack, in; its phase, modulation and alarms out."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

from livesim.reconstruction.track.check import BandReading
from livesim.values.illumination import STEP_DEG, AngleState, ChangeKind

STEP_ERRORS = 3.0
"""The same in standard errors: noise must not move the pattern."""
SURE_ERRORS = 4.0
"""Drift over its error from which there is no doubt that the pattern moves."""
JUMP_DEG = 12.0
JUMP_ERRORS = 5.0
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

_START_PHASE = math.radians(1.5)
_START_RATE = math.radians(0.5)
_PHASE_WALK = math.radians(0.03)
"""Of the phase in one stack, beside a steady drift."""
_RATE_WALK = math.radians(0.005)
"""Of the drift from stack to stack."""
_START_MODULATION = 0.1
_MODULATION_WALK = 0.01
_CLEAR = 4.0
"""Modulation over its error from which the angle of one reading is taken as it is."""
_MEMORY = 0.15
"""Weight of the newest stack in the mean that finds jumps in weak light."""
_LEAST_MODULATION = 0.1
_LEAST_ERROR = 1e-3


@dataclass(frozen=True, slots=True)
class Event:
    """Something that one stack has shown."""

    kind: ChangeKind
    angle: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Measured:
    """A phase relative to the expected one, and how sure it is."""

    off: float
    variance: float
    clear: bool
    """Whether a single stack tells it by itself."""


class AngleTracker:
    """Follow phase and modulation of one angle.

    The phase is a Kalman filter of two states, phase and drift per stack (Bar-Shalom et al.,
    Estimation with Applications to Tracking and Navigation, 2001, ch. 6.3.2): in good light the
    newest stack decides, in weak light many of them. A reading far from what was expected is a
    jump, and sets the phase anew.

    Parameters
    ----------
    number
        Of the angle.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.phase, self.rate = 0.0, 0.0
        """Relative to the cached pattern, rad and rad per stack."""
        self.turn = 0.0
        """The phase that is in use."""
        self.modulation = 1.0
        """Over that of the cached pattern."""
        self.strength = 1.0
        """Modulation of the cached pattern over that of the first one."""
        self.lost = self.weak = False
        self._spread = (_START_PHASE**2, 0.0, _START_RATE**2)
        self._modulation_spread = _START_MODULATION**2
        self._origin, self._sign = 0.0, 1.0
        self._missing = self._changed = 0
        self._forget()

    @property
    def error(self) -> float:
        """Standard error of the phase in rad."""
        return math.sqrt(self._spread[0])

    @property
    def drift(self) -> float:
        """Phase since the first pattern in rad, unwrapped."""
        return self._origin + self._sign * self.phase

    @property
    def state(self) -> AngleState:
        """How the angle is."""
        if self.lost:
            return AngleState.LOST
        return AngleState.WEAK if self.weak else AngleState.FOLLOWED

    def see(self, readings: Sequence[BandReading], stacks: float) -> list[Event]:
        """Take the readings of all its harmonics, `stacks` stacks after the last ones."""
        self._predict(stacks)
        first = next(one for one in readings if one.harmonic == 1)
        measured = self._measure(readings)
        events = self._jump(measured) or self._late_jump()
        if not events:
            self._correct(measured)
        self._follow_modulation(first)
        self._remember(first)
        return [*(events or self._step()), *self._weakness()]

    def refer(self, sign: float, shift: float, modulation: float) -> None:
        """Refer to another cached pattern: phase -> sign * (phase - shift), times its modulation.

        The turn in use is then the phase as it is known now.
        """
        self._origin += self._sign * shift
        self._sign *= sign
        self.phase, self.rate = sign * (self.phase - shift), sign * self.rate
        self.turn = self.phase
        self.modulation /= modulation
        self._modulation_spread /= modulation**2
        self.strength *= modulation
        self._changed = 0
        self._forget()

    def find(self, reading: BandReading) -> None:
        """Begin again with an angle that was lost."""
        off = cmath.phase(reading.ratio * cmath.exp(-1j * self.phase))
        self.phase += off
        self.turn = self.phase
        self._spread = (_START_PHASE**2, 0.0, _START_RATE**2)
        self.modulation, self._modulation_spread = abs(reading.ratio), _START_MODULATION**2
        self.lost, self._missing = False, 0
        self._forget()

    def _predict(self, stacks: float) -> None:
        self.phase += self.rate * stacks
        p, c, r = self._spread
        p += stacks * (2.0 * c + stacks * r) + stacks * _PHASE_WALK**2
        self._spread = (p, c + stacks * r, r + stacks * _RATE_WALK**2)
        self._mean *= cmath.exp(1j * self.rate * stacks)
        self._modulation_spread += stacks * _MODULATION_WALK**2

    def _measure(self, readings: Sequence[BandReading]) -> _Measured:
        """Return the phase of all harmonics together, relative to the expected one."""
        strength = max(self.modulation, _LEAST_MODULATION)
        weights, total, near, clear = 0.0, 0.0, 0.0, False
        for one in sorted(readings, key=lambda reading: reading.harmonic):
            # A higher harmonic has turned as often as the first one says.
            turned = one.ratio * cmath.exp(-1j * one.harmonic * (self.phase + near))
            told = abs(turned) > max(_CLEAR * one.error, 0.5 * strength)
            # Where noise could turn it anywhere, the projection is unbiased and the angle is not.
            off = near + (cmath.phase(turned) if told else turned.imag / strength) / one.harmonic
            weight = (one.harmonic * strength / max(one.error, _LEAST_ERROR)) ** 2
            weights += weight
            total += weight * off
            if one.harmonic == 1 and told:
                near, clear = off, True
        return _Measured(total / weights, 1.0 / weights, clear)

    def _correct(self, measured: _Measured) -> None:
        p, c, r = self._spread
        gain = 1.0 / (p + measured.variance)
        self.phase += p * gain * measured.off
        self.rate += c * gain * measured.off
        self._spread = (p - p * p * gain, c - p * c * gain, r - c * c * gain)

    def _jump(self, measured: _Measured) -> list[Event]:
        """Take a clear reading far from what was expected as a jump."""
        limit = JUMP_ERRORS * math.sqrt(self._spread[0] + measured.variance)
        if not measured.clear or abs(measured.off) < max(limit, math.radians(JUMP_DEG)):
            return []
        return self._set(measured.off, measured.variance)

    def _late_jump(self) -> list[Event]:
        """Take the mean of the last stacks far from what was expected as a jump."""
        mean = self._mean * cmath.exp(-1j * self.phase)
        if self._seen < 1.0 / _MEMORY or abs(mean) < 0.5 * max(self.modulation, LOST):
            return []
        error, off = math.sqrt(self._mean_spread) / abs(mean), cmath.phase(mean)
        limit = JUMP_ERRORS * math.hypot(error, self.error)
        if abs(off) > max(limit, math.radians(JUMP_DEG)):
            return self._set(off, error**2)
        if abs(off) > limit:  # the drift is no longer what it was: learn it anew
            p, c, r = self._spread
            self._spread = (p + off * off, c, max(r, _START_RATE**2))
            self._forget()
        return []

    def _set(self, off: float, variance: float) -> list[Event]:
        error = math.degrees(math.sqrt(variance))
        self.phase += off
        self.turn = self.phase
        self._spread = (variance + _PHASE_WALK**2, 0.0, self._spread[2])
        self._forget()
        words = f"the phases jumped by {math.degrees(off):+.1f} ± {error:.1f} deg"
        return [Event(ChangeKind.JUMP, self.number, words)]

    def _step(self) -> list[Event]:
        """Turn on once the phase in use is off by more than noise, and sooner in a sure drift."""
        off = self.phase - self.turn
        drifts = abs(self.rate) > SURE_ERRORS * math.sqrt(self._spread[2])
        limit = self.error if drifts else STEP_ERRORS * self.error
        if abs(off) < max(math.radians(STEP_DEG), limit):
            return []
        self.turn = self.phase
        words = f"drifted by {math.degrees(off):+.2f} ± {math.degrees(self.error):.2f} deg"
        return [Event(ChangeKind.DRIFT, self.number, words)]

    def _forget(self) -> None:
        self._mean, self._mean_spread, self._seen = 0j, 0.0, 0

    def _remember(self, reading: BandReading) -> None:
        """Keep a running mean of the readings; `_predict` turns it on with the drift."""
        self._seen += 1
        share = max(1.0 / self._seen, _MEMORY)
        self._mean += share * (reading.ratio - self._mean)
        self._mean_spread *= (1.0 - share) ** 2
        self._mean_spread += (share * reading.error) ** 2

    def _follow_modulation(self, reading: BandReading) -> None:
        seen = (reading.ratio * cmath.exp(-1j * self.phase)).real
        gain = self._modulation_spread / (self._modulation_spread + reading.error**2)
        self.modulation += gain * (seen - self.modulation)
        self._modulation_spread *= 1.0 - gain

    def _weakness(self) -> list[Event]:
        error = math.sqrt(self._modulation_spread)
        whole, most = self.modulation * self.strength, (self.modulation + 2 * error) * self.strength
        self._missing = self._missing + 1 if most < LOST else 0
        if self._missing >= PATIENCE and not self.lost:
            self.lost = True
            return [self._event(ChangeKind.LOST, f"no fringes: modulation {whole:.2f}")]
        self.weak = most < (1.2 * WEAK if self.weak else WEAK)
        off = abs(self.modulation - 1.0)
        changed = off > max(MODULATION_STEP, _MODULATION_ERRORS * error) and whole > LOST
        self._changed = self._changed + 1 if changed else 0
        if self._changed != _STEADY:  # said once, until something is done about it
            return []
        return [self._event(ChangeKind.MODULATION, f"modulation {whole:.2f} ± {error:.2f}")]

    def _event(self, kind: ChangeKind, words: str) -> Event:
        return Event(kind, self.number, f"{words} of that at the start")
