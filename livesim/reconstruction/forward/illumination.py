"""Compute the light that falls on the specimen from wave vectors, phases and modulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.grid import positions
from livesim.reconstruction.separation import Group, Order, orders_of


@dataclass(frozen=True, eq=False)
class Illumination:
    """The light of one group of frames: an angle, or the seven frames of a hexagonal stack.

    I_n(r) = b_n (1 + sum_o m_o cos(2 pi h_o k_o.r + h_o phi_on)), summed over the orders of
    all wave vectors (Gustafsson, J. Microsc. 198, 82 (2000); hexagonal light is the sum of three).
    """

    k: Tensor
    """[vector, 2] (kx, ky) in cycles/µm."""
    phases: Tensor
    """[vector, frame] rad, at the centre of raw pixel (0, 0)."""
    modulation: Tensor
    """[order], as from `separation.orders_of`: vector by vector."""
    intensity: Tensor
    """[frame], relative brightness."""

    @classmethod
    def of(cls, group: Group, *, device: torch.device | str = "cpu") -> Illumination:
        """Return the light of `group` as float64 tensors."""
        angles = group.angles
        frames = len(angles[0].phases_rad)
        return cls(
            k=_tensor([angle.k_cycles_per_um for angle in angles], device),
            phases=_tensor([angle.phases_rad for angle in angles], device),
            modulation=_tensor([angle.modulation for angle in angles], device).flatten(),
            intensity=_tensor(angles[0].intensity or (1.0,) * frames, device),
        )

    @property
    def orders(self) -> tuple[Order, ...]:
        """Every order above zero."""
        vectors = len(self.k)
        return orders_of(vectors, len(self.modulation) // vectors)

    @property
    def frames(self) -> int:
        """How many frames the group has."""
        return len(self.intensity)

    def frame(self, number: int) -> Illumination:
        """Return the light of one frame alone."""
        one = slice(number, number + 1)
        return replace(self, phases=self.phases[:, one], intensity=self.intensity[one])


def illumination(
    light: Illumination,
    shape: tuple[int, int],
    pixel_um: float,
    *,
    visibility: Tensor | None = None,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Return the light of every frame, [frame, y, x], differentiable in everything `light` holds.

    Parameters
    ----------
    light
        Of the group of frames.
    shape, pixel_um
        Of the grid wanted, whose pixel (0, 0) has the centre of raw pixel (0, 0).
    visibility
        [y, x] on that grid: multiplies every modulation, where the fringes fade over the field.
    dtype
        Of the result; its phases are computed in float64 in any case.
    """
    y, x = positions(shape, pixel_um, device=light.k.device)
    vectors = [order.vector for order in light.orders]
    harmonics = light.k.new_tensor([[order.harmonic] for order in light.orders])
    kx, ky = (2.0 * torch.pi * harmonics * light.k[vectors]).unbind(dim=1)
    along_x = kx[:, None] * x
    along_y = (ky * y)[None] + (harmonics * light.phases[vectors]).T[:, None]  # [frame, y, order]
    # cos(a + b) = cos a cos b - sin a sin b: every fringe is two products of a row and a column.
    rows = torch.cat([along_x.cos(), -along_x.sin()])
    columns = light.modulation.repeat(2) * torch.cat([along_y.cos(), along_y.sin()], dim=-1)
    fringes = columns.to(dtype) @ rows.to(dtype)
    if visibility is not None:
        fringes = fringes * visibility.to(fringes)
    return light.intensity[:, None, None].to(dtype) * (1.0 + fringes)


def _tensor(values: object, device: torch.device | str) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device=device)
