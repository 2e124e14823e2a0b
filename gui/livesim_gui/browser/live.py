"""Listen to one engine on behalf of all watchers, and wake them when there is something new."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from livesim_gui.link import Link
from livesim_gui.state.stream.feed import Feed, News
from livesim_gui.state.time.ring import Ring

MEMORY_BYTES = 64 << 20
"""Of results: the newest, and the last one with networks."""


class Live:
    """What one engine publishes, taken once however many watch; for one event loop.

    Parameters
    ----------
    engine
        Its control endpoint.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._feed = Feed(Ring(MEMORY_BYTES), told=self._told)
        self._link: Link | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self._woken = False

    @property
    def watchers(self) -> int:
        """How many look now."""
        return len(self._waiting)

    def open(self) -> None:
        """Begin to listen; called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._link = Link(self._engine, self._feed, stages=False)

    def close(self) -> None:
        """Listen no more."""
        if self._link is not None:
            self._link.close(wait_s=2.0)
        self._loop = None

    def news(self) -> News:
        """Return what is known now."""
        return self._feed.news(time.monotonic())

    @contextmanager
    def watching(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever there is something new, and at first."""
        event = asyncio.Event()
        event.set()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.remove(event)

    def _told(self) -> None:
        """Wake all watchers; in any thread, once for all that comes before they are awake."""
        loop = self._loop
        if loop is not None and not self._woken:
            self._woken = True
            try:
                loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop has ended meanwhile
                self._loop = None

    def _wake(self) -> None:
        self._woken = False
        for event in self._waiting:
            event.set()
