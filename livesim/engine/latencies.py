"""Say how long raw stacks take through each stage of the engine, as percentiles."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from livesim.values.clock import steady_ns
from livesim.values.frames import Passage
from livesim.wire.status import LatencyStatus, PartLatency

WINDOW_NS = 10_000_000_000
"""Of the results that percentiles are taken over; at least the last one counts."""
MOST = 8192
"""Results that are remembered."""
STAGES = ("assemble", "wait", "reconstruct", "publish")
STEPS = ("step one", "reconstruct", "step two")
"""In the order in which they are shown; others follow."""

Steps = tuple[tuple[str, float], ...]


class Latencies:
    """The last results of a stream: when each passed the stages, what its reconstruction took."""

    def __init__(self) -> None:
        self._recent: deque[tuple[Passage, Steps]] = deque(maxlen=MOST)

    def begin(self) -> None:
        """Forget them: a new stream begins."""
        self._recent.clear()

    def add(self, passage: Passage, steps_ms: Steps = ()) -> None:
        """Take one result that has been published."""
        self._recent.append((passage, steps_ms))

    def status(self) -> LatencyStatus | None:
        """Return the percentiles, or None before the first result; safe in any thread."""
        known = tuple(self._recent)
        since = steady_ns() - WINDOW_NS
        recent = [one for one in known if one[0].published >= since] or known[-1:]
        if not recent:
            return None
        stages = np.array([_stages_ms(passage) for passage, _ in recent])
        p50, p95, p99 = _percentiles(stages.sum(axis=1))
        return LatencyStatus(
            results=len(recent),
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            stages=tuple(map(_part, STAGES, stages.T)),
            steps=_of_steps([steps for _, steps in recent]),
        )


def _stages_ms(passage: Passage) -> list[float]:
    moments = (
        passage.received,
        passage.assembled,
        passage.taken,
        passage.reconstructed,
        passage.published,
    )
    return [(end - begin) / 1e6 for begin, end in pairwise(moments)]


def _of_steps(recent: Sequence[Steps]) -> tuple[PartLatency, ...]:
    values: dict[str, list[float]] = {name: [] for name in STEPS}
    for steps in recent:
        for name, milliseconds in steps:
            values.setdefault(name, []).append(milliseconds)
    return tuple(_part(name, each) for name, each in values.items() if each)


def _part(name: str, milliseconds: Sequence[float]) -> PartLatency:
    p50, p95, p99 = _percentiles(milliseconds)
    return PartLatency(name=name, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def _percentiles(milliseconds: Sequence[float]) -> list[float]:
    return [float(value) for value in np.percentile(milliseconds, [50, 95, 99])]
