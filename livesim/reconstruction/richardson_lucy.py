"""An image and its transfer function in, a non-negative deconvolved image out."""

from __future__ import annotations

import torch
from torch import Tensor


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
    floor = 1e-6
    observed = image.clamp(min=floor)
    estimate = observed
    for _ in range(iterations):
        expected = _blur(estimate, transfer).clamp(min=floor)
        estimate = (estimate * _blur(observed / expected, transfer)).clamp(min=floor)
    return estimate


def _blur(image: Tensor, transfer: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(image) * transfer
    return torch.fft.irfft2(spectrum, s=(image.shape[-2], image.shape[-1]))
