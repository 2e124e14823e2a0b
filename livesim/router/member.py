"""One of several engines: a child process that is started again when it dies."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread, Timer

from livesim.processes.engine import STOP_S, EngineProcess
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import beside
from livesim.wire.header import WireError
from livesim.wire.messages import Published
from livesim.wire.networks import Run
from livesim.wire.sockets import Keep, Subscriber
from livesim.wire.status import EngineStatus

POLL_S = 0.1
STATUS_S = 0.5
"""Between two questions how it is doing."""
ANSWER_S = 2.0
UNANSWERED = 60
"""Questions one after the other, of `ANSWER_S` each: one that answers none of them hangs."""
START_S = 300.0
"""How long a process may take until it listens: a GPU compiles before."""
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Before each further start, where the one before did not live long."""
LONG_S = 60.0

_log = logging.getLogger("livesim.engine")


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How the present process is reached; another process is another reach."""

    pid: int
    frames: str
    control: str


class Member:
    """An engine behind the router, and the one that takes its place when it dies.

    A thread of its own starts the process, takes every result from it, asks it twice a second how
    it is doing, and notices its end.

    Parameters
    ----------
    number
        From 1 on.
    flags
        For `livesim engine`.
    environment
        What is different in its environment: the GPU that it sees.
    deliver
        Takes what it publishes, in its order; may wait.
    left
        Called after its process has ended and all of its results are delivered.
    looked_at
        Whether somebody looks at the stages of its results.
    keys
        Folder of the keys between it and the router; None = none.
    """

    def __init__(
        self,
        number: int,
        flags: Sequence[str],
        environment: Mapping[str, str],
        deliver: Callable[[int, Published], None],
        left: Callable[[int], None],
        looked_at: Callable[[], bool],
        keys: Path | None = None,
    ) -> None:
        self.number, self._flags, self._environment = number, flags, environment
        self._deliver, self._left, self._looked_at = deliver, left, looked_at
        self._keys = keys
        self._starting: EngineProcess | None = None
        self.reach: Reach | None = None
        """None while it is away."""
        self.status: EngineStatus | None = None
        """What it said last."""
        self._patterns: tuple[str, dict[int, Pattern]] = ("", {})
        self.starts = 0
        self.fault = ""
        """Why it went last, in words."""
        self.networks: Run | None = None
        """When its networks work, where somebody has chosen that."""
        self._closing, self._begun = Event(), Event()
        self._thread = Thread(target=self._run, name=f"livesim engine {number}", daemon=True)

    @property
    def closing(self) -> bool:
        """Whether it was asked to end."""
        return self._closing.is_set()

    def patterns_of(self, stream: str) -> dict[int, Pattern]:
        """Return what was last known of a stream's patterns, also by a process that has ended."""
        known, patterns = self._patterns
        return patterns if known == stream else {}

    def start(self) -> None:
        """Begin to start it."""
        self._thread.start()

    def await_first(self) -> None:
        """Wait until it listens for the first time.

        Raises
        ------
        DataError
            If it ended before; it has said why.
        """
        self._begun.wait(START_S)
        if self.reach is None:
            raise DataError(
                f"engine {self.number}: expected it to start, found {self.fault or 'no answer'}"
            )

    def hurry(self) -> None:
        """Ask it to end: it gives up what it has not reconstructed within its grace."""
        self._closing.set()

    def close(self) -> None:
        """Ask it to end, and wait; what it still publishes is taken."""
        self._closing.set()
        while self._thread.is_alive():
            if (starting := self._starting) is not None:
                starting.kill()  # it has been given nothing yet
            self._thread.join(POLL_S)

    # The thread.

    def _run(self) -> None:
        vain = 0
        while not self._closing.wait(PAUSES_S[min(vain, len(PAUSES_S) - 1)]):
            began = time.monotonic()
            try:
                self._live()
            except (DataError, OSError) as error:
                self.fault = str(error)
                if not self.closing:
                    _log.warning("engine %d: %s", self.number, error)
            self._begun.set()
            vain = 1 if time.monotonic() - began > LONG_S else vain + 1

    def _live(self) -> None:
        """Start a process, and work with it until it has ended."""
        environment, keys = self._environment, self._keys
        with EngineProcess(*self._flags, environment=environment, keys=keys) as process:
            self.starts += 1
            at = self._begin(process)
            with ControlClient(at) as control:
                self._work(process, at, control)

    def _begin(self, process: EngineProcess) -> str:
        """Wait until a process listens; return where. One that takes too long is ended."""
        limit = Timer(START_S, process.kill)
        limit.start()
        self._starting = process
        try:
            return process.control()
        finally:
            self._starting = None
            limit.cancel()

    def _work(self, process: EngineProcess, at: str, control: ControlClient) -> None:
        where = control.status(ANSWER_S).endpoints
        with Subscriber(beside(at, where.results), Keep.BLOCK) as results:
            self.reach = Reach(process.pid, beside(at, where.frames), at)
            self._begun.set()
            try:
                if self.networks is not None:  # who chooses from now on asks it as well
                    control.networks(self.networks, ANSWER_S)
                self._listen(process, control, results)
            finally:
                self.reach, self.fault = None, _ended(process.status)
                self._left(self.number)

    def _listen(self, process: EngineProcess, control: ControlClient, results: Subscriber) -> None:
        """Take all results of a process until it has ended, or should have long ago."""
        asked_at, stopped_at, unanswered = 0.0, None, 0
        while process.running and unanswered < UNANSWERED:
            now = time.monotonic()
            if stopped_at is None and self._closing.is_set():
                stopped_at = now
                with suppress(WireError):  # a busy one answers too late, and stops nevertheless
                    control.stop(ANSWER_S)
            if stopped_at is not None and now - stopped_at > STOP_S:
                break
            if (message := results.receive(POLL_S)) is not None:
                self._deliver(self.number, message)
            if stopped_at is None and now - asked_at > STATUS_S:
                asked_at = now
                unanswered = 0 if self._ask(control) else unanswered + 1
        while (message := results.receive(0.0)) is not None:
            self._deliver(self.number, message)

    def _ask(self, control: ControlClient) -> bool:
        """Ask how it is doing; return whether it has answered."""
        try:
            self.status = status = control.status(ANSWER_S, stages=self._looked_at())
        except WireError:  # too busy to answer, or gone: its process says which
            return False
        if status.stream is not None and status.in_use is not None:
            known = self.patterns_of(status.stream) | status.in_use.patterns
            self._patterns = (status.stream, known)
        return True


def _ended(status: int | None) -> str:
    """Return in words how a process has ended."""
    if status is None:
        return "it does not answer"
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it ended with status {status}"
