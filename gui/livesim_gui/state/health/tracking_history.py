"""Keep what the engine has said of the pattern over the last minutes, as curves for each angle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from livesim.wire.in_use import InUse, PatternAngleStatus, PatternStatus
from livesim.wire.pattern_status import AngleStatus
from livesim.wire.status import EngineStatus
from livesim_gui.state.stream.facts import Vector

KEPT = 600
"""Readings: five minutes at two a second."""

Curve = NDArray[np.float64]
Angle = TypeVar("Angle", AngleStatus, PatternAngleStatus)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an engine says of one channel's pattern at one moment."""

    at_s: float
    watched: tuple[AngleStatus, ...] = ()
    """Empty where nobody watches."""
    pattern: tuple[PatternAngleStatus, ...] = ()
    """In use; empty where the engine does not say."""
    field_um: Vector | None = None
    """(x, y) size of the field of view; None where it is not known."""

    @property
    def angles(self) -> int:
        """How many angles there are."""
        return max(len(self.watched), len(self.pattern))


def readings_of(status: EngineStatus, now_s: float) -> dict[int, Reading]:
    """Return channel -> its reading, of all channels whose patterns are known."""
    return {
        one.channel: Reading(
            now_s,
            () if one.tracking is None else one.tracking.angles,
            _pattern(status.in_use, one.channel),
            _field_um(status.in_use),
        )
        for one in status.channels
    }


class TrackingHistory:
    """The pattern of one channel over the last minutes."""

    def __init__(self) -> None:
        self._readings: deque[Reading] = deque(maxlen=KEPT)
        self._first: dict[int, Vector] = {}
        """Angle -> its wave vector when it was first seen."""

    def see(self, reading: Reading) -> None:
        """Keep a reading; with another number of angles it is the first."""
        if reading.angles != self.angles:
            self.clear()
        self._readings.append(reading)
        for number, angle in enumerate(reading.pattern):
            if angle.usable:
                self._first.setdefault(number, angle.k_cycles_per_um)

    def clear(self) -> None:
        """Forget everything: another stream begins."""
        self._readings.clear()
        self._first.clear()

    @property
    def angles(self) -> int:
        """How many angles the readings have."""
        return self._readings[-1].angles if self._readings else 0

    def seconds(self) -> Curve:
        """Return when each reading came, the newest at 0."""
        moments = np.array([reading.at_s for reading in self._readings], np.float64)
        return moments - moments[-1] if moments.size else moments

    def modulation(self, angle: int) -> Curve:
        """Return the modulation of the first harmonic, 0 to 1."""
        return self._tracked(angle, lambda one: one.modulation)

    def drift_deg(self, angle: int) -> Curve:
        """Return how far the phases have drifted since the pattern was first known."""
        return self._tracked(angle, lambda one: one.drift_deg)

    def k_change_px(self, angle: int) -> Curve:
        """Return how far the wave vector is from where it was first seen.

        In pixels of the spectrum of the whole field: a wave vector that is off by one is off by a
        whole period from one side of the field to the other.
        """
        first = self._first.get(angle)
        return np.array([_change_px(one, angle, first) for one in self._readings], np.float64)

    def phase_steps_deg(self, angle: int) -> Curve:
        """Return [step, time], from each phase to the next, -180 to 180; most are positive."""
        known = [_steps_deg(_of(one.pattern, angle)) for one in self._readings]
        most = max((len(one) for one in known), default=0)
        filled = [one if len(one) == most else np.full(most, np.nan) for one in known]
        return np.stack(filled, axis=1) if filled else np.empty((0, 0))

    def equal_step_deg(self, angle: int) -> float | None:
        """Return what the steps would be if they were all the same; None where not known."""
        if not self._readings:
            return None
        steps = _steps_deg(_of(self._readings[-1].pattern, angle))
        if not steps.size:
            return None
        whole = 360.0 / (len(steps) + 1)  # all frames of an angle make whole turns
        return whole * max(1.0, float(np.rint(np.median(steps) / whole)))

    def _tracked(self, angle: int, value: Callable[[AngleStatus], float]) -> Curve:
        found = (_of(one.watched, angle) for one in self._readings)
        return np.array([np.nan if one is None else value(one) for one in found], np.float64)


class TrackingHistories:
    """The patterns of all channels over the last minutes."""

    def __init__(self) -> None:
        self._own: dict[int, TrackingHistory] = {}

    def see(self, status: EngineStatus, now_s: float) -> None:
        """Keep what an engine says of every channel."""
        for channel, reading in readings_of(status, now_s).items():
            self._own.setdefault(channel, TrackingHistory()).see(reading)

    def of(self, channel: int) -> TrackingHistory:
        """Return the history of a channel; an empty one where nothing is known."""
        return self._own.get(channel, TrackingHistory())

    def clear(self) -> None:
        """Forget everything: another stream begins."""
        self._own.clear()


def _of(angles: tuple[Angle, ...], number: int) -> Angle | None:
    return angles[number] if number < len(angles) else None


def _pattern(in_use: InUse | None, channel: int) -> tuple[PatternAngleStatus, ...]:
    patterns: tuple[PatternStatus, ...] = () if in_use is None else in_use.patterns
    own = (one for one in patterns if one.channel in (None, channel))
    return next((one.angles for one in own), ())


def _field_um(in_use: InUse | None) -> Vector | None:
    if in_use is None or in_use.stream.frame_shape is None:
        return None
    rows, columns = in_use.stream.frame_shape
    pixel_um = in_use.stream.pixel_nm / 1000.0
    return columns * pixel_um, rows * pixel_um


def _change_px(reading: Reading, number: int, first: Vector | None) -> float:
    angle = _of(reading.pattern, number)
    if angle is None or not angle.usable or first is None or reading.field_um is None:
        return float("nan")
    now, before = np.array(angle.k_cycles_per_um), np.array(first)
    # The same fringes have two wave vectors, k and -k.
    changes = (now - before, now + before)
    return min(float(np.linalg.norm(one * reading.field_um)) for one in changes)


def _steps_deg(angle: PatternAngleStatus | None) -> Curve:
    """Return the steps; those of -k, which are the same fringes, are turned round."""
    if angle is None or not angle.usable:
        return np.empty(0)
    steps = np.degrees(np.diff(np.array(angle.phases_rad, np.float64)))
    wrapped: Curve = 180.0 - (180.0 - steps) % 360.0
    return wrapped if np.median(wrapped) >= 0.0 else -wrapped
