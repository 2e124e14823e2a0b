"""Frames that take time to make in, the same frames out, made ahead and kept in a bounded queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Self

from livesim.frames import RawFrame

LOOK_S = 0.05
"""How often a thread that waits looks whether it is to end."""


class Ahead:
    """Make frames in a thread, up to `room` of them before they are taken (policy: block).

    Parameters
    ----------
    frames
        What is to be made; anything it raises comes out where the frames are taken.
    room
        The most frames that wait at once.
    """

    def __init__(self, frames: Iterable[RawFrame], room: int) -> None:
        self._frames = frames
        self._queue: Queue[RawFrame] = Queue(maxsize=max(1, room))
        self._stop, self._done = Event(), Event()
        self._error: BaseException | None = None
        self._made = 0
        self._first_at: float | None = None
        self._last_at = 0.0
        self._thread = Thread(target=self._make, name="simulated frames")

    @property
    def waiting(self) -> int:
        """Frames that are made and not yet taken."""
        return self._queue.qsize()

    @property
    def frames_per_s(self) -> float:
        """How fast frames are made, without the first, which waits for all that is loaded."""
        if self._first_at is None or self._made < 2:
            return 0.0
        return (self._made - 1) / max(self._last_at - self._first_at, 1e-9)

    def is_ready(self, rate: float, total: int) -> bool:
        """Whether `total` frames can be taken at `rate` a second without a gap, as far as known.

        Also true when there is no room for more, or all is made.
        """
        if self._done.is_set() or self._queue.full():
            return True
        speed = self.frames_per_s
        missing = total * max(0.0, 1.0 - speed / rate)
        return speed > 0.0 and self.waiting > missing

    def wait_for(
        self, rate: float, total: int, tell: Callable[[int], None] = lambda made: None
    ) -> None:
        """Wait until `is_ready`; `tell` is told now and then how many frames are made."""
        while not self.is_ready(rate, total):
            self._done.wait(LOOK_S)
            tell(self._made)

    def __iter__(self) -> Iterator[RawFrame]:
        while True:
            try:
                yield self._queue.get(timeout=LOOK_S)
            except Empty:
                if self._done.is_set() and self._queue.empty():
                    break
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _make(self) -> None:
        try:
            for frame in self._frames:
                if not self._put(frame):
                    return
                self._note()
        except BaseException as error:  # noqa: BLE001  # raised again where frames are taken
            self._error = error
        finally:
            self._done.set()

    def _put(self, frame: RawFrame) -> bool:
        while not self._stop.is_set():
            if self._queue.full():
                self._stop.wait(LOOK_S / 10.0)
            else:
                self._queue.put(frame)  # the only thread that puts: there is room
                return True
        return False

    def _note(self) -> None:
        self._last_at = time.monotonic()
        self._first_at = self._first_at or self._last_at
        self._made += 1
