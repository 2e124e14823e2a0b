"""Publish the results of one stream, in the stream's publishing thread."""

from __future__ import annotations

from dataclasses import replace

from livesim.engine.beside.trust import LiveTrust
from livesim.engine.meters import Gauges, Meter
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.stream_recording import StreamRecording
from livesim.engine.seams import Reconstructed
from livesim.values.clock import steady_ns
from livesim.values.frames import Rolling
from livesim.values.results import Result
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import Keep, Publisher

RESULT_DEPTH = 4
SHOWN_NS = 10_000_000_000
"""How long all stages are published after a viewer has asked: it asks twice a second."""


class Outlet:
    """Where the results of all streams go: to the viewers, and to the reviews of trust.

    Parameters
    ----------
    publisher
        Used by one publishing thread at a time.
    trust
        Is offered every result.
    """

    def __init__(self, publisher: Publisher, trust: LiveTrust) -> None:
        self.publisher, self.trust = publisher, trust
        self._shown_until_ns = 0

    def show_stages(self) -> None:
        """Publish all stages for a while; safe in any thread."""
        self._shown_until_ns = steady_ns() + SHOWN_NS

    @property
    def shows_stages(self) -> bool:
        """Whether somebody looks at the stages on the way to the restored image."""
        return steady_ns() < self._shown_until_ns


class Publishing:
    """The publishing thread of one stream: stamps every result, sends it and records it.

    Results are never dropped by the engine: the queue in front of it blocks.

    Parameters
    ----------
    start
        What the source said; viewers hear it first.
    outlet
        Where the results go.
    recording
        Records those of whole stacks.
    gauges
        Count results, and keep the times they took.
    """

    def __init__(
        self, start: StreamStart, outlet: Outlet, recording: StreamRecording, gauges: Gauges
    ) -> None:
        self._start, self._outlet, self._recording = start, outlet, recording
        self._meter, self._latencies = gauges.publish.meter, gauges.latencies
        self.results: BoundedQueue[Reconstructed] = BoundedQueue(RESULT_DEPTH, Keep.BLOCK)
        """What is to be published; the processor closes it."""
        gauges.publish.attach(self.results)
        self.end = StreamEnd(stream=start.stream, aborted=True)
        """What viewers hear last."""
        self.rolling: Rolling | None = None
        """Of the last result, where there is one with every angle or frame."""
        self._updates = Meter()

    def run(self) -> None:
        """Publish until the queue of results is closed and empty."""
        publish = self._outlet.publisher.publish
        try:
            publish(self._start)
            for made in self.results:
                self._publish_one(made)
            publish(self.end)
        finally:
            self.results.abandon()
            self._recording.end_results()

    def _publish_one(self, made: Reconstructed) -> None:
        result = self._stamped(made.result)
        self._outlet.publisher.publish(made.with_stages if self._outlet.shows_stages else result)
        self._outlet.trust.offer(made)
        self._meter.tick()
        self._latencies.add(replace(made.passage, published=steady_ns()), made.steps_ms)
        if result.whole:
            self._recording.write(result)

    def _stamped(self, result: Result) -> Result:
        """Return the result with when it is published and how often there is a new one."""
        rolling = result.rolling
        if rolling is not None:
            self._updates.tick()
            rolling = self.rolling = replace(rolling, updates_per_s=self._updates.per_second)
        return replace(result, published_ns=steady_ns(), rolling=rolling)
