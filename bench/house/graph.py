"""Follow arrows between names: what is reached, which names form circles, how many floors.

`bench.house` asks it of the rooms and files of a checkout.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

Arrow = tuple[str, str]
Reach = dict[str, set[str]]
"""Name -> all that it imports, directly or by way of others."""


def reach(names: Iterable[str], arrows: Iterable[Arrow]) -> Reach:
    """Return all that can be reached from each name."""
    direct = defaultdict(set)
    for start, end in arrows:
        direct[start].add(end)
    return {name: _reached(name, direct) for name in names}


def _reached(name: str, direct: Reach) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        fresh = direct[waiting.pop()] - seen
        seen |= fresh
        waiting += fresh
    return seen


def circles(reached: Reach) -> list[list[str]]:
    """Return the groups whose members all reach each other."""
    groups = {
        frozenset(other for other in reached[name] if name in reached[other]) for name in reached
    }
    return sorted(sorted(group) for group in groups if group)


def floors(reached: Reach) -> dict[str, int]:
    """Return the floor of each name; what imports nothing is on the first."""
    floor: dict[str, int] = {}
    for name in sorted(reached, key=lambda one: len(reached[one] | {one})):  # lower ones first
        below = (floor[other] for other in reached[name] if name not in reached[other])
        floor[name] = 1 + max(below, default=0)
    return floor
