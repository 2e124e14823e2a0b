"""Compute the transfer function of a microscope with aberrations from its pupil."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from livesim.config.settings import Optics, SettingsError
from livesim.reconstruction.grid import frequency_axes

Mode = int | tuple[int, int]
"""A Zernike mode: Noll's index, or (n, m) with m < 0 for the sines."""

_SAMPLES = 256
"""Of the pupil's radius, at least: what makes the OTF without aberrations right to 3e-4."""


@dataclass(frozen=True)
class Pupil:
    """A round pupil of even amplitude with the phase errors of a real objective.

    The phase is the sum of Zernike modes of unit variance over the disk (Noll, J. Opt. Soc. Am. 66,
    207 (1976), eq. 1) and of defocus. Scalar optics: no polarisation, and no apodization by the
    aplanatic factor, so that without errors the OTF is `Otf.theoretical`, damping included.

    Raises
    ------
    SettingsError
        If a mode does not exist.
    """

    optics: Optics
    aberrations: Mapping[Mode, float] = field(default_factory=dict)
    """Waves (of the emission), root mean square."""
    defocus_um: float = 0.0
    """Distance of the object from the focal plane."""

    def __post_init__(self) -> None:
        for mode in self.aberrations:
            _degree_and_order(mode)

    def defocused(self, distance_um: float) -> Pupil:
        """Return the pupil as an object `distance_um` further from the objective sees it."""
        return replace(self, defocus_um=self.defocus_um + distance_um)

    def phase_waves(self, y: Tensor, x: Tensor) -> Tensor:
        """Return the phase in waves at (y, x) in units of the pupil's radius, broadcast."""
        radius, azimuth = torch.sqrt(y * y + x * x), torch.atan2(y, x)
        waves = self.defocus_um * self._waves_per_um(radius)
        for mode, amount in self.aberrations.items():
            waves = waves + amount * zernike(mode, radius, azimuth)
        return waves

    def _waves_per_um(self, radius: Tensor) -> Tensor:
        """Return n / lambda (cos theta - 1): exact at high aperture, unlike the paraxial square."""
        index, wavelength_um = self.optics.refractive_index, self.optics.emission_nm / 1000.0
        sine = self.optics.numerical_aperture / index * radius.clamp(max=1.0)
        return index / wavelength_um * (torch.sqrt(1.0 - sine * sine) - 1.0)

    def transfer(self, shape: tuple[int, int], pixel_um: float) -> Tensor:
        """Return the OTF on a grid of `shape` and `pixel_um`, complex128 [y, x] in FFT order.

        OTF(f) = integral of P(u + f) P*(u), divided by the pupil's area (Goodman, Introduction to
        Fourier Optics, chapter 6), 1 at zero frequency. The pupil is sampled at the grid's own
        frequencies or a whole fraction of them, so that nothing is interpolated.
        """
        edge = self.optics.cutoff_cycles_per_um / 2.0
        finer = [max(1, math.ceil(_SAMPLES / (n * pixel_um * edge))) for n in shape]
        pupil, area = self._sampled(
            [1.0 / (n * pixel_um * edge * s) for n, s in zip(shape, finer, strict=True)]
        )
        spectrum = torch.fft.fft2(pupil, s=[2 * n for n in pupil.shape])
        overlap = torch.fft.ifft2(spectrum.abs() ** 2) / area
        overlap[0, 0] = 1.0  # the soft rim makes it fall short, here alone
        rows, columns = (
            _shifts(n, s, size) for n, s, size in zip(shape, finer, overlap.shape, strict=True)
        )
        fy, fx = frequency_axes(shape, pixel_um)
        relative = torch.sqrt(fy * fy + fx * fx) / (2.0 * edge)
        passed = overlap[rows][:, columns] * self.optics.damping**relative
        return torch.where(relative < 1.0, passed, 0.0)

    def _sampled(self, steps: Sequence[float]) -> tuple[Tensor, float]:
        """Return the pupil [y, x] on a grid of these steps (in radii), and its area in samples."""
        half = [math.ceil(1.0 / step) + 1 for step in steps]
        y, x = (
            torch.arange(-n, n + 1, dtype=torch.float64) * step
            for n, step in zip(half, steps, strict=True)
        )
        radius = torch.sqrt(y[:, None] ** 2 + x**2)
        # A sample that the rim cuts counts with the part that lies inside.
        width = (steps[0] * y.abs()[:, None] + steps[1] * x.abs()) / radius.clamp(min=0.5)
        covered = ((1.0 - radius) / width.clamp(min=min(steps)) + 0.5).clamp(0.0, 1.0)
        phase = 2.0 * torch.pi * self.phase_waves(y[:, None], x)
        return torch.polar(covered, phase.expand_as(covered)), float(covered.sum())


def zernike(mode: Mode, radius: Tensor, azimuth: Tensor) -> Tensor:
    """Return a Zernike mode at (radius, azimuth), of mean square 1 over the disk of radius 1.

    Raises
    ------
    SettingsError
        If there is no such mode.
    """
    degree, order = _degree_and_order(mode)
    m, half = abs(order), (degree - abs(order)) // 2
    value = torch.zeros_like(radius)
    for s in range(half + 1):
        ways = math.comb(degree - s, s) * math.comb(degree - 2 * s, half - s)
        value = value + (-1) ** s * ways * radius ** (degree - 2 * s)
    if order == 0:
        return math.sqrt(degree + 1.0) * value
    angular = torch.cos(m * azimuth) if order > 0 else torch.sin(m * azimuth)
    return math.sqrt(2.0 * (degree + 1.0)) * value * angular


def _degree_and_order(mode: Mode) -> tuple[int, int]:
    """Return (n, m) of a mode; Noll's even indices are the cosines."""
    if isinstance(mode, tuple):
        degree, order = mode
        if degree < 0 or abs(order) > degree or (degree - order) % 2:
            raise SettingsError(
                f"expected a Zernike mode (n, m) with |m| up to n and n - m even, found {mode}"
            )
        return degree, order
    if mode < 1:
        raise SettingsError(f"expected a Noll index of 1 or more, found {mode}")
    degree = (math.isqrt(8 * mode - 7) - 1) // 2
    place = mode - degree * (degree + 1) // 2  # 1 ... degree + 1
    order = 2 * ((place - 1) // 2) + 1 if degree % 2 else 2 * (place // 2)
    return degree, order if mode % 2 == 0 else -order


def _shifts(size: int, finer: int, length: int) -> Tensor:
    """Return where in an overlap of `length` samples the frequencies of a grid of `size` lie."""
    frequency = torch.fft.fftfreq(size, d=1.0 / size, dtype=torch.float64).round().long()
    return frequency * finer % length
