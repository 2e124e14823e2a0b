"""Keep one network for all, and the two around the reconstruction, from being chosen together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PAIR, _ALL = ("one", "two"), "all"
_NONE, _AUTO = "none", "auto"


def with_excluded(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of the table `steps`, with "none" for the networks whose place they take."""
    if chosen.get(_ALL, _NONE) != _NONE:
        return {**dict.fromkeys(_PAIR, _NONE), **chosen}
    if any(chosen.get(step, _NONE) not in (_NONE, _AUTO) for step in _PAIR):
        return {_ALL: _NONE, **chosen}
    return dict(chosen)
