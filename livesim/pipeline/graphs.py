"""The frame path of a GPU: its sections are captured once and replayed for every raw stack.

Nothing is allocated on the GPU for a stack, and the host waits for it twice: for the few numbers by
which the pattern is judged, while the GPU is at step one, and for the images.
"""

from __future__ import annotations

import logging
import threading

import torch
from torch import Tensor

from livesim.engine.pending import Pending
from livesim.pipeline.captured import Captured, CapturedNetworks
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.cuda import Gpu, Mark
from livesim.pipeline.sections import Sections
from livesim.pipeline.transfers import Slot, fetched
from livesim.pipeline.work import (
    ARBITRATION,
    RECONSTRUCT,
    STEP_TWO,
    TurnBands,
    Work,
    as_tensor,
)
from livesim.values.frames import Pixels

_log = logging.getLogger("livesim.engine")

_KEPT = 3
"""Captured forms that are kept: the one in use, the one before it, and one that is prepared."""
_SLOTS = 2
"""Stacks whose upload may be under way at once."""
_CAMERA = torch.uint16
"""What raw stacks are taken to consist of before the first one has come."""


class ReplayedPath:
    """The frame path of a GPU: each form of sections is captured once.

    Three queues: up to the GPU, its work, and down again. While the images of one stack come down,
    the next one goes up and is looked at. All forms take turns in the same three.

    Sections of the same form, such as those of a pattern that is known better now, have their
    parameters copied to where the captured work reads them. Networks are captured once for each
    size. A form that cannot be captured is done one operation after the other, and `note` says so.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._gpu, self.device = gpu, gpu.device
        self._up, self._work, self._down = gpu.queue(), gpu.queue(), gpu.queue()
        self._slots = [Slot(gpu) for _ in range(_SLOTS)]
        self._turn = 0
        self._read: Mark | None = None  # where the counts may be replaced
        self._fetched: Mark | None = None  # where the images may be replaced
        self._preparing = threading.Lock()  # held by who captures, never by who only looks
        self._kept: tuple[Captured, ...] = ()
        self._using: Captured | None = None
        self._refused: list[tuple[object, ...]] = []
        self.note = ""

    @property
    def free_bytes(self) -> int:
        """Memory of the GPU that nobody uses now."""
        return self._gpu.free_bytes

    @torch.inference_mode()
    def prepare(self, sections: Sections) -> None:
        """Capture what sections need before the first raw stack comes; in any thread, and dear."""
        self._captured(sections, torch.empty(sections.stack_shape, dtype=_CAMERA))

    @torch.inference_mode()
    def begin(
        self, sections: Sections, pixels: Pixels, turn_bands: TurnBands, *, stages: bool = True
    ) -> Pending[Work]:
        """Ask the GPU for everything that is made of one raw stack [angle, phase, y, x]."""
        counts = as_tensor(pixels)
        captured = self._captured(sections, counts.flatten(0, -3))
        if captured is None:
            return EagerPath(self.device).begin(sections, pixels, turn_bands)
        self._use(captured)
        captured.load(sections, self._gpu, self._work)
        return self._begun(captured, counts, turn_bands, stages=stages)

    # What is captured.

    def _captured(self, sections: Sections, counts: Tensor) -> Captured | None:
        """Return what can take these sections and counts; None where that cannot be captured."""
        found = self._find(sections, counts)
        if found is not None or self._is_refused(sections, counts):
            return found
        sections.check_size(counts)
        with self._preparing:
            found = self._find(sections, counts)
            if found is not None or self._is_refused(sections, counts):
                return found
            return self._tried(sections, counts)

    def _find(self, sections: Sections, counts: Tensor) -> Captured | None:
        """Return what has these sections loaded, or can load them."""
        kept = self._kept[::-1]
        for suits in (Captured.has, Captured.fits):
            for one in kept:
                if suits(one, sections, counts):
                    return one
        return None

    def _tried(self, sections: Sections, counts: Tensor) -> Captured | None:
        """Return a new capture; None, and never tried again, if even spare memory does not help."""
        try:
            return self._with_room(sections, counts)
        except RuntimeError as error:
            self._refused.append(_form(sections, counts))
            self.note = f"nothing could be captured on {self.device}: {error}"
            _log.warning("%s", self.note, exc_info=error)
            return None

    def _with_room(self, sections: Sections, counts: Tensor) -> Captured:
        try:
            return self._new(sections, counts)
        except torch.OutOfMemoryError:
            _log.info("capturing on %s again with all memory that can be spared", self.device)
        self._keep_used()
        self._gpu.give_back()
        return self._new(sections, counts)

    def _new(self, sections: Sections, counts: Tensor) -> Captured:
        networks = next((n.networks for n in self._kept if n.networks.fits(sections, counts)), None)
        if networks is None:
            networks = CapturedNetworks(self._gpu, sections, counts)
        new = Captured(self._gpu, sections, networks)
        others = [one for one in self._kept if one is not self._using]
        using = [one for one in self._kept if one is self._using]
        while len(others) > _KEPT - 2:
            others.pop(0).done()
        self._kept = (*others, new, *using)
        return new

    def _keep_used(self) -> None:
        """Forget all that is captured but what is in use."""
        for one in self._kept:
            one.done()
        self._kept = tuple(one for one in self._kept if one is self._using)

    def _is_refused(self, sections: Sections, counts: Tensor) -> bool:
        return bool(self._refused) and _form(sections, counts) in self._refused

    def _use(self, captured: Captured) -> None:
        """Remember what is in use: a GPU may still be at work on it while others are captured."""
        if captured is self._using:
            return
        if self._using is not None and self._using not in self._kept:
            self._using.done()
        self._using = captured

    # One raw stack.

    def _begun(
        self, captured: Captured, raw: Tensor, turn_bands: TurnBands, *, stages: bool
    ) -> Pending[Work]:
        """Ask for everything that is made of one raw stack [angle, phase, y, x]."""
        networks, slot = captured.networks, self._next_slot()
        self._send(slot, raw.flatten(0, -3), networks.counts)
        marks = [("", self._work.mark())]
        looked = captured.look(self._work)
        marks.append((RECONSTRUCT, looked))
        if networks.begin(self._work):
            marks.append((networks.begins, self._work.mark()))
        self._read = marks[-1][1]
        turns = turn_bands(lambda: captured.readings(looked))
        self._work.copy(captured.factors, slot.factors(turns, captured.factors))
        slot.free = self._work.mark()
        if self._fetched is not None:
            self._work.wait(self._fetched)
        captured.combine(self._work)
        marks.append((RECONSTRUCT, self._work.mark()))
        if networks.refine(self._work, captured.between):
            marks.append((STEP_TWO, self._work.mark()))
        if captured.arbitrate(self._work):
            marks.append((ARBITRATION, self._work.mark()))
        pending, self._fetched = fetched(
            self._gpu, self._down, captured.images, raw, turns, tuple(marks), stages=stages
        )
        captured.last = self._fetched
        return pending

    def _next_slot(self) -> Slot:
        """Return the slot that has been free for longest, once it is."""
        slot = self._slots[self._turn]
        self._turn = (self._turn + 1) % len(self._slots)
        slot.wait()
        return slot

    def _send(self, slot: Slot, counts: Tensor, to: Tensor) -> None:
        source = slot.counts(counts)
        if self._read is not None:
            self._up.wait(self._read)
        self._up.copy(to, source)
        slot.free = self._up.mark()
        self._work.wait(slot.free)


def _form(sections: Sections, counts: Tensor) -> tuple[object, ...]:
    """Return what is refused where it could not be captured."""
    return (sections.form, counts.shape, counts.dtype)
