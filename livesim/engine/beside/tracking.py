"""Prepare better patterns for a running stream, in a thread that nothing waits for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from livesim.engine.beside.estimates import FEWEST, WINDOW, Estimates
from livesim.engine.beside.lost_angles import LostAngles
from livesim.engine.beside.proposals import (
    PlanRequest,
    Prepare,
    Proposal,
    RecentStack,
    Trackable,
    unchanged,
)
from livesim.engine.beside.worker import Worker
from livesim.engine.seams import DATA_FAULTS
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern

_POLL_S = 0.02


class BackgroundTracking:
    """Prepares what tracking asks for, looks for lost angles and estimates the pattern.

    A `TrackedPipeline` hands stacks over by reference, and takes a proposal by a look at one
    attribute: the frame path never waits.

    Parameters
    ----------
    prepare
        A pattern -> its reconstruction.
    estimate
        Raw stacks -> their pattern.
    active
        The reconstruction in use.
    most
        Raw stacks that an estimate takes at most.
    claim
        Called once in the new thread, see `Worker`.
    """

    def __init__(
        self,
        prepare: Prepare,
        estimate: Callable[[Sequence[RawStack]], Pattern] | None,
        active: Trackable,
        *,
        most: int = WINDOW,
        claim: Callable[[], None] = lambda: None,
    ) -> None:
        self._prepare, self._active = prepare, active
        self._estimates = None if estimate is None else Estimates(estimate, most)
        self._lost = LostAngles()
        self._recent: deque[RecentStack] = deque(maxlen=WINDOW if most >= FEWEST else FEWEST)
        self._request: PlanRequest | None = None
        self._proposal: Proposal | None = None
        self._recalibrate = False
        self._unasked = True
        self._worker = Worker(
            "tracking",
            self._work,
            lambda: self._request is not None,
            poll_s=_POLL_S,
            claim=claim,
        )
        self._worker.start()

    @property
    def estimates(self) -> int:
        """Estimates made so far."""
        return 0 if self._estimates is None else self._estimates.made

    @property
    def failures(self) -> int:
        """How often the work has failed; safe in any thread."""
        return self._worker.failures

    # The processor's thread.

    def offer(self, recent: RecentStack) -> None:
        """Hand over the newest stack; never waits."""
        self._recent.append(recent)

    def take(self) -> Proposal | None:
        """Take what is proposed, if anything is."""
        if self._proposal is None:
            return None
        proposal, self._proposal = self._proposal, None
        self._recalibrate = self._recalibrate and not proposal.asked
        return proposal

    def request(self, request: PlanRequest) -> None:
        """Ask for another plan; only the newest request counts."""
        with self._worker.changed:
            self._request = request
            self._worker.wake()

    def use(
        self,
        active: Trackable,
        shifts: Sequence[float],
        lost: tuple[int, ...] = (),
        probe: Trackable | None = None,
    ) -> None:
        """Say what is in use now, from which old phases on, and what knows the lost angles."""
        with self._worker.changed:
            self._active = active
            self._lost.use(lost, probe)
            for number, one in enumerate(self._recent):
                phases = tuple(p - shift for p, shift in zip(one.phases, shifts, strict=True))
                self._recent[number] = RecentStack(one.stack, phases, active.pattern)

    def steer(self, prepare: Prepare, *, unasked: bool) -> None:
        """Prepare with other settings from now on; `unasked`: whether to estimate unasked.

        What is being prepared with the old ones is based on another pattern than the one that
        `use` is given next, and is dropped.
        """
        with self._worker.changed:
            self._prepare, self._unasked = prepare, unasked

    def recalibrate(self) -> None:
        """Estimate from the next stacks, and propose that whatever it is."""
        with self._worker.changed:
            self._recent.clear()
            self._recalibrate = self._estimates is not None

    @property
    def recalibrating(self) -> bool:
        """Whether that is still to be taken."""
        return self._recalibrate

    def ask(self) -> None:
        """Ask for an estimate sooner."""
        if self._estimates is not None:
            self._estimates.ask()

    def close(self) -> None:
        """End the thread, once an estimate that is under way is done; does not wait for that."""
        self._worker.close()

    # The thread.

    def _work(self) -> None:
        """Do what is asked for; what is only worth a try, when it is its turn."""
        with self._worker.changed:
            request, self._request = self._request, None
        if request is not None:
            self._proposal = request.proposal(self._prepare(request.pattern))
        for propose in (self._recalibrated, self._found, self._improved):
            if self._proposal is None:
                self._proposal = propose()

    def _recalibrated(self) -> Proposal | None:
        estimates, recent = self._estimates, list(self._recent)
        if estimates is None or not self._recalibrate or len(recent) < estimates.enough:
            return None
        active = self._active
        try:
            return estimates.recalibrate(active, recent, self._prepare)
        except DATA_FAULTS as error:  # the worker counts it; who has asked has to hear of it
            self._proposal = unchanged(active, f"asked for, but not estimated: {error}")
            raise

    def _found(self) -> Proposal | None:
        recent = list(self._recent)
        if not recent:
            return None
        return self._lost.look(recent[-1].stack, self._active.pattern, self._prepare)

    def _improved(self) -> Proposal | None:
        estimates, recent = self._estimates, list(self._recent)
        if estimates is None or not self._unasked or self._recalibrate:
            return None
        if not estimates.due(len(recent), full=len(recent) == self._recent.maxlen):
            return None
        return estimates.improve(self._active, recent, self._prepare)
