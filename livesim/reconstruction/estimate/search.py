"""Search the wave vectors of every group to a fraction of a spectral pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.annulus import Region
from livesim.reconstruction.estimate.correlation import Correlation
from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.estimate.spectra import power_of
from livesim.reconstruction.estimate.spectral_samples import RINGS, SpectralSamples

_NEIGHBOURS = 4.0  # spectral pixels around a peak that belong to it
_OWN = 1.6  # spectral pixels around a peak that climb to it
_REACHES = (1.5, 0.08)
"""Spectral pixels around a sample, then around the best place there, in which the maximum is looked
for. In small fields the samples lie so coarse that the highest may belong to a side lobe."""
_PASSED = 0.005
"""Least OTF at which a carrier is looked for."""
_OPPOSITE = 0.5  # of the power of the opposite turn
_STEPS = 41  # along each axis


@dataclass(frozen=True, slots=True)
class Peak:
    """A wave vector of the highest harmonic and how far it stands out."""

    k: tuple[float, float]
    peak_to_noise: float


class Scores:
    """How far every sample of the correlation stands out as a wave vector of each group.

    Parameters
    ----------
    correlation
        Of the frames.
    grid
        Of the same field.
    inner, outer
        Between which lengths wave vectors are looked for, cycles/µm.
    harmonics
        The wave vectors are those of the highest.
    """

    def __init__(
        self,
        correlation: Correlation,
        grid: EstimationGrid,
        inner: float,
        outer: float,
        harmonics: int,
    ) -> None:
        self._correlation, self._grid, self._harmonics = correlation, grid, harmonics
        margin = RINGS * grid.step
        self._samples = samples = SpectralSamples(grid, inner / harmonics - margin, outer + margin)
        details, carrier = (_over_frames(samples.of(part)) for part in correlation.searched)
        passed = samples.of(grid.transfer) > _PASSED
        self._each = [
            _score(one, samples) + passed * _score(other, samples)
            for one, other in zip(details, carrier, strict=True)
        ]
        if harmonics == 2:
            self._each = [
                samples.of(_with_fundamental(samples.spread(score), grid)) for score in self._each
            ]

    def peaks(
        self, group: int, regions: Sequence[Region], known: Sequence[Peak] = ()
    ) -> list[Peak]:
        """Return one peak per region of a group, the strongest first come; no two are the same.

        Nor are they any of the `known`.
        """
        score, samples = self._each[group], self._samples
        for peak in known:
            score = torch.where(samples.around(peak.k, _OWN * self._grid.step), -1.0, score)
        peaks: list[Peak] = []
        free = torch.ones_like(samples.forward)
        for region in regions:
            allowed = torch.where(region.mask(samples) & free, score, -1.0)
            turn, sample = divmod(int(allowed.argmax()), score.shape[1])
            coarse = (float(samples.fx[sample]), float(samples.fy[sample]))
            strength = math.sqrt(max(float(allowed[turn, sample]), 0.0))
            peaks.append(Peak(self._climb(group, coarse, turn + 1), strength))
            free &= ~samples.around(coarse, _NEIGHBOURS * self._grid.step)
        return peaks

    def allows(self, k: tuple[float, float], region: Region) -> bool:
        """Whether a wave vector (kx >= 0, ky) lies in a region, to the sample."""
        near = self._samples.around(k, self._grid.step)
        return bool((near & region.mask(self._samples)).any())

    def _climb(self, group: int, k: tuple[float, float], turns: int) -> tuple[float, float]:
        """Return the maximum around a sample, between the samples, to 0.005 px.

        All harmonics climb together, `turns` being those of the fundamental.
        """
        steps, harmonics = self._grid.steps, self._harmonics
        orders = [(n / harmonics, n * turns) for n in range(1, harmonics + 1)]
        near = [
            self._correlation.around(group, (share * k[0], share * k[1])) for share, _ in orders
        ]
        frames = torch.arange(len(near[0].frames))
        for reach in _REACHES:
            away = reach * torch.linspace(-1.0, 1.0, _STEPS, dtype=torch.float64)
            kx, ky = k[0] + away * steps[1], k[1] + away * steps[0]
            found = torch.zeros(_STEPS, _STEPS)
            for there, (share, turned) in zip(near, orders, strict=True):
                back = torch.exp(-2j * torch.pi * turned / len(frames) * frames)
                found += there.turned(back, share * kx, share * ky).abs()
            row, column = divmod(int(found.argmax()), _STEPS)
            k = float(kx[column]), float(ky[row])
        return k


def _over_frames(spectrum: Tensor) -> Tensor:
    """Return the power of every number of turns over the frames, [group, frame - 1, sample].

    Frames whose phases make `t` equal turns add up in row t - 1 and nowhere else.
    """
    frames = spectrum.shape[1]
    turns = torch.arange(1, frames)[:, None] * torch.arange(frames)
    transform = torch.exp(-2j * torch.pi / frames * turns).to(torch.complex64)
    return power_of(transform @ spectrum)


def _score(power: Tensor, samples: SpectralSamples) -> Tensor:
    """Return how far every sample stands out for every number of turns, [frame - 1, sample].

    Steps of a pattern turn one way. What moves or changes otherwise turns both ways alike, so half
    the power of the opposite turn is taken off: very uneven steps turn both ways as well.
    """
    return (power - _OPPOSITE * power.flip(0)) / samples.level(power)


def _with_fundamental(score: Tensor, grid: EstimationGrid) -> Tensor:
    """Return the score [frame - 1, y, x // 2 + 1] of a second harmonic with its fundamental's."""
    rows, columns = grid.shape
    half_rows = torch.round(torch.fft.fftfreq(rows, 1.0 / rows) / 2).long() % rows
    half_columns = torch.round(torch.arange(columns // 2 + 1) / 2).long()
    fundamental = score[:, half_rows[:, None], half_columns]
    frames = len(score) + 1
    twice = [2 * turn % frames for turn in range(1, frames)]
    highest = torch.stack([score[turn - 1] if turn else 0 * score[0] for turn in twice])
    return (fundamental + highest) / math.sqrt(2.0)  # the noise of a sum grows like that
