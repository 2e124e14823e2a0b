"""Spectra of one group in, how its frames correlate with the object at every shift out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimation_grid import EstimationGrid
from livesim.reconstruction.spectra import LOW, Spectra, power_of

_BAND_NOISE = 8.0  # times a frame's noise over the number of frames: a side band's at m = 0.7
_BLOCKS = 32  # along each axis: a shift of one spectral pixel turns by a fifth of a radian in one


class Correlation:
    """The correlation of every frame with the zero order, over all shifts at once.

    Product of the object as all frames show it and of what each frame adds, in real space,
    transformed: at the shift k every frame adds exp(i phase) m/2 times the power both bands share
    (Wicker et al., Opt. Express 21, 2032, 2013). The filters are those of the maximum-likelihood
    correlator in weak light (Knapp & Carter, IEEE TASSP 24, 320, 1976): the object's least-squares
    estimate on the one side, noise-weighted deconvolution on the other.

    What the frames add sums to zero, and is real: half of its discrete Fourier transform over the
    frames tells all.
    """

    def __init__(self, spectra: Spectra, grid: EstimationGrid) -> None:
        self._grid, self.frames = grid, spectra.windowed.shape[1]
        common, changing = filters(
            grid.radius, grid.transfer, spectra.steady.power[grid.ring], spectra, grid
        )
        fringes = spectra.windowed - spectra.windowed.mean(dim=1, keepdim=True)
        steady = grid.image(spectra.steady.windowed * common) * spectra.steady.trust
        added = grid.image(fringes * changing)
        product = (steady[:, None] * added).sum(dim=0)
        turns = torch.arange(1, self.frames // 2 + 1)[:, None] * torch.arange(self.frames)
        over_frames = torch.exp(-2j * torch.pi / self.frames * turns).to(torch.complex64)
        self.components = torch.complex(
            torch.tensordot(over_frames.real, product, dims=1),
            torch.tensordot(over_frames.imag, product, dims=1),
        )
        """[turns, y, x], turns 1 … frames / 2."""

    def turns(self) -> Tensor:
        """Return the power over shifts of every number of turns, [frame - 1, y, x // 2 + 1].

        Frames whose phases make `t` equal turns add up in row t - 1 and nowhere else.
        """
        rows, columns = self._grid.shape
        across = torch.fft.fft(self.components, dim=-1).mT.contiguous()
        power = power_of(torch.fft.fft(across, dim=-1)).mT
        here = power[..., : columns // 2 + 1].contiguous()
        opposite_rows = -torch.arange(rows) % rows
        opposite = power[..., -torch.arange(columns // 2 + 1) % columns][:, opposite_rows]
        return torch.cat([here, opposite.flip(0)[len(here) * 2 - self.frames + 1 :]])

    def around(self, k: tuple[float, float]) -> Neighbourhood:
        """Return the correlation at shifts within some spectral pixels of k (kx, ky)."""
        grid = self._grid
        across, down = _blocks(grid.x.flatten(), k[0]), _blocks(grid.y.flatten(), k[1])
        here = down[1].mT @ (self.components @ across[1])
        there = down[1].mH @ (self.components @ across[1].conj())
        opposite = there.conj().flip(0)[len(here) * 2 - self.frames + 1 :]
        both = torch.cat([torch.zeros_like(here[:1]), here, opposite])
        return Neighbourhood(both, across[0], down[0], k)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The correlation near one shift: its image turned back by that shift, added up in blocks."""

    turns: Tensor
    """[turns, y, x], turns 0 … frames - 1."""
    x: Tensor
    """Centres of the blocks in µm, float64."""
    y: Tensor
    k: tuple[float, float]

    def at(self, kx: Tensor, ky: Tensor) -> Tensor:
        """Return the frames' transform at all shifts of a grid, complex [turns, y, x shift].

        `kx` and `ky` are the shifts along each axis in cycles/µm, one-dimensional float64.
        """
        along_y = torch.exp(-2j * torch.pi * (ky[:, None] - self.k[1]) * self.y)
        along_x = torch.exp(-2j * torch.pi * self.x[:, None] * (kx - self.k[0]))
        return along_y.to(torch.complex64) @ (self.turns @ along_x.to(torch.complex64))

    def phases(self, k: Tensor) -> Tensor:
        """Return the phase of every frame at the shift `k` (kx, ky), [frame] rad float64."""
        return torch.fft.ifft(self.at(k[:1], k[1:])[:, 0, 0]).angle().double()


def _blocks(positions: Tensor, k: float) -> tuple[Tensor, Tensor]:
    """Return the centres of blocks along an axis and what turns back by k and adds up in them."""
    count = min(_BLOCKS, len(positions))
    block = torch.arange(len(positions)) * count // len(positions)
    members = (block[:, None] == torch.arange(count)).double()
    centres = (positions @ members) / members.sum(dim=0)
    carrier = torch.exp(-2j * torch.pi * k * positions)
    return centres, (carrier[:, None] * members).to(torch.complex64)


def filters(
    radius: Tensor, transfer: Tensor, power: Tensor, spectra: Spectra, grid: EstimationGrid
) -> tuple[Tensor, Tensor]:
    """Return the filters of the common image and of what the frames add to it.

    `radius`, `transfer` and the object's `power` are those of the frequencies asked for.
    """
    own = len(spectra.intensity)
    seen = transfer.square() * power
    band_noise = _BAND_NOISE / own * float(spectra.noise.mean())
    low = radius < LOW * grid.otf.cutoff
    common = torch.where(low, 0.0, transfer * power / (seen + spectra.steady.noise))
    return common, torch.where(low, 0.0, transfer / (seen + band_noise))
