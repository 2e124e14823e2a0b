"""Wrap networks as the steps that they are on the planes of volumes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from livesim_models.network import Architecture

TOGETHER = 4
"""Planes that are in memory at once."""


class AcrossPlanes(nn.Module):
    """Runs a network of three dimensions on planes [z, channel, y, x].

    Parameters
    ----------
    network
        Turns [batch, channel, z, y, x] into [batch, output, z, y, x].
    depth
        Of the volumes whose planes are given one behind the other; None = one volume.
    """

    def __init__(self, network: Callable[[Tensor], Tensor], depth: int | None = None) -> None:
        super().__init__()
        self.network, self._depth = network, depth

    def forward(self, channels: Tensor) -> Tensor:
        """Return the answer [z, output, y, x]."""
        volumes = channels.unflatten(0, (-1, self._depth or len(channels))).transpose(1, 2)
        return self.network(volumes).transpose(1, 2).flatten(0, 1)


class PlanesStep(nn.Module):
    """Adds to planes what a network makes of them and of those beside them.

    Parameters
    ----------
    network
        Turns [z, channel, y, x] into [z, output, y, x].
    """

    def __init__(self, network: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network

    @property
    def across_planes(self) -> bool:
        """Whether the network has to be given all planes at once."""
        return isinstance(self.network, AcrossPlanes)

    def forward(self, planes: Tensor, channels: Tensor, unit: Tensor) -> Tensor:
        """Return planes [z, (output,) y, x], the network's answer being in units [z, y, x].

        Of raw frames these are the orders, see `orders.given_orders`, else the plain planes, see
        `conditions.given_planes`.
        """
        change = self.network(channels).float()
        if planes.ndim == unit.ndim:
            return planes + unit * change[:, 0]
        return planes + unit[:, None] * change

    def in_parts(self, planes: Tensor, channels: Tensor, unit: Tensor) -> Tensor:
        """Return the same, with few planes in memory at a time where the network allows that."""
        if self.across_planes:
            whole: Tensor = self(planes, channels, unit)
            return whole
        given = zip(*(one.split(TOGETHER) for one in (planes, channels, unit)), strict=True)
        return torch.cat([self(*part) for part in given])


def on_planes(
    network: Callable[[Tensor], Tensor], architecture: Architecture, depth: int | None = None
) -> PlanesStep:
    """Return a network as a step on planes, of whichever dimensions it is.

    Parameters
    ----------
    network
        As trained, or what runs it.
    architecture
        Its own.
    depth
        See `AcrossPlanes`.
    """
    return PlanesStep(AcrossPlanes(network, depth) if architecture.in_volumes else network)
