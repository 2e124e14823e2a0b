"""Reconstruct the raw stacks of one stream, in the stream's processing thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from livesim.engine.channel_processing import ChannelProcessing
from livesim.engine.meters import Gauges
from livesim.engine.pending import Pending
from livesim.engine.queue import BoundedQueue
from livesim.engine.seams import Pipeline, PipelineFactory, Reconstructed, Tracked
from livesim.values.frames import RawStack

EASE_S = 0.5
"""How long an image waits at most for the disk: two images a second there always are."""


class Channels(Protocol):
    """The channels of one stream; the processor asks them and says what it does."""

    def factory(self, channel: int) -> PipelineFactory:
        """Return what makes a channel's pipeline, given enough stacks."""
        ...

    def begin(self, channel: int, pipeline: Pipeline) -> None:
        """Take a channel's pipeline, before its first result."""
        ...

    def before(self, stack: RawStack) -> None:
        """Hear of every stack before it is reconstructed."""
        ...

    def after(self, stack: RawStack) -> None:
        """Hear of every stack once its reconstruction has begun."""
        ...

    def conclusion(self) -> str:
        """Say, once no more stacks come, why a pattern was not found; "" = nothing is known."""
        ...


class Beside(Protocol):
    """What runs the networks of a stream beside this thread."""

    def offer(self, made: Reconstructed) -> None:
        """Take the newest first result; never waits."""
        ...

    def catch_up(self, hurried: Callable[[], bool]) -> None:
        """Let the last stacks be done, now that no more come."""
        ...


class Processor:
    """The processing thread of one stream.

    Every channel has a pattern and a pipeline of its own, and none waits for another's. Results
    come in the order of the stacks within each channel. Where there are `networks`, these are the
    first results, plain ones; the second ones are made beside this thread.

    Parameters
    ----------
    stacks, results
        The queues on both sides; the processor abandons the one and closes the other at its end.
    channels
        Of the stream.
    gauges
        Count results and faults.
    networks
        Runs them on the newest stacks, once their plain images are there; None = every stack is
        reconstructed with them before the next one, and none may be skipped (`lossless`).
    ease
        Waits while many raw stacks wait for the disk, for some seconds at most. Stacks may be
        skipped, raw frames may not: where the disk is behind, it has the processor first.
    planes
        Of a volume; 1 = there are none.
    """

    def __init__(
        self,
        stacks: BoundedQueue[RawStack],
        results: BoundedQueue[Reconstructed],
        channels: Channels,
        gauges: Gauges,
        networks: Beside | None = None,
        ease: Callable[[float], None] = lambda timeout_s: None,
        planes: int = 1,
    ) -> None:
        self._planes = planes
        self._stacks, self._results, self._ease = stacks, results, ease
        self._channels, self._networks = channels, networks
        self._meter, self._faults = gauges.process.meter, gauges.faults
        self._processing: dict[int, ChannelProcessing] = {}
        self._begun: deque[Pending[tuple[Reconstructed, ...]]] = deque()
        self._hurried = False

    def hurry(self) -> None:
        """Skip what has not been reconstructed yet; may be called from another thread."""
        self._hurried = True

    def run(self) -> None:
        """Work until the queue of stacks is closed and empty."""
        try:
            while (stack := self._next()) is not None:
                self._sort(stack)
                if self._calibrating:  # the queue may drop, a channel keeps what it needs
                    for other in self._stacks.take():
                        self._sort(other)
                self._work()
            self._work(ended=True)
            for one in self._processing.values():
                one.end()
            if self._networks is not None:
                self._networks.catch_up(lambda: self._hurried)
        finally:
            self._stacks.abandon()
            self._results.close()
            for one in self._processing.values():
                if isinstance(one.pipeline, Tracked):
                    one.pipeline.close()

    def _next(self) -> RawStack | None:
        """Take the oldest stack, and leave the processor to the disk where that is behind.

        Not for ever: a disk that is slow for other reasons must not hide the sample.
        """
        if self._networks is not None:
            self._ease(EASE_S)
        return self._stacks.get()

    @property
    def _calibrating(self) -> bool:
        return any(one.pipeline is None for one in self._processing.values())

    @property
    def _more(self) -> bool:
        """Whether there is another stack to begin with."""
        known = (one for one in self._processing.values() if one.pipeline is not None)
        return bool(self._stacks.queued) or any(one.waiting for one in known)

    def _sort(self, stack: RawStack) -> None:
        channel = stack.index.channel
        if channel not in self._processing:
            factory = self._channels.factory(channel)
            lossless = self._networks is None
            own = ChannelProcessing(factory, self._faults, lossless=lossless, planes=self._planes)
            self._processing[channel] = own
        self._processing[channel].add(stack)

    def _work(self, *, ended: bool = False) -> None:
        """Do what can be done with the stacks that wait."""
        for channel, own in self._processing.items():
            if not self._hurried and own.calibrate(ended=ended):
                assert own.pipeline is not None
                self._channels.begin(channel, own.pipeline)
            if own.pipeline is not None:
                for stack in own.take():
                    self._reconstruct(own, stack)
            elif ended and own.waiting:
                why = "" if self._hurried else self._channels.conclusion()
                own.give_up(why, hurried=self._hurried)
        self._deliver()

    def _reconstruct(self, own: ChannelProcessing, stack: RawStack) -> None:
        if self._hurried:
            self._faults.report("skipped_stacks")
            return
        self._channels.before(stack)
        # A preview is worth its time while nothing else waits for that.
        begun = own.begin(stack, preview=not (self._stacks.queued or self._results.queued))
        self._channels.after(stack)
        if begun is not None:
            self._begun.append(begun)
        self._deliver()

    def _deliver(self) -> None:
        """Pass results on, oldest first.

        While more stacks come, each channel's GPU may still be at work on as many as it can take.
        """
        channels = len(self._processing) if self._more else 0
        while self._begun and len(self._begun) > channels * self._begun[0].beside:
            for made in self._begun.popleft().take():
                if not made.result.is_preview:
                    self._meter.tick()
                self._results.put(made)
                if self._networks is not None:
                    self._networks.offer(made)
