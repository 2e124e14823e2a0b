"""Know what lies on the disk of a stream: its part of the time line, and what was read of it."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim.wire.stream_status import InUse
from livesim_gui.state.time.among import Among
from livesim_gui.state.time.ring import Shot

KEPT = 8
"""Results read from the disk that are kept, for steps back and forth."""
FIRST = -(1 << 40)
"""Number of the first result on the disk: below the numbers of all that are received."""


@dataclass(frozen=True, slots=True)
class PastShot:
    """One result on the disk; it has its place in time, but is not in memory."""

    number: int
    index: StackIndex
    received_ns: int

    @property
    def channel(self) -> int:
        """Which channel it is of."""
        return self.index.channel

    @property
    def moment_s(self) -> float:
        """When its last raw frame was received, in seconds of the engine's clock."""
        return self.received_ns / 1e9


class Past(Protocol):
    """A recording on this machine, as far as it was there when it was opened."""

    @property
    def folder(self) -> str:
        """Where it lies."""
        ...

    @property
    def results(self) -> Sequence[tuple[StackIndex, int]]:
        """Every result, and when its last raw frame was received, ns; oldest first."""
        ...

    def read(self, index: StackIndex, received_ns: int) -> Result:
        """Read one result, which takes milliseconds.

        Raises
        ------
        DataError
            If it cannot be read.
        """
        ...


class OpenedFile(Past, Protocol):
    """A recording that is looked at: its raw stacks are restored one by one when they are read."""

    @property
    def in_use(self) -> InUse:
        """What its images depend on."""
        ...

    @property
    def has_networks(self) -> bool:
        """Whether its raw stacks can be restored with networks."""
        ...

    def restore(self, index: StackIndex, received_ns: int) -> Result:
        """Restore one raw stack with the networks, which takes seconds; as `read`."""
        ...

    def close(self) -> None:
        """Look at it no more; any thread may call it."""
        ...


OpenPast = Callable[[str], Past | None]
"""The folder of a recording -> what is there of it; None where nothing is on this machine."""


def nothing_past(folder: str) -> Past | None:
    """Open nothing."""
    return None


def past_shots(past: Past | None) -> tuple[PastShot, ...]:
    """Return the results of a recording with their places in time."""
    found = () if past is None else past.results
    return tuple(
        PastShot(FIRST + n, index, received_ns) for n, (index, received_ns) in enumerate(found)
    )


class Archive:
    """Knows the stream's recording; for one thread, which reads nothing itself."""

    def __init__(self) -> None:
        self.past: Past | None = None
        self.wanted: PastShot | None = None
        """To be read now: it is where the user has gone."""
        self._shots: tuple[PastShot, ...] = ()
        self._own: dict[Among, tuple[PastShot, ...]] = {}
        """The same, among which one has moved."""
        self._read: OrderedDict[int, Shot] = OrderedDict()
        self._unreadable: set[int] = set()
        self._joined_of: tuple[object, ...] = ()
        self._joined: tuple[Shot | PastShot, ...] = ()

    def take(self, past: Past | None, shots: tuple[PastShot, ...] | None = None) -> None:
        """Learn what is on the disk by now; the numbers of the same folder's results stay.

        Parameters
        ----------
        shots
            `past_shots(past)`, where another thread has made them: there may be many.
        """
        if past is None or self.past is None or past.folder != self.past.folder:
            self._read.clear()
            self._unreadable.clear()
        self.past = past
        self._shots = past_shots(past) if shots is None else shots
        self._own = {}

    def clear(self) -> None:
        """Forget everything: another stream has begun."""
        self.take(None)
        self.wanted = None

    @property
    def shots(self) -> tuple[PastShot, ...]:
        """All that are on the disk, oldest first; the same tuple until something changes."""
        return self._shots

    def join(self, shots: tuple[Shot, ...], among: Among) -> tuple[Shot | PastShot, ...]:
        """Return what is on the disk from before the oldest of `shots`, and then these.

        Parameters
        ----------
        shots
            Those in memory, oldest first.
        among
            Which of those on the disk are taken.
        """
        made_of = (id(shots), id(self._shots), among)
        if made_of != self._joined_of[:3]:
            # The last two keep what the ids are of.
            self._joined_of = (*made_of, shots, self._shots)
            self._joined = (*self._before(shots, among), *shots)
        return self._joined

    def _before(self, shots: tuple[Shot, ...], among: Among) -> Sequence[PastShot]:
        if among not in self._own:
            self._own[among] = tuple(one for one in self._shots if among.has(one.index))
        own = self._own[among]
        if not shots:
            return own
        oldest = shots[0].result.last_received_ns
        return own[: bisect_left(own, oldest, key=lambda shot: shot.received_ns)]

    def shot(self, wanted: Shot | PastShot | None) -> Shot | None:
        """Return a result of the time line; None until one on the disk has been read."""
        if not isinstance(wanted, PastShot):
            self.wanted = None
            return wanted
        found = self._read.get(wanted.number)
        known = found is not None or wanted.number in self._unreadable
        self.wanted = None if known else wanted
        return found

    def keep(self, folder: str, wanted: PastShot, result: Result) -> None:
        """Take what was read; of another recording than this one it is dropped."""
        if self.past is None or folder != self.past.folder:
            return
        self._read[wanted.number] = Shot(wanted.number, result)
        while len(self._read) > KEPT:
            self._read.popitem(last=False)

    def leave_out(self, unreadable: PastShot) -> None:
        """Ask for this one no more: it cannot be read, and the others can."""
        self._unreadable.add(unreadable.number)
        self.wanted = None

    def give_up(self) -> None:
        """Forget what is on the disk until it is looked at again: a result could not be read."""
        self.take(None)
        self.wanted = None
