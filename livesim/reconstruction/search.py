"""Spectra of one group in, its wave vectors to a fraction of a spectral pixel out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.correlation import Correlation, Neighbourhood
from livesim.reconstruction.estimation_grid import EstimationGrid

_NEIGHBOURS = 4.0  # spectral pixels around a peak that belong to it
_RINGS = 4  # spectral pixels over which the level of noise is read


@dataclass(frozen=True, slots=True)
class Annulus:
    """Where a wave vector may lie, in cycles/µm and, if `directions_deg` is given, in angle."""

    inner: float
    outer: float
    direction_deg: float | None = None
    tolerance_deg: float = 10.0

    def mask(self, grid: EstimationGrid) -> Tensor:
        """Return the half of the annulus with k pointing to x >= 0, bool [y, x // 2 + 1]."""
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


def find_peaks(
    correlation: Correlation, grid: EstimationGrid, annuli: list[Annulus], harmonics: int
) -> list[Peak]:
    """Return one peak per annulus, the strongest first come; two never share a peak."""
    score = _score(correlation.turns(), grid, annuli, harmonics)
    taken = torch.zeros(grid.radius.shape, dtype=torch.bool)
    peaks = []
    for annulus in annuli:
        allowed = annulus.mask(grid) & ~taken
        place = int(torch.where(allowed, score, -1.0).argmax())
        turn, place = divmod(place, score[0].numel())
        row, column = divmod(place, score.shape[-1])
        coarse = (float(grid.fx[0, column]), float(grid.fy[row, 0]))
        strength = math.sqrt(max(float(score[turn, row, column]), 0.0))
        turns = harmonics * (turn + 1) % (len(score) + 1)
        near = correlation.around(coarse)
        peaks.append(Peak(_climb(near, grid, turns), turn + 1, strength))
        taken |= _around(grid, coarse)
    return peaks


def _score(turns: Tensor, grid: EstimationGrid, annuli: list[Annulus], harmonics: int) -> Tensor:
    """Return how far every shift stands out for every number of turns, [frame - 1, y, x // 2 + 1].

    Steps of a pattern turn one way. What moves or changes otherwise turns both ways alike, so the
    power of the opposite turn is taken off. Only shifts near the annuli are told.
    """
    inner = min(annulus.inner for annulus in annuli) / harmonics - _RINGS * grid.step
    outer = max(annulus.outer for annulus in annuli) + _RINGS * grid.step
    near = ((grid.radius >= inner) & (grid.radius <= outer)).flatten().nonzero()[:, 0]
    told = turns.flatten(1)[:, near]
    relative = torch.zeros_like(turns)
    relative.flatten(1)[:, near] = (told - told.flip(0)) / _level(told, near, grid)
    if harmonics == 1:
        return relative
    rows, columns = grid.shape
    half_rows = torch.round(torch.fft.fftfreq(rows, 1.0 / rows) / 2).long() % rows
    half_columns = torch.round(torch.arange(columns // 2 + 1) / 2).long()
    fundamental = relative[:, half_rows[:, None], half_columns]
    frames = len(turns) + 1
    twice = [2 * turn % frames for turn in range(1, frames)]
    highest = torch.stack([relative[turn - 1] if turn else 0 * relative[0] for turn in twice])
    return (fundamental + highest) / math.sqrt(2.0)  # the noise of a sum grows like that


def _level(power: Tensor, places: Tensor, grid: EstimationGrid) -> Tensor:
    """Return the typical power at every place's radius, a trimmed mean: peaks do not count.

    `power` is [turns, place], `places` the places' positions in the half spectrum.
    """
    ring = grid.ring.flatten()[places] // _RINGS
    counts = torch.bincount(ring).clamp(min=1)

    def mean(values: Tensor) -> Tensor:
        sums = torch.bincount(ring, weights=values.mean(dim=0).double())
        return (sums / counts).float()[ring]

    trimmed = torch.minimum(power, 3.0 * mean(power))
    trimmed = torch.minimum(trimmed, 3.0 * mean(trimmed))
    return mean(trimmed).clamp(min=1e-30)


def _around(grid: EstimationGrid, k: tuple[float, float]) -> Tensor:
    reach = _NEIGHBOURS * grid.step
    near = torch.hypot(grid.fx - k[0], grid.fy - k[1]) < reach
    return near | (torch.hypot(grid.fx + k[0], grid.fy + k[1]) < reach)


def _climb(near: Neighbourhood, grid: EstimationGrid, turns: int) -> tuple[float, float]:
    """Walk uphill from a grid point to the maximum between the points, to 0.02 px."""
    k = near.k
    step_x, step_y = (1.0 / (n * grid.pixel_um) for n in (grid.shape[1], grid.shape[0]))
    around = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    for fraction in (0.5, 0.25, 0.12, 0.06, 0.03):
        kx, ky = k[0] + fraction * step_x * around, k[1] + fraction * step_y * around
        best = int(near.at(kx, ky)[turns].abs().argmax())
        k = (float(kx[best % 3]), float(ky[best // 3]))
    return k
