"""Publish the results of one stream, in the stream's publishing thread."""

from __future__ import annotations

from dataclasses import replace

from livesim.engine.beside.networks import LiveNetworks
from livesim.engine.beside.trust import LiveTrust
from livesim.engine.meters import Gauges, Meter
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.stream_recording import StreamRecording
from livesim.engine.seams import Computing, Reconstructed
from livesim.values.clock import steady_ns
from livesim.values.frames import Rolling
from livesim.values.results import Result
from livesim.wire.messages import StreamEnd, StreamStart, TrustMaps
from livesim.wire.networks import NEWEST, OFF, Run
from livesim.wire.sockets import Keep, Publisher

RESULT_DEPTH, RESULT_BYTES = 4, 256 << 20
"""Results that wait to be published, and how much memory their images may hold."""
SHOWN_NS = 10_000_000_000
"""How long all stages are published after a viewer has asked: it asks twice a second."""


class Outlet:
    """Where the results of all streams go: to the viewers, and to the reviews of trust.

    Parameters
    ----------
    publisher
        Any thread may use it.
    computing
        Says how many cores the threads of networks and reviews may use.
    run
        When the networks work, to begin with.
    """

    def __init__(self, publisher: Publisher, computing: Computing, run: Run = NEWEST) -> None:
        self._publisher = publisher
        self.trust = LiveTrust(publisher.publish, computing.use_one_core)
        """Is offered every result that networks made."""
        self.networks = LiveNetworks(self._publish_late, computing.use_all_cores, run)
        """Makes second results, unless every stack must be done with its networks."""
        self._shown_until_ns = 0
        computing.fetch_stages_while(lambda: self.shows_stages)

    def begin(self) -> None:
        """Forget the last stream."""
        self.networks.begin()
        self.trust.begin()

    def close(self) -> None:
        """End the threads."""
        self.networks.close()
        self.trust.close()

    def say(self, message: StreamStart | StreamEnd) -> None:
        """Tell the viewers that a stream begins or ends."""
        self._publisher.publish(message)

    def show(self, message: Result | TrustMaps) -> None:
        """Send to the viewers what another engine has made."""
        self._publisher.publish(message)

    def publish(self, made: Reconstructed) -> None:
        """Send a result to the viewers, and offer it to the reviews."""
        result = made.result
        self._publisher.publish(made.with_stages if self.shows_stages else result)
        if not (result.provisional or result.searching):
            self.trust.offer(made)

    def _publish_late(self, made: Reconstructed) -> None:
        """Send a second result whose stream has ended: nothing stamps it any more."""
        self.publish(replace(made, result=replace(made.result, published_ns=steady_ns())))

    def choose(self, run: Run) -> None:
        """Say when the networks work from now on; a verdict goes with the images it is about."""
        self.networks.choose(run)
        if run == OFF:
            self.trust.begin()

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
        self._first = gauges.publish.meter, gauges.latencies
        self._second = gauges.networks.meter, gauges.network_latencies
        self.results: BoundedQueue[Reconstructed] = BoundedQueue(
            RESULT_DEPTH, Keep.BLOCK, RESULT_BYTES, lambda made: made.result.nbytes
        )
        """What is to be published; the processor closes it."""
        gauges.publish.attach(self.results)
        self.end = StreamEnd(stream=start.stream, aborted=True)
        """What viewers hear last."""
        self.rolling: Rolling | None = None
        """Of the last result, where there is one with every angle or frame."""
        self._updates = Meter()

    def run(self) -> None:
        """Publish until the queue of results is closed and empty."""
        try:
            self._outlet.say(self._start)
            for made in self.results:
                self._publish_one(made)
            self._outlet.say(self.end)
        finally:
            self.results.abandon()
            self._recording.end_results()

    def _publish_one(self, made: Reconstructed) -> None:
        made = replace(made, result=self._stamped(made.result, second=made.second))
        self._outlet.publish(made)
        if made.result.searching or made.result.is_preview:
            return
        meter, latencies = self._second if made.second else self._first
        meter.tick()
        if made.result.ends_its_stack:
            latencies.add(replace(made.passage, published=steady_ns()), made.steps_ms)
        if made.result.whole:
            self._recording.write(made.result, second=made.second)

    def _stamped(self, result: Result, *, second: bool) -> Result:
        """Return the result with when it is published and how often there is a new one."""
        rolling = result.rolling
        if rolling is not None and not second:
            self._updates.tick()
            rolling = self.rolling = replace(rolling, updates_per_s=self._updates.per_second)
        return replace(result, published_ns=steady_ns(), rolling=rolling)
