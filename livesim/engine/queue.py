"""A bounded queue between two threads, with a named policy and every drop counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition
from typing import Generic, TypeVar

from livesim.wire.sockets import Keep

Item = TypeVar("Item")


def held_at_most(items: int, most_bytes: int, size: int) -> int:
    """Return how many items of a size in bytes are held at most: one at least."""
    return min(items, max(most_bytes // max(size, 1), 1))


class BoundedQueue(Generic[Item]):
    """One thread puts, another gets; `close` ends the one, `abandon` the other.

    Parameters
    ----------
    limit
        Items held at most.
    most_bytes
        Of memory that they may hold: large items are fewer. None = however large they are.
    bytes_of
        How much one holds.
    keep
        `Keep.BLOCK` lets the putting thread wait, `Keep.DROP_OLDEST` drops, `Keep.LATEST` is
        drop-oldest with a limit of one.
    """

    def __init__(
        self,
        limit: int,
        keep: Keep,
        most_bytes: int | None = None,
        bytes_of: Callable[[Item], int] = lambda item: 0,
    ) -> None:
        self._most = 1 if keep is Keep.LATEST else limit
        self._most_bytes, self._bytes_of = most_bytes, bytes_of
        self.limit = self._most
        """Items held at most, of the size of the last one."""
        self.keep = keep
        self._items: deque[Item] = deque()
        self._dropped = 0
        self._closed = False
        self._abandoned = False
        self._changed = Condition()

    @property
    def queued(self) -> int:
        """Items waiting."""
        return len(self._items)

    @property
    def crowded(self) -> bool:
        """Whether more than half of it is full."""
        return 2 * self.queued > self.limit

    def ease(self, timeout_s: float) -> None:
        """Wait until it is crowded no more, for so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or not self.crowded, timeout_s)

    @property
    def dropped(self) -> int:
        """Items given up because the queue was full, or because nobody takes them any more."""
        return self._dropped

    def put(self, item: Item) -> None:
        """Add an item; when full, wait or drop according to the policy."""
        with self._changed:
            self._measure(item)
            if self.keep is Keep.BLOCK:
                self._changed.wait_for(lambda: self._abandoned or self.queued < self.limit)
            if self._abandoned:
                self._dropped += 1
                return
            self._items.append(item)
            while self.queued > self.limit:
                self._items.popleft()
                self._dropped += 1
            self._changed.notify_all()

    def offer(self, item: Item) -> bool:
        """Add an item where there is room; else leave it. Return whether it was added."""
        with self._changed:
            self._measure(item)
            if self._abandoned or self._closed or self.queued >= self.limit:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def _measure(self, item: Item) -> None:
        """Fit the limit to items of this size; those of one stream have the same."""
        if self._most_bytes is not None:
            self.limit = held_at_most(self._most, self._most_bytes, self._bytes_of(item))

    def get(self) -> Item | None:
        """Take the oldest item, waiting for one; None once the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            item = self._items.popleft() if self._items else None
            self._changed.notify_all()
            return item

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is an item to get, or no more will come; False if neither is so yet."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or bool(self._items), timeout_s)

    def take(self) -> list[Item]:
        """Take all that is waiting, without waiting for more."""
        with self._changed:
            items = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return items

    def __iter__(self) -> Iterator[Item]:
        """Take items until the queue is closed and empty."""
        while (item := self.get()) is not None:
            yield item

    def close(self) -> None:
        """Say that no more items will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Say that no more items will be taken; what is or comes in is dropped and counted."""
        with self._changed:
            self._abandoned = True
            self._dropped += len(self._items)
            self._items.clear()
            self._changed.notify_all()
