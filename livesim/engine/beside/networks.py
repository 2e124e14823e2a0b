"""Run the networks beside the frame path: on the newest raw stack, in a thread of their own."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from livesim.engine.beside.worker import Worker
from livesim.engine.seams import Later, Reconstructed
from livesim.values.clock import steady_ns
from livesim.values.frames import StackIndex
from livesim.wire.networks import HELD, NEWEST, OFF, Run

KEPT_STACKS = 32
"""Raw stacks that the networks can still be asked for: those of the last second or so."""
KEPT_BYTES = 128 << 20
CATCH_UP_S = 5.0
"""How long a stream's end waits for the networks, so that its last result is recorded with them."""
_POLL_S = 0.1

Deliver = Callable[[Reconstructed], None]
"""Takes a second result."""
Key = tuple[StackIndex, int]
"""A raw stack and when its last frame came: running stacks are named after their newest frame."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A raw stack whose plain image has been published."""

    made: Reconstructed
    later: Later

    @property
    def key(self) -> Key:
        return self.made.result.index, self.made.result.last_received_ns


class LiveNetworks:
    """A thread of low priority that runs the networks on one raw stack at a time.

    It never holds the frame path: a stack is handed over by reference once its plain image is
    there. The newest one comes first; those before it come where there is time, as long as they are
    kept. The thread uses every core, since the networks' sums come out differently on fewer, and
    steps back wherever the frame path wants one.

    It outlives a stream, so what is on the screen at its end can still be asked for.

    Parameters
    ----------
    publish
        Takes second results once their stream has ended.
    claim
        Called once in the thread, see `Worker`.
    run
        When the networks work, to begin with.
    """

    def __init__(
        self, publish: Deliver, claim: Callable[[], None] = lambda: None, run: Run = NEWEST
    ) -> None:
        self._publish, self._run = publish, run
        self._deliver: Deliver | None = None
        self._ended = False
        self._era = object()
        self._kept: OrderedDict[Key, _Waiting] = OrderedDict()
        self._newest: dict[int, Key] = {}
        self._asked: list[Key] = []
        self._at_work: Key | None = None
        self._worker = Worker("networks", self._work, lambda: self._next() is not None, claim=claim)

    @property
    def run(self) -> Run:
        """When the networks work; safe in any thread."""
        return self._run

    # The receiver's thread.

    def begin(self) -> None:
        """Forget the last stream; what is being made of it is dropped."""
        with self._worker.changed:
            self._kept.clear()
            self._newest.clear()
            self._asked.clear()
            self._era, self._deliver = object(), None

    # The processor's thread.

    def open(self, deliver: Deliver) -> None:
        """Hand second results to `deliver` until the stream ends."""
        with self._worker.changed:
            self._deliver, self._ended = deliver, False

    def offer(self, made: Reconstructed) -> None:
        """Take the newest first result; never waits."""
        if made.later is None or self._run == OFF or self._worker.closed:
            return
        one = _Waiting(made, made.later)
        with self._worker.changed:
            self._kept[one.key] = one
            self._newest[made.result.index.channel] = one.key
            while len(self._kept) > 1 and self._is_full:
                self._kept.popitem(last=False)
            self._worker.changed.notify_all()
        self._worker.start()

    def catch_up(self, hurried: Callable[[], bool]) -> None:
        """Wait a while for the networks' work on the last stack of every channel.

        What comes later is published, but not recorded any more.
        """
        with self._worker.changed:
            self._ended = True
            self._asked = [key for key in self._newest.values() if key in self._kept]
            self._worker.changed.notify_all()
            until = time.monotonic() + CATCH_UP_S
            while self._is_busy and not hurried() and time.monotonic() < until:
                self._worker.changed.wait(_POLL_S)
            self._deliver = None

    # The control thread.

    def choose(self, run: Run) -> None:
        """Say when the networks work from now on."""
        with self._worker.changed:
            self._run = run
            if run == OFF:
                self._kept.clear()
                self._asked.clear()
            self._worker.changed.notify_all()

    def ask(self, index: StackIndex) -> bool:
        """Run the networks on a stack next; return whether it is still there to run them on."""
        with self._worker.changed:
            found = next((key for key in reversed(self._kept) if key[0] == index), None)
            if found is None:
                return self._at_work is not None and self._at_work[0] == index
            self._asked = [found]
            self._worker.changed.notify_all()
        self._worker.start()
        return True

    @property
    def waiting(self) -> int:
        """Raw stacks on which the networks could still work."""
        return len(self._kept)

    def close(self) -> None:
        """End the thread once the stack that it is at is done."""
        self._worker.close()
        self._worker.join()

    @property
    def _is_full(self) -> bool:
        held = sum(one.later.nbytes for one in self._kept.values())
        return len(self._kept) > KEPT_STACKS or held > KEPT_BYTES

    @property
    def _is_busy(self) -> bool:
        return bool(self._asked) or self._at_work is not None

    # The thread.

    def _next(self) -> Key | None:
        """Return the stack to work on now: what was asked for, or else the newest that is due."""
        for key in self._asked:
            if key in self._kept:
                return key
        if self._run in (OFF, HELD) or self._ended:
            return None
        return next((key for key in reversed(self._kept) if self._is_due(key)), None)

    def _is_due(self, key: Key) -> bool:
        return not isinstance(self._run, int) or key[0].time % self._run == 0

    def _work(self) -> None:
        with self._worker.changed:
            key = self._next()
            if key is None:
                self._asked.clear()
                return
            one, era = self._kept.pop(key), self._era
            self._asked = [other for other in self._asked if other != key]
            self._at_work = key
        try:
            self._hand_over(one, era)
        finally:
            with self._worker.changed:
                self._at_work = None
                self._worker.changed.notify_all()

    def _hand_over(self, one: _Waiting, era: object) -> None:
        """Run the networks; drop the outcome where another stream has begun meanwhile."""
        passage = replace(one.made.passage, taken=steady_ns())
        made = one.later.run()
        if made is None:
            return
        made = replace(made, second=True, passage=replace(passage, reconstructed=steady_ns()))
        with self._worker.changed:
            deliver = self._deliver
            if era is not self._era:
                return
            if deliver is None:
                self._publish(made)
                return
        deliver(made)  # which may wait for the disk
