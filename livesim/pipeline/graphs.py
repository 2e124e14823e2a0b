"""The frame path of a GPU: its sections are captured once and replayed for every raw stack.

Nothing is allocated on the GPU for a stack, and the host waits for it twice: for the few numbers by
which the pattern is judged, while the GPU is at step one, and for the images.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from livesim.engine.pending import Pending
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.cuda import Gpu, Graph, Mark
from livesim.pipeline.sections import Sections
from livesim.pipeline.work import (
    ARBITRATION,
    RECONSTRUCT,
    STEP_ONE,
    STEP_TWO,
    TurnBands,
    Turns,
    Work,
    as_tensor,
)
from livesim.reconstruction.track.check import BandReading
from livesim.values.frames import Pixels

_log = logging.getLogger("livesim.engine")

_KEPT = 2
"""Captured forms that are kept: a pattern and the one before it."""
_SLOTS = 2
"""Stacks whose upload may be under way at once."""


class ReplayedPath:
    """The frame path of a GPU: each form of sections is captured once.

    Sections of the same form, such as those of a pattern that is known better now, have their
    parameters copied to where the captured work reads them. Where nothing can be captured, it is
    said once, and all is done one operation after the other.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._gpu, self.device = gpu, gpu.device
        self._kept: deque[Captured] = deque(maxlen=_KEPT)
        self._refuses = False

    @torch.inference_mode()
    def begin(self, sections: Sections, pixels: Pixels, turn_bands: TurnBands) -> Pending[Work]:
        """Ask the GPU for everything that is made of one raw stack [angle, phase, y, x]."""
        counts = as_tensor(pixels)
        captured = self._captured(sections, counts.flatten(0, -3))
        if captured is None:
            return EagerPath(self.device).begin(sections, pixels, turn_bands)
        captured.load(sections)
        return captured.begin(counts, turn_bands)

    def _captured(self, sections: Sections, counts: Tensor) -> Captured | None:
        if self._refuses:
            return None
        try:
            return self._of(sections, counts)
        except RuntimeError as error:
            _log.warning("nothing could be captured on %s: %s", self.device, error)
            self._refuses = True
            return None

    def _of(self, sections: Sections, counts: Tensor) -> Captured:
        """Return what has these sections loaded, or can load them, or a new one."""
        for suits in (Captured.has, Captured.fits):
            for one in self._kept:
                if suits(one, sections, counts):
                    return one
        self._kept.append(Captured(self._gpu, sections, counts))
        return self._kept[-1]


class _Slot:
    """Page-locked memory through which one stack and its turns go to the GPU."""

    def __init__(self, gpu: Gpu, counts: Tensor, factors: Tensor) -> None:
        self.counts = gpu.pinned(counts.shape, counts.dtype)
        self.factors = gpu.pinned(factors.shape, factors.dtype)
        self.free: Mark | None = None
        """Where the GPU has read both; None = it has not been used."""


Images = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Image, plain, between, network and widefield."""


@dataclass(frozen=True, slots=True, eq=False)
class _Graphs:
    """What a GPU has captured; every replay reads and writes the same memory."""

    counts: Tensor
    """[frame, y, x] of the raw stack."""
    factors: Tensor
    """[band] by which the side bands are turned."""
    look: Graph
    judge: Graph | None
    sums: Tensor | None
    """The numbers by which the pattern is judged; None where it is not."""
    denoise: Graph | None
    combine: Graph
    refine: Graph | None
    arbitrate: Graph | None
    images: Images


def _capture(gpu: Gpu, own: Sections, like: Tensor) -> _Graphs:
    """Capture sections for raw stacks [frame, y, x] of the size and type of `like`."""
    counts = torch.zeros_like(like, device=gpu.device)
    factors = torch.ones(len(own.plan.ramps), dtype=torch.complex64, device=gpu.device)
    pool = gpu.pool()
    look, looked = gpu.capture(lambda: own.look(counts), pool)
    judge = sums = denoise = frames = refine = arbitrate = None
    if own.check.able:
        judge, sums = gpu.capture(lambda: own.check.sums(looked.spectra), pool)
    if own.denoises:
        denoise, frames = gpu.capture(lambda: own.denoise(counts), pool)
    combine, made = gpu.capture(lambda: own.combine(looked, frames, factors), pool)
    network = made.between
    if own.refines:
        refine, network = gpu.capture(lambda: own.refine(made.between), pool)
    image = network
    if own.arbitrates:
        arbitrate, image = gpu.capture(lambda: own.arbitrate(made.plain, network), pool)
    gpu.settle()
    images = (image, made.plain, made.between, network, made.widefield)
    return _Graphs(counts, factors, look, judge, sums, denoise, combine, refine, arbitrate, images)


class Captured:
    """Sections of one form and size, captured on one GPU.

    Three queues: up to the GPU, its work, and down again. While the images of one stack come down,
    the next one goes up and is looked at.

    Parameters
    ----------
    gpu
        On which the sections are.
    sections
        The first ones; their parameters are copied.
    counts
        A raw stack [frame, y, x] of the size and type to expect.
    """

    def __init__(self, gpu: Gpu, sections: Sections, counts: Tensor) -> None:
        self._gpu, self._loaded, self._own = gpu, sections, sections.copied()
        self._up, self._work, self._down = gpu.queue(), gpu.queue(), gpu.queue()
        self._graphs = _capture(gpu, self._own, counts)
        sums = self._graphs.sums
        self._host_sums = None if sums is None else gpu.pinned(sums.shape, sums.dtype)
        self._slots = [_Slot(gpu, counts, self._graphs.factors) for _ in range(_SLOTS)]
        self._turn = 0
        self._read: Mark | None = None  # where the counts may be replaced
        self._fetched: Mark | None = None  # where the images may be replaced

    def has(self, sections: Sections, counts: Tensor) -> bool:
        """Whether these sections are loaded."""
        return sections is self._loaded and self._takes(counts)

    def fits(self, sections: Sections, counts: Tensor) -> bool:
        """Whether these sections can be loaded."""
        return self._takes(counts) and sections.form == self._own.form

    def _takes(self, counts: Tensor) -> bool:
        own = self._graphs.counts
        return counts.shape == own.shape and counts.dtype == own.dtype

    def load(self, sections: Sections) -> None:
        """Work with the parameters of these sections from the next stack on."""
        if sections is self._loaded:
            return
        self._gpu.settle()  # they were computed in another queue
        triples = zip(self._own.tensors, self._loaded.tensors, sections.tensors, strict=True)
        for own, old, new in triples:
            if new is not old:  # other weights share all else
                self._work.copy(own, new)
        self._loaded = sections

    def begin(self, raw: Tensor, turn_bands: TurnBands) -> Pending[Work]:
        """Ask for everything that is made of one raw stack [angle, phase, y, x]."""
        slot = self._next_slot()
        self._send(slot, raw.flatten(0, -3))
        marks = [("", self._work.mark())]
        looked = self._looked_at()
        marks.append((RECONSTRUCT, looked))
        if self._graphs.denoise is not None:
            self._work.replay(self._graphs.denoise)
            marks.append((STEP_ONE, self._work.mark()))
        self._read = marks[-1][1]
        turns = turn_bands(lambda: self._readings(looked))
        self._turned(slot, turns)
        if self._fetched is not None:
            self._work.wait(self._fetched)
        self._work.replay(self._graphs.combine)
        marks.append((RECONSTRUCT, self._work.mark()))
        if self._graphs.refine is not None:
            self._work.replay(self._graphs.refine)
            marks.append((STEP_TWO, self._work.mark()))
        if self._graphs.arbitrate is not None:
            self._work.replay(self._graphs.arbitrate)
            marks.append((ARBITRATION, self._work.mark()))
        return self._fetching(raw, turns, tuple(marks))

    def _next_slot(self) -> _Slot:
        """Return the slot that has been free for longest."""
        slot = self._slots[self._turn]
        self._turn = (self._turn + 1) % len(self._slots)
        if slot.free is not None:
            slot.free.wait()
        return slot

    def _send(self, slot: _Slot, counts: Tensor) -> None:
        slot.counts.copy_(counts)
        if self._read is not None:
            self._up.wait(self._read)
        self._up.copy(self._graphs.counts, slot.counts)
        slot.free = self._up.mark()
        self._work.wait(slot.free)

    def _looked_at(self) -> Mark:
        graphs = self._graphs
        self._work.replay(graphs.look)
        if graphs.judge is not None and graphs.sums is not None and self._host_sums is not None:
            self._work.replay(graphs.judge)
            self._work.copy(self._host_sums, graphs.sums)
        return self._work.mark()

    def _readings(self, looked: Mark) -> tuple[BandReading, ...]:
        if self._host_sums is None:
            return ()
        looked.wait()
        return self._loaded.check.readings(self._host_sums.tolist())

    def _turned(self, slot: _Slot, turns: Turns | None) -> None:
        """Send the turns; where nothing has moved, ones."""
        if turns is None:
            slot.factors.fill_(1.0)
        else:
            slot.factors.copy_(torch.tensor(turns, dtype=slot.factors.dtype))
        self._work.copy(self._graphs.factors, slot.factors)
        slot.free = self._work.mark()

    def _fetching(
        self, raw: Tensor, turns: Turns | None, marks: tuple[tuple[str, Mark], ...]
    ) -> Pending[Work]:
        """Let the images come down; one that stands for several comes once."""
        self._down.wait(marks[-1][1])
        host: dict[Tensor, Tensor] = {}
        for image in self._graphs.images:
            if image not in host:
                host[image] = self._gpu.pinned(image.shape, image.dtype)
                self._down.copy(host[image], image)
        self._fetched = self._down.mark()
        image, plain, between, network, widefield = (host[one] for one in self._graphs.images)
        images = (image, plain, between, network, widefield)
        fetch = _Fetch(raw, images, turns, self._fetched, marks)
        return Pending(fetch.take, waits=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Fetch:
    """Images on their way from the GPU to the host."""

    raw: Tensor
    images: Images
    """On the host."""
    turns: Turns | None
    fetched: Mark
    """Where the images are there."""
    marks: tuple[tuple[str, Mark], ...]
    """Ends of the steps, after where they begin."""

    def take(self) -> Work:
        """Return what was computed, once it has come down."""
        self.fetched.wait()
        sums: dict[str, float] = {}
        for (_, begin), (step, end) in pairwise(self.marks):
            sums[step] = sums.get(step, 0.0) + end.ms_since(begin)
        return Work(self.raw, *self.images, self.turns, tuple(sums.items()))
