"""Name the raw stacks of a stream that were skipped, as ranges of times."""

from __future__ import annotations

from livesim.values.frames import StackIndex

MOST_RANGES = 8
"""Of a channel that are named; the recording has all."""


class Skipped:
    """Raw stacks without a result; used under its owner's lock."""

    def __init__(self) -> None:
        self.count = 0
        self._ranges: dict[int, list[tuple[int, int]]] = {}

    def add(self, index: StackIndex) -> None:
        """Add one; those of a channel come in the order of their times, mostly."""
        self.count += 1
        ranges = self._ranges.setdefault(index.channel, [])
        first, last = ranges[-1] if ranges else (index.time, index.time)
        if ranges and first <= index.time <= last + 1:
            ranges[-1] = (first, max(last, index.time))
        else:
            ranges.append((index.time, index.time))

    @property
    def words(self) -> str:
        """Which, such as "channel 1: times 14 to 31"; "" = none."""
        return "; ".join(
            f"channel {channel}: {_times(ranges)}" for channel, ranges in self._ranges.items()
        )


def _times(ranges: list[tuple[int, int]]) -> str:
    named = [f"{a}" if a == b else f"{a} to {b}" for a, b in ranges[:MOST_RANGES]]
    more = " and later ones" if len(ranges) > MOST_RANGES else ""
    single = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"{'time' if single else 'times'} {', '.join(named)}{more}"
