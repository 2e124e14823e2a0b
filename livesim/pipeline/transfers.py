"""What goes to a GPU for one raw stack, and what comes back from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from livesim.engine.pending import Pending
from livesim.pipeline.captured import Images
from livesim.pipeline.cuda import Gpu, Mark, Queue
from livesim.pipeline.work import Turns, Work

Marks = tuple[tuple[str, Mark], ...]
"""Ends of the steps, after where they begin."""


class Slot:
    """Page-locked memory through which a stack and its turns go to the GPU, one after the other."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._counts = self._factors = torch.empty(0)
        self.free: Mark | None = None
        """Where the GPU has read both; None = it has not been used."""

    def wait(self) -> None:
        """Let the host wait until both may be replaced."""
        if self.free is not None:
            self.free.wait()

    def counts(self, raw: Tensor) -> Tensor:
        """Return a raw stack where the GPU can read it: itself if it lies there already."""
        if self._gpu.is_pinned(raw):
            return raw
        if self._counts.shape != raw.shape or self._counts.dtype != raw.dtype:
            self._counts = self._gpu.pinned(raw.shape, raw.dtype)
        return self._counts.copy_(raw)

    def factors(self, turns: Turns | None, like: Tensor) -> Tensor:
        """Return turns where the GPU can read them, [band]; where nothing has moved, ones."""
        if self._factors.shape != like.shape or self._factors.dtype != like.dtype:
            self._factors = self._gpu.pinned(like.shape, like.dtype)
        if turns is None:
            return self._factors.fill_(1.0)
        return self._factors.copy_(torch.tensor(turns, dtype=like.dtype))


def coming_down(images: Images, *, stages: bool) -> list[Tensor]:
    """Return which images come down; one that stands for several comes once.

    Without `stages` those on the way to the image that is shown stay, unless they are that itself.
    """
    image, plain, _, _, widefield = images
    return list(dict.fromkeys(images if stages else (image, plain, widefield)))


def fetched(
    gpu: Gpu,
    down: Queue,
    images: Images,
    raw: Tensor,
    turns: Turns | None,
    marks: Marks,
    *,
    stages: bool,
) -> tuple[Pending[Work], Mark]:
    """Let images come down; return also where they are there."""
    down.wait(marks[-1][1])
    host = {one: gpu.pinned(one.shape, one.dtype) for one in coming_down(images, stages=stages)}
    for one, target in host.items():
        down.copy(target, one)
    image, plain, between, network, widefield = images
    there = (host[image], host[plain], host.get(between), host.get(network), host[widefield])
    at = down.mark()
    return Pending(_Fetch(raw, there, turns, at, marks).take, beside=1), at


@dataclass(frozen=True, slots=True, eq=False)
class _Fetch:
    """Images on their way from the GPU to the host."""

    raw: Tensor
    """[angle, phase, y, x], kept until it has gone up."""
    images: tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor]
    """On the host, in the order of `Images`."""
    turns: Turns | None
    at: Mark
    """Where the images are there."""
    marks: Marks

    def take(self) -> Work:
        """Return what was computed, once it has come down."""
        self.at.wait()
        sums: dict[str, float] = {}
        for (_, begin), (step, end) in pairwise(self.marks):
            sums[step] = sums.get(step, 0.0) + end.ms_since(begin)
        return Work(self.raw, *self.images, self.turns, tuple(sums.items()))
