"""Time tasks in turn, so that all of them see the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

Task = Callable[[], float]
"""Does its work once and returns the milliseconds it took."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long a task took, over several rounds, in ms."""

    median_ms: float
    iqr_ms: float
    """From the first to the third quartile."""
    least_ms: float
    rounds: int

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Times:
        """Return the summary of single times."""
        first, median, third = np.percentile(milliseconds, (25, 50, 75))
        return cls(float(median), float(third - first), float(min(milliseconds)), len(milliseconds))


def clocked(work: Callable[[], object], device: torch.device) -> Task:
    """Return a task that does `work` and waits until the device has done it."""

    def task() -> float:
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        return 1000.0 * (time.perf_counter() - start)

    return task


def synchronise(device: torch.device) -> None:
    """Wait for what was given to a GPU to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def in_turn(
    tasks: Mapping[str, Task], rounds: int, most_s: float = float("inf")
) -> dict[str, Times]:
    """Run every task once a round, so that all see the same machine; the first does not count.

    After `most_s` seconds no further round is begun, but two are always counted.
    """
    times: dict[str, list[float]] = {name: [] for name in tasks}
    begin = time.monotonic()
    for number in range(rounds + 1):
        if number > 2 and time.monotonic() - begin > most_s:
            break
        for name, task in tasks.items():
            elapsed = task()
            if number:
                times[name].append(elapsed)
    return {name: Times.of(values) for name, values in times.items()}
