"""Pass on what tracking changes: to the recording, to the engine's log and to its status."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from livesim.engine.meters import Faults
from livesim.engine.seams import Pipeline, Tracked
from livesim.values.illumination import AngleHealth, PatternChange
from livesim.wire.pattern_status import AngleStatus, ChangeStatus, TrackingStatus

SHOWN = 20
"""Changes that a status shows."""

_log = logging.getLogger("livesim.engine")


class TrackingLog:
    """Tracking of one stream as the outside sees it.

    Parameters
    ----------
    record
        Writes the changes beside the recording.
    faults
        Hear of alarms.
    on_alarm
        Called after each of them.
    """

    def __init__(
        self,
        record: Callable[[Sequence[PatternChange]], None],
        faults: Faults,
        on_alarm: Callable[[], None] = lambda: None,
    ) -> None:
        self._record, self._faults, self._on_alarm = record, faults, on_alarm
        self._tracked: Tracked | None = None
        self._changes: deque[ChangeStatus] = deque(maxlen=SHOWN)
        self._count = 0

    def begin(self, pipeline: Pipeline) -> None:
        """Begin with a pipeline; one that tracks no pattern has nothing to log."""
        self._tracked = pipeline if isinstance(pipeline, Tracked) else None

    def look(self) -> None:
        """Take what the last stack has changed; called in the processor's thread."""
        changes = self._tracked.take_changes() if self._tracked is not None else ()
        if not changes:
            return
        for change in changes:
            self._tell(change)
        self._record(changes)

    def status(self) -> TrackingStatus | None:
        """Return a snapshot; safe in any thread."""
        if self._tracked is None or not self._tracked.follows:
            return None
        health = self._tracked.health
        return TrackingStatus(
            angles=tuple(_angle(one) for one in health.angles),
            changes=tuple(self._changes),
            swaps=health.swaps,
            alarms=health.alarms,
            estimates=health.estimates,
            failures=health.failures,
        )

    def _tell(self, change: PatternChange) -> None:
        self._count += 1
        shown = _change(change, self._count)
        self._changes.append(shown)
        angle = "" if change.angle is None else f", angle {change.angle}"
        words = f"pattern {change.kind}{angle} at stack {change.stack.time}: {change.reason}"
        if shown.alarm:
            self._faults.say(words)
            self._on_alarm()
        else:
            _log.info("%s", words)


def _change(change: PatternChange, number: int) -> ChangeStatus:
    return ChangeStatus(
        number=number,
        received_ns=change.received_ns,
        time=change.stack.time,
        kind=change.kind.value,
        angle=change.angle,
        reason=change.reason,
        alarm=change.kind.alarming,
    )


def _angle(health: AngleHealth) -> AngleStatus:
    known = replace(health, error_deg=_finite(health.error_deg, 180.0))
    return AngleStatus(
        state=known.state.value,
        drift_deg=known.drift_deg,
        error_deg=known.error_deg,
        rate_deg=known.rate_deg,
        modulation=_finite(known.modulation, 0.0),
    )


def _finite(value: float, otherwise: float) -> float:
    return value if math.isfinite(value) else otherwise
