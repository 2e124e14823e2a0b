"""Reconstruct in the textbook's order, as a competent user of torch would write it.

All that depends on settings is computed in advance, transforms are batched, float32 throughout; the
order is that of Gustafsson (2000): transform the frames, separate, pad, shift in real space, weigh,
add, divide, transform back.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.config.settings import Camera
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern

CUTOFF = 1.9
"""Of the apodization, in units of the widefield's."""


class TextbookOrder:
    """Two-beam patterns, one angle after the other, ordinary Wiener filter, cosine apodization."""

    def __init__(self, pattern: Pattern, otf: Otf, camera: Camera, wiener: float) -> None:
        self.shape, self.camera = pattern.shape, camera
        rows, columns = (2 * n for n in pattern.shape)
        fine = pattern.pixel_nm / 2000.0
        y = torch.arange(rows, dtype=torch.float64)[:, None] * fine
        x = torch.arange(columns, dtype=torch.float64)[None, :] * fine
        fy = torch.fft.fftfreq(rows, fine, dtype=torch.float64)[:, None]
        fx = torch.fft.fftfreq(columns, fine, dtype=torch.float64)[None, :]
        unmixing, ramps, filters = [], [], [otf.at(fy, fx) * len(pattern.angles)]
        signal = otf.at(fy, fx) ** 2 * len(pattern.angles)
        for angle in pattern.angles:
            phases = torch.tensor(angle.phases_rad, dtype=torch.float64)
            side = angle.modulation[0] / 2 * torch.exp(1j * phases)
            mixing = torch.stack([torch.ones_like(side), side, side.conj()], dim=1)
            inverse = torch.linalg.pinv(mixing)
            unmixing.append(inverse)
            noise = inverse.abs().square().sum(dim=1)
            for sign, variance in ((-1, noise[1]), (1, noise[2])):
                kx, ky = (sign * k for k in angle.k_cycles_per_um)
                weight = float(noise[0] / variance)
                transfer = otf.at(fy - ky, fx - kx)
                ramps.append(torch.exp(2j * math.pi * (ky * y + kx * x)))
                filters.append(weight * transfer)
                signal += weight * transfer**2
        relative = (torch.sqrt(fy**2 + fx**2) / (CUTOFF * otf.cutoff)).clamp(max=1.0)
        self._unmixing = torch.stack(unmixing).to(torch.complex64)
        self._ramps = torch.stack(ramps).to(torch.complex64)
        self._filters = torch.stack(filters).float()
        self._final = (4.0 * torch.cos(relative * math.pi / 2) / (signal + wiener**2)).float()

    @torch.inference_mode()
    def __call__(self, stack: Tensor) -> Tensor:
        """Reconstruct `stack` [angle, phase, y, x] in counts; returns [2 y, 2 x]."""
        photons = (stack.float() - self.camera.offset) / self.camera.gain
        spectra = torch.fft.fft2(photons)
        bands = torch.einsum("abn,anyx->abyx", self._unmixing, spectra)
        zero = self._padded(bands[:, 0].mean(dim=0))
        side = torch.fft.ifft2(self._padded(bands[:, 1:].flatten(0, 1)))
        side = torch.fft.fft2(side * self._ramps)
        total = zero * self._filters[0] + (side * self._filters[1:]).sum(dim=0)
        image: Tensor = torch.fft.ifft2(total * self._final).real
        return image

    def _padded(self, spectra: Tensor) -> Tensor:
        """Return the spectra on the doubled grid."""
        rows, columns = self.shape
        up, left = rows // 2, columns // 2
        padded = spectra.new_zeros(*spectra.shape[:-2], 2 * rows, 2 * columns)
        padded[..., :up, :left] = spectra[..., :up, :left]
        padded[..., :up, -left:] = spectra[..., :up, -left:]
        padded[..., -up:, :left] = spectra[..., -up:, :left]
        padded[..., -up:, -left:] = spectra[..., -up:, -left:]
        return padded
