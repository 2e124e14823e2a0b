"""Raw stacks of one stream -> results, those of each channel in the same order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from livesim.engine.channel_processing import ChannelProcessing
from livesim.engine.meters import Faults, Meter
from livesim.engine.pending import Pending
from livesim.engine.queue import BoundedQueue
from livesim.engine.seams import Pipeline, PipelineFactory, Reconstructed, Tracked
from livesim.values.frames import RawStack


class Processor:
    """The processing thread of one stream.

    Every channel has a pattern and a pipeline of its own, and none waits for another's.

    Parameters
    ----------
    stacks, results
        The queues on both sides; the processor abandons the one and closes the other at its end.
    factory_of
        A channel -> what makes its pipeline, given enough stacks.
    on_ready
        Called with a channel's pipeline, before its first result.
    before
        Called with every stack, before it is reconstructed.
    on_stack
        Called after every stack, with its channel.
    lossless
        Whether every stack must be reconstructed, see `ChannelProcessing`.
    conclusion
        Says, once no more stacks come and no pattern was found, what is wrong with them; "" =
        nothing is known.
    """

    def __init__(
        self,
        stacks: BoundedQueue[RawStack],
        results: BoundedQueue[Reconstructed],
        factory_of: Callable[[int], PipelineFactory],
        on_ready: Callable[[int, Pipeline], None],
        before: Callable[[RawStack], None],
        on_stack: Callable[[int], None],
        meter: Meter,
        faults: Faults,
        *,
        lossless: bool,
        conclusion: Callable[[], str] = lambda: "",
    ) -> None:
        self._stacks = stacks
        self._results = results
        self._factory_of = factory_of
        self._on_ready = on_ready
        self._before, self._on_stack = before, on_stack
        self._meter = meter
        self._faults = faults
        self._lossless = lossless
        self._conclusion = conclusion
        self._lanes: dict[int, ChannelProcessing] = {}
        self._begun: deque[Pending[Reconstructed | None]] = deque()
        self._hurried = False

    def hurry(self) -> None:
        """Skip what has not been reconstructed yet; may be called from another thread."""
        self._hurried = True

    def run(self) -> None:
        """Work until the queue of stacks is closed and empty."""
        try:
            for stack in self._stacks:
                self._sort(stack)
                if self._calibrating:  # the queue may drop, a lane keeps what it needs
                    for other in self._stacks.take():
                        self._sort(other)
                self._work()
            self._work(ended=True)
        finally:
            self._stacks.abandon()
            self._results.close()
            for lane in self._lanes.values():
                if isinstance(lane.pipeline, Tracked):
                    lane.pipeline.close()

    @property
    def _calibrating(self) -> bool:
        return any(lane.pipeline is None for lane in self._lanes.values())

    @property
    def _more(self) -> bool:
        """Whether there is another stack to begin with."""
        lanes = (lane for lane in self._lanes.values() if lane.pipeline is not None)
        return bool(self._stacks.queued) or any(lane.waiting for lane in lanes)

    def _sort(self, stack: RawStack) -> None:
        channel = stack.index.channel
        if channel not in self._lanes:
            factory = self._factory_of(channel)
            self._lanes[channel] = ChannelProcessing(factory, self._faults, lossless=self._lossless)
        self._lanes[channel].add(stack)

    def _work(self, *, ended: bool = False) -> None:
        """Do what can be done with the stacks that wait."""
        for channel, lane in self._lanes.items():
            if not self._hurried and lane.calibrate(ended=ended):
                assert lane.pipeline is not None
                self._on_ready(channel, lane.pipeline)
            if lane.pipeline is not None:
                for stack in lane.take():
                    self._reconstruct(lane, stack)
            elif ended and lane.waiting:
                said = "" if self._hurried else self._conclusion()
                lane.give_up(said, hurried=self._hurried)
        self._deliver()

    def _reconstruct(self, lane: ChannelProcessing, stack: RawStack) -> None:
        if self._hurried:
            self._faults.report("skipped_stacks")
            return
        self._before(stack)
        begun = lane.begin(stack)
        self._on_stack(stack.index.channel)
        if begun is not None:
            self._begun.append(begun)
        self._deliver()

    def _deliver(self) -> None:
        """Pass results on, oldest first.

        While more stacks come, each channel's GPU may still be at work on one.
        """
        kept = len(self._lanes) if self._more else 0
        while self._begun and (len(self._begun) > kept or not self._begun[0].waits):
            result = self._begun.popleft().take()
            if result is not None:
                self._meter.tick()
                self._results.put(result)
