"""What a GPU has captured of sections: the networks of one size, and a form of the rest.

A capture is dear and an image is not, so captures are made beside a running stream. What one of
them reads may change meanwhile, but none of them writes to what another one's replays read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.pipeline.cuda import Gpu, Graph, Mark, Queue
from livesim.pipeline.sections import Sections
from livesim.reconstruction.track.check import BandReading
from livesim_models.conditions import Conditions

Images = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Image, plain, between, network and widefield."""

BRIGHT = 250
"""Counts, at most, of the made-up stack with which everything is tried; 8 bits hold them."""


class CapturedNetworks:
    """The networks for raw stacks of one size, whatever lights them.

    Parameters
    ----------
    gpu
        On which the sections are.
    sections
        Whose networks these are.
    like
        A raw stack [frame, y, x] of the size and type to expect.
    """

    def __init__(self, gpu: Gpu, sections: Sections, like: Tensor) -> None:
        own = sections.copied()
        self._form = sections.networks_form
        self.counts = _made_up(like, gpu.device)
        """[frame, y, x] of the raw stack; everything reads it there."""
        self.begins = own.begins
        self.begun: Tensor | None = None
        """What `Sections.begin` returned."""
        self.image: Tensor | None = None
        """[2 y, 2 x] after step two, None without it."""
        self._begin: Graph | None = None
        self._refine: Graph | None = None
        pool = gpu.pool()
        if own.begins:
            self._begin, self.begun = gpu.capture(lambda: own.begin(self.counts), pool)
        self._conditions: Conditions | None = None
        self._loaded: Conditions | None = None
        if own.refines:
            self._conditions, self._loaded = own.conditions, sections.conditions
            rows, columns = like.shape[-2:]
            self._given = own.plan.unmixing.new_zeros(2 * rows, 2 * columns)
            self._refine, self.image = gpu.capture(lambda: own.refine(self._given), pool)

    def fits(self, sections: Sections, counts: Tensor) -> bool:
        """Whether these are the networks of such sections and raw stacks."""
        size = counts.shape == self.counts.shape and counts.dtype == self.counts.dtype
        return size and sections.networks_form == self._form

    def has(self, conditions: Conditions | None) -> bool:
        """Whether these conditions are loaded."""
        return self._conditions is None or conditions is self._loaded

    def load(self, conditions: Conditions | None, queue: Queue) -> None:
        """Work under these conditions from the next stack on."""
        if self._conditions is None or conditions is None:
            return
        for own, new in zip(self._conditions.tensors, conditions.tensors, strict=True):
            queue.copy(own, new)
        self._loaded = conditions

    def begin(self, queue: Queue) -> bool:
        """Ask for what sees the raw frames; returns whether there is such a network."""
        if self._begin is not None:
            queue.replay(self._begin)
        return self._begin is not None

    def refine(self, queue: Queue, between: Tensor) -> bool:
        """Ask for step two of an image [2 y, 2 x]; returns whether there is one."""
        if self._refine is not None:
            queue.copy(self._given, between)
            queue.replay(self._refine)
        return self._refine is not None


class Captured:
    """All sections of one form but the networks.

    Parameters
    ----------
    gpu
        On which the sections are.
    sections
        The first ones; their parameters are copied.
    networks
        Of these sections.
    """

    def __init__(self, gpu: Gpu, sections: Sections, networks: CapturedNetworks) -> None:
        self._loaded, self.networks = sections, networks
        own = self._own = sections.copied()
        self.factors = torch.ones(len(own.plan.ramps), dtype=torch.complex64, device=gpu.device)
        """[band] by which the side bands are turned."""
        self.last: Mark | None = None
        """Where the GPU has done the last stack; None = it was given none."""
        pool, begun = gpu.pool(), networks.begun
        self._look, self._looked = gpu.capture(lambda: own.look(networks.counts), pool)
        self._judge: Graph | None = None
        self._sums = self._host_sums = None
        if own.check.able:
            spectra = self._looked.spectra
            self._judge, self._sums = gpu.capture(lambda: own.check.sums(spectra), pool)
            self._host_sums = gpu.pinned(self._sums.shape, self._sums.dtype)
        self._combine, made = gpu.capture(
            lambda: own.combine(self._looked, begun, self.factors), pool
        )
        self.between = made.between
        """[2 y, 2 x] with what sees the raw frames alone."""
        image = network = made.between if networks.image is None else networks.image
        self._arbitrate: Graph | None = None
        if own.arbitrates:
            self._arbitrate, image = gpu.capture(lambda: own.arbitrate(made.plain, network), pool)
        self.images: Images = (image, made.plain, made.between, network, made.widefield)

    def has(self, sections: Sections, counts: Tensor) -> bool:
        """Whether these sections are loaded."""
        loaded = sections is self._loaded and self.networks.has(sections.conditions)
        return loaded and self.networks.fits(sections, counts)

    def fits(self, sections: Sections, counts: Tensor) -> bool:
        """Whether these sections can be loaded."""
        return self.networks.fits(sections, counts) and sections.form == self._own.form

    def load(self, sections: Sections, gpu: Gpu, queue: Queue) -> None:
        """Work with the parameters of these sections from the next stack on."""
        networks = self.networks
        if sections is self._loaded and networks.has(sections.conditions):
            return
        queue.wait(gpu.here())  # they were computed outside of the queues
        if not networks.has(sections.conditions):
            networks.load(sections.conditions, queue)
        triples = zip(self._own.tensors, self._loaded.tensors, sections.tensors, strict=True)
        for own, old, new in triples:
            if new is not old:  # other weights share all else
                queue.copy(own, new)
        self._loaded = sections

    def look(self, queue: Queue) -> Mark:
        """Ask for the bands of the counts, and for what the pattern is judged by."""
        queue.replay(self._look)
        if self._judge is not None and self._sums is not None and self._host_sums is not None:
            queue.replay(self._judge)
            queue.copy(self._host_sums, self._sums)
        return queue.mark()

    def readings(self, looked: Mark) -> tuple[BandReading, ...]:
        """Return what the bands say of the pattern, once the GPU has come to `looked`."""
        if self._host_sums is None:
            return ()
        looked.wait()
        return self._loaded.check.readings(self._host_sums.tolist())

    def combine(self, queue: Queue) -> None:
        """Ask for the plain images."""
        queue.replay(self._combine)

    def arbitrate(self, queue: Queue) -> bool:
        """Ask for the image that is shown; returns whether anything is weighed."""
        if self._arbitrate is not None:
            queue.replay(self._arbitrate)
        return self._arbitrate is not None

    def done(self) -> None:
        """Let the host wait until the GPU needs nothing of this."""
        if self.last is not None:
            self.last.wait()


def _made_up(like: Tensor, device: torch.device) -> Tensor:
    """Return a raw stack of noise of the same size and type: zeros choose other kernels."""
    seeded = torch.Generator().manual_seed(0)
    noise = torch.randint(BRIGHT, like.shape, generator=seeded, dtype=torch.int32)
    return noise.to(like.dtype).to(device)
