"""Remember the newest results, within a bound of memory, so that one can go back in time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

from livesim.values.frames import StackIndex
from livesim.values.results import Result

MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One result and when it came."""

    number: int
    """Counts the stacks of which results were received, from 0."""
    result: Result
    arrived_s: float = 0.0
    """When the first result of its stack came, by the viewer's clock."""
    took_s: float = 0.0
    """From then until this one, the fuller one, came."""

    @property
    def channel(self) -> int:
        """Which channel it is of."""
        return self.result.index.channel

    @property
    def moment_s(self) -> float:
        """When its last raw frame was received, in seconds of the engine's clock."""
        return self.result.last_received_ns / 1e9

    def age_s(self, now_s: float) -> float:
        """Return how old its raw frames are, by two clocks that are never compared."""
        in_engine = self.result.published_ns - self.result.last_received_ns
        return max(in_engine / 1e9, 0.0) + now_s - self.arrived_s - self.took_s


class Ring:
    """Keeps the newest results, in which one goes back in time; any thread may call it.

    The fuller result of a stack takes the place of its first one.

    Parameters
    ----------
    most_bytes
        Of pixels. The newest result is kept whatever its size.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._shots: deque[Shot] = deque()
        self._bytes = 0
        self._count = 0
        self._lock = Lock()
        self._shown: tuple[Shot, ...] | None = ()

    def add(self, result: Result, now_s: float = 0.0) -> Shot:
        """Keep a result; the oldest ones make room for it."""
        with self._lock:
            place = self._place_of_first(result)
            if place is None:
                shot = Shot(self._count, result, now_s)
                self._count += 1
                self._shots.append(shot)
            else:
                first = self._shots[place]
                shot = Shot(first.number, result, first.arrived_s, now_s - first.arrived_s)
                self._shots[place] = shot
                self._bytes -= _size(first.result)
            self._bytes += _size(result)
            while self._bytes > self._most_bytes and len(self._shots) > 1:
                self._bytes -= _size(self._shots.popleft().result)
            self._shown = None
            return shot

    def _place_of_first(self, result: Result) -> int | None:
        """Return where the result is that this one is a fuller one of; None = there is none."""
        fullness = _fullness(result)
        if not fullness:
            return None
        places = range(len(self._shots) - 1, -1, -1)
        stack = _stack(result)
        found = next((n for n in places if _stack(self._shots[n].result) == stack), None)
        is_fuller = found is not None and fullness > _fullness(self._shots[found].result)
        return found if is_fuller else None

    def clear(self) -> None:
        """Forget all results; numbers go on."""
        with self._lock:
            self._shots.clear()
            self._bytes = 0
            self._shown = None

    @property
    def shots(self) -> tuple[Shot, ...]:
        """Those that are kept, oldest first; the same tuple until something changes."""
        with self._lock:
            if self._shown is None:
                self._shown = tuple(self._shots)
            return self._shown

    @property
    def bytes(self) -> int:
        """Of the pixels kept."""
        return self._bytes


def _stack(result: Result) -> tuple[str, StackIndex, int]:
    return result.stream, result.index, result.last_received_ns


def _fullness(result: Result) -> int:
    """Return what it is: a mean of the frames, a preview, plain before its networks, or all."""
    return 0 if result.searching else 1 if result.is_preview else 2 if result.provisional else 3


def _size(result: Result) -> int:
    beside = (result.plain, result.step_one, result.network)
    images = (result.widefield, result.image, *beside)
    return sum(image.nbytes for image in images if image is not None)
