"""Several raw stacks at once on one GPU, each in a lane of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat
from threading import Lock

import numpy as np
import torch

from livesim.engine.pending import Pending, in_order
from livesim.pipeline.captured import BRIGHT
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.sections import Sections
from livesim.pipeline.work import TurnBands, Work
from livesim.values.frames import Pixels

MOST_LANES = 8
WORTH = 1.1
"""By how much twice as many lanes have to be faster: they take twice the memory."""
_ROUNDS = 3
"""Raw stacks in each lane that are timed."""
_SPARE = 2
"""Times the memory of new lanes that has to be free: others use the GPU as well."""
_FEWEST_STACKS = 32
"""For each lane: to find how many pay takes about as long as some dozens."""

_log = logging.getLogger("livesim.engine")


def lanes_for(stacks: int) -> int:
    """Return how many lanes may be tried for so many raw stacks."""
    return max(1, min(MOST_LANES, stacks // _FEWEST_STACKS))


class Lanes:
    """The frame path of a GPU that is given more than one raw stack.

    The stacks take turns in the lanes. Each lane replays captures of its own, in queues of its own:
    what one leaves of the GPU another one uses. All of them do the same operations on one stack as
    one lane alone, so how many there are changes no pixel; a batch in one capture would take other
    kernels, which add up in another order.

    How many there are is measured before the first stack: twice as many, up to `most`, as long as
    that pays, as memory is free, and as they all make the same image.

    Parameters
    ----------
    lane
        Makes one.
    clock
        In seconds.
    """

    def __init__(
        self,
        lane: Callable[[], ReplayedPath],
        most: int = MOST_LANES,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._make, self._most, self._clock = lane, most, clock
        self._lanes = [lane()]
        self.device = self._lanes[0].device
        self._turn = 0
        self._preparing = Lock()
        self._counted = False

    @property
    def count(self) -> int:
        """How many lanes there are."""
        return len(self._lanes)

    @property
    def note(self) -> str:
        """What is not as it should be in a lane; "" = nothing."""
        return next((lane.note for lane in self._lanes if lane.note), "")

    def prepare(self, sections: Sections) -> None:
        """Capture everything in every lane, in any thread; the first time, find how many pay."""
        with self._preparing:
            if not self._counted:
                self._counted = True
                self._widen(sections)
            for lane in self._lanes:
                lane.prepare(sections)

    def begin(
        self, sections: Sections, pixels: Pixels, turn_bands: TurnBands, *, stages: bool = True
    ) -> Pending[Work]:
        """Begin with one raw stack [angle, phase, y, x] in the lane whose turn it is."""
        lane = self._lanes[self._turn % len(self._lanes)]
        self._turn += 1
        begun = lane.begin(sections, pixels, turn_bands, stages=stages)
        return replace(begun, beside=begun.beside * len(self._lanes))

    # How many.

    def _widen(self, sections: Sections) -> None:
        """Double the lanes as long as that pays; memory of those that do not is given back."""
        first = self._lanes[0]
        before = first.free_bytes
        first.prepare(sections)
        each = before - first.free_bytes
        if first.note:
            return
        rate, (alone,) = self._tried(self._lanes, sections)
        while 2 * self.count <= self._most and first.free_bytes > _SPARE * each * self.count:
            more = [*self._lanes, *(self._make() for _ in self._lanes)]
            found, works = self._tried(more, sections)
            same = all(_same(alone, work) for work in works)
            if not same:
                _log.warning("raw stacks do not come out alike at once on %s", self.device)
            if found < WORTH * rate or not same or any(lane.note for lane in more):
                break
            self._lanes, rate = more, found
        _log.info("%d raw stack(s) at once on %s, %.3g a second", self.count, self.device, rate)

    def _tried(self, lanes: Sequence[ReplayedPath], sections: Sections) -> tuple[float, list[Work]]:
        """Return raw stacks a second in these lanes, and what each makes of the same one."""
        random = np.random.default_rng(0)
        counts = random.integers(BRIGHT, size=sections.stack_shape, dtype=np.uint16)

        def made(rounds: int, *, stages: bool) -> Iterator[Work]:
            order = chain.from_iterable(repeat(lanes, rounds))
            begun = (lane.begin(sections, counts, lambda _: None, stages=stages) for lane in order)
            return in_order(replace(one, beside=len(lanes)) for one in begun)

        works = list(made(1, stages=True))  # the first time takes longer
        begin = self._clock()
        count = sum(1 for _ in made(_ROUNDS, stages=False))
        return count / (self._clock() - begin), works


def _same(one: Work, other: Work) -> bool:
    """Whether two lanes have made the same of a raw stack, to the bit."""
    pairs = zip((one.plain, *one.stages), (other.plain, *other.stages), strict=True)
    return all(torch.equal(mine, theirs) for mine, theirs in pairs)
