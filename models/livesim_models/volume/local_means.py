"""Take local means of volumes, as wide along z as across."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv1d, interpolate, pad


def near(volume: Tensor, sigma: float, sigma_z: float) -> Tensor:
    """Return Gaussian means of a volume [z, y, x], on a grid as coarse in y and x as they allow.

    Parameters
    ----------
    sigma, sigma_z
        Pixels, and planes.
    """
    step = 1
    while 4 * step <= sigma and not any(n % (2 * step) for n in volume.shape[1:]):
        step *= 2
    coarse = avg_pool2d(volume, step)
    for axis, width in enumerate((sigma_z, sigma / step, sigma / step)):
        coarse = _smoothed(coarse.movedim(axis, -1), width).movedim(-1, axis)
    return coarse


def spread(means: Tensor, shape: torch.Size) -> Tensor:
    """Return local means at every voxel of a volume."""
    return interpolate(means[None, None], shape, mode="trilinear")[0, 0]


def _smoothed(values: Tensor, sigma: float) -> Tensor:
    """Return Gaussian means along the last axis; beyond its ends the last value goes on."""
    length = values.shape[-1]
    sigma = min(sigma, length / 2.0)
    if sigma < 0.2:
        return values
    radius = math.ceil(2.5 * sigma)
    at = torch.arange(-radius, radius + 1, dtype=values.dtype, device=values.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    lines = pad(values.reshape(-1, 1, length), (radius, radius), mode="replicate")
    return conv1d(lines, (kernel / kernel.sum())[None, None]).reshape(values.shape)
