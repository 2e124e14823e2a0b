"""Correlate every frame with the object at every shift of the spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.estimate.spectra import Spectra

_BAND_NOISE = 8.0  # times a frame's noise over the number of frames: a side band's at m = 0.7
_BLOCKS = 32  # along each axis: a shift of one spectral pixel turns by a fifth of a radian in one


class Correlation:
    """The correlation of what every frame adds to the object with the object, over all shifts.

    Product of the object as all frames show it and of what each frame adds, in real space,
    transformed: at the shift k every frame adds exp(i phase) m/2 times the power both bands share
    (Wicker et al., Opt. Express 21, 2032, 2013). The filters are those of the maximum-likelihood
    correlator in weak light (Knapp & Carter, IEEE TASSP 24, 320, 1976): the object's least-squares
    estimate on the one side, noise-weighted deconvolution on the other.
    """

    def __init__(self, spectra: Spectra, grid: EstimationGrid) -> None:
        self._grid, steady = grid, spectra.steady
        self.shares = steady.shares
        """[group, frame] what every frame contributes to the object's image."""
        common, changing = _filters(spectra, grid)
        added = (spectra.windowed - steady.windowed[:, None, None]).mul_(changing)
        thing = grid.image(steady.windowed * common) * steady.trust
        self._product = grid.image(added).mul_(thing[:, None, None]).sum(dim=0)
        self.spectrum = torch.fft.rfft2(self._product)
        """[group, frame, y, x // 2 + 1]."""
        self._known: dict[tuple[int, int, int], Neighbourhood] = {}

    def around(self, group: int, k: tuple[float, float]) -> Neighbourhood:
        """Return the correlation of a group's frames within some spectral pixels of k (kx, ky)."""
        step_y, step_x = self._grid.steps
        x, y = round(k[0] / step_x), round(k[1] / step_y)
        if (group, x, y) not in self._known:
            self._known[group, x, y] = self._around(group, (x * step_x, y * step_y))
        return self._known[group, x, y]

    def _around(self, group: int, k: tuple[float, float]) -> Neighbourhood:
        grid, product = self._grid, self._product[group]
        across, down = _blocks(grid.x.flatten(), k[0]), _blocks(grid.y.flatten(), k[1])
        columns = torch.view_as_complex(
            (product @ torch.view_as_real(across[1]).flatten(1)).unflatten(-1, (-1, 2))
        )
        return Neighbourhood(down[1].mT @ columns, across[0], down[0], k)

    def near(self, group: int, k: tuple[float, float], away: Tensor) -> Tensor:
        """Return it at the samples `away` [shift, (x, y)] from the one at k, [frame, shift]."""
        rows, columns = self._grid.shape
        step_y, step_x = self._grid.steps
        x, y = round(k[0] / step_x) + away[:, 0], round(k[1] / step_y) + away[:, 1]
        opposite = torch.remainder(x, columns) > columns // 2
        sign = torch.where(opposite, -1, 1)
        found = self.spectrum[group][:, (sign * y) % rows, (sign * x) % columns]
        return torch.where(opposite, found.conj(), found)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The correlation near one shift: its image turned back by that shift, added up in blocks."""

    frames: Tensor
    """[frame, y, x]."""
    x: Tensor
    """Centres of the blocks in µm, float64."""
    y: Tensor
    k: tuple[float, float]

    def at(self, kx: Tensor, ky: Tensor) -> Tensor:
        """Return the frames' correlation at all shifts of a grid, complex [frame, y, x shift].

        `kx` and `ky` are the shifts along each axis in cycles/µm, one-dimensional float64.
        """
        along_y = torch.exp(-2j * torch.pi * (ky[:, None] - self.k[1]) * self.y)
        along_x = torch.exp(-2j * torch.pi * self.x[:, None] * (kx - self.k[0]))
        return along_y.to(torch.complex64) @ (self.frames @ along_x.to(torch.complex64))

    def phases(self, k: Tensor) -> Tensor:
        """Return the phase of every frame at the shift `k` (kx, ky), [frame] rad float64."""
        found = self.at(k[:1], k[1:])[:, 0, 0]
        return (found - found.mean()).angle().double()


def _blocks(positions: Tensor, k: float) -> tuple[Tensor, Tensor]:
    """Return the centres of blocks along an axis and what turns back by k and adds up in them."""
    count = min(_BLOCKS, len(positions))
    block = torch.arange(len(positions)) * count // len(positions)
    members = (block[:, None] == torch.arange(count)).double()
    centres = (positions @ members) / members.sum(dim=0)
    carrier = torch.exp(-2j * torch.pi * k * positions)
    return centres, (carrier[:, None] * members).to(torch.complex64)


def _filters(spectra: Spectra, grid: EstimationGrid) -> tuple[Tensor, Tensor]:
    """Return the filters of the common image and of what the frames add to it."""
    power = spectra.steady.power[grid.ring]
    seen = grid.transfer.square() * power
    band_noise = _BAND_NOISE / spectra.noise.shape[1] * float(spectra.noise.mean())
    common = grid.transfer * power / (seen + spectra.steady.noise)
    changing = grid.transfer / (seen + band_noise)
    return common.masked_fill_(grid.low, 0.0), changing.masked_fill_(grid.low, 0.0)
