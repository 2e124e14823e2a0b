"""Tell from the parts of a field how far off the fringes may be: all parts have to agree.

What noise alone predicts is too little where object and optics are not what the model takes them
for: few bright things, borders, a wrong OTF, fringes of another angle. Such errors differ from
place to place, and independent parts show them without a model (White, Econometrica 48, 817, 1980).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_PARTS = 8
"""Along each axis."""
_MOST = math.pi**2
"""Variance of fringes that are anywhere, rad²."""


@dataclass(frozen=True, eq=False)
class FieldParts:
    """A complex product whose phase in every part of the field is what the fringes are off by."""

    product: Tensor
    """[..., part] complex128."""
    turns: Tensor
    """[3, part] what phase, kx and ky turn the fringes by in the middle of the part, float64."""

    @classmethod
    def of(cls, product: Tensor, x: Tensor, y: Tensor) -> FieldParts:
        """Add up a product [..., y, x] whose places are `x` and `y` in µm, complex128."""
        across, columns = _parts(x.flatten())
        down, rows = _parts(y.flatten())
        kept = (down.to(product.dtype) @ product @ across.mT.to(product.dtype)).flatten(-2)
        place = torch.cartesian_prod(rows, columns).flip(-1).mT
        turns = torch.cat([torch.ones_like(place[:1]), 2.0 * torch.pi * place])
        return cls(kept, turns)

    def moved(self, step: Tensor) -> FieldParts:
        """Return the same for fringes that were moved by `step` [3] (phase, kx, ky)."""
        return FieldParts(self.product * torch.exp(-1j * (step @ self.turns)), self.turns)

    def together(self) -> FieldParts:
        """Return the sum over the frames of [frame, part]."""
        return FieldParts(self.product.sum(dim=0), self.turns)

    def steps_variance(self) -> float:
        """Return how far frames [frame, part] find their phases apart, less their own noise, rad².

        Their noise is what the parts of each frame differ by.
        """
        product = self.product * torch.exp(-1j * self.product.sum().angle())
        frames = product.sum(dim=-1)
        noise = product.imag.square().sum(dim=-1) / frames.real.square().clamp(min=1e-30)
        return max(float((frames.angle().square() - noise).mean()), 0.0)

    def variance(self, spread: Tensor) -> float:
        """Return the variance of the fringes' place that the parts [part] show, rad².

        How much they differ, and how far together they find another phase. `spread` is
        `Steady.spread`.
        """
        common = self.product.sum().angle()
        product = self.product * torch.exp(-1j * common)
        information = (self.turns * product.real) @ self.turns.mT
        if not float(torch.linalg.eigvalsh(information)[0]) > 0.0:
            return _MOST
        inverse = torch.linalg.inv(information)
        scatter = inverse @ (self.turns * product.imag.square()) @ self.turns.mT @ inverse
        found = float((scatter * spread).sum()) + float(common) ** 2
        return min(max(found, 0.0), _MOST)


def _parts(places: Tensor) -> tuple[Tensor, Tensor]:
    """Return what adds up the places of an axis, [part, place], and the middles of the parts."""
    count = min(_PARTS, len(places))
    number = torch.arange(len(places)) * count // len(places)
    members = (torch.arange(count)[:, None] == number).double()
    return members, members @ places.double() / members.sum(dim=1)
