"""Correlate every frame with the object at every shift of the spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.estimate.spectra import Spectra, power_of

_BAND_NOISE = 8.0  # times a frame's noise over the number of frames: a side band's at m = 0.7
_BLOCKS = 32  # along each axis: a shift of one spectral pixel turns by a fifth of a radian in one
_DOUBT = 4.0  # times the noise's power: a mean that is no larger is taken for noise
_ALL = 0.99  # of the object's image, from a group alone: its mean fringes are nowhere else
_OFFSETS = torch.tensor((-14, -10, -6, 6, 10, 14))
_HERE = torch.zeros(1, 2, dtype=torch.long)
AWAY = torch.cartesian_prod(_OFFSETS, _OFFSETS)
"""[shift, (x, y)] spectral pixels from a peak where there is but noise and the object's own."""


class Correlation:
    """The correlation of what every frame adds to the object with the object, over all shifts.

    Product of the object as all frames show it and of what each frame adds, in real space,
    transformed: at the shift k every frame adds exp(i phase) m/2 times the power both bands share
    (Wicker et al., Opt. Express 21, 2032, 2013). The filters are those of the maximum-likelihood
    correlator in weak light (Knapp & Carter, IEEE TASSP 24, 320, 1976): the object's least-squares
    estimate on the one side, noise-weighted deconvolution on the other.

    An object that fills the field carries the fringes as light that is even: the carrier, what a
    frame adds at the frequency k itself. Details alone would not do there: carrier and a strong
    detail at d correlate at k + d, far more than the details with themselves at k. The two are kept
    apart, since background is even as well, but without fringes, so that their ratio is not known.
    """

    def __init__(self, spectra: Spectra, grid: EstimationGrid) -> None:
        self._grid, steady = grid, spectra.steady
        self.shares = steady.shares
        """[group, frame] what every frame contributes to the object's image."""
        common, changing = _filters(spectra, grid)
        added = spectra.windowed - steady.windowed[:, None, None]
        plain = added.sum(dim=0)
        added.mul_(changing)
        thing = grid.image(steady.windowed * common) * steady.trust
        images = grid.image(added)
        carrier = images.sum(dim=0) if len(images) > 1 else images[0]
        product = (images * thing[:, None, None]).sum(dim=0)
        self._images = (product, carrier)
        self.spectra = (torch.fft.rfft2(product), added.sum(dim=0))
        """With the details of the object, and the carrier: [group, frame, y, x // 2 + 1] each."""
        self.searched = (self.spectra[0], plain)
        """The same with the carrier as it is: where the OTF ends, filters are too steep for rings
        to tell the level of noise."""
        self._known: dict[tuple[int, int, int], Neighbourhood] = {}

    def around(self, group: int, k: tuple[float, float]) -> Neighbourhood:
        """Return the correlation of a group's frames within some spectral pixels of k (kx, ky)."""
        step_y, step_x = self._grid.steps
        x, y = round(k[0] / step_x), round(k[1] / step_y)
        if (group, x, y) not in self._known:
            self._known[group, x, y] = self._around(group, (x * step_x, y * step_y))
        return self._known[group, x, y]

    def _around(self, group: int, k: tuple[float, float]) -> Neighbourhood:
        grid, excess, weights = self._grid, *self._weights(group, k)
        across, down = _blocks(grid.x.flatten(), k[0]), _blocks(grid.y.flatten(), k[1])
        details, carrier = (part[group] for part in self._images)
        images = details * weights[0] if weights[0] else torch.zeros_like(details)
        if weights[1]:
            images.add_(carrier, alpha=weights[1])
        columns = torch.view_as_complex(
            (images @ torch.view_as_real(across[1]).flatten(1)).unflatten(-1, (-1, 2))
        )
        return Neighbourhood(
            down[1].mT @ columns, across[0], down[0], k, weights, excess[1] > excess[0]
        )

    def phases(self, group: int, k: Tensor) -> Tensor:
        """Return the phase of every frame of a group at k (kx, ky), [frame] rad float64.

        Frames show themselves less what their group's fringes leave in the object's image: nothing
        where the steps are even, which is believed until noise does not explain the rest.
        """
        place = (float(k[0]), float(k[1]))
        found = self.around(group, place).at(k[:1], k[1:])[:, 0, 0]
        floor = float(power_of(self.near(group, place, AWAY)).mean()) / len(found)
        left = float(self.shares[group].sum())
        middle = found.mean()
        away = middle / (1.0 - left) if left < _ALL else middle - _centre(found)
        known = max(1.0 - _DOUBT * floor / max(float(power_of(away)), 1e-30), 0.0)
        return (found - middle + known * away).angle().double()

    def _weights(
        self, group: int, k: tuple[float, float]
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return how far details and carrier stand out at k, and with what they are added up."""
        excess, weights = [], []
        for spectrum in self.spectra:
            here = self._grid.around(spectrum[group], k, _HERE)[:, 0]
            away = power_of(self._grid.around(spectrum[group], k, AWAY)).mean(dim=1)
            floor = max(float(away.sum()), 1e-30)
            excess.append(max(float(power_of(here - here.mean()).sum()) / floor - 1.0, 0.0))
            weights.append((excess[-1] / floor) ** 0.5)
        if not any(excess):
            weights[0] = 1.0
        return (excess[0], excess[1]), (weights[0], weights[1])

    def near(self, group: int, k: tuple[float, float], away: Tensor) -> Tensor:
        """Return it at the samples `away` [shift, (x, y)] from the one at k, [frame, shift]."""
        details, carrier = self.around(group, k).weights
        there = (self._grid.around(spectrum[group], k, away) for spectrum in self.spectra)
        return details * next(there) + carrier * next(there)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The correlation near one shift: its image turned back by that shift, added up in blocks."""

    frames: Tensor
    """[frame, y, x]."""
    x: Tensor
    """Centres of the blocks in µm, float64."""
    y: Tensor
    k: tuple[float, float]
    weights: tuple[float, float]
    """Of the object's details and of the carrier."""
    carried: bool
    """Whether the carrier stands out more than the details do."""

    def turned(self, back: Tensor, kx: Tensor, ky: Tensor) -> Tensor:
        """Return what `at` does, of all frames times `back` [frame] together, [y, x shift]."""
        together = torch.tensordot(back.to(self.frames.dtype), self.frames, dims=1)
        return self._at(together, kx, ky)

    def at(self, kx: Tensor, ky: Tensor) -> Tensor:
        """Return the frames' correlation at all shifts of a grid, complex [frame, y, x shift].

        `kx` and `ky` are the shifts along each axis in cycles/µm, one-dimensional float64.
        """
        return self._at(self.frames, kx, ky)

    def _at(self, frames: Tensor, kx: Tensor, ky: Tensor) -> Tensor:
        along_y = torch.exp(-2j * torch.pi * (ky[:, None] - self.k[1]) * self.y)
        along_x = torch.exp(-2j * torch.pi * self.x[:, None] * (kx - self.k[0]))
        return along_y.to(torch.complex64) @ (frames @ along_x.to(torch.complex64))


def _centre(points: Tensor) -> Tensor:
    """Return the centre of the circle through complex points, least squares (Kåsa, 1976)."""
    xy = torch.view_as_real(points).double()
    design = torch.cat([2.0 * xy, torch.ones_like(xy[:, :1])], dim=1)
    scale = xy.square().sum(dim=1)
    found = torch.linalg.pinv(design, rtol=1e-3) @ scale
    return torch.complex(found[0], found[1])


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
