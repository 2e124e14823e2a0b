"""Prepare frequencies, OTF, window and rings once for all estimates on one size of field."""

from __future__ import annotations

from functools import cached_property, lru_cache

import torch
from torch import Tensor

from livesim.reconstruction.grid import edge_window, frequency_axes, positions
from livesim.reconstruction.otf import Otf

LOW = 0.08
"""Of the cut-off: lower frequencies hold background and the window."""
_NOISE_FROM = 1.02  # of the cut-off: beyond it a spectrum holds noise alone
_MIN_NOISE_SAMPLES = 200
_TAPER = 12  # border pixels over which the window falls to zero


class EstimationGrid:
    """What estimation needs of a field's size and optics, computed once.

    Frames are real, so every spectrum is kept as the half with fx >= 0, [..., y, x // 2 + 1].

    Parameters
    ----------
    shape
        (y, x) of the raw frames.
    pixel_um
        Raw pixel.
    otf
        Of the microscope.
    """

    def __init__(self, shape: tuple[int, int], pixel_um: float, otf: Otf) -> None:
        self.shape, self.pixel_um, self.otf = shape, pixel_um, otf
        fy, fx = frequency_axes(shape, pixel_um)
        self.fy, self.fx = fy, fx[:, : shape[1] // 2 + 1].abs()
        y, x = positions(shape, pixel_um)
        self.centre_um = (float(x.mean()), float(y.mean()))
        self.y, self.x = y - y.mean(), x - x.mean()
        self.radius = torch.sqrt(self.fy * self.fy + self.fx * self.fx).float()
        self.transfer = otf(self.radius)
        self.window = edge_window(shape, _TAPER).float()
        self.window_power = float(self.window.square().mean())
        self.step = 1.0 / (min(shape) * pixel_um)
        """Ring width of radial averages, cycles/µm."""
        self.steps = (1.0 / (shape[0] * pixel_um), 1.0 / (shape[1] * pixel_um))
        """Distance of spectral samples along (y, x), cycles/µm."""
        self.ring = (self.radius / self.step).round().long()
        self.low = self.radius < LOW * otf.cutoff
        copies = _copies(shape)
        """How often every sample of the half stands in the whole spectrum, [x // 2 + 1]."""
        self._copies = copies.expand_as(self.radius).flatten()
        self.ring_counts = self._ring_sums(torch.ones_like(self.radius))
        beyond = (self.radius > _NOISE_FROM * otf.cutoff) * copies
        self._beyond = beyond[..., None].expand(*beyond.shape, 2).flatten()
        self._beyond_samples = float(beyond.sum())

    def ring_mean(self, values: Tensor) -> Tensor:
        """Return the mean of `values` [y, x // 2 + 1] over every ring, [ring]."""
        return (self._ring_sums(values) / self.ring_counts.clamp(min=1.0)).float()

    def _ring_sums(self, values: Tensor) -> Tensor:
        weights = (values.flatten() * self._copies).double()
        return torch.bincount(self.ring.flatten(), weights=weights)

    def around(self, spectrum: Tensor, k: tuple[float, float], away: Tensor) -> Tensor:
        """Return a half spectrum [..., y, x // 2 + 1] near k (kx, ky), complex [..., shift].

        `away` [shift, (x, y)] is in whole samples, from the sample next to k.
        """
        rows, columns = self.shape
        x, y = round(k[0] / self.steps[1]) + away[:, 0], round(k[1] / self.steps[0]) + away[:, 1]
        opposite = torch.remainder(x, columns) > columns // 2
        sign = torch.where(opposite, -1, 1)
        found = spectrum[..., (sign * y) % rows, (sign * x) % columns]
        return torch.where(opposite, found.conj(), found)

    def image(self, spectrum: Tensor) -> Tensor:
        """Return the real image [..., y, x] of a spectrum."""
        return torch.fft.irfft2(spectrum, s=self.shape)

    def low_pass(self, width: float) -> Tensor:
        """Return a Gaussian whose sigma is `width` of the cut-off."""
        return _gaussian(self, width)

    def mean_beyond(self, spectra: Tensor) -> Tensor | None:
        """Return the mean power [...] of spectra beyond the cut-off; None where little is there."""
        if self._beyond_samples < _MIN_NOISE_SAMPLES:
            return None
        parts = torch.view_as_real(spectra).flatten(-3)
        return parts.square() @ self._beyond / self._beyond_samples

    @cached_property
    def nearness(self) -> Tensor:
        """Weights [ring, ring] of a local mean over the logarithm of the frequency, float64."""
        frequency = torch.arange(len(self.ring_counts), dtype=torch.float64) * self.step
        logarithm = frequency.clamp(min=self.step).log()
        return torch.exp(-0.5 * ((logarithm[:, None] - logarithm) / _SMOOTHING) ** 2)


_SMOOTHING = 0.1  # natural logarithm of the frequency


@lru_cache(maxsize=4)
def _gaussian(grid: EstimationGrid, width: float) -> Tensor:
    return torch.exp(-0.5 * (grid.radius / (width * grid.otf.cutoff)) ** 2)


@lru_cache(maxsize=2)
def estimation_grid(shape: tuple[int, int], pixel_um: float, otf: Otf) -> EstimationGrid:
    """Return the grid of a field; it is cached, since a stream's estimates all use the same one."""
    return EstimationGrid(shape, pixel_um, otf)


def _copies(shape: tuple[int, int]) -> Tensor:
    copies = torch.full((shape[1] // 2 + 1,), 2.0)
    copies[0] = 1.0
    if shape[1] % 2 == 0:
        copies[-1] = 1.0
    return copies
