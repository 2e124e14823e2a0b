"""Track the phase and the modulation of one angle from stack to stack."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence

from livesim.reconstruction.track.check import BandReading
from livesim.reconstruction.track.event import Event
from livesim.reconstruction.track.jumps import JumpDetector
from livesim.reconstruction.track.modulation import FringeAlarm, ModulationFilter
from livesim.reconstruction.track.phase import PhaseFilter, PhaseReading, read_phase
from livesim.values.illumination import STEP_DEG, AngleState, ChangeKind

STEP_ERRORS = 3.0
"""Standard errors that the phase in use must be off: noise must not move the pattern."""


class AngleTracker:
    """Follow phase and modulation of one angle.

    A reading far from what the filter of the phase expected is a jump, and sets the phase.

    Parameters
    ----------
    number
        Of the angle.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.turn = 0.0
        """The phase that is in use, relative to the cached pattern, rad."""
        self.strength = 1.0
        """Modulation of the cached pattern over that of the first one."""
        self.lost = False
        self._phase, self._jumps = PhaseFilter(), JumpDetector()
        self._modulation, self._alarm = ModulationFilter(), FringeAlarm()
        self._origin, self._sign = 0.0, 1.0  # of the cached pattern's phase, in the first one's

    @property
    def phase(self) -> float:
        """Phase as it is known now, relative to the cached pattern, in rad."""
        return self._phase.phase

    @property
    def rate(self) -> float:
        """Drift of the phase in rad per stack."""
        return self._phase.rate

    @property
    def error(self) -> float:
        """Standard error of the phase in rad."""
        return self._phase.error

    @property
    def drift(self) -> float:
        """Phase since the first pattern in rad, unwrapped."""
        return self._origin + self._sign * self.phase

    @property
    def modulation(self) -> float:
        """Modulation over that of the cached pattern."""
        return self._modulation.value

    @property
    def state(self) -> AngleState:
        """How the angle is."""
        if self.lost:
            return AngleState.LOST
        return AngleState.WEAK if self._alarm.weak else AngleState.FOLLOWED

    def see(self, readings: Sequence[BandReading], stacks: float) -> list[Event]:
        """Take the readings of all its harmonics, `stacks` stacks after the last ones."""
        self._predict(stacks)
        first = next(one for one in readings if one.harmonic == 1)
        reading = read_phase(readings, self.phase, self.modulation)
        events = self._jump(reading)
        if not events:
            self._phase.correct(reading)
        self._modulation.correct(first, self.phase)
        self._jumps.remember(first)
        return [*(events or self._step()), *self._judge_fringes()]

    def refer(self, sign: float, shift: float, modulation: float) -> None:
        """Refer to another cached pattern: phase -> sign * (phase - shift), times its modulation.

        The turn in use is then the phase as it is known now.
        """
        self._origin += self._sign * shift
        self._sign *= sign
        self._phase.refer(sign, shift)
        self.turn = self.phase
        self._modulation.refer(modulation)
        self.strength *= modulation
        self._alarm.forget_changes()
        self._jumps.forget()

    def find(self, reading: BandReading) -> None:
        """Begin again with an angle that was lost."""
        self._phase.restart(cmath.phase(reading.ratio * cmath.exp(-1j * self.phase)))
        self.turn = self.phase
        self._modulation.restart(abs(reading.ratio))
        self.lost = False
        self._alarm.forget_missing()
        self._jumps.forget()

    def _predict(self, stacks: float) -> None:
        self._phase.predict(stacks)
        self._jumps.predict(self.rate * stacks)
        self._modulation.predict(stacks)

    def _jump(self, reading: PhaseReading) -> list[Event]:
        """Set the phase where it has jumped, and let the filter learn a drift that has changed."""
        if self._jumps.in_one_stack(reading, self._phase):
            return [self._set(reading)]
        mean = self._jumps.in_the_mean(self._phase, self.modulation)
        if mean is None:
            return []
        if mean.clear:
            return [self._set(mean)]
        self._phase.relearn_drift(mean.off)
        self._jumps.forget()
        return []

    def _set(self, reading: PhaseReading) -> Event:
        self._phase.jump(reading)
        self.turn = self.phase
        self._jumps.forget()
        return Event.jump(self.number, reading.off, math.sqrt(reading.variance))

    def _step(self) -> list[Event]:
        """Turn on once the phase in use is off by more than noise, and sooner in a sure drift."""
        off = self.phase - self.turn
        limit = self.error if self._phase.surely_drifts else STEP_ERRORS * self.error
        if abs(off) < max(math.radians(STEP_DEG), limit):
            return []
        self.turn = self.phase
        return [Event.drift(self.number, off, self.error)]

    def _judge_fringes(self) -> list[Event]:
        kind = self._alarm.judge(self._modulation, self.strength)
        whole = self.modulation * self.strength
        if kind is ChangeKind.LOST:
            self.lost = True
            return [Event.lost(self.number, whole)]
        if kind is ChangeKind.MODULATION:
            return [Event.modulation(self.number, whole, self._modulation.error)]
        return []
