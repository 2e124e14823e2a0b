"""Weigh the networks' change: measured weights become numbers, those an image.

A weight is a ratio of means over about a wavelength of its band, so a grid of that spacing holds
it. The frame path uses the numbers of the grid alone, never the measured weights themselves.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from livesim.values.weights import FULL, BandWeights, WeightGrid

_TINY = 1e-12


def arbitrated(plain: Tensor, network: Tensor, bands: Tensor, weights: Tensor) -> Tensor:
    """Return the plain image [2 y, 2 x] with as much of the network's as the weights say.

    Parameters
    ----------
    bands
        [band, 2 y, x + 1] of a half spectrum.
    weights
        [band, 2 y, 2 x] 0 to 1; of 0 the plain image comes back to the bit.
    """
    change = torch.fft.rfft2(network - plain)
    image = plain.clone()
    for weight, band in zip(weights, bands, strict=True):  # so on a CPU they stay in the cache
        image.addcmul_(weight, torch.fft.irfft2(change * band, s=image.shape))
    return image


def grid_shapes(bands: Tensor) -> tuple[tuple[int, int], ...]:
    """Return the grid (y, x) of each of the bands [band, 2 y, x + 1] of a half spectrum.

    Its spacing is the power of two below the wavelength. The octaves have to be given, not what a
    pattern passes of them: weights then fit whatever becomes of the pattern.
    """
    rows, columns = bands.shape[-2], 2 * (bands.shape[-1] - 1)
    y = torch.fft.fftfreq(rows, device=bands.device)[:, None]
    frequency = torch.hypot(y, torch.fft.rfftfreq(columns, device=bands.device)[None, :])
    shapes = []
    for band in bands:
        mean = float((band * frequency).sum() / band.sum().clamp(min=_TINY))
        step = 2 ** max(0, math.floor(-math.log2(max(mean, 1.0 / rows))))
        shapes.append((math.ceil(rows / step), math.ceil(columns / step)))
    return tuple(shapes)


def as_recorded(weights: Tensor, shapes: tuple[tuple[int, int], ...]) -> BandWeights:
    """Return weights [band, 2 y, 2 x], 0 to 1, as the numbers on grids of these shapes."""
    grids = []
    for band, shape in zip(weights, shapes, strict=True):
        means = adaptive_avg_pool2d(band[None], shape)[0]
        numbers = (FULL * means.clamp(0.0, 1.0)).round().to(torch.uint8)
        grids.append(WeightGrid(shape, numbers.cpu().numpy().tobytes()))
    return BandWeights(tuple(grids))


def as_images(weights: BandWeights, shape: tuple[int, int]) -> Tensor:
    """Return recorded weights as images [band, 2 y, 2 x] of this shape, 0 to 1, on the host.

    Always computed there, so that every device shows the same.
    """
    images = []
    for grid in weights.grids:
        shares = torch.from_numpy(grid.array.astype(np.float32) / FULL)
        images.append(interpolate(shares[None, None], shape, mode="bilinear")[0, 0])
    return torch.stack(images)
