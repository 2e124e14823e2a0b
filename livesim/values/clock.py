"""Tell the time in nanoseconds of a clock that starts as the wall clock and never jumps."""

from __future__ import annotations

import time

_ANCHOR_NS = time.time_ns() - time.monotonic_ns()


def steady_ns() -> int:
    """Return the time since 1970: the wall clock's when this process began, then counted on.

    A wall clock that is set, by hand or from the network, would make latencies negative and
    put the stacks of a recording out of order. After that these stamps are off by as much as
    it was set, but their differences within one process are always durations.
    """
    return _ANCHOR_NS + time.monotonic_ns()
