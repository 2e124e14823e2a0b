"""The one kind of thread that works beside the frame path: tracking, trust, doctor and steering."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable

from livesim.engine.seams import DATA_FAULTS

DUTY = 0.2
"""Of one core: the most that work beside the frame path takes in the long run."""
BACK, LOWEST = 10, 19
"""By how much a worker is nicer than the thread that began it, and what is nicest."""
BEHIND_RAW = 4
"""By how much what makes and publishes images is nicer than what receives and records raw frames:
where there is too little of the processor, an image is skipped and no frame."""

_log = logging.getLogger("livesim.engine")


class Closed(Exception):  # noqa: N818
    """Nobody waits for the work any more."""


class Rest:
    """Measures work, after which comes four times as long a rest, so that it keeps to `DUTY`."""

    def __init__(self) -> None:
        self._start = self._until = 0.0

    @property
    def over(self) -> bool:
        """Whether the work may be done again."""
        return time.monotonic() >= self._until

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        now = time.monotonic()
        self._until = now + (now - self._start) * (1.0 / DUTY - 1.0)


class Worker:
    """A thread of low priority that works whenever something is due, until it is closed.

    It never holds the frame path: who has something to do sets what `due` looks at, holding
    `changed` where that is more than one attribute, and wakes it. Work that fails costs itself
    alone: it is logged, counted and told to `failed`.

    Parameters
    ----------
    name
        Of the work, in the log and in the thread's name.
    work
        Does what is due, or nothing; called again and again.
    due
        Whether to work at once; called while `changed` is held.
    poll_s
        Work is done that often though nothing is due; None = never.
    claim
        Called once in the new thread, before it works: says how many cores it may use.
    failed
        Called after work that failed, in the thread.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        due: Callable[[], bool],
        *,
        poll_s: float | None = None,
        claim: Callable[[], None] = lambda: None,
        failed: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._name, self._work, self._due, self._poll_s = name, work, due, poll_s
        self._claim, self._failed = claim, failed
        self.changed = threading.Condition()
        """Held while several attributes of the work are changed together."""
        self.closed = False
        self.failures = 0
        """Times that the work has failed."""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin with the thread, unless it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"livesim-{self._name}")
            self._thread.start()

    def wake(self) -> None:
        """Let the thread look at once for what is due."""
        with self.changed:
            self.changed.notify()

    def close(self) -> None:
        """Let the thread end once the work under way is done; does not wait for that.

        At the end of the process Python does: torch must not be cut off in the middle.
        """
        with self.changed:
            self.closed = True
            self.changed.notify()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the thread has ended; at once where there is none."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    @property
    def ended(self) -> bool:
        """Whether there was a thread and it has ended."""
        return self._thread is not None and not self._thread.is_alive()

    def check_open(self) -> None:
        """Give up long work at one of its steps, if the worker has been closed meanwhile.

        Raises
        ------
        Closed
            If it has; the worker itself catches that.
        """
        if self.closed:
            raise Closed

    def _run(self) -> None:
        step_back()
        self._claim()
        while not self.closed:
            self._attempt()
            with self.changed:
                self.changed.wait_for(lambda: self.closed or self._due(), self._poll_s)

    def _attempt(self) -> None:
        """Work; the one catch of all that runs beside the frame path."""
        try:
            self._work()
        except Closed:
            pass
        except DATA_FAULTS as error:
            _log.warning("%s: %s", self._name, error)
            self.failures += 1
            self._failed(error)


def step_back(by: int = BACK) -> None:
    """Let the calling thread, and those that it begins, wait where others want the processor.

    It still gets a tenth of it: without any (SCHED_IDLE, where other programs take all cores) it
    may hold Python's lock and not run for a minute, and the frame path with it.
    """
    if sys.platform == "linux":
        own = threading.get_native_id()
        nice = os.getpriority(os.PRIO_PROCESS, own) + by
        os.setpriority(os.PRIO_PROCESS, own, min(nice, LOWEST))
