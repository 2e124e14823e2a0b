"""Run the networks beside the frame path: on the newest raw stack, in a thread of their own."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from livesim.engine.beside.worker import Worker
from livesim.engine.pending import Pending, in_order
from livesim.engine.seams import Later, Reconstructed
from livesim.values.clock import steady_ns
from livesim.values.frames import Passage, StackIndex
from livesim.wire.networks import HELD, NEWEST, OFF, Run

KEPT_STACKS = 32
"""Raw stacks that the networks can still be asked for: those of the last second or so."""
KEPT_BYTES = 128 << 20
CATCH_UP_S = 5.0
"""How long a stream's end waits for the networks, so that its last result is recorded with them."""
_POLL_S = 0.1

Deliver = Callable[[Reconstructed], None]
"""Takes a second result."""


@dataclass(frozen=True, slots=True)
class Key:
    """A raw stack, or a volume, that has been published without its networks."""

    index: StackIndex
    """Of a volume that of its last plane."""
    received_ns: int
    """When its last frame came: running stacks are named after their newest frame."""
    is_volume: bool

    def shows(self, index: StackIndex) -> bool:
        """Whether an image is of it."""
        if self.is_volume:
            return index.volume == self.index.volume
        return index == self.index


_Second = tuple[Key, object, tuple[Reconstructed, ...]]
"""A raw stack, the era that it is of, and its second result, of a volume its planes; none where
that failed."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A raw stack whose plain image has been published."""

    made: Reconstructed
    later: Later

    @property
    def key(self) -> Key:
        result = self.made.result
        return Key(result.index, result.last_received_ns, result.volume is not None)


class LiveNetworks:
    """A thread of low priority that runs the networks on one raw stack of a channel at a time.

    It never holds the frame path: a stack is handed over by reference once its plain image is
    there. The newest one comes first; those before it come where there is time, as long as they are
    kept; of volumes, which take long, the newest one of a position alone. The thread uses every
    core, since the networks' sums come out differently on fewer, and steps back wherever the frame
    path wants one. While a GPU is at work on one channel, another one is begun with, which may have
    a GPU of its own.

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
        self._at_work: list[Key] = []
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
            if one.key.is_volume:
                self._forget_before(one.key.index)
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
            found = next((key for key in reversed(self._kept) if key.shows(index)), None)
            if found is None:
                return any(key.shows(index) for key in self._at_work)
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

    def _forget_before(self, newest: StackIndex) -> None:
        """Keep no older volume of the same place."""
        for key in list(self._kept):
            if replace(key.index, time=newest.time) == newest:
                del self._kept[key]

    @property
    def _is_full(self) -> bool:
        held = sum(one.later.nbytes for one in self._kept.values())
        return len(self._kept) > KEPT_STACKS or held > KEPT_BYTES

    @property
    def _is_busy(self) -> bool:
        return bool(self._asked or self._at_work)

    # The thread.

    def _next(self) -> Key | None:
        """Return the stack to work on now: what was asked for, or else the newest that is due."""
        busy = {key.index.channel for key in self._at_work}
        for key in self._asked:
            if key in self._kept and key.index.channel not in busy:
                return key
        if self._run in (OFF, HELD) or self._ended:
            return None
        newest = (key for key in reversed(self._kept) if key.index.channel not in busy)
        return next((key for key in newest if self._is_due(key)), None)

    def _is_due(self, key: Key) -> bool:
        return not isinstance(self._run, int) or key.index.time % self._run == 0

    def _work(self) -> None:
        """Work on what is due; while a GPU is at work on one channel, the next one is begun."""
        try:
            for key, era, made in in_order(self._begun()):
                for one in made:
                    self._hand_over(one, era)
                with self._worker.changed:
                    self._at_work.remove(key)
                    self._worker.changed.notify_all()
        finally:
            with self._worker.changed:
                self._at_work.clear()
                self._worker.changed.notify_all()

    def _begun(self) -> Iterator[Pending[_Second]]:
        """Begin with what is due, as long as anything is."""
        while (taken := self._taken()) is not None:
            one, era = taken
            passage = replace(one.made.passage, taken=steady_ns())
            yield one.later.begin().then(partial(_second, one.key, era, passage))

    def _taken(self) -> tuple[_Waiting, object] | None:
        """Take the stack to work on now, and the era that it is of."""
        with self._worker.changed:
            key = None if self._worker.closed else self._next()
            if key is None:
                if not self._at_work:
                    self._asked.clear()
                return None
            self._asked = [other for other in self._asked if other != key]
            self._at_work.append(key)
            return self._kept.pop(key), self._era

    def _hand_over(self, made: Reconstructed, era: object) -> None:
        """Deliver a second result; drop it where another stream has begun meanwhile."""
        with self._worker.changed:
            deliver = self._deliver
            if era is not self._era:
                return
            if deliver is None:
                self._publish(made)
                return
        deliver(made)  # which may wait for the disk


def _second(key: Key, era: object, passage: Passage, made: tuple[Reconstructed, ...]) -> _Second:
    """Return what has become of a stack, with when it passed."""
    passage = replace(passage, reconstructed=steady_ns())
    return key, era, tuple(replace(one, second=True, passage=passage) for one in made)
