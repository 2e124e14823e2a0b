"""Raw stacks of one stream -> results in the same order, once their pattern is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from livesim.clock import steady_ns
from livesim.engine.bounded import BoundedQueue
from livesim.engine.meters import Faults, Meter
from livesim.engine.pipeline import Pipeline, PipelineFactory, Watched
from livesim.frames import RawStack, Result

CALIBRATION_STACKS = 32
"""Raw stacks kept while the pattern is not known."""

STACK_FAULTS = (ValueError, RuntimeError, ArithmeticError, LookupError)
"""What data can do to a pipeline: wrong shapes, no signal, no memory on the GPU (torch raises
RuntimeError). Anything else is a mistake of ours and ends the engine."""

Value = TypeVar("Value")


class Processor:
    """The processing thread of one stream.

    Parameters
    ----------
    stacks, results
        The queues on both sides; the processor abandons the one and closes the other at its end.
    factory
        Makes the pipeline, given enough stacks.
    on_ready
        Called with the pipeline, before its first result.
    on_stack
        Called after every stack.
    lossless
        Whether every stack must be reconstructed: then, when no pattern is found within
        `CALIBRATION_STACKS` stacks, the factory must do with those. Otherwise the oldest are
        dropped until some stacks have enough signal.
    conclusion
        Says, once no more stacks come and no pattern was found, what is wrong with them; "" =
        nothing is known.
    """

    def __init__(
        self,
        stacks: BoundedQueue[RawStack],
        results: BoundedQueue[Result],
        factory: PipelineFactory,
        on_ready: Callable[[Pipeline], None],
        on_stack: Callable[[], None],
        meter: Meter,
        faults: Faults,
        *,
        lossless: bool,
        conclusion: Callable[[], str] = lambda: "",
    ) -> None:
        self._stacks = stacks
        self._results = results
        self._factory = factory
        self._on_ready = on_ready
        self._on_stack = on_stack
        self._meter = meter
        self._faults = faults
        self._lossless = lossless
        self._conclusion = conclusion
        self._pending: deque[RawStack] = deque()
        self._reason = "too little signal"
        self._hurried = False

    def hurry(self) -> None:
        """Skip what has not been reconstructed yet; may be called from another thread."""
        self._hurried = True

    def run(self) -> None:
        """Work until the queue of stacks is closed and empty."""
        pipeline = None
        try:
            pipeline = self._calibrate()
            if pipeline is not None:
                self._on_ready(pipeline)
                self._reconstruct_all(pipeline)
        finally:
            self._stacks.abandon()
            self._results.close()
            if isinstance(pipeline, Watched):
                pipeline.close()

    def _calibrate(self) -> Pipeline | None:
        """Collect stacks until the factory returns a pipeline, or no more come."""
        while (stack := self._stacks.get()) is not None:
            self._pending.extend([stack, *self._stacks.take()])
            pipeline = self._try_pipeline(ended=False)
            if pipeline is not None:
                return pipeline
        pipeline = self._try_pipeline(ended=True)
        if pipeline is None and self._pending:
            self._skip_pending()
        return pipeline

    def _try_pipeline(self, *, ended: bool) -> Pipeline | None:
        if not self._pending or self._hurried:
            return None
        full = len(self._pending) >= CALIBRATION_STACKS
        decide = ended or (self._lossless and full)
        pipeline = self._attempt(lambda: self._factory(tuple(self._pending), decide))
        while pipeline is None and len(self._pending) >= CALIBRATION_STACKS:
            self._pending.popleft()
            self._faults.report("skipped_stacks")
        return pipeline

    def _reconstruct_all(self, pipeline: Pipeline) -> None:
        while self._pending:
            self._reconstruct(pipeline, self._pending.popleft())
        for stack in self._stacks:
            self._reconstruct(pipeline, stack)

    def _reconstruct(self, pipeline: Pipeline, stack: RawStack) -> None:
        if self._hurried:
            self._faults.report("skipped_stacks")
            return
        taken = steady_ns()
        result = self._attempt(lambda: pipeline(stack))
        self._on_stack()
        if result is None:
            self._faults.report("failed_stacks")
            return
        self._meter.tick()
        passage = replace(stack.passage, taken=taken, reconstructed=steady_ns())
        received_ns = stack.last_received_ns
        self._results.put(replace(result, last_received_ns=received_ns, passage=passage))

    def _attempt(self, work: Callable[[], Value]) -> Value | None:
        """Do what one stack may make fail: the live loop's one catch."""
        try:
            return work()
        except STACK_FAULTS as error:
            self._reason = str(error) or type(error).__name__
            self._faults.say(self._reason)
            return None

    def _skip_pending(self) -> None:
        count = len(self._pending)
        self._faults.report("skipped_stacks", None if self._hurried else self._why(count), count)
        self._pending.clear()

    def _why(self, count: int) -> str:
        words = f"expected a pattern in {count} raw stack(s), found none: {self._reason}"
        said = self._conclusion()
        return f"{words}; doctor: {said}" if said else words
