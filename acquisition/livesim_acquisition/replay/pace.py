"""Let frames through when they are due; pause, step and change the rate while they flow."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Condition

from livesim.values.frames import RawFrame, StackIndex
from livesim_acquisition.replay.rate import Rate
from livesim_acquisition.streaming import Due

DueAt = Callable[[Rate | float], Due]
"""A rate -> when each frame is due at that rate; see `rate.due_times`."""


@dataclass(frozen=True, slots=True)
class PaceState:
    """What a replay does at this moment."""

    rate: Rate | float
    paused: bool = False
    steps: int = 0
    """Raw stacks that are let through all the same."""
    stopped: bool = False


class Pace:
    """Lets frames through one after another; its methods may be called in any thread.

    Frames are taken in their order, each exactly once: a pause keeps the next one waiting, and what
    is changed takes effect on the very next frame.

    Parameters
    ----------
    rate
        To begin with.
    """

    def __init__(self, rate: Rate | float = Rate.REAL) -> None:
        self._state = PaceState(rate)
        self._due_at: DueAt = lambda rate: lambda frame: 0.0
        self._due: Due = self._due_at(rate)
        self._begin: float | None = None
        """When a frame that is due at 0 s has its turn; None: the next one has it now."""
        self._changed = Condition()

    @property
    def state(self) -> PaceState:
        """A snapshot."""
        return self._state

    def pause(self) -> None:
        """Hold the frames back from the next one on."""
        self._change(lambda state: replace(state, paused=True, steps=0))

    def resume(self) -> None:
        """Let frames through again."""
        self._change(lambda state: replace(state, paused=False, steps=0))

    def toggle(self) -> None:
        """Pause, or resume."""
        self._change(lambda state: replace(state, paused=not state.paused, steps=0))

    def step(self) -> None:
        """Pause, but let frames through at once until one more raw stack is complete."""
        self._change(lambda state: replace(state, paused=True, steps=state.steps + 1))

    def set_rate(self, rate: Rate | float) -> None:
        """Go on at another rate; the next frame is due at once."""
        self._change(lambda state: replace(state, rate=rate))

    def stop(self) -> None:
        """Let no more frames through."""
        self._change(lambda state: replace(state, stopped=True))

    def paced(
        self, frames: Iterable[RawFrame], due_at: DueAt, stack_frames: int
    ) -> Iterator[RawFrame]:
        """Yield each frame when its turn has come, until they end or `stop` is called.

        Parameters
        ----------
        stack_frames
            Of a complete raw stack.
        """
        seen: Counter[StackIndex] = Counter()
        self._due_at = due_at
        self._change(lambda state: replace(state, steps=0))
        for frame in frames:
            if not self._wait_for(frame):
                return
            yield frame
            seen[frame.axes.stack] += 1
            if seen[frame.axes.stack] == stack_frames:
                del seen[frame.axes.stack]
                self._count_step()

    def _change(self, change: Callable[[PaceState], PaceState]) -> None:
        with self._changed:
            self._state = change(self._state)
            self._due = self._due_at(self._state.rate)
            self._begin = None
            self._changed.notify_all()

    def _wait_for(self, frame: RawFrame) -> bool:
        """Wait until it is a frame's turn; False if it is never going to be."""
        with self._changed:
            while not self._state.stopped:
                left_s = self._left_s(frame)
                if left_s is not None and left_s <= 0.0:
                    return True
                self._changed.wait(left_s)
        return False

    def _left_s(self, frame: RawFrame) -> float | None:
        """Return how long a frame has still to wait; None: until something is changed."""
        if self._state.steps:
            return 0.0
        if self._state.paused:
            return None
        due_s, now = self._due(frame), time.monotonic()
        if self._begin is None:
            self._begin = now - due_s
        # Against a deadline, so that delays do not add up.
        return self._begin + due_s - now

    def _count_step(self) -> None:
        """Note that a raw stack is complete."""
        with self._changed:
            self._state = replace(self._state, steps=max(0, self._state.steps - 1))
