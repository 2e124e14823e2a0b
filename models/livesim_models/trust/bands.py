"""Split images into bands of frequencies, and average them around every place."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

_FINEST = 0.35
"""Cycles/pixel of the doubled grid at the lower edge of the finest band."""


def octave_bands(shape: tuple[int, int], octaves: int) -> Tensor:
    """Return bands of frequencies, one octave each, whose sum is 1.

    Parameters
    ----------
    shape
        (y, x) of the images.
    octaves
        At least 1.

    Returns
    -------
    Tensor
        [octave, y, x / 2 + 1] factors of a half spectrum, the finest first.
    """
    octave = torch.log2(frequencies(shape).clamp(min=1e-9) / _FINEST)
    edges = -torch.arange(octaves - 1, dtype=octave.dtype)[:, None, None]
    coarser = 0.5 - 0.5 * torch.sin(math.pi * (octave - edges).clamp(-0.5, 0.5))
    whole = torch.ones_like(octave)[None]
    return torch.cat([whole, coarser]) - torch.cat([coarser, torch.zeros_like(whole)])


def local_mean(image: Tensor, sigma: float) -> Tensor:
    """Return Gaussian means [..., y, x] of a standard deviation of `sigma` pixels, periodic."""
    shape = (image.shape[-2], image.shape[-1])
    frequency = frequencies(shape).to(image)
    kernel = torch.exp(-2.0 * (math.pi * sigma * frequency) ** 2)
    return torch.fft.irfft2(torch.fft.rfft2(image) * kernel, s=shape)


def frequencies(shape: tuple[int, int]) -> Tensor:
    """Return cycles/pixel of a half spectrum, [y, x / 2 + 1]."""
    return torch.hypot(torch.fft.fftfreq(shape[0])[:, None], torch.fft.rfftfreq(shape[1])[None, :])


def whole(half: Tensor) -> Tensor:
    """Return the sum of a half spectrum [y, x / 2 + 1] as over the whole one."""
    return 2.0 * half[:, 1:-1].sum() + half[:, 0].sum() + half[:, -1].sum()


def power_of(spectrum: Tensor) -> Tensor:
    """Return the squares of complex amplitudes; cheaper than by their absolute values."""
    return spectrum.real.square() + spectrum.imag.square()


class LocalMeans:
    """Takes means around every place of images of one shape.

    Parameters
    ----------
    shape
        (y, x) of the images.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape

    def near(self, image: Tensor, sigma: float, step: int | None = None) -> Tensor:
        """Return Gaussian means on a grid as coarse as they allow, or of every `step` pixels."""
        step = step or self.step(sigma)
        squared = sigma**2 - (step**2 - 1) / 12.0  # what the squares of the grid blur
        return local_mean(avg_pool2d(image[None], step)[0], math.sqrt(squared) / step)

    def step(self, sigma: float) -> int:
        """Return how many pixels a grid for means of that standard deviation may skip."""
        step = 1
        while 4 * step <= sigma and not any(n % (2 * step) for n in self._shape):
            step *= 2
        return step

    def spread(self, means: Tensor) -> Tensor:
        """Return local means at every pixel, [y, x]."""
        return interpolate(means[None, None], self._shape, mode="bilinear")[0, 0]

    def seen(self, spectrum: Tensor) -> Tensor:
        """Return the image [y, x] of a half spectrum."""
        return torch.fft.irfft2(spectrum, s=self._shape)
