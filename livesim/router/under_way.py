"""The raw stacks that one engine has, and those whose results it has given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

import numpy as np

from livesim.values.clock import steady_ns
from livesim.values.frames import RawStack, StackIndex

REMEMBERED = 4096
"""Raw stacks whose second result may still come."""
_NO_PIXELS = np.empty((0, 0, 0, 0), np.uint16)


class UnderWay:
    """Remembers raw stacks, without their pixels; safe in any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sent: OrderedDict[StackIndex, RawStack] = OrderedDict()
        self._done: OrderedDict[StackIndex, RawStack] = OrderedDict()
        self.done = 0
        """First results."""
        self.missed = 0
        """Raw stacks that the engine passed over: dropped by it, or failed."""

    def __len__(self) -> int:
        """Return how many have no result yet."""
        return len(self._sent)

    def add(self, stack: RawStack, there: Callable[[], bool]) -> bool:
        """Take a stack that is about to be sent, if the engine is still there; return whether."""
        passage = replace(stack.passage, taken=steady_ns())
        with self._lock:
            if there():
                self._sent[stack.index] = replace(stack, pixels=_NO_PIXELS, passage=passage)
                return True
            return False

    def made(self, index: StackIndex) -> tuple[RawStack | None, bool]:
        """Return the stack of a result, and whether this is its second; None = nobody knows."""
        with self._lock:
            if index in self._done:
                return self._done[index], True
            self.done += 1
            if index not in self._sent:
                return None, False
            self._pass_over(index)
            stack = self._done[index] = self._sent.pop(index)
            while len(self._done) > REMEMBERED:
                self._done.popitem(last=False)
            return stack, False

    def seen(self, index: StackIndex) -> RawStack | None:
        """Return the stack of a picture that is no result."""
        with self._lock:
            return self._sent.get(index)

    def lose(self) -> list[StackIndex]:
        """Forget all without a result: the engine has gone."""
        with self._lock:
            lost = list(self._sent)
            self._sent.clear()
            return lost

    def end(self) -> None:
        """Count all without a result as passed over: the engine has given all that it gives."""
        with self._lock:
            self.missed += len(self._sent)
            self._sent.clear()

    def _pass_over(self, index: StackIndex) -> None:
        """Forget the stacks before this one: the results of a channel come in their order."""
        for before in list(self._sent):
            if before == index:
                return
            if before.channel == index.channel:
                del self._sent[before]
                self.missed += 1
