"""Raw stacks of one channel in; results out, once the channel's pattern is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from livesim.engine.meters import Faults
from livesim.engine.seams import Beginning, Begun, Pipeline, PipelineFactory, Ready
from livesim.values.clock import steady_ns
from livesim.values.frames import RawStack
from livesim.values.results import Result

CALIBRATION_STACKS = 32
"""Raw stacks kept while the pattern is not known."""

STACK_FAULTS = (ValueError, RuntimeError, ArithmeticError, LookupError)
"""What data can do to a pipeline: wrong shapes, no signal, no memory on the GPU (torch raises
RuntimeError). Anything else is a mistake of ours and ends the engine."""

Value = TypeVar("Value")


class ChannelProcessing:
    """One channel of a stream: its stacks, while they wait for a pattern, and its pipeline.

    Parameters
    ----------
    factory
        Makes the pipeline, given enough stacks.
    lossless
        Whether every stack must be reconstructed: then, when no pattern is found within
        `CALIBRATION_STACKS` stacks, the factory must do with those. Otherwise the oldest are
        dropped until some stacks have enough signal.
    """

    def __init__(self, factory: PipelineFactory, faults: Faults, *, lossless: bool) -> None:
        self._factory, self._faults, self._lossless = factory, faults, lossless
        self._waiting: deque[RawStack] = deque()
        self._reason = "too little signal"
        self.pipeline: Pipeline | None = None
        """None until the pattern is known."""

    @property
    def waiting(self) -> int:
        """Stacks that are still to be reconstructed."""
        return len(self._waiting)

    def add(self, stack: RawStack) -> None:
        """Keep one more stack; a running one is of no use for the pattern."""
        if self.pipeline is not None or stack.whole:
            self._waiting.append(stack)

    def take(self) -> Iterator[RawStack]:
        """Yield the stacks that wait, oldest first."""
        while self._waiting:
            yield self._waiting.popleft()

    def calibrate(self, *, ended: bool) -> bool:
        """Try to make the pipeline; `ended`: no more stacks will come. Return whether it is new."""
        if self.pipeline is not None or not self._waiting:
            return False
        full = len(self._waiting) >= CALIBRATION_STACKS
        decide = ended or (self._lossless and full)
        self.pipeline = self._attempt(lambda: self._factory(tuple(self._waiting), decide))
        while self.pipeline is None and len(self._waiting) >= CALIBRATION_STACKS:
            self._waiting.popleft()
            self._faults.report("skipped_stacks")
        return self.pipeline is not None

    def begin(self, stack: RawStack) -> Promise | None:
        """Begin with one stack; None if it will have no result, which is counted."""
        pipeline = self.pipeline
        assert pipeline is not None
        taken = steady_ns()
        begun = self._counted(lambda: _begun(pipeline, stack))
        return None if begun is None else Promise(self, stack, taken, begun)

    def finish(self, promise: Promise) -> Result | None:
        """Return the result that was begun; None if it has none, which is counted."""
        stack = promise.stack
        result = self._counted(promise.begun.result)
        if result is None:
            return None
        passage = replace(stack.passage, taken=promise.taken, reconstructed=steady_ns())
        return replace(
            result,
            last_received_ns=stack.last_received_ns,
            passage=passage,
            rolling=stack.rolling,
        )

    def give_up(self, said: str, *, hurried: bool) -> None:
        """Skip what waits for a pattern that will not be known; `said`: why, as a doctor says."""
        count = len(self._waiting)
        words = f"expected a pattern in {count} raw stack(s), found none: {self._reason}"
        words = f"{words}; doctor: {said}" if said else words
        self._faults.report("skipped_stacks", None if hurried else words, count)
        self._waiting.clear()

    def _counted(self, work: Callable[[], Value]) -> Value | None:
        done = self._attempt(work)
        if done is None:
            self._faults.report("failed_stacks")
        return done

    def _attempt(self, work: Callable[[], Value]) -> Value | None:
        """Do what one stack may make fail: the live loop's one catch."""
        try:
            return work()
        except STACK_FAULTS as error:
            self._reason = str(error) or type(error).__name__
            self._faults.say(self._reason)
            return None


@dataclass(frozen=True, slots=True, eq=False)
class Promise:
    """A result that has been begun."""

    lane: ChannelProcessing
    stack: RawStack
    taken: int
    """When it was begun."""
    begun: Begun

    @property
    def waits(self) -> bool:
        """Whether the next stack may be begun meanwhile."""
        return self.begun.waits

    def result(self) -> Result | None:
        """Return the result; None if there is none."""
        return self.lane.finish(self)


def _begun(pipeline: Pipeline, stack: RawStack) -> Begun:
    return pipeline.begin(stack) if isinstance(pipeline, Beginning) else Ready(pipeline(stack))
