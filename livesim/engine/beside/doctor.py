"""Say what is wrong with the raw stacks of a stream while it runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from livesim.engine.beside.turns import Turns
from livesim.engine.beside.worker import Worker
from livesim.engine.seams import Examine
from livesim.values.finding import Examination, Finding
from livesim.values.frames import RawStack
from livesim.wire.stream_status import DoctorStatus

STACKS = 3
"""Raw stacks of one look: enough to see light that fades, and a frame lost between two stacks."""
REST_S = 10.0
"""At least so long from the end of one look to the next."""
NO_TURN = "not examined: the doctor was still at an older stream when a newer one came"

_log = logging.getLogger("livesim.engine")


class LiveDoctor:
    """Looks at the first raw stacks of a stream, and at others when it is asked to.

    Every look has a worker of its own, so there is a thread before a pattern is known, and none
    once nothing is left to look at. A look may outlive its stream, and takes its turn with those of
    other streams: the stacks of one that still waits for it are given up for those of a newer one.

    Parameters
    ----------
    stream
        Whose stacks these are.
    examine
        Says what is wrong; None = nothing is looked at.
    claim
        Called once in each new thread, see `Worker`.
    turns
        Those of all streams of the engine; None = there are no others.
    """

    def __init__(
        self,
        stream: str,
        examine: Examine | None,
        claim: Callable[[], None] = lambda: None,
        turns: Turns | None = None,
    ) -> None:
        self._stream, self._examine, self._claim = stream, examine, claim
        self._turns = turns or Turns()
        self._stacks: list[RawStack] = []
        self._collecting = examine is not None
        self._asked = False
        self._worker: Worker | None = None
        self._rested_at: float
        self._looked_at: tuple[int, int]
        """Time of the first stack, and how many, as long as there has been a look."""
        self._found = Examination(())
        self._status: DoctorStatus | None = None

    @property
    def status(self) -> DoctorStatus | None:
        """What the last look has found; None before the first is over. Safe in any thread."""
        return self._status

    # The receiver's thread.

    def offer(self, stack: RawStack) -> None:
        """Take one raw stack; never waits."""
        if self._asked and self._idle:
            self._asked, self._stacks, self._collecting = False, [], True
        if self._collecting and self._continues(stack):
            self._stacks.append(stack)
            if len(self._stacks) == STACKS:
                self._begin()

    def close(self) -> None:
        """Say that no more stacks will come: for the first look fewer have to do."""
        if self._collecting and self._stacks and self._worker is None:
            self._begin()

    def _continues(self, stack: RawStack) -> bool:
        """Whether a stack is of the same channel, plane and position as the others."""
        first = self._stacks[0] if self._stacks else stack
        same = [
            (one.index.channel, one.index.z, one.index.position, one.pixels.shape)
            for one in (first, stack)
        ]
        return same[0] == same[1]

    def _begin(self) -> None:
        self._collecting = False
        self._worker = Worker(
            "doctor", self._look, lambda: False, claim=self._claim, failed=self._fail
        )
        self._worker.start()

    # The processor's thread.

    def ask(self) -> None:
        """Ask for another look, at the stacks that come next; never waits."""
        self._asked = self._asked or self._idle

    def conclusion(self, timeout_s: float) -> str:
        """Return what is wrong, or could not be told, in one line; "" = nothing.

        It waits for a look that is under way: for when nothing is left to reconstruct.
        """
        if self._worker is not None:
            self._worker.join(timeout_s)
        return self._found.summary

    @property
    def _idle(self) -> bool:
        """Whether a look is over and has been followed by a rest."""
        ended = self._worker is not None and self._worker.ended
        return ended and time.monotonic() >= self._rested_at

    # A thread of its own.

    def _look(self) -> None:
        """Look at the stacks and let them go: they are large."""
        assert self._worker is not None
        assert self._examine is not None
        self._worker.close()  # one look each
        stacks, self._stacks = tuple(self._stacks), []
        self._looked_at = stacks[0].index.time, len(stacks)
        with self._turns.own() as mine:
            self._tell(self._examine(stacks) if mine else Examination((), (NO_TURN,)))

    def _fail(self, error: Exception) -> None:
        self._tell(Examination((), (f"the examination failed: {error}",)))

    def _tell(self, found: Examination) -> None:
        known = {finding.fault for finding in self._found.findings}
        self._found = found
        first, count = self._looked_at
        self._status = DoctorStatus(
            stream=self._stream,
            time=first,
            stacks=count,
            found=found,
        )
        for finding in found.findings:
            if finding.fault not in known:
                _log.warning("doctor: %s%s", finding.sentence, _mending(finding))
        self._rested_at = time.monotonic() + REST_S


def _mending(finding: Finding) -> str:
    """Return how to mend it, as the end of a sentence."""
    if finding.mend is None:
        return f"; {finding.advice}" if finding.advice else ""
    section, *lines = finding.mend.splitlines()
    return f"; in {section}: {', '.join(lines)}"
