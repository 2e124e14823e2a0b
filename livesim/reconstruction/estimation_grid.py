"""A field's size and optics in, frequencies, OTF, window and rings for estimation out."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.grid import edge_window, frequency_axes, positions
from livesim.reconstruction.otf import Otf

_NOISE_FROM = 1.02  # of the cut-off: beyond it a spectrum holds noise alone
_MIN_NOISE_SAMPLES = 200


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
    taper
        Border pixels over which the window falls to zero.
    """

    def __init__(self, shape: tuple[int, int], pixel_um: float, otf: Otf, taper: int = 12) -> None:
        self.shape, self.pixel_um, self.otf = shape, pixel_um, otf
        fy, fx = frequency_axes(shape, pixel_um)
        self.fy, self.fx = fy, fx[:, : shape[1] // 2 + 1].abs()
        y, x = positions(shape, pixel_um)
        self.centre_um = (float(x.mean()), float(y.mean()))
        self.y, self.x = y - y.mean(), x - x.mean()
        self.radius = torch.sqrt(self.fy * self.fy + self.fx * self.fx).float()
        self.transfer = otf(self.radius)
        self.window = edge_window(shape, taper).float()
        self.step = 1.0 / (min(shape) * pixel_um)
        """Ring width of radial averages, cycles/µm."""
        self.ring = (self.radius / self.step).round().long()
        self.copies = _copies(shape)
        """How often every sample of the half stands in the whole spectrum, [x // 2 + 1]."""
        self.ring_counts = self._ring_sums(torch.ones_like(self.radius))
        self.beyond = self.radius > _NOISE_FROM * otf.cutoff

    def ring_mean(self, values: Tensor) -> Tensor:
        """Return the mean of `values` [y, x // 2 + 1] over every ring, [ring]."""
        return (self._ring_sums(values) / self.ring_counts.clamp(min=1.0)).float()

    def _ring_sums(self, values: Tensor) -> Tensor:
        weights = (values * self.copies).flatten().double()
        return torch.bincount(self.ring.flatten(), weights=weights)

    def image(self, spectrum: Tensor) -> Tensor:
        """Return the real image [..., y, x] of a spectrum."""
        return torch.fft.irfft2(spectrum, s=self.shape)

    def mean_beyond(self, power: Tensor) -> Tensor | None:
        """Return the mean of `power` beyond the cut-off, [...]; None where little lies there."""
        weights = self.beyond * self.copies
        samples = float(weights.sum())
        if samples < _MIN_NOISE_SAMPLES:
            return None
        return power.flatten(-2) @ weights.flatten() / samples


def _copies(shape: tuple[int, int]) -> Tensor:
    copies = torch.full((shape[1] // 2 + 1,), 2.0)
    copies[0] = 1.0
    if shape[1] % 2 == 0:
        copies[-1] = 1.0
    return copies
