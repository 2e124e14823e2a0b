"""Remember the newest results, within a bound of memory, so that one can go back in time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

from livesim.values.results import Result

MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One result and when it came."""

    number: int
    """Counts the results received, from 0."""
    result: Result

    @property
    def channel(self) -> int:
        """Which channel it is of."""
        return self.result.index.channel

    @property
    def moment_s(self) -> float:
        """When its last raw frame was received, in seconds of the engine's clock."""
        return self.result.last_received_ns / 1e9


class Ring:
    """Keeps the newest results, in which one goes back in time; any thread may call it.

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

    def add(self, result: Result) -> Shot:
        """Keep a result; the oldest ones make room for it."""
        with self._lock:
            shot = Shot(self._count, result)
            self._count += 1
            self._shots.append(shot)
            self._bytes += _size(result)
            while self._bytes > self._most_bytes and len(self._shots) > 1:
                self._bytes -= _size(self._shots.popleft().result)
            self._shown = None
            return shot

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


def _size(result: Result) -> int:
    beside = (result.plain, result.step_one, result.network)
    images = (result.widefield, result.image, *beside)
    return sum(image.nbytes for image in images if image is not None)
