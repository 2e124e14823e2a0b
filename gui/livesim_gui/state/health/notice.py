"""Keep the one message below the picture for as long as it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

STAYS_S = 6.0
"""How long a message stays that nothing overtakes."""

Over = Callable[[], bool]
"""Whether a message does not hold any more."""


def never() -> bool:
    """Return False: only time ends the message."""
    return False


class Say(Protocol):
    """Tells something below the picture."""

    def __call__(self, words: str, over: Over = never) -> None:
        """Tell it for a while, or until it is over."""
        ...


class Notice:
    """Holds the one message; the next one replaces it."""

    def __init__(self) -> None:
        self._words, self._until_s, self._over = "", 0.0, never

    def say(self, words: str, now_s: float, over: Over = never) -> None:
        """Take a message."""
        self._words, self._until_s, self._over = words, now_s + STAYS_S, over

    def words(self, now_s: float) -> str:
        """Return what holds now."""
        if self._words and (now_s >= self._until_s or self._over()):
            self._words, self._over = "", never
        return self._words
