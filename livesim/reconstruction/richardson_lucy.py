"""Deconvolve an image with its transfer function, without negative values."""

from __future__ import annotations

import torch
from torch import Tensor

_FLOOR = 0.01  # of the mean


def richardson_lucy(image: Tensor, transfer: Tensor, iterations: int) -> Tensor:
    """Sharpen `image` by Richardson-Lucy iterations (Richardson 1972, Lucy 1974).

    Parameters
    ----------
    image
        [..., y, x]; negative values are set to 0 first, the method needs intensities.
    transfer
        [y, x // 2 + 1], real, of the image's point-spread function.
    iterations
        How often to correct the estimate.
    """
    # A filter's point spread has negative lobes: a floor keeps the quotient below from exploding.
    floor = _FLOOR * image.clamp(min=0.0).mean(dim=(-2, -1), keepdim=True) + 1e-12
    transfer = transfer / transfer[0, 0]
    observed = image.maximum(floor)
    estimate = observed
    for _ in range(iterations):
        expected = _blur(estimate, transfer).maximum(floor)
        estimate = (estimate * _blur(observed / expected, transfer)).maximum(floor)
    return estimate


def _blur(image: Tensor, transfer: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(image) * transfer
    return torch.fft.irfft2(spectrum, s=(image.shape[-2], image.shape[-1]))
