"""A raw stack in; its images, or the promise of them, out: what every frame path offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from livesim.pipeline.sections import Sections
from livesim.reconstruction.track.check import BandReading
from livesim.values.frames import Pixels

RECONSTRUCT, STEP_ONE, STEP_TWO = "reconstruct", "step one", "step two"
"""The steps whose times are told."""

Measure = Callable[[], tuple[BandReading, ...]]
"""Compares the stack in hand with the cached pattern."""
Turns = Sequence[complex]
"""What turns each side band."""
Decide = Callable[[Measure], Turns | None]
"""Returns what turns the bands of the stack in hand, measured or not; None = nothing does."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """One result, and all that it was made of."""

    counts: Tensor
    """[angle, phase, y, x] of the raw stack."""
    image: Tensor
    """[2 y, 2 x] with all networks."""
    plain: Tensor
    """[2 y, 2 x] without any."""
    between: Tensor
    """[2 y, 2 x] with step one alone."""
    widefield: Tensor
    """[y, x]."""
    turns: Turns | None
    """What turned each side band; None = nothing did."""
    steps_ms: tuple[tuple[str, float], ...] = ()
    """What it consisted of, and how long each part took."""

    @property
    def factors(self) -> Tensor | None:
        """The turns as a tensor [band], where the images are."""
        return None if self.turns is None else as_factors(self.turns, self.image.device)

    def to(self, device: torch.device) -> Made:
        """Return the same on `device`."""
        names = ("counts", "image", "plain", "between", "widefield")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


class Making(Protocol):
    """Work on one raw stack that has been begun."""

    @property
    def waits(self) -> bool:
        """Whether a GPU may still be at work on it, while the next one can be begun."""
        ...

    def take(self) -> Made:
        """Return what was made, on the host, once it is there."""
        ...


class FramePath(Protocol):
    """Takes the raw stacks of one stream through their sections; used by one thread."""

    @property
    def device(self) -> torch.device:
        """Where the sections have to be."""
        ...

    def begin(self, sections: Sections, pixels: Pixels, decide: Decide) -> Making:
        """Begin with one raw stack [angle, phase, y, x]."""
        ...


def as_tensor(pixels: Pixels) -> Tensor:
    """Return a stack's counts without copying where torch can share the memory."""
    whole = np.ascontiguousarray(pixels)
    if not whole.flags.writeable:  # torch warns of read-only memory; nothing here writes to it
        whole = whole.copy()
    return torch.from_numpy(whole)


def as_factors(turns: Turns, device: torch.device) -> Tensor:
    """Return turns as a tensor [band]."""
    return torch.tensor(turns, dtype=torch.complex64, device=device)
