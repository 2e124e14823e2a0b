"""Hold the frames of one group together with what separates them into bands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.estimate.parameters import Parameters
from livesim.reconstruction.estimate.zero_order import Frames


@dataclass(frozen=True, eq=False)
class Separated:
    """The frames of one group and the pattern that their bands are separated with."""

    frames: Frames
    grid: EstimationGrid
    """Of the same field."""
    at: Parameters

    @cached_property
    def rows(self) -> Tensor:
        """The best matrix from frames to bands, complex128 [1 + 2 orders, frame]."""
        return self.at.unmixing(self.frames.noise)

    @cached_property
    def noise(self) -> Tensor:
        """What noise adds to the products of the bands, [band, band] complex128."""
        noise = self.frames.noise.to(torch.complex128)
        return self.rows.conj() @ (noise[:, None] * self.rows.mT)
