"""Spectra of one group in, its wave vectors to a fraction of a spectral pixel out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.spectra import LOW, EstimationGrid, Spectra

_BAND_NOISE = 8.0  # times a frame's noise over the number of frames: a side band's at m = 0.7
_NEIGHBOURS = 4.0  # spectral pixels around a peak that belong to it


@dataclass(frozen=True, slots=True)
class Annulus:
    """Where a wave vector may lie, in cycles/µm and, if `directions_deg` is given, in angle."""

    inner: float
    outer: float
    direction_deg: float | None = None
    tolerance_deg: float = 10.0

    def mask(self, grid: EstimationGrid) -> Tensor:
        """Return the half of the annulus with k pointing to x >= 0, bool [y, x]."""
        inside = (grid.radius >= self.inner) & (grid.radius <= self.outer)
        half = (grid.fx > 0) | ((grid.fx == 0) & (grid.fy > 0))
        if self.direction_deg is None:
            return inside & half
        axis = torch.atan2(grid.fy, grid.fx) - math.radians(self.direction_deg)
        apart = torch.rad2deg(torch.atan(torch.tan(axis)).abs())  # fringes have no sign
        return inside & half & (apart <= self.tolerance_deg)


@dataclass(frozen=True, slots=True)
class Peak:
    """A wave vector of the highest harmonic and how far it stands out."""

    k: tuple[float, float]
    turns: int
    """Of the fundamental's phase over all frames of the group, in 1 … frames - 1."""
    peak_to_noise: float


class Correlation:
    """The correlation of every frame with the zero order, over all shifts at once.

    Product of the object as all frames show it and of what each frame adds, in real space,
    transformed: at the shift k every frame adds exp(i phase) m/2 times the power both bands share
    (Wicker et al., Opt. Express 21, 2032, 2013). The filters are those of the maximum-likelihood
    correlator in weak light (Knapp & Carter, IEEE TASSP 24, 320, 1976): the object's least-squares
    estimate on the one side, noise-weighted deconvolution on the other.
    """

    def __init__(self, spectra: Spectra, grid: EstimationGrid, zero: Tensor | None = None) -> None:
        self._grid = grid
        common, changing = _filters(spectra, grid)
        if zero is None:
            zero = spectra.windowed.mean(dim=1, keepdim=True)
        fringes = spectra.windowed[:, : zero.shape[1] if zero.shape[1] > 1 else None] - zero
        steady = torch.fft.ifft2(spectra.steady.windowed * common).real
        added = torch.fft.ifft2(fringes * changing).real
        self.product = (steady[:, None] * added).sum(dim=0) * spectra.steady.trust
        """[frame, y, x]"""
        self._complex = self.product.to(torch.complex64)

    def turns(self) -> Tensor:
        """Return the power over shifts of every number of turns, [frame - 1, y, x].

        Frames whose phases make `t` equal turns add up in row t - 1 and nowhere else.
        """
        spectrum = torch.fft.fft2(self.product)
        return torch.fft.fft(spectrum, dim=0)[1:].abs().square()

    def at(self, kx: Tensor, ky: Tensor) -> Tensor:
        """Return the correlation at all shifts of a grid, complex [frame, y shift, x shift].

        `kx` and `ky` are the shifts along each axis in cycles/µm, one-dimensional float64.
        """
        grid = self._grid
        along_x = torch.exp(-2j * torch.pi * grid.x.reshape(-1, 1) * kx).to(torch.complex64)
        along_y = torch.exp(-2j * torch.pi * ky[:, None] * grid.y.reshape(1, -1))
        return along_y.to(torch.complex64) @ (self._complex @ along_x)


def _filters(spectra: Spectra, grid: EstimationGrid) -> tuple[Tensor, Tensor]:
    """Return the filters [y, x] of the common image and of what the frames add to it."""
    power = spectra.steady.power[grid.ring]
    seen = grid.transfer.square() * power
    band_noise = _BAND_NOISE / len(spectra.noise) * float(spectra.noise.mean())
    common = grid.transfer * power / (seen + spectra.steady.noise)
    changing = grid.transfer / (seen + band_noise)
    low = grid.radius < LOW * grid.otf.cutoff
    nothing = torch.zeros_like(common)
    return torch.where(low, nothing, common), torch.where(low, nothing, changing)


def find_peaks(
    correlation: Correlation, grid: EstimationGrid, annuli: list[Annulus], harmonics: int
) -> list[Peak]:
    """Return one peak per annulus, the strongest first come; two never share a peak."""
    score = _score(correlation.turns(), grid, harmonics)
    taken = torch.zeros(grid.shape, dtype=torch.bool)
    peaks = []
    for annulus in annuli:
        allowed = annulus.mask(grid) & ~taken
        place = int(torch.where(allowed, score, score.new_tensor(-1.0)).argmax())
        turn, place = divmod(place, score[0].numel())
        row, column = divmod(place, grid.shape[1])
        coarse = (float(grid.fx[0, column]), float(grid.fy[row, 0]))
        strength = math.sqrt(max(float(score[turn, row, column]), 0.0))
        turns = harmonics * (turn + 1) % (len(score) + 1)
        peaks.append(Peak(_climb(correlation, grid, coarse, turns), turn + 1, strength))
        taken |= _around(grid, coarse)
    return peaks


def _score(turns: Tensor, grid: EstimationGrid, harmonics: int) -> Tensor:
    """Return how far every shift stands out for every number of turns, [frame - 1, y, x].

    Steps of a pattern turn one way. What moves or changes otherwise turns both ways alike, so the
    power of the opposite turn is taken off.
    """
    level = torch.stack([_ring_level(power, grid) for power in turns]).mean(dim=0)
    relative = (turns - turns.flip(0)) / level
    if harmonics == 1:
        return relative
    half = [torch.round(torch.fft.fftfreq(n, 1.0 / n) / 2).long() % n for n in grid.shape]
    fundamental = relative[:, half[0][:, None], half[1][None, :]]
    frames = len(turns) + 1
    twice = [2 * turn % frames for turn in range(1, frames)]
    highest = torch.stack([relative[turn - 1] if turn else 0 * relative[0] for turn in twice])
    return (fundamental + highest) / math.sqrt(2.0)  # the noise of a sum grows like that


def _ring_level(power: Tensor, grid: EstimationGrid) -> Tensor:
    """Return the typical power at every shift's radius, a trimmed mean: peaks do not count."""
    coarse = grid.ring // 4
    counts = torch.bincount(coarse.flatten()).clamp(min=1)

    def mean(values: Tensor) -> Tensor:
        sums = torch.bincount(coarse.flatten(), weights=values.flatten().double())
        return (sums / counts).float()[coarse]

    trimmed = torch.minimum(power, 3.0 * mean(power))
    trimmed = torch.minimum(trimmed, 3.0 * mean(trimmed))
    return mean(trimmed).clamp(min=1e-30)


def _around(grid: EstimationGrid, k: tuple[float, float]) -> Tensor:
    reach = _NEIGHBOURS * grid.step
    near = torch.hypot(grid.fx - k[0], grid.fy - k[1]) < reach
    return near | (torch.hypot(grid.fx + k[0], grid.fy + k[1]) < reach)


def _climb(
    correlation: Correlation, grid: EstimationGrid, k: tuple[float, float], turns: int
) -> tuple[float, float]:
    """Walk uphill from a grid point to the maximum between the points, to 0.02 px."""
    step_x, step_y = (1.0 / (n * grid.pixel_um) for n in (grid.shape[1], grid.shape[0]))
    around = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    for fraction in (0.5, 0.25, 0.12, 0.06, 0.03):
        kx, ky = k[0] + fraction * step_x * around, k[1] + fraction * step_y * around
        best = int(torch.fft.fft(correlation.at(kx, ky), dim=0)[turns].abs().argmax())
        k = (float(kx[best % 3]), float(ky[best // 3]))
    return k
