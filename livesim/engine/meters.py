"""Count what the engine's threads do, how fast, and what goes wrong."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from livesim.engine.assemble import AssemblyCounts
from livesim.engine.latencies import Latencies
from livesim.engine.queue import BoundedQueue
from livesim.wire.status import FaultStatus, StageStatus

RATE_EVENTS = 256
RATE_SECONDS = 5.0

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
        """Rate over the last `RATE_SECONDS`; 0 when nothing happened in them."""
        now = time.monotonic()
        recent = [moment for moment in tuple(self._recent) if now - moment < RATE_SECONDS]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(recent[-1] - recent[0], 1e-6)


class Stage:
    """One stage of the engine over all streams; its queue is that of the present stream."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.meter = Meter()
        self._past_drops = 0
        self._queue: BoundedQueue[Any] | None = None

    def attach(self, queue: BoundedQueue[Any]) -> None:
        """Begin a new stream with a queue of its own."""
        if self._queue is not None:
            self._past_drops += self._queue.dropped
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
            dropped=self._past_drops + (queue.dropped if queue else 0),
        )


class Faults:
    """What did not go as it should; any thread may report."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()
        self.last: str | None = None
        """The last fault in words."""

    def report(self, kind: str, words: str | None = None, count: int = 1) -> None:
        """Count faults of a `kind`, a field of `FaultStatus`, and say what happened."""
        with self._lock:
            self._counts[kind] += count
        if words is not None:
            self.say(words)

    def say(self, words: str) -> None:
        """Remember the last fault in words; log it unless it is the same again."""
        with self._lock:
            again, self.last = words == self.last, words
        if not again:
            _log.warning("%s", words)

    def add(self, counts: AssemblyCounts) -> None:
        """Take over what a stream's assembler counted."""
        for kind, count in _assembly_faults(counts).items():
            self.report(kind, count=count)

    def status(self, running: AssemblyCounts) -> FaultStatus:
        """Return a snapshot, with what the running stream's assembler has counted so far."""
        with self._lock:
            return FaultStatus(**(self._counts + Counter(_assembly_faults(running))))


@dataclass(frozen=True, slots=True)
class Gauges:
    """What the engine measures over all its streams."""

    receive: Stage = field(default_factory=lambda: Stage("receive"))
    record: Stage = field(default_factory=lambda: Stage("record"))
    process: Stage = field(default_factory=lambda: Stage("process"))
    publish: Stage = field(default_factory=lambda: Stage("publish"))
    latencies: Latencies = field(default_factory=Latencies)
    faults: Faults = field(default_factory=Faults)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order in which the data pass them."""
        return (self.receive, self.record, self.process, self.publish)


def _assembly_faults(counts: AssemblyCounts) -> dict[str, int]:
    known = FaultStatus.model_fields
    return {kind: count for kind, count in asdict(counts).items() if kind in known}
