"""Number the time points of a stream by rows, whatever its source calls them."""

from __future__ import annotations

from collections import OrderedDict

JUMP = 1024
"""Time points that may be lost in a row; a time further on is a label, such as seconds of a clock.
"""
REMEMBERED = 4096
"""Labels whose rows are known: those that stacks of other channels and planes may still have."""


class TimeRows:
    """Gives every time its row in a recording; used by one thread.

    A time that counts is its own row, so that what is lost leaves a gap. The first one that does
    not, and each new one from then on, gets the next row: a recording is as long as it has time
    points, and no longer.
    """

    def __init__(self) -> None:
        self._next = 0
        self._counted: int | None = None
        """Times below it are their own rows; None = all are."""
        self._rows: OrderedDict[int, int] = OrderedDict()

    @property
    def labelled(self) -> bool:
        """Whether the source labels its times, rather than to count them."""
        return self._counted is not None

    def find(self, time: int) -> int:
        """Return the row of a time: the one it has, or would get."""
        if self._counts(time):
            return time
        return self._rows.get(time, self._next)

    def take(self, time: int) -> int:
        """Return the row of the time of a whole stack, which keeps it."""
        row = self.find(time)
        if not self._counts(time):
            self._counted = self._next if self._counted is None else self._counted
            self._rows[time] = row
            if len(self._rows) > REMEMBERED:
                self._rows.popitem(last=False)
        self._next = max(self._next, row + 1)
        return row

    def _counts(self, time: int) -> bool:
        end = self._next + JUMP if self._counted is None else self._counted
        return time < end
