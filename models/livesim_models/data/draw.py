"""Draw what a camera sees of a scene in little light, or take photons away from a recording."""

from __future__ import annotations

import torch
from torch import Tensor


def exposed(mean: Tensor, read_noise: float, generator: torch.Generator) -> Tensor:
    """Return measured photo-electrons for expected ones, any shape; `read_noise` in electrons."""
    photons = torch.poisson(mean.clamp(min=0.0), generator=generator)
    return photons + read_noise * torch.randn(mean.shape, generator=generator)


def thinned(
    photons: Tensor, scale: float, generator: torch.Generator, read_noise: float = 0.0
) -> Tensor:
    """Return what would have been measured with `scale` times less light.

    Every photo-electron is kept with the probability 1 / scale, which turns a Poisson process into
    the Poisson process of the lower rate (the MPhil report rescales the mean and draws again, which
    keeps the noise of the original in the expectation). The camera's read noise does not thin, so
    what is missing of it is added.

    Parameters
    ----------
    photons
        Measured photo-electrons, any shape; negative ones count as none.
    scale
        Above 1.
    read_noise
        Electrons, of the camera.

    Raises
    ------
    ValueError
        If the scale is not above 1.
    """
    return divided(photons, scale, generator, read_noise)[0]


def divided(
    photons: Tensor, scale: float, generator: torch.Generator, read_noise: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Return what `thinned` returns, and the photo-electrons that were not kept: independent ones.

    Raises
    ------
    ValueError
        If the scale is not above 1.
    """
    if not scale > 1.0:
        raise ValueError(f"expected a thinning scale above 1, found {scale:g}")
    whole = photons.clamp(min=0.0).round()
    share = torch.full_like(whole, 1.0 / scale)
    kept = torch.binomial(whole, share, generator=generator)
    noise = read_noise * torch.randn(whole.shape, generator=generator)
    return kept + noise, whole - kept
