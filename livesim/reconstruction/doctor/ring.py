"""Rings of equal frequency in a half spectrum, over which powers are averaged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.grid import frequency_axes


@dataclass(frozen=True, eq=False)
class Ring:
    """Radial bins of a half spectrum."""

    index: Tensor
    """[y, half x] which bin."""
    weight: Tensor
    """[y, half x] how often a sample counts: 2 where its conjugate is not stored."""
    counts: Tensor
    """[bin] samples."""
    radius: Tensor
    """[bin] cycles/pixel."""

    @classmethod
    def of(cls, shape: tuple[int, int]) -> Ring:
        """Return the bins for frames of `shape`."""
        fy, fx = frequency_axes(shape, 1.0)
        columns = shape[1] // 2 + 1
        radius = torch.sqrt(fy.square() + fx[:, :columns].square())
        step = 1.0 / min(shape)
        index = (radius / step).round().long()
        weight = torch.full_like(radius, 2.0)
        weight[:, 0] = 1.0
        if shape[1] % 2 == 0:
            weight[:, -1] = 1.0
        counts = torch.bincount(index.flatten(), weights=weight.flatten())
        return cls(index, weight, counts, torch.arange(len(counts)) * step)

    def between(self, least: float, most: float) -> Tensor:
        """Return which bins lie between two radii, bool [bin]."""
        return (self.radius > least) & (self.radius <= most) & (self.counts > 0)

    def pooled(self, values: Tensor, bins: Tensor) -> float:
        """Return the mean of `values` [bin] over all samples in `bins` (bool)."""
        counts = self.counts[bins]
        return float((values[bins] * counts).sum() / counts.sum())

    def mean(self, power: Tensor) -> Tensor:
        """Return the means of `power` [..., y, half x] over every bin, [..., bin]."""
        flat = (power * self.weight).double().flatten(-2)
        sums = flat.new_zeros(*flat.shape[:-1], len(self.counts))
        sums.index_add_(-1, self.index.flatten(), flat)
        return sums / self.counts.clamp(min=1.0)
