"""Wrap a network as what restores volumes, plane by plane with the planes beside it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from livesim_models.volume.conditions import VolumeConditions, given_planes

_TOGETHER = 4
"""Planes that are in memory at once."""


class PlanesHybrid(nn.Module):
    """Adds to every plane of a plain volume what a network makes of it and of those beside it."""

    def __init__(self, network: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, plain: Tensor, white: Tensor, widefield: Tensor, conditions: VolumeConditions
    ) -> Tensor:
        """Return the restored volume [z, 2 y, 2 x] of a plain one, in photo-electrons.

        Parameters as those of `given_planes`.
        """
        channels, unit = given_planes(plain, white, widefield, conditions)
        parts = zip(
            plain.split(_TOGETHER), channels.split(_TOGETHER), unit.split(_TOGETHER), strict=True
        )
        return torch.cat([self.restored(*part) for part in parts])

    def restored(self, plain: Tensor, channels: Tensor, unit: Tensor) -> Tensor:
        """Return restored planes [batch, 2 y, 2 x]."""
        return plain + unit * self.network(channels).float()[:, 0]
