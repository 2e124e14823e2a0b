"""Count what the engine's threads do, how fast, and what goes wrong."""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from livesim.engine.assemble import AssemblyCounts
from livesim.engine.latencies import Latencies
from livesim.engine.queue import BoundedQueue
from livesim.values.quoting import shortened
from livesim.wire.status import FaultStatus, StageStatus

RATE_EVENTS = 4096
RATE_SECONDS = 10.0

QUIET_S = 60.0
"""Of the faults of one kind that anybody can cause at any rate, one is logged in so long."""
ANYBODYS = ("malformed_messages", "unfit_frames", "unfit_stacks", "strangers")

OVERDUE = 3.0
"""Gaps between two events after which no more are expected."""

_log = logging.getLogger("livesim.engine")


class Meter:
    """Counts events and knows their rate over the last seconds."""

    def __init__(self) -> None:
        self.done = 0
        self._recent: deque[float] = deque(maxlen=RATE_EVENTS)

    def tick(self) -> None:
        """Count one event."""
        self.done += 1
        self._recent.append(time.monotonic())

    @property
    def per_second(self) -> float:
        """Rate over the last `RATE_SECONDS`, or from one event to the next where they are rarer.

        0 where the next one is overdue by far.
        """
        now, moments = time.monotonic(), tuple(self._recent)
        if len(moments) < 2:
            return 0.0
        first = min(bisect_left(moments, now - RATE_SECONDS), len(moments) - 2)
        gap_s = max(moments[-1] - moments[first], 1e-6) / (len(moments) - 1 - first)
        return 0.0 if now - moments[-1] > max(RATE_SECONDS, OVERDUE * gap_s) else 1.0 / gap_s


class Stage:
    """One stage of the engine in the present stream, or in the last one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begin()

    def begin(self) -> None:
        """Count from 0: a new stream begins."""
        self.meter = Meter()
        self._queue: BoundedQueue[Any] | None = None

    def attach(self, queue: BoundedQueue[Any]) -> None:
        """Show the queue in front of it."""
        self._queue = queue

    def status(self) -> StageStatus:
        """Return a snapshot."""
        queue = self._queue
        return StageStatus(
            name=self.name,
            done=self.meter.done,
            per_second=self.meter.per_second,
            queued=queue.queued if queue else 0,
            queue_limit=queue.limit if queue else 0,
            keep=queue.keep.value if queue else "block",
            dropped=queue.dropped if queue else 0,
        )


class Faults:
    """What did not go as it should; any thread may report.

    Parameters
    ----------
    now
        Seconds of a clock that never jumps.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._quiet_until: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._past: Counter[str] = Counter()
        self._lock = Lock()
        self.last: str | None = None
        """The last fault of the stream in words."""

    def begin(self) -> None:
        """Count from 0: a new stream begins."""
        with self._lock:
            self._past, self._counts, self.last = self._past + self._counts, Counter(), None

    def report(self, kind: str, words: str | None = None, count: int = 1) -> None:
        """Count faults of a `kind`, a field of `FaultStatus`, and say what happened."""
        with self._lock:
            self._counts[kind] += count
        if words is not None:
            self.say(words, kind if kind in ANYBODYS else None)

    def say(self, words: str, kind: str | None = None) -> None:
        """Remember the last fault in words; log it unless it is the same again.

        Of a `kind` that has one, a line is logged now and then, and says how many were not.
        """
        words = shortened(words)
        with self._lock:
            again, self.last = words == self.last, words
            line = words if kind is None else self._line(words, kind)
        if line is not None and not again:
            _log.warning("%s", line)

    def _line(self, words: str, kind: str) -> str | None:
        if self._now() < self._quiet_until.get(kind, 0.0):
            self._unsaid[kind] += 1
            return None
        self._quiet_until[kind] = self._now() + QUIET_S
        unsaid = self._unsaid.pop(kind, 0)
        return f"{words} ({unsaid} of the kind were not logged before)" if unsaid else words

    def add(self, counts: AssemblyCounts) -> None:
        """Take over what a stream's assembler counted."""
        for kind, count in _assembly_faults(counts).items():
            self.report(kind, count=count)

    def status(self, running: AssemblyCounts) -> FaultStatus:
        """Return a snapshot, with what the running stream's assembler has counted so far."""
        with self._lock:
            return FaultStatus(**(self._counts + Counter(_assembly_faults(running))))

    @property
    def total(self) -> FaultStatus:
        """Of all streams that are over, and of the last one."""
        with self._lock:
            return FaultStatus(**(self._past + self._counts))


@dataclass(frozen=True, slots=True)
class Gauges:
    """What the engine measures of its stream, until the next one begins."""

    receive: Stage = field(default_factory=lambda: Stage("receive"))
    record: Stage = field(default_factory=lambda: Stage("record"))
    process: Stage = field(default_factory=lambda: Stage("process"))
    publish: Stage = field(default_factory=lambda: Stage("publish"))
    networks: Stage = field(default_factory=lambda: Stage("networks"))
    """Second results, made beside the others."""
    latencies: Latencies = field(default_factory=Latencies)
    network_latencies: Latencies = field(default_factory=Latencies)
    """Of the second results."""
    faults: Faults = field(default_factory=Faults)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order in which the data pass them."""
        return (self.receive, self.record, self.process, self.publish, self.networks)

    def begin(self) -> None:
        """Measure a new stream."""
        for stage in self.stages:
            stage.begin()
        self.latencies.begin()
        self.network_latencies.begin()
        self.faults.begin()


def _assembly_faults(counts: AssemblyCounts) -> dict[str, int]:
    known = FaultStatus.model_fields
    return {kind: count for kind, count in asdict(counts).items() if kind in known}
