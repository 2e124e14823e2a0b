"""Let one of several threads work at a time, and of those that wait only the newest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """Work that outlives its stream must not pile up: each piece of it holds memory.

    At most one piece is done and another one waits, however fast new ones come. What is under way
    is never broken off, so where pieces come too fast some are done, rather than none.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._taken = False
        self._newest: object | None = None

    @contextmanager
    def own(self) -> Iterator[bool]:
        """Wait for a turn, and have it until the end of this context.

        False where somebody newer has come to wait meanwhile: then the turn is theirs.
        """
        mine = self._wait()
        try:
            yield mine
        finally:
            if mine:
                with self._changed:
                    self._taken = False
                    self._changed.notify_all()

    def _wait(self) -> bool:
        own = object()
        with self._changed:
            self._newest = own
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._taken or self._newest is not own)
            mine = self._newest is own
            self._taken = self._taken or mine
            return mine
