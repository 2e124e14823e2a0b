"""Raw frames of one group in, their spectra, noise and the object's power spectrum out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.grid import edge_window, frequency_axes, positions
from livesim.reconstruction.otf import Otf

_NOISE_FROM = 1.02  # of the cut-off: beyond it a spectrum holds noise alone
LOW = 0.08
"""Of the cut-off: lower frequencies hold background and the window."""
_BRIGHT = 30.0  # times the median local power: from here on a place counts less
_MIN_NOISE_SAMPLES = 200
_SMOOTHING = 0.1  # of the object's power, natural logarithm of the frequency
_OTF_FLOOR = 0.02  # below it the object's power is not read off the spectrum


class EstimationGrid:
    """What estimation needs of a field's size and optics, computed once.

    Parameters
    ----------
    shape
        (y, x) of the raw frames.
    pixel_um
        Raw pixel.
    otf
        Of the microscope.
    taper
        Border pixels over which the window falls to zero.
    """

    def __init__(self, shape: tuple[int, int], pixel_um: float, otf: Otf, taper: int = 12) -> None:
        self.shape, self.pixel_um, self.otf = shape, pixel_um, otf
        self.fy, self.fx = frequency_axes(shape, pixel_um)
        y, x = positions(shape, pixel_um)
        self.centre_um = (float(x.mean()), float(y.mean()))
        self.y, self.x = y - y.mean(), x - x.mean()
        radius = torch.sqrt(self.fy * self.fy + self.fx * self.fx)
        self.radius = radius.float()
        self.transfer = otf(radius).float()
        self.slopes = self._slopes(radius)
        """[2, y, x] derivatives of the OTF with respect to fx and fy."""
        self.window = edge_window(shape, taper).float()
        self.step = 1.0 / (min(shape) * pixel_um)
        """Ring width of radial averages, cycles/µm."""
        self.ring = (self.radius / self.step).round().long()
        self.ring_counts = torch.bincount(self.ring.flatten())
        self.beyond = self.radius > _NOISE_FROM * otf.cutoff

    def _slopes(self, radius: Tensor) -> Tensor:
        small = 1e-3 * self.otf.cutoff
        rise = self.otf(radius + small) - self.otf((radius - small).clamp(min=0.0))
        outward = rise / (2.0 * small) / radius.clamp(min=small)
        return torch.stack([outward * self.fx, outward * self.fy]).float()

    def ring_mean(self, values: Tensor) -> Tensor:
        """Return the mean of `values` [y, x] over every ring, [ring]."""
        sums = torch.bincount(self.ring.flatten(), weights=values.flatten().double())
        return (sums / self.ring_counts.clamp(min=1)).float()

    def ramp(self, kx: float, ky: float) -> Tensor:
        """Return exp(-2 pi i k.r) [y, x], r from the centre of the field."""
        along_y = torch.exp(-2j * torch.pi * ky * self.y)
        along_x = torch.exp(-2j * torch.pi * kx * self.x)
        return (along_y * along_x).to(torch.complex64)

    def transfer_at(self, kx: float, ky: float) -> tuple[Tensor, Tensor]:
        """Return (OTF at f + k, |f + k|), both [y, x]."""
        fy, fx = self.fy + ky, self.fx + kx
        radius = torch.sqrt(fy * fy + fx * fx).float()
        return self.otf(radius), radius


@dataclass(frozen=True, eq=False)
class Spectra:
    """The frames of one group, ready for estimation."""

    frames: Tensor
    """[time, frame, y, x] photo-electrons, mean brightness equalised and the level removed."""
    spectrum: Tensor
    """Their FFT."""
    windowed: Tensor
    """FFT of the windowed frames."""
    window_power: float
    """Mean square of the window."""
    intensity: Tensor
    """[frame] relative brightness that was divided out, float64."""
    noise: Tensor
    """[frame] noise power per spectral sample, float64."""
    level: float
    """Mean photo-electrons of the frames."""
    steady: Steady
    """What the frames of all groups show in common."""


@dataclass(frozen=True, eq=False)
class Steady:
    """The mean of all frames of a raw stack: the object without most of the fringes and noise."""

    windowed: Tensor
    """[time, y, x] FFT of the windowed image."""
    noise: float
    """Its noise power per spectral sample."""
    power: Tensor
    """[ring] power of the object per spectral sample, rotational average, smoothed."""
    trust: Tensor
    """[y, x] weight of every place: the window, less where few bright things would outvote all and
    where read noise drowns the light."""
    signal_share: float
    """Part of the windowed object's power that `trust` leaves."""
    noise_share: float
    """Part of the windowed noise's power that it leaves."""


def prepare(photons: Tensor, grid: EstimationGrid, steady: Steady) -> Spectra:
    """Equalise and transform `photons` [time, frame, y, x]."""
    means = photons.mean(dim=(0, 2, 3)).double()
    lit = bool((means > 0.0).all())
    intensity = means / means.mean() if lit else torch.ones_like(means)
    frames = photons / intensity.float()[:, None, None]
    level = frames.mean()
    frames = frames - level
    windowed = torch.fft.fft2(frames * grid.window)
    window_power = float(grid.window.double().square().mean())
    return Spectra(
        frames=frames,
        spectrum=torch.fft.fft2(frames),
        windowed=windowed,
        window_power=window_power,
        intensity=intensity,
        noise=_noise_power(windowed, means, grid) / window_power,
        level=float(level),
        steady=steady,
    )


def find_steady(image: Tensor, grid: EstimationGrid, stack_frames: int, stacks: int = 1) -> Steady:
    """Characterise `image` [time, y, x] in photo-electrons, means of `stacks` raw stacks each."""
    level = image.mean()
    spectrum = torch.fft.fft2(image - level)
    windowed = torch.fft.fft2((image - level) * grid.window)
    window_power = float(grid.window.double().square().mean())
    shot = (level.double() / (stacks * stack_frames)).reshape(1)
    noise = float(_noise_power(windowed[:, None], shot, grid)) / window_power
    measured = windowed.abs().square().mean(dim=0) / window_power
    power = _object_power(measured, noise, grid, len(image))
    on_grid = power[grid.ring]
    whiten = grid.transfer * on_grid.sqrt() / (grid.transfer.square() * on_grid + noise)
    whiten = torch.where(grid.radius < LOW * grid.otf.cutoff, torch.zeros_like(whiten), whiten)
    detail = _smooth(torch.fft.ifft2(windowed * whiten).real.square().mean(dim=0), grid, 0.1)
    usual = detail[grid.window > 0.5].median().clamp(min=1e-30)
    light = _smooth(image.mean(dim=0), grid, 0.3)
    dark = max(noise * stacks * stack_frames / image[0].numel() - float(level), 0.0) / stacks
    weight = light / (light + dark + 1e-6) / (1.0 + detail / (_BRIGHT * usual))
    return Steady(
        windowed=windowed,
        noise=noise,
        power=power,
        trust=grid.window * weight,
        signal_share=float((weight * detail).sum() / detail.sum()),
        noise_share=_noise_share(weight, spectrum, grid),
    )


def _noise_share(weight: Tensor, spectrum: Tensor, grid: EstimationGrid) -> float:
    """Return the part of the noise's power that `weight` leaves; shot noise follows the light."""
    noise = torch.ones_like(weight)
    if bool(grid.beyond.any()):
        noise = torch.fft.ifft2(spectrum * grid.beyond).real.square().mean(dim=0)
    inside = grid.window.square() * noise
    return float((weight * inside).sum() / inside.sum())


def _smooth(image: Tensor, grid: EstimationGrid, width: float) -> Tensor:
    """Low-pass with a Gaussian whose sigma is `width` of the cut-off."""
    passed = torch.exp(-0.5 * (grid.radius / (width * grid.otf.cutoff)) ** 2)
    return torch.fft.ifft2(torch.fft.fft2(image) * passed).real.clamp(min=0.0)


def _noise_power(windowed: Tensor, means: Tensor, grid: EstimationGrid) -> Tensor:
    """Return every frame's noise floor, read beyond the cut-off where the grid reaches there."""
    if int(grid.beyond.sum()) >= _MIN_NOISE_SAMPLES:
        floor = windowed[..., grid.beyond].abs().square().mean(dim=(0, 2)).double()
        return floor.clamp(min=1e-12)
    shot = means.clamp(min=1e-3) * grid.shape[0] * grid.shape[1]
    return shot * float(grid.window.double().square().mean())


def _object_power(measured: Tensor, noise: float, grid: EstimationGrid, times: int) -> Tensor:
    """Return the object's power [ring]: local means over the logarithm of the frequency."""
    rings = grid.ring_mean(measured).double()
    frequency = torch.arange(len(rings), dtype=torch.float64) * grid.step
    gain = grid.otf(frequency).square()
    told = gain > _OTF_FLOOR**2
    excess = (rings - noise) / gain.clamp(min=_OTF_FLOOR**2)
    logarithm = frequency.clamp(min=grid.step).log()
    near = torch.exp(-0.5 * ((logarithm[:, None] - logarithm) / _SMOOTHING) ** 2) * told
    power = excess.clamp(min=0.0)
    for _ in range(3):
        precision = grid.ring_counts * times * (gain / (gain * power + noise)) ** 2
        weights = near * precision
        power = (weights @ excess / weights.sum(dim=1).clamp(min=1e-300)).clamp(min=0.0)
    return (power * told).float()
