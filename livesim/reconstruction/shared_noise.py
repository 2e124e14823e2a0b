"""Tell noise that neighbouring pixels share from that of independent ones, by its spectrum.

Frames that were turned, shifted, scaled or smoothed have less noise at high frequencies than at low
ones; that of a camera is equally strong at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.grid import frequency_axes

_RIPPLE = 0.05
"""Of the noise's power over the frequencies: more is that of resampled or smoothed frames."""
_SHARED = 0.03
"""Correlation of neighbours; that of cameras was below 0.025."""
_RIPPLE_ERRORS, _SHARED_ERRORS = 1.5, 4.5
"""Standard deviations that are added to them in squares."""
_CELLS = 8
"""Cells of the spectrum along half an axis of frequencies."""


@dataclass(frozen=True, eq=False)
class NoiseSpectrum:
    """Power of the noise in cells of the frequencies beyond, 1 on average."""

    power: Tensor
    """[cell]"""
    chance: Tensor
    """[cell] variance of the power of independent pixels."""
    weight: Tensor
    """[cell] share of the frequencies."""
    waves: Tensor
    """[cell, 2] what noise shared by neighbours in y and in x adds to the power."""

    @property
    def is_shared(self) -> bool:
        """Whether neighbouring pixels share noise."""
        (ripple, error), (shared, doubt) = self.ripple, self.shared
        return ripple > math.hypot(_RIPPLE, _RIPPLE_ERRORS * error) or shared > math.hypot(
            _SHARED, _SHARED_ERRORS * doubt
        )

    @property
    def ripple(self) -> tuple[float, float]:
        """Root mean square of the departures from 1 that are not chance, and its error."""
        squares = float((self.weight * ((self.power - 1.0).square() - self.chance)).sum())
        error = float((2.0 * (self.weight * self.chance).square().sum()).sqrt())
        return math.sqrt(max(squares, 0.0)), math.sqrt(error)

    @property
    def shared(self) -> tuple[float, float]:
        """Correlation of neighbours as the power tells it, y or x, whichever is clearer; error."""
        design = self.waves - self.weight @ self.waves
        weighted = design / self.chance[:, None]
        normal = torch.linalg.pinv(weighted.mT @ design)
        found = normal @ (weighted.mT @ (self.power - 1.0))
        errors = normal.diagonal().clamp(min=0.0).sqrt()
        clearest = int((found.abs() / errors.clamp(min=1e-9)).argmax())
        return abs(float(found[clearest])), float(errors[clearest])


def noise_spectrum(frames: Tensor, beyond: float) -> NoiseSpectrum:
    """Return the noise's power in frames [frame, y, x] beyond a frequency in cycles/pixel.

    Frequencies along the axes do not count: rows and columns of a sensor have noise of their own.
    """
    moved = (frames - frames.mean(dim=0)) * math.sqrt(len(frames) / (len(frames) - 1))
    rows, columns = (torch.kaiser_window(n, False, 9.0).to(frames) for n in frames.shape[-2:])
    spectra = torch.fft.fft2(moved * rows[:, None] * columns)
    power = spectra.abs().square().mean(dim=0)
    fy, fx = (one.abs() for one in frequency_axes(tuple(power.shape), 1.0, device=frames.device))
    leak = 3.0 / min(power.shape)
    used = (torch.hypot(fy, fx) > beyond + leak) & (fx > leak) & (fy > leak)
    cell = ((2 * _CELLS * fy).long() * (_CELLS + 1) + (2 * _CELLS * fx).long())[used]
    every = torch.bincount(cell).double()

    def mean(values: Tensor) -> Tensor:
        sums = torch.bincount(cell, values.expand(power.shape)[used])
        return sums[every > 0] / every[every > 0]

    count = every[every > 0]
    weight = count / count.sum()
    level = mean(power)
    # Factor 2: a frequency and its negative say the same.
    chance = 2.0 * _alike(spectra.mul_(used)) / (count * (len(frames) - 1))
    waves = [mean(2.0 * torch.cos(2.0 * math.pi * axis)) for axis in (fy, fx)]
    return NoiseSpectrum(level / (weight @ level), chance, weight, torch.stack(waves, dim=1))


def _alike(noise: Tensor) -> float:
    """Return how many frequencies beside each other say the same, within a cell.

    The fewer the places that the window leaves and the noise comes from, the more: shot noise of a
    bright place in a dark field is that of few pixels.

    `noise` [frame, y, x] are spectra of noise alone.
    """
    power = sum(torch.fft.ifft2(one).abs().square() for one in noise)
    shared = torch.fft.fft2(power).abs().square()
    y, x = (
        (1.0 - 2.0 * _CELLS * one.abs()).clamp(min=0.0)
        for one in frequency_axes(tuple(shared.shape), 1.0, device=shared.device)
    )
    return float((y * x * shared).sum() / shared[0, 0])
