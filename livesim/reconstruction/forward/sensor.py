"""Turn expected photo-electrons into camera counts: shot noise, read noise, gain, saturation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import Camera, SettingsError


@dataclass(frozen=True, eq=False)
class Sensor:
    """A camera whose pixels may differ; photo-electrons = (counts - offset) / gain.

    Everything is referred to photo-electrons: of a camera with an electron-multiplying register,
    `gain` is counts per photo-electron, multiplication included, and `read_noise` that of its
    amplifier divided by the multiplication.

    Raises
    ------
    SettingsError
        If a gain or the full well is not above 0, a noise below 0, or the bits not 8 to 16.
    """

    offset: Tensor
    """Counts without light, scalar or [y, x]."""
    gain: Tensor
    """Counts per photo-electron, scalar or [y, x]."""
    read_noise: Tensor
    """Photo-electrons, standard deviation, scalar or [y, x]."""
    electron_multiplying: bool = False
    """An EMCCD: the register doubles the variance of the shot noise."""
    bits: int = 16
    """Of a count; the largest is 2 ** bits - 1."""
    full_well: float = float("inf")
    """Photo-electrons that a pixel holds at most."""

    def __post_init__(self) -> None:
        if not 8 <= self.bits <= 16:
            raise SettingsError(f"expected a camera of 8 to 16 bits, found {self.bits}")
        if not self.full_well > 0.0:
            raise SettingsError(f"expected a full well above 0, found {self.full_well}")
        if not bool((self.gain > 0.0).all()):
            raise SettingsError(f"expected gains above 0, found {float(self.gain.min()):g}")
        if not bool((self.read_noise >= 0.0).all()):
            raise SettingsError(
                f"expected read noise of 0 or more, found {float(self.read_noise.min()):g}"
            )

    @classmethod
    def of(cls, camera: Camera) -> Sensor:
        """Return a sensor of equal pixels, 16 bits."""
        offset, gain, read_noise = torch.tensor(
            [camera.offset, camera.gain, camera.read_noise], dtype=torch.float64
        )
        return cls(offset, gain, read_noise)

    @classmethod
    def scmos(
        cls,
        camera: Camera,
        shape: tuple[int, int],
        seed: int,
        *,
        offset_spread: float = 2.0,
        gain_spread: float = 0.02,
        read_noise_spread: float = 0.3,
    ) -> Sensor:
        """Return an sCMOS sensor whose pixels scatter about `camera`.

        Parameters
        ----------
        camera
            The mean offset and gain, the median read noise.
        shape
            (y, x) of the raw frames.
        seed
            Of the maps.
        offset_spread
            Counts, standard deviation.
        gain_spread
            Relative standard deviation.
        read_noise_spread
            Standard deviation of the logarithm: a few pixels are much noisier than most, as seen
            by Huang et al., Nat. Methods 10, 653 (2013).
        """
        generator = torch.Generator().manual_seed(seed)
        a, b, c = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
        return cls(
            offset=(camera.offset + offset_spread * a).clamp(min=0.0),
            gain=camera.gain * torch.exp(gain_spread * b - gain_spread**2 / 2.0),
            read_noise=camera.read_noise * torch.exp(read_noise_spread * c),
        )

    @property
    def most_counts(self) -> int:
        """The count at which the sensor saturates."""
        return 2**self.bits - 1

    def variance(self, photons: Tensor) -> Tensor:
        """Return the variance, in photo-electrons squared, of what `photons` expected give."""
        shot = 2.0 * photons if self.electron_multiplying else photons
        rounding = 1.0 / (12.0 * self.gain.to(photons) ** 2)
        return shot + self.read_noise.to(photons) ** 2 + rounding

    def counts(self, photons: Tensor, generator: torch.Generator) -> Tensor:
        """Draw counts for the expected `photons` [..., y, x]: uint16, of 8 bits uint8."""
        electrons = torch.poisson(photons, generator=generator).clamp(max=self.full_well)
        if self.electron_multiplying:
            electrons = _multiplied(electrons, generator)
        if bool((self.read_noise > 0.0).any()):
            noise = torch.randn(
                photons.shape, generator=generator, dtype=photons.dtype, device=photons.device
            )
            electrons = electrons + self.read_noise.to(photons) * noise
        counts = (electrons * self.gain.to(photons) + self.offset.to(photons)).round()
        return counts.clamp(0.0, self.most_counts).to(
            torch.uint8 if self.bits == 8 else torch.uint16
        )


def camera_counts(photons: Tensor, camera: Camera | Sensor, generator: torch.Generator) -> Tensor:
    """Draw camera counts for mean `photons`; a plain `Camera` has equal pixels and 16 bits."""
    return _sensor(camera).counts(photons, generator)


def residual_sigmas(counts: Tensor, expected: Tensor, camera: Camera | Sensor) -> Tensor:
    """Return by how many standard deviations `counts` differ from `expected` photo-electrons.

    Where the expectation is true, mean 0 and variance 1 at every brightness below saturation.
    """
    sensor = _sensor(camera)
    photons = (counts.to(expected) - sensor.offset.to(expected)) / sensor.gain.to(expected)
    return (photons - expected) / sensor.variance(expected).sqrt()


def _sensor(camera: Camera | Sensor) -> Sensor:
    return Sensor.of(camera) if isinstance(camera, Camera) else camera


def _multiplied(electrons: Tensor, generator: torch.Generator) -> Tensor:
    """Return what a register of high gain makes of whole `electrons`, divided by that gain.

    n electrons come out as a sum of n exponentials: gamma distributed with shape n (Basden et al.,
    MNRAS 345, 985 (2003)).
    """
    # torch.distributions.Gamma draws from this function, but takes no generator.
    drawn = torch._standard_gamma(electrons.clamp(min=1.0), generator)
    return torch.where(electrons > 0.0, drawn, torch.zeros_like(drawn))
