"""Queue images to be sent, and give up the oldest where there are too many."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Condition
from typing import Any

from livesim.values.frames import Pixels

DEPTH = 256
BYTES = 256 << 20


@dataclass(frozen=True, slots=True, eq=False)
class CameraImage:
    """One image as an acquisition program hands it over."""

    pixels: Pixels
    """[y, x] in camera counts."""
    axes: Mapping[str, Any]
    """By name, such as {"time": 4, "angle": 0, "phase": 2, "channel": "488"}."""
    exposure_ms: float = 0.0
    pixel_nm: float | None = None


Read = Callable[[], CameraImage]
"""Returns an image, reading it from a file where it is not at hand yet."""


@dataclass(frozen=True, slots=True, eq=False)
class QueuedImage:
    """An image in the queue."""

    number: int
    """Of the images offered, counted from 0."""
    read: Read
    nbytes: int
    """That it holds in memory while it waits."""
    offered_ns: int


class ImageQueue:
    """A queue that never lets the putting thread wait.

    Parameters
    ----------
    depth
        Images held at most.
    nbytes
        Bytes of pixels held at most, though always one image.
    """

    def __init__(self, depth: int = DEPTH, nbytes: int = BYTES) -> None:
        self._limits = (depth, nbytes)
        self._items: deque[QueuedImage] = deque()
        self._bytes = 0
        self._dropped = 0
        self._closed = False
        self._changed = Condition()

    @property
    def queued(self) -> int:
        """Images waiting."""
        return len(self._items)

    @property
    def dropped(self) -> int:
        """Images given up."""
        return self._dropped

    @property
    def closed(self) -> bool:
        """Whether no more images will come."""
        return self._closed

    def put(self, item: QueuedImage) -> None:
        """Add an image; gives up the oldest ones where there is no room, and all once closed."""
        with self._changed:
            if self._closed:
                self._dropped += 1
                return
            self._items.append(item)
            self._bytes += item.nbytes
            while self._too_full:
                self._pop()
                self._dropped += 1
            self._changed.notify()

    def get(self) -> QueuedImage | None:
        """Take the oldest image, waiting for one; None once the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed)
            return self._pop() if self._items else None

    def wait_closed(self, timeout_s: float) -> bool:
        """Wait until no more images will come, or for `timeout_s`; True if so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, timeout_s)

    def close(self) -> None:
        """Say that no more images will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Give up all that waits."""
        with self._changed:
            self._dropped += len(self._items)
            self._items.clear()
            self._bytes = 0

    @property
    def _too_full(self) -> bool:
        depth, nbytes = self._limits
        return len(self._items) > 1 and (len(self._items) > depth or self._bytes > nbytes)

    def _pop(self) -> QueuedImage:
        item = self._items.popleft()
        self._bytes -= item.nbytes
        return item
