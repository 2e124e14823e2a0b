"""Recent raw stacks in, proposals for a better pattern out; made in a thread of its own."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from livesim.engine.beside.proposals import (
    Proposal,
    Seen,
    Trackable,
    Wanted,
    anew,
    estimated,
    fitted,
    recalibrated,
    returned,
    still_since,
    told,
    unchanged,
)
from livesim.reconstruction.track.modulation import FOUND, PATIENCE
from livesim.values.frames import Pattern, RawStack

DUTY = 0.2
"""Of one core: the most that background work takes in the long run."""
WINDOW = 12
"""Raw stacks that an estimate looks back on, at most."""
HELD_OUT = 0.25
"""Of the window: the newest stacks, on which old and new pattern are compared."""
FEWEST = 4
LONGEST_S = 2.0
"""An estimate takes as few stacks as fit into this time, once its speed is known: whoever ends the
engine has to wait for it."""
PERIOD_S = 10.0
"""Between two estimates, while nothing asks for one sooner."""
BACK, LOWEST = 10, 19
"""By how much its thread is nicer than the others, and what is nicest."""
_LATEST = 0.02  # s, how often the thread looks for something to do

BACKGROUND_FAULTS = (ValueError, RuntimeError, ArithmeticError, LookupError)

_log = logging.getLogger("livesim.engine")


class Rest:
    """Work that is followed by four times as long a rest, so that it keeps to `DUTY`."""

    def __init__(self) -> None:
        self._start = self._until = 0.0

    @property
    def over(self) -> bool:
        """Whether it may be done again."""
        return time.monotonic() >= self._until

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        now = time.monotonic()
        self._until = now + (now - self._start) * (1.0 / DUTY - 1.0)


class Background:
    """The thread: prepares, probes lost angles and estimates, and rests four fifths of the time.

    It never holds the frame path: stacks are handed over by reference, and a proposal is taken by
    a look at one attribute.

    Parameters
    ----------
    prepare
        A pattern -> its reconstruction.
    estimate
        Raw stacks -> their pattern; None never estimates.
    quieten
        Called once in the new thread.
    most
        Raw stacks that an estimate takes at most.
    """

    def __init__(
        self,
        prepare: Callable[[Pattern], Trackable],
        estimate: Callable[[Sequence[RawStack]], Pattern] | None,
        active: Trackable,
        *,
        quieten: Callable[[], None] = lambda: None,
        most: int = WINDOW,
    ) -> None:
        self._prepare, self._estimate, self._quieten = prepare, estimate, quieten
        self._recent: deque[Seen] = deque(maxlen=WINDOW if most >= FEWEST else FEWEST)
        self._most, self._most_now = most, min(most, FEWEST - 1)
        self._active = active
        self._wanted: Wanted | None = None
        self._probe: Trackable | None = None
        self._lost: tuple[int, ...] = ()
        self._proposal: Proposal | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._asked = False
        self._anew = False
        self._watching = True
        self._tried = 0
        self._finds = 0
        self._probed: RawStack | None = None
        self._probe_rest, self._estimate_rest = Rest(), Rest()
        self._estimate_at = 0.0
        self.estimates = 0
        self.failures = 0
        self._thread = threading.Thread(target=self._run, name="livesim-tracking")
        self._thread.start()

    # The processor's thread.

    def offer(self, seen: Seen) -> None:
        """Hand over the newest stack; never waits."""
        self._recent.append(seen)

    def take(self) -> Proposal | None:
        """Take what is proposed, if anything is."""
        if self._proposal is None:
            return None
        proposal, self._proposal = self._proposal, None
        self._anew = self._anew and not proposal.asked
        return proposal

    def want(self, wanted: Wanted) -> None:
        """Ask for another plan; only the newest wish counts."""
        with self._changed:
            self._wanted = wanted
            self._changed.notify()

    def use(
        self,
        active: Trackable,
        shifts: Sequence[float],
        lost: tuple[int, ...] = (),
        probe: Trackable | None = None,
    ) -> None:
        """Say what is in use now, from which old phases on, and what knows the lost angles."""
        with self._changed:
            self._active, self._lost, self._probe, self._finds = active, lost, probe, 0
            for number, one in enumerate(self._recent):
                phases = tuple(p - shift for p, shift in zip(one.phases, shifts, strict=True))
                self._recent[number] = Seen(one.stack, phases, active.pattern)

    def steer(self, prepare: Callable[[Pattern], Trackable], *, watching: bool) -> None:
        """Prepare with other settings from now on; `watching`: whether to estimate unasked.

        What is being prepared with the old ones is based on another pattern than the one that
        `use` has to be told next, and is dropped.
        """
        with self._changed:
            self._prepare, self._watching = prepare, watching

    def recalibrate(self) -> None:
        """Estimate from the next stacks, and propose that whatever it is."""
        with self._changed:
            self._recent.clear()
            self._anew = self._estimate is not None

    @property
    def recalibrating(self) -> bool:
        """Whether that is still to be taken."""
        return self._anew

    def ask(self) -> None:
        """Ask for an estimate sooner."""
        self._asked = True

    def close(self) -> None:
        """End the thread, once an estimate that is under way is done; does not wait for that.

        At the end of the process Python does: torch must not be cut off in the middle.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()

    # The thread.

    def _run(self) -> None:
        step_back()
        self._quieten()
        while not self._closed:
            try:
                self._work()
            except BACKGROUND_FAULTS as error:
                _log.warning("tracking: %s", error)
                self.failures += 1
            self._wait()

    def _wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._wanted is not None, _LATEST)

    def _work(self) -> None:
        """Do what is wanted; what is only worth a try, when it is its turn."""
        with self._changed:
            wanted, self._wanted = self._wanted, None
        if wanted is not None:
            prepared = self._prepare(wanted.pattern)
            self._proposal = wanted.proposal(prepared)
        if self._proposal is None and self._anew and len(self._recent) >= self._enough:
            self._recalibrate()
        if self._proposal is None and self._probe_rest.over:
            with self._probe_rest:
                self._probe_lost()
        if self._proposal is None and self._estimate_rest.over and self._due():
            with self._estimate_rest:
                self._improve()

    def _probe_lost(self) -> None:
        """Look whether the newest stack shows the lost angles again."""
        probe, active, lost = self._probe, self._active, self._lost
        if probe is None or not lost or not self._recent:
            return
        newest = self._recent[-1].stack
        if newest is self._probed:
            return
        self._probed = newest
        readings = [one for one in probe.measure(newest) if one.harmonic == 1]
        strong = [one for one in readings if abs(one.ratio) - 3.0 * one.error > FOUND]
        back = {one.angle for one in strong} & set(lost)
        whole = active.pattern.layout != "hexagonal" or back == set(lost)
        self._finds = self._finds + 1 if back and whole else 0
        if self._finds >= PATIENCE:
            self._proposal = returned(active.pattern, back, readings, self._prepare)

    @property
    def _enough(self) -> int:
        return min(self._most, FEWEST)

    def _recalibrate(self) -> None:
        """Estimate as asked, and propose what is found."""
        active, seen = self._active, list(self._recent)[-self._enough :]
        assert self._estimate is not None
        try:
            found = anew(self._estimate([one.stack for one in seen]), active.pattern)
            self._proposal = recalibrated(active, found, seen, self._prepare)
        except BACKGROUND_FAULTS as error:
            self._proposal = unchanged(active, f"asked for, but not estimated: {error}")
            raise
        finally:
            self.estimates += 1

    def _due(self) -> bool:
        if self._estimate is None or not self._watching or self._anew:
            return False
        count = len(self._recent)
        grown = count == self._recent.maxlen and self._tried < count
        due = not self._tried or grown or self._asked or time.monotonic() >= self._estimate_at
        return due and count >= FEWEST

    def _improve(self) -> None:
        """Estimate on the older part of the window; compare on the newer."""
        active = self._active
        seen = still_since(list(self._recent), active.pattern)
        if self._estimate is None or len(seen) < FEWEST:
            return
        self._asked, self._tried = False, len(self._recent)
        self._estimate_at = time.monotonic() + PERIOD_S
        held = max(round(HELD_OUT * len(seen)), 1)
        seen, newest = seen[:-held][-self._most_now :], seen[-held:]
        start = time.monotonic()
        found = fitted(self._estimate([one.stack for one in seen]), active.pattern)
        each = (time.monotonic() - start) / len(seen)
        self._most_now = min(self._most, max(FEWEST - 1, int(LONGEST_S / max(each, 1e-3))))
        self.estimates += 1
        if found is not None:
            prepared = self._prepare(found)
            gains = [told(prepared, one.stack) - told(active, one.stack) for one in newest]
            self._proposal = estimated(active.pattern, prepared, seen, gains)


def step_back() -> None:
    """Let this thread wait where the frame path wants the processor.

    It still gets a tenth of it: without any (SCHED_IDLE, where other programs take all cores) it
    may hold Python's lock and not run for a minute, and the frame path with it.
    """
    if sys.platform == "linux":
        own = threading.get_native_id()
        nice = os.getpriority(os.PRIO_PROCESS, own) + BACK
        os.setpriority(os.PRIO_PROCESS, own, min(nice, LOWEST))
