"""The first raw stacks of a stream in, what is wrong with them out, told while the stream runs."""

from __future__ import annotations

import logging
import threading
import time

from livesim.engine.beside.background import BACKGROUND_FAULTS, step_back
from livesim.engine.seams import Examine
from livesim.reconstruction.doctor.finding import Examination, Finding
from livesim.values.frames import RawStack
from livesim.wire.doctor_status import DoctorStatus, FindingStatus

STACKS = 3
"""Raw stacks of one look: enough to see light that fades, and a frame lost between two stacks."""
REST_S = 10.0
"""At least so long from the end of one look to the next."""

_log = logging.getLogger("livesim.engine")


class LiveDoctor:
    """Looks at the first raw stacks of a stream, and at others when it is asked to.

    Every look has a thread of low priority of its own, so there is one before a pattern is known,
    and none once nothing is left to look at.

    Parameters
    ----------
    stream
        Whose stacks these are.
    examine
        Says what is wrong; None = nothing is looked at.
    """

    def __init__(self, stream: str, examine: Examine | None) -> None:
        self._stream, self._examine = stream, examine
        self._stacks: list[RawStack] = []
        self._collecting = examine is not None
        self._asked = False
        self._thread: threading.Thread | None = None
        self._rested_at = 0.0
        self._seen = Examination(())
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
        if self._collecting and self._stacks and self._thread is None:
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
        stacks, self._stacks = tuple(self._stacks), []  # large, and not needed after the look
        self._thread = threading.Thread(target=self._look, args=(stacks,), name="livesim-doctor")
        self._thread.start()

    # The processor's thread.

    def ask(self) -> None:
        """Ask for another look, at the stacks that come next; never waits."""
        self._asked = self._asked or self._idle

    def conclusion(self, timeout_s: float) -> str:
        """Return what is wrong, or could not be told, in one line; "" = nothing.

        It waits for a look that is under way: for when nothing is left to reconstruct.
        """
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return self._seen.summary

    @property
    def _idle(self) -> bool:
        """Whether a look is over and has been followed by a rest."""
        done = self._thread is not None and not self._thread.is_alive()
        return done and time.monotonic() >= self._rested_at

    # A thread of its own.

    def _look(self, stacks: tuple[RawStack, ...]) -> None:
        assert self._examine is not None
        step_back()
        try:
            seen = self._examine(stacks)
        except BACKGROUND_FAULTS as error:
            _log.warning("doctor: %s", error)
            seen = Examination((), (f"the examination failed: {error}",))
        self._tell(stacks, seen)
        self._rested_at = time.monotonic() + REST_S

    def _tell(self, stacks: tuple[RawStack, ...], seen: Examination) -> None:
        known = {finding.fault for finding in self._seen.findings}
        self._seen = seen
        self._status = DoctorStatus(
            stream=self._stream,
            time=stacks[0].index.time,
            stacks=len(stacks),
            findings=tuple(_finding(one) for one in seen.findings),
            undecided=seen.undecided,
        )
        for finding in seen.findings:
            if finding.fault not in known:
                _log.warning("doctor: %s%s", finding.sentence, _mending(finding))


def _mending(finding: Finding) -> str:
    """Return how to mend it, as the end of a sentence."""
    if finding.mend is None:
        return f"; {finding.advice}" if finding.advice else ""
    section, *lines = finding.mend.splitlines()
    return f"; in {section}: {', '.join(lines)}"


def _finding(finding: Finding) -> FindingStatus:
    return FindingStatus(
        fault=finding.fault.value,
        words=finding.words,
        sureness=finding.sureness,
        mend=finding.mend,
        advice=finding.advice,
        frames=finding.frames,
        value=finding.value,
    )
