"""Measure how long each step of one reconstruction takes, on a CPU or a GPU."""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import torch


class StepClock:
    """Measures the steps of one reconstruction, from its construction on.

    On a GPU, where work is only queued by the one who asks for it, the marks are events in the
    device's own queue: they cost nothing and hold nobody.

    Parameters
    ----------
    device
        Where the steps are computed.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._on_gpu = device, device.type == "cuda"
        self._steps: list[str] = []
        self._events: list[torch.cuda.Event] = []
        self._seconds: list[float] = []
        self._stamp()

    def mark(self, step: str) -> None:
        """Say that `step` ends here; one that comes several times counts as their sum."""
        self._steps.append(step)
        self._stamp()

    def read(self) -> tuple[tuple[str, float], ...]:
        """Return each step and its milliseconds; on a GPU once the result has been copied."""
        sums: dict[str, float] = {}
        for step, milliseconds in zip(self._steps, self._elapsed(), strict=True):
            sums[step] = sums.get(step, 0.0) + milliseconds
        return tuple(sums.items())

    def _stamp(self) -> None:
        if self._on_gpu:
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self._device))
            self._events.append(event)
        else:
            self._seconds.append(perf_counter())

    def _elapsed(self) -> list[float]:
        if self._on_gpu:
            return [float(begin.elapsed_time(end)) for begin, end in pairwise(self._events)]
        return [1000.0 * (end - begin) for begin, end in pairwise(self._seconds)]
