"""Pick the samples of the half spectrum between two radii, and estimate their noise."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.estimate.grid import EstimationGrid

RINGS = 4
"""Spectral pixels over which the level of noise is read."""


class SpectralSamples:
    """The samples of the half spectrum whose radius lies between two, all [sample]."""

    def __init__(self, grid: EstimationGrid, inner: float, outer: float) -> None:
        self._grid = grid
        inside = (grid.radius >= inner) & (grid.radius <= outer)
        self.index = inside.flatten().nonzero()[:, 0]
        columns = grid.radius.shape[1]
        self.fy = grid.fy.flatten()[self.index // columns].float()
        self.fx = grid.fx.flatten()[self.index % columns].float()
        self.radius = grid.radius.flatten()[self.index]
        self.forward = (self.fx > 0) | (self.fy > 0)
        self._ring = grid.ring.flatten()[self.index] // RINGS
        self._counts = torch.bincount(self._ring).clamp(min=1)

    def of(self, values: Tensor) -> Tensor:
        """Return `values` [..., y, x // 2 + 1] at the samples."""
        return values.flatten(-2).index_select(-1, self.index)

    def spread(self, values: Tensor) -> Tensor:
        """Return the reverse of `of`, zero elsewhere."""
        whole = values.new_zeros(*values.shape[:-1], self._grid.radius.numel())
        whole[..., self.index] = values
        return whole.unflatten(-1, self._grid.radius.shape)

    def around(self, k: tuple[float, float], reach: float) -> Tensor:
        """Return which samples lie within `reach` of k or of -k, bool [sample]."""
        here = torch.hypot(self.fx - k[0], self.fy - k[1])
        return (here < reach) | (torch.hypot(self.fx + k[0], self.fy + k[1]) < reach)

    def level(self, power: Tensor) -> Tensor:
        """Return the typical power [sample] at every sample's radius of `power` [turns, sample].

        A trimmed mean: peaks do not count.
        """
        trimmed = torch.minimum(power, 3.0 * self._ring_mean(power))
        trimmed = torch.minimum(trimmed, 3.0 * self._ring_mean(trimmed))
        return self._ring_mean(trimmed).clamp(min=1e-30)

    def _ring_mean(self, power: Tensor) -> Tensor:
        sums = torch.bincount(self._ring, weights=power.mean(dim=0))
        return (sums / self._counts).float().index_select(0, self._ring)
