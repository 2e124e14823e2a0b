"""Process one channel of a stream: calibrate on its first stacks, then reconstruct every one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from livesim.engine.meters import Faults
from livesim.engine.pending import Pending, ready
from livesim.engine.queue import held_at_most
from livesim.engine.seams import (
    DATA_FAULTS,
    Beginning,
    Later,
    Pipeline,
    PipelineFactory,
    PlainFirst,
    Reconstructed,
)
from livesim.engine.volumetric import Volumetric
from livesim.values.clock import steady_ns
from livesim.values.frames import Passage, RawStack

CALIBRATION_STACKS, CALIBRATION_BYTES = 32, 512 << 20
"""Raw stacks kept while the pattern is not known, and the memory that they may hold."""
FEWEST_STACKS = 4
"""Of them, however large they are."""

Value = TypeVar("Value")


def calibration_stacks(size: int) -> int:
    """Return how many raw stacks of a size in bytes are kept while the pattern is not known."""
    return max(held_at_most(CALIBRATION_STACKS, CALIBRATION_BYTES, size), FEWEST_STACKS)


class ChannelProcessing:
    """One channel of a stream: its stacks, while they wait for a pattern, and its pipeline.

    Parameters
    ----------
    factory
        Makes the pipeline, given enough stacks.
    lossless
        Whether every stack must be reconstructed: then, when no pattern is found within
        `CALIBRATION_STACKS` stacks, or fewer large ones, the factory must do with those. Otherwise
        the oldest are dropped until some stacks have enough signal. Otherwise, too, the plain image
        of every stack comes first, and its networks are left for later.
    planes
        Of a volume: two volumes are kept while the pattern is not known.
    """

    def __init__(
        self, factory: PipelineFactory, faults: Faults, *, lossless: bool, planes: int = 1
    ) -> None:
        self._factory, self._faults, self._lossless = factory, faults, lossless
        self._planes = planes
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

    @property
    def _most(self) -> int:
        if self._planes > 1:
            return 2 * self._planes
        return calibration_stacks(self._waiting[-1].pixels.nbytes)

    def calibrate(self, *, ended: bool) -> bool:
        """Try to make the pipeline; `ended`: no more stacks will come. Return whether it is new."""
        if self.pipeline is not None or not self._waiting:
            return False
        full = len(self._waiting) >= self._most
        decide = ended or (self._lossless and full)
        self.pipeline = self._attempt(lambda: self._factory(tuple(self._waiting), decide))
        while self.pipeline is None and len(self._waiting) >= self._most:
            self._waiting.popleft()
            self._faults.report("skipped_stacks")
        return self.pipeline is not None

    def begin(
        self, stack: RawStack, *, preview: bool = True
    ) -> Pending[tuple[Reconstructed, ...]] | None:
        """Begin with one stack; None if it has failed already or fails later, which is counted.

        What becomes of it is one result; of a plane of a volume it may be none, or all its planes.

        Parameters
        ----------
        preview
            Whether a plane shall be shown by itself before its volume.
        """
        pipeline = self.pipeline
        assert pipeline is not None
        taken_ns = steady_ns()
        if isinstance(pipeline, Volumetric):
            return self._add_plane(pipeline, stack, taken_ns, preview=preview)
        begun = self._counted(lambda: _begun(pipeline, stack, plain=not self._lossless))
        if begun is None:
            return None
        return Pending(lambda: self._finish(stack, taken_ns, begun), begun.beside)

    def _finish(
        self, stack: RawStack, taken_ns: int, begun: Pending[Reconstructed]
    ) -> tuple[Reconstructed, ...]:
        """Take what was begun and say of it when its stack passed."""
        made = self._counted(begun.take)
        if made is None:
            return ()
        made = replace(_stamped(made, stack), passage=_passage(stack, taken_ns))
        later = made.later
        if later is None:
            return (made,)

        def stamped() -> Pending[tuple[Reconstructed, ...]]:
            second = self._second(later)
            return second.then(lambda made: tuple(_stamped(one, stack) for one in made))

        return (replace(made, later=replace(later, begin=stamped)),)

    def _add_plane(
        self, pipeline: Volumetric, stack: RawStack, taken_ns: int, *, preview: bool
    ) -> Pending[tuple[Reconstructed, ...]] | None:
        plain = not self._lossless
        step = self._counted(lambda: pipeline.add_plane(stack, preview=preview, plain=plain))
        if step is None:
            return None
        self._tell(step.torn)
        passage = _passage(stack, taken_ns)
        return ready(tuple(self._of_volume(one, passage) for one in step.made))

    def _of_volume(self, made: Reconstructed, passage: Passage) -> Reconstructed:
        """Return a plane's result with when its last raw stack passed."""
        made, later = replace(made, passage=passage), made.later
        if later is None:
            return made
        return replace(made, later=replace(later, begin=lambda: self._second(later)))

    def end(self) -> None:
        """Say what will not become whole any more."""
        if isinstance(self.pipeline, Volumetric):
            self._tell(self.pipeline.end_volumes())

    def _tell(self, torn: Sequence[str]) -> None:
        for words in torn:
            self._faults.report("incomplete_volumes", words)

    def _second(self, later: Later) -> Pending[tuple[Reconstructed, ...]]:
        """Let the networks begin; in another thread."""

        def take() -> tuple[Reconstructed, ...]:
            return (None if begun is None else self._counted(begun.take)) or ()

        begun = self._counted(later.begin)
        return Pending(take, 0 if begun is None else begun.beside)

    def give_up(self, why: str, *, hurried: bool) -> None:
        """Skip what waits for a pattern that will not be known; `why`: what the doctor says."""
        count = len(self._waiting)
        words = f"expected a pattern in {count} raw stack(s), found none: {self._reason}"
        words = f"{words}; doctor: {why}" if why else words
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
        except DATA_FAULTS as error:
            self._reason = str(error) or type(error).__name__
            self._faults.say(self._reason)
            return None


def _passage(stack: RawStack, taken_ns: int) -> Passage:
    return Passage(stack.passage.received, stack.passage.assembled, taken_ns, steady_ns())


def _stamped(made: Reconstructed, stack: RawStack) -> Reconstructed:
    """Return what was made, with what is known of its stack alone."""
    result = replace(made.result, last_received_ns=stack.last_received_ns, rolling=stack.rolling)
    return replace(made, result=result)


def _begun(pipeline: Pipeline, stack: RawStack, *, plain: bool) -> Pending[Reconstructed]:
    if plain and isinstance(pipeline, PlainFirst):
        return pipeline.begin_plain(stack)
    if isinstance(pipeline, Beginning):
        return pipeline.begin(stack)
    return ready(Reconstructed(pipeline(stack)))
