"""Compute the image that a network is held to, from an object and its light."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import NoiseToSignal, Pattern
from livesim_models.evaluation.reference import result_transfer

_FITTED = (0.1, 0.8)
"""Of the cut-off: where a calibration reads the object's power."""
_RING = 0.02


def passed(specimen: Tensor, pattern: Pattern, optics: Optics) -> Tensor:
    """Return the object [2 y, 2 x] as a perfect reconstruction shows it: low-passed alike."""
    shape = (specimen.shape[-2], specimen.shape[-1])
    low_pass = result_transfer(shape, pattern, Otf.theoretical(optics))
    half = low_pass[:, : shape[1] // 2 + 1].to(specimen.dtype)
    return torch.fft.irfft2(torch.fft.rfft2(specimen) * half, s=shape)


def unit_noise_to_signal(specimen: Tensor, pattern: Pattern, optics: Optics) -> NoiseToSignal:
    """Return what a calibration would find if every raw pixel had a variance of 1.

    A power law through the rings of the object's spectrum, each of which weighs alike.
    """
    shape = (specimen.shape[-2], specimen.shape[-1])
    fy, fx = frequency_axes(shape, pattern.pixel_nm / 2000.0)
    relative = torch.sqrt(fy * fy + fx * fx) / Otf.theoretical(optics).cutoff
    fitted = (relative > _FITTED[0]) & (relative < _FITTED[1])
    ring = (relative[fitted] / _RING).round().long()
    power = (torch.fft.fft2(specimen)[fitted] / 4.0).abs().square().double()
    counts = torch.bincount(ring)
    full = counts > 0
    means = torch.bincount(ring, weights=power)[full] / counts[full]
    at = _RING * torch.arange(len(counts), dtype=torch.float64)[full]
    pixels, phases = shape[0] * shape[1] / 4, len(pattern.angles[0].phases_rad)
    values = (pixels / phases / means.clamp(min=1e-12)).log()[:, None]
    design = torch.stack([torch.ones_like(at), at.log()], dim=1)
    offset, slope = torch.linalg.lstsq(design, values).solution[:, 0].tolist()
    return NoiseToSignal(math.exp(offset), max(slope, 0.0))
