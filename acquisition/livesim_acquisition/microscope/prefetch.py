"""Compute frames ahead, in a thread and a bounded queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Queue
from threading import Event, Thread
from typing import Self

from livesim.values.frames import RawFrame

LOOK_S = 0.05
"""How often a thread that waits looks whether it is to end."""
SPEED_LEFT = 0.4
"""Share of the speed that is counted on once an engine works on the same cores."""
BURSTS = 3
"""How many times as many frames as come at once are made before the speed is judged."""


class Prefetch:
    """Make frames in a thread, up to `room` of them before they are taken (policy: block).

    Parameters
    ----------
    frames
        What is to be made; anything it raises comes out where the frames are taken.
    room
        The most frames that wait at once.
    burst
        How many frames are made at once: those of a raw stack.
    """

    def __init__(self, frames: Iterable[RawFrame], room: int, burst: int = 1) -> None:
        self._frames = frames
        self._queue: Queue[RawFrame] = Queue(maxsize=max(1, room))
        self._stop, self._done = Event(), Event()
        self._error: BaseException | None = None
        self._made = 0
        self._burst = burst
        self._warm_at = 0.0
        self._thread = Thread(target=self._make, name="simulated frames")

    @property
    def waiting(self) -> int:
        """Frames that are made and not yet taken."""
        return self._queue.qsize()

    @property
    def frames_per_s(self) -> float:
        """How fast frames are made, not counting the first burst, during which torch is loaded.

        0 until enough frames are made to measure it.
        """
        if self._made < BURSTS * self._burst:
            return 0.0
        return (self._made - self._burst) / max(time.monotonic() - self._warm_at, 1e-9)

    def is_ready(self, rate: float, total: int) -> bool:
        """Whether `total` frames can be taken at `rate` a second without a gap, as far as known.

        Also true when there is no room for more, or all is made.
        """
        if self._done.is_set() or self._queue.full():
            return True
        speed = self.frames_per_s
        missing = total * max(0.0, 1.0 - SPEED_LEFT * speed / rate)
        return speed > 0.0 and self.waiting > missing

    def wait_for(
        self, rate: float, total: int, report: Callable[[int], None] = lambda made: None
    ) -> None:
        """Wait until `is_ready`; calls `report` now and then with how many frames are made."""
        while not self.is_ready(rate, total):
            self._done.wait(LOOK_S)
            report(self._made)

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

    def __exit__(self, *_: object) -> None:
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
        self._made += 1
        if self._made == self._burst:
            self._warm_at = time.monotonic()
