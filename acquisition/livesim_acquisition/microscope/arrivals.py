"""Order frames as they arrive: some late, some repeated, some never."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count

import numpy as np

from livesim.config.simulation import Sequence

_FAULTS = {"dropped": 11, "repeated": 12, "late": 13}


def arrivals(faults: Sequence, seed: int, frames: int | None = None) -> Iterator[int]:
    """Yield the numbers of `frames` frames in the order in which they arrive; None = without end.

    A dropped number never comes, a repeated one comes twice in a row, and a late one after
    `late_by` of those behind it. Whether frame n is faulty depends on the seed and n alone.
    """
    waiting: list[tuple[int, int]] = []
    for number in count() if frames is None else range(frames):
        while waiting and waiting[0][0] < number:
            yield heapq.heappop(waiting)[1]
        for copy in _copies(faults, seed, number):
            if _is(faults, "late", seed, number):
                heapq.heappush(waiting, (number + faults.late_by, copy))
            else:
                yield copy
    while waiting:
        yield heapq.heappop(waiting)[1]


def recorded_order(faults: Sequence, seed: int, frames: int) -> list[int]:
    """Return which frames a file of `frames` frames holds, in its order.

    A file does not say which frames it lacks: after a lost one all others move up.
    """
    arriving = arrivals(faults, seed)
    return [next(arriving) for _ in range(frames)]


def _copies(faults: Sequence, seed: int, number: int) -> list[int]:
    if _is(faults, "dropped", seed, number):
        return []
    return [number] * (2 if _is(faults, "repeated", seed, number) else 1)


def _is(faults: Sequence, fault: str, seed: int, number: int) -> bool:
    share: float = getattr(faults, fault)
    if number in getattr(faults, f"{fault}_frames"):
        return True
    return share > 0.0 and np.random.default_rng((seed, _FAULTS[fault], number)).random() < share
