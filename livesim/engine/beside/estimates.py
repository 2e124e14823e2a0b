"""When to estimate the pattern of a running stream, and from which of its stacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from livesim.engine.beside.proposals import (
    Prepare,
    Proposal,
    RecentStack,
    Trackable,
    estimated,
    in_known_order,
    log_likelihood,
    matched,
    recalibrated,
    steady_stacks,
)
from livesim.engine.beside.worker import Rest
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern

WINDOW = 12
"""Raw stacks that an estimate looks back on, at most."""
HELD_OUT = 0.25
"""Of the window: the newest stacks, on which old and new pattern are compared."""
FEWEST = 4
LONGEST_S = 2.0
"""An estimate takes as few stacks as fit into this time, once its speed is known: ending the engine
has to wait for it."""
PERIOD_S = 10.0
"""Between two estimates, while nothing asks for one sooner."""


class Estimates:
    """Estimates of the pattern beside the frame path, each of which is dear.

    Parameters
    ----------
    estimate
        Raw stacks -> their pattern.
    most
        Raw stacks that an estimate takes at most.
    """

    def __init__(self, estimate: Callable[[Sequence[RawStack]], Pattern], most: int) -> None:
        self._estimate = estimate
        self._most, self._most_now = most, min(most, FEWEST - 1)
        self._rest = Rest()
        self._asked = False
        self._tried = 0
        self._next_at = 0.0
        self.made = 0
        """Estimates so far."""

    def ask(self) -> None:
        """Ask for one sooner; safe in any thread."""
        self._asked = True

    def due(self, count: int, *, full: bool) -> bool:
        """Whether to estimate from `count` recent stacks; `full`: no more of them are kept."""
        if count < FEWEST or not self._rest.over:
            return False
        grown = full and self._tried < count
        return not self._tried or grown or self._asked or time.monotonic() >= self._next_at

    def improve(
        self, active: Trackable, recent: Sequence[RecentStack], prepare: Prepare
    ) -> Proposal | None:
        """Estimate on the older part of the window; compare on the newer."""
        with self._rest:
            seen = steady_stacks(recent, active.pattern)
            if len(seen) < FEWEST:
                return None
            self._asked, self._tried = False, len(recent)
            self._next_at = time.monotonic() + PERIOD_S
            held = max(round(HELD_OUT * len(seen)), 1)
            used, newest = seen[:-held][-self._most_now :], seen[-held:]
            found = matched(self._timed(used), active.pattern)
            if found is None:
                return None
            prepared = prepare(found)
            gains = [
                log_likelihood(prepared, one.stack) - log_likelihood(active, one.stack)
                for one in newest
            ]
            return estimated(active.pattern, prepared, used, gains)

    def _timed(self, used: Sequence[RecentStack]) -> Pattern:
        """Estimate, and learn from the time it took how many stacks to take next."""
        start = time.monotonic()
        found = self._estimate([one.stack for one in used])
        each_s = (time.monotonic() - start) / len(used)
        self._most_now = min(self._most, max(FEWEST - 1, int(LONGEST_S / max(each_s, 1e-3))))
        self.made += 1
        return found

    @property
    def enough(self) -> int:
        """How many stacks an estimate that was asked for waits for."""
        return min(self._most, FEWEST)

    def recalibrate(
        self, active: Trackable, recent: Sequence[RecentStack], prepare: Prepare
    ) -> Proposal:
        """Estimate because somebody has asked for it, and propose what is found."""
        seen = recent[-self.enough :]
        self.made += 1
        found = in_known_order(self._estimate([one.stack for one in seen]), active.pattern)
        return recalibrated(active, found, seen, prepare)
