"""What every frame path offers: it begins with a raw stack, and its images can be taken later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from livesim.engine.beside.proposals import Measure
from livesim.engine.pending import Pending
from livesim.pipeline.sections import Sections
from livesim.values.frames import Pixels

RECONSTRUCT, STEP_TWO, ARBITRATION = "reconstruct", "step two", "arbitration"
"""The steps whose times are measured, beside `Sections.begins`."""

Turns = Sequence[complex]
"""The factor of each side band by which it is turned."""
TurnBands = Callable[[Measure], Turns | None]
"""Returns what turns the bands of the stack in hand, having measured or not; None = nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """Everything that was computed of one raw stack."""

    counts: Tensor
    """[angle, phase, y, x] of the raw stack."""
    image: Tensor
    """[2 y, 2 x] the plain image with as much of the networks' as the weights say."""
    plain: Tensor
    """[2 y, 2 x] without any network."""
    between: Tensor | None
    """[2 y, 2 x] with step one or a network from end to end alone; None where it stayed on the
    GPU."""
    network: Tensor | None
    """[2 y, 2 x] with all networks; None where it stayed on the GPU."""
    widefield: Tensor
    """[y, x]."""
    turns: Turns | None
    """What turned each side band; None = nothing did."""
    steps_ms: tuple[tuple[str, float], ...] = ()
    """What it consisted of, and how long each part took."""

    @property
    def stages(self) -> tuple[Tensor, Tensor]:
        """What step one and the networks alone give, of work that was begun with its stages."""
        assert self.between is not None
        assert self.network is not None
        return self.between, self.network

    @property
    def factors(self) -> Tensor | None:
        """The turns as a tensor [band], where the images are."""
        return None if self.turns is None else as_factors(self.turns, self.image.device)

    def to(self, device: torch.device) -> Work:
        """Return the same on `device`."""
        names = ("counts", "image", "plain", "between", "network", "widefield")
        there = {name: one for name in names if (one := getattr(self, name)) is not None}
        return replace(self, **{name: one.to(device) for name, one in there.items()})


class FramePath(Protocol):
    """Takes the raw stacks of one stream through their sections; used by one thread."""

    @property
    def device(self) -> torch.device:
        """Where the sections have to be."""
        ...

    @property
    def note(self) -> str:
        """What is not as it should be here; "" = nothing."""
        ...

    def prepare(self, sections: Sections) -> None:
        """Do what can be done before the first raw stack comes, in any thread."""
        ...

    def begin(
        self, sections: Sections, pixels: Pixels, turn_bands: TurnBands, *, stages: bool = True
    ) -> Pending[Work]:
        """Begin with one raw stack [angle, phase, y, x]; what is taken lies on the host.

        Without `stages` a GPU may keep the images on the way to the one that is shown.
        """
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
