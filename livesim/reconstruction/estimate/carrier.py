"""Weigh what even light says of the common phase and of the wave vector.

An object that fills the field shows the fringes as such: light times a sinusoid. How exactly its
phase and frequency are known follows from how far it stands out (Rife & Boorstyn, IEEE Trans. Inf.
Theory 20, 591, 1974). It says nothing of the modulation, since even light may be background.
"""

from __future__ import annotations

import cmath
import math
from functools import cached_property, partial

import torch
from torch import Tensor

from livesim.reconstruction.estimate.grid import LOW, EstimationGrid
from livesim.reconstruction.estimate.peak import around_peak, peak_information
from livesim.reconstruction.estimate.separated import Separated

_SAMPLES = (3, 8)  # spectral pixels on either side of the carrier, least and most
_BORDER = 0.12  # of the field, on every side: there the cut spectrum rings
_HALF = 0.5  # of the carrier's own OTF: where less passes, noise outweighs what it tells
_MOST = 2e3  # of power over noise: no model of light and optics is better
_DOUBT = 3.0  # standard errors of its wave vector that noise explains
_STRONG = 20.0  # of power over noise: less may be noise's own maximum


class Carrier:
    """The carrier of one order: its band near its own wave vector, times the light there.

    Both hold the same object at its lowest frequencies, so that their product in real space is the
    light's square times a sinusoid of what the wave vector is wrong by.

    Parameters
    ----------
    bands
        Of one group.
    number
        Of the order.
    """

    def __init__(self, bands: Separated, number: int) -> None:
        frames, grid = bands.frames, bands.grid
        self.k, self._steps = bands.at.shift(number), grid.steps
        low = LOW * grid.otf.cutoff / grid.step
        half = min(max(round(low), _SAMPLES[0]), _SAMPLES[1])
        away = torch.cartesian_prod(*[torch.arange(-half, half + 1)] * 2).flip(-1)
        rows = bands.rows[[0, 1 + number]]
        passed = _passed(grid, self.k, away)
        noise = (rows.abs().square() @ frames.noise)[1] * passed.square()
        light, band = (
            torch.einsum("n,tns->ts", row, frames.map(partial(grid.around, k=k, away=away)))
            for row, k in zip(rows.to(torch.complex64), ((0.0, 0.0), self.k), strict=True)
        )
        size = (2 * half + 1, 2 * half + 1)
        light = light * _passed(grid, (0.0, 0.0), away)
        light[:, len(away) // 2] += frames.level * math.prod(grid.shape)
        there = _image(light, size).real.clamp(min=0.0)
        brightness = there * _window(size)
        self._product = (_image(band * passed, size) * brightness).sum(dim=0).to(torch.complex128)
        filtered = torch.fft.fftshift(torch.fft.fft2(brightness), dim=(-2, -1)).abs().square()
        mixed = (filtered.flatten(-2) * noise).sum().double() / math.prod(size) ** 2
        self.noise = max(float(mixed) * _brighter(brightness.square(), there), 1e-30)
        """Power of the noise in `at`."""
        self._whole = [
            round(one / step) * step for one, step in zip(self.k, self._steps[::-1], strict=True)
        ]
        self._places = [_places(n * grid.pixel_um, size[0]) for n in grid.shape[::-1]]
        for places, k, centre in zip(self._places, self._whole, grid.centre_um, strict=True):
            places -= centre
            self._product *= cmath.exp(2j * math.pi * k * centre)

    def at(self, kx: Tensor, ky: Tensor) -> Tensor:
        """Return the carrier at all wave vectors of a grid (cycles/µm), complex [y, x].

        Its phase is what the common phase at the centre of the field is wrong by.
        """
        along = [
            torch.exp(-2j * torch.pi * (k[:, None] - whole) * places)
            for k, whole, places in zip((kx, ky), self._whole, self._places, strict=True)
        ]
        return along[1] @ self._product @ along[0].mT

    @cached_property
    def told(self) -> tuple[Tensor, Tensor] | None:
        """(information [3, 3], information @ step) of the phase and of kx and ky.

        None where the carrier does not stand out, or has no peak around.
        """
        around = self.at(*around_peak(self.k, self._steps))
        if _power(around) < _STRONG * self.noise:
            return None
        return peak_information(around, max(self.noise, _power(around) / _MOST), self._steps)

    def apart(self, k: tuple[float, float]) -> float:
        """Return how far the carrier's peak lies from the wave vector `k` (kx, ky), cycles/µm.

        0 where it does not stand out enough to tell.
        """
        if self.told is None:
            return 0.0
        information, pull = self.told
        kx, ky = torch.linalg.solve(information, pull)[1:].tolist()
        error = torch.linalg.eigvalsh(torch.linalg.inv(information)[1:, 1:])[-1].sqrt()
        away = math.hypot(self.k[0] + kx - k[0], self.k[1] + ky - k[1])
        return max(away - _DOUBT * float(error), 0.0)


def _passed(grid: EstimationGrid, k: tuple[float, float], away: Tensor) -> Tensor:
    """Return what undoes the OTF at the samples `away` from k, [shift]; 0 where little passes."""
    x, y = (
        (round(one / step) + away[:, axis]) * step
        for axis, (one, step) in enumerate(zip(k, grid.steps[::-1], strict=True))
    )
    transfer = grid.otf(torch.hypot(x, y))
    seen = (transfer > _HALF * transfer[len(away) // 2]) & (transfer > 0.0)
    return torch.where(seen, 1.0 / transfer.clamp(min=1e-12), 0.0)


def _image(samples: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the image [..., y, x] of samples [..., shift] around zero frequency."""
    return torch.fft.ifft2(torch.fft.ifftshift(samples.unflatten(-1, size), dim=(-2, -1)))


def _power(around: Tensor) -> float:
    return float(around[1, 1].abs().square())


def _brighter(weight: Tensor, light: Tensor) -> float:
    """Return how much more light, and so shot noise, there is where the weight is."""
    total = weight.sum() * light.mean()
    return float((weight * light).sum() / total) if float(total) > 0.0 else 1.0


def _places(length: float, count: int) -> Tensor:
    return torch.arange(count, dtype=torch.float64) * (length / count)


def _window(size: tuple[int, int]) -> Tensor:
    """Return what falls to zero at the borders, [y, x]."""
    place = torch.arange(size[0]) / size[0]
    edge = (torch.minimum(place, 1.0 - place) / _BORDER).clamp(max=1.0)
    along = torch.sin(0.5 * torch.pi * edge).square()
    return along[:, None] * along
