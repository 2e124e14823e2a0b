"""Make the orders of planes that a step one is given, and what it should return."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from livesim_models.data.varied.example import LOST
from livesim_models.data.volumes.taken import TakenVolume
from livesim_models.volume.orders import ORDERS, PlaneOrders, given_orders, noise_of

_LEAST_ERROR = 1e-4
"""Mean square in variances of the noise: less is as good."""


@dataclass(frozen=True, slots=True, eq=False)
class OrdersExample:
    """Planes of volumes as orders of their frames, and the orders without noise."""

    orders: Tensor
    """[batch, angle x number, y, x] photo-electrons, see `PlaneOrders`."""
    channels: Tensor
    """[batch, channel, y, x]."""
    noise: Tensor
    """[batch, y, x] its standard deviation, the unit of what the network returns."""
    target: Tensor
    """[batch, angle x number, y, x]."""
    k: Tensor
    """[batch, angle, (x, y)] the pattern's wave vectors."""

    def to(self, device: torch.device) -> OrdersExample:
        """Return the same on `device`."""
        return OrdersExample(*(getattr(self, field.name).to(device) for field in fields(self)))

    def turned(self, symmetry: int) -> OrdersExample:
        """Return a batch in one of the eight symmetries of the square, 0 ... 7.

        A wave vector that no longer points to x >= 0 is called by its opposite, which conjugates
        the orders.
        """
        quarter, mirrored = symmetry & 3, bool(symmetry & 4)
        kx, ky = self.k.unbind(dim=-1)
        kx = -kx if mirrored else kx
        for _ in range(quarter):
            kx, ky = ky, -kx
        opposite = (kx < 0.0) | ((kx == 0.0) & (ky < 0.0))
        sign = torch.where(opposite, -1.0, 1.0)

        def turn(images: Tensor) -> Tensor:
            return torch.rot90(images.flip(-1) if mirrored else images, quarter, (-2, -1))

        def turn_orders(images: Tensor) -> Tensor:
            count = images.shape[1] // ORDERS
            signs = torch.ones(len(images), count, ORDERS)
            signs[..., 2::2] = sign.repeat(1, count // sign.shape[1])[..., None]
            last = images.new_ones(len(images), images.shape[1] % ORDERS)
            return turn(images) * torch.cat([signs.flatten(1).to(images), last], 1)[..., None, None]

        return OrdersExample(
            turn_orders(self.orders),
            turn_orders(self.channels),
            turn(self.noise),
            turn_orders(self.target),
            torch.stack([sign * kx, sign * ky], dim=-1),
        )

    def chosen(self, planes: slice) -> OrdersExample:
        """Return some of the planes."""
        return OrdersExample(*(getattr(self, field.name)[planes] for field in fields(self)))

    def restored(self, step: nn.Module) -> Tensor:
        """Return the orders that a network makes, [batch, angle x number, y, x]."""
        restored: Tensor = step(self.orders, self.channels, self.noise)
        return restored

    def loss(self, restored: Tensor) -> Tensor:
        """Return the mean decibels that restored orders lack; of what they lose twice as many.

        So all light counts alike.
        """
        gained = self.decibels(restored)
        return ((LOST - 1.0) * (-gained).relu() - gained).mean()

    def decibels(self, restored: Tensor) -> Tensor:
        """Return by how many dB restored orders are nearer to the target than given ones."""
        off, before = (
            ((orders - self.target) / self.noise[:, None]).square().mean(dim=(1, 2, 3))
            + _LEAST_ERROR
            for orders in (restored, self.orders)
        )
        return 10.0 * torch.log10(before / off)


def orders_example(taken: TakenVolume) -> OrdersExample:
    """Return all planes of a volume as a step one sees them."""
    lateral = taken.known.lateral
    between = PlaneOrders(lateral)
    orders, target = between.of(taken.frames), between.of(taken.expected)
    noise = noise_of(taken.widefield, taken.read_noise)
    k = torch.tensor([angle.k_cycles_per_um for angle in lateral.angles])
    return OrdersExample(
        orders, given_orders(orders, noise), noise, target, k.expand(len(orders), -1, -1)
    )
