"""Read the numbers in names of files and groups: frame 2 comes before frame 10."""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"(\d+)")


def natural(name: str) -> list[str | int]:
    """Return the key by which names are sorted by the value of their numbers."""
    return [int(part) if part.isdigit() else part for part in _NUMBERS.split(name)]


def words_and_numbers(name: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the words around the numbers of a name, and the numbers."""
    parts = natural(name)
    return tuple(map(str, parts[::2])), tuple(map(int, parts[1::2]))
