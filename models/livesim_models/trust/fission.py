"""Split a raw stack into two of unequal light whose noise is independent, from one exposure.

For y of variance v and z ~ N(0, v), y + eta z and y - z / eta are uncorrelated, and independent
where the noise is normal (Leiner, Duan, Wasserman, Ramdas, Data fission, JASA 120, 135, 2025). With
a small eta the first one keeps nearly all the light; what a network makes of it is held against the
second one, whose noise the network has not seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

_SMOOTHING = 1.0
"""Raw pixels. The optics blur as much, so the mean light is kept; a pixel's own noise is not."""
_LEAST_VARIANCE = 0.01
"""Photo-electrons squared, so that dark pixels of a camera without read noise can be divided by."""


@dataclass(frozen=True, slots=True, eq=False)
class Fission:
    """The two parts of one stack, [frame, y, x] photo-electrons; both have the stack's mean."""

    larger: Tensor
    """With (1 + eta²) times the stack's variance: for the network."""
    smaller: Tensor
    """With (1 + 1 / eta²) times the stack's variance: for the examination."""
    noise: Tensor
    """What was added to the one and taken from the other: as strong as the stack's own noise."""
    eta: float

    @property
    def larger_variance(self) -> float:
        """Of the larger part, in units of the stack's own."""
        return 1.0 + self.eta**2


def mean_light(photons: Tensor) -> Tensor:
    """Return the mean light [frame, y, x] around every pixel of a stack [frame, y, x]."""
    radius = math.ceil(3.0 * _SMOOTHING)
    at = torch.arange(-radius, radius + 1, device=photons.device, dtype=photons.dtype)
    kernel = torch.exp(-0.5 * (at / _SMOOTHING) ** 2)
    kernel = kernel / kernel.sum()
    wide = pad(photons[:, None], (radius,) * 4, mode="replicate")
    return conv2d(conv2d(wide, kernel[None, None, None]), kernel[None, None, :, None])[:, 0]


def noise_variance(photons: Tensor, read_noise: float) -> Tensor:
    """Return the variance of every pixel of a stack, from the mean light around it.

    Parameters
    ----------
    photons
        [frame, y, x] photo-electrons.
    read_noise
        Electrons, standard deviation.

    Returns
    -------
    Tensor
        [frame, y, x] photo-electrons squared.
    """
    light = mean_light(photons).clamp(min=0.0)
    return (light + read_noise**2).clamp(min=_LEAST_VARIANCE)


def fission(photons: Tensor, variance: Tensor, eta: float, generator: torch.Generator) -> Fission:
    """Split a stack into two with independent noise.

    Parameters
    ----------
    photons
        [frame, y, x] photo-electrons.
    variance
        [frame, y, x] of its noise.
    eta
        Share of the noise's strength that is added to the larger part.
    generator
        Of the noise, on the CPU: all devices then split alike.

    Raises
    ------
    ValueError
        If eta is not above 0 or the shapes differ.
    """
    if not eta > 0.0:
        raise ValueError(f"expected an eta above 0, found {eta:g}")
    if photons.shape != variance.shape:
        raise ValueError(
            f"expected a variance for every pixel of {tuple(photons.shape)}, "
            f"found {tuple(variance.shape)}"
        )
    drawn = torch.randn(photons.shape, generator=generator, dtype=photons.dtype)
    noise = variance.sqrt() * drawn.to(photons.device)
    return Fission(photons + eta * noise, photons - noise / eta, noise, eta)
