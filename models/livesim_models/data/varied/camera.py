"""Draw what a camera makes of expected photo-electrons, and what is believed of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim_models.data.varied.textures import Random

READ_NOISE = (0.05, 3.0)
"""Electrons, least and most."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera as it is, and as it is believed to be."""

    read_noise: float
    """Electrons."""
    multiplies: bool
    """An EMCCD, which doubles the variance of the shot noise."""
    uneven: float
    """Of an sCMOS: relative spread of gains, and a tenth of that of the logarithm of noises."""
    gain_error: float
    """What is called a photo-electron is so many."""
    believed_read_noise: float
    """In what are called electrons."""
    defects: int
    """Pixels that are too bright in one frame, left over by whatever looked for them."""

    def variance(self, mean: float) -> float:
        """Return the variance of what is called photo-electrons where `mean` are expected."""
        shot = 2.0 * mean if self.multiplies else mean
        return self.gain_error**2 * (shot + self.read_noise**2)


def drawn_camera(random: Random) -> Camera:
    """Return a camera."""
    kind, wrong = random.random(), random.random() < 0.3
    multiplies = kind < 0.15
    least, most = READ_NOISE
    read_noise = random.uniform(least, 0.5) if multiplies else random.uniform(0.5, most)
    gain_error = math.exp(random.uniform(math.log(0.7), math.log(1.3))) if wrong else 1.0
    return Camera(
        read_noise=read_noise,
        multiplies=multiplies,
        uneven=random.uniform(0.0, 0.04) if kind > 0.6 else 0.0,
        gain_error=gain_error,
        believed_read_noise=read_noise * math.exp(0.2 * random.standard_normal()),
        defects=int(random.integers(1, 5)) if random.random() < 0.08 else 0,
    )


def photographed(mean: Tensor, camera: Camera, random: Random) -> Tensor:
    """Return what is called photo-electrons [frame, y, x] for expected ones."""
    rows, columns = mean.shape[-2:]
    photons = torch.from_numpy(random.poisson(mean.clamp(min=0.0).numpy())).float()
    if camera.multiplies:
        drawn = torch.from_numpy(random.standard_gamma(photons.clamp(min=0.01).numpy())).float()
        photons = torch.where(photons > 0.0, drawn, photons)
    noise = torch.from_numpy(random.standard_normal(tuple(mean.shape), dtype="float32"))
    if camera.uneven:
        a, b = torch.from_numpy(random.standard_normal((2, rows, columns), dtype="float32"))
        photons, noise = (
            photons * (1.0 + camera.uneven * a),
            noise * (10.0 * camera.uneven * b).exp(),
        )
    seen = photons + camera.read_noise * noise
    for _ in range(camera.defects):
        where = [int(random.integers(n)) for n in mean.shape]
        seen[where[0], where[1], where[2]] += random.uniform(4.0, 12.0) * math.sqrt(
            float(mean.mean()) + camera.read_noise**2
        )
    return camera.gain_error * seen
