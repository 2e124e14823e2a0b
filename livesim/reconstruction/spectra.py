"""Raw frames of one group in, their spectra, noise and the object's power spectrum out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimation_grid import EstimationGrid

LOW = 0.08
"""Of the cut-off: lower frequencies hold background and the window."""
_BRIGHT = 30.0  # times the median local power: from here on a place counts less
_SMOOTHING = 0.1  # of the object's power, natural logarithm of the frequency
_OTF_FLOOR = 0.02  # below it the object's power is not read off the spectrum


def power_of(spectrum: Tensor) -> Tensor:
    """Return the squared magnitude; abs() would take roots first, and most of the time."""
    return spectrum.real.square() + spectrum.imag.square()


@dataclass(frozen=True, eq=False)
class Spectra:
    """The frames of one group, ready for estimation."""

    spectrum: Tensor
    """[time, frame, y, x // 2 + 1] of photo-electrons, mean brightness equalised and the level
    removed."""
    windowed: Tensor
    """The same of the windowed frames."""
    window_power: float
    """Mean square of the window."""
    intensity: Tensor
    """[frame] relative brightness that was divided out, float64."""
    noise: Tensor
    """[frame] noise power per spectral sample, float64."""
    level: float
    """Mean photo-electrons of the frames."""
    clustering: float
    """How much stronger shot noise is where the object is than on average."""
    steady: Steady
    """What the frames of all groups show in common."""
    others: Tensor | None = None
    """[time, y, x // 2 + 1] zero order of the other groups; if given, `intensity` and `noise` have
    one more frame for it."""


@dataclass(frozen=True, eq=False)
class Steady:
    """The mean of all frames of a raw stack: the object without most of the fringes and noise."""

    windowed: Tensor
    """[time, y, x // 2 + 1] spectrum of the windowed image."""
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
    frames -= level
    windowed = torch.fft.rfft2(frames * grid.window)
    window_power = float(grid.window.square().mean())
    return Spectra(
        spectrum=torch.fft.rfft2(frames),
        windowed=windowed,
        window_power=window_power,
        intensity=intensity,
        noise=_noise_power(windowed, means, grid) / window_power,
        level=float(level),
        clustering=_noise_clustering(frames.mean(dim=(0, 1)), level),
        steady=steady,
    )


def _noise_clustering(mean: Tensor, level: Tensor) -> float:
    light = (mean + level).clamp(min=0.0)
    average = light.mean()
    detail = (light - average).square()
    return float((detail * light).mean() / (detail.mean() * average).clamp(min=1e-30))


def find_steady(image: Tensor, grid: EstimationGrid, stack_frames: int, stacks: int = 1) -> Steady:
    """Characterise `image` [time, y, x] in photo-electrons, means of `stacks` raw stacks each."""
    level = image.mean()
    spectrum = torch.fft.rfft2(image - level)
    windowed = torch.fft.rfft2((image - level) * grid.window)
    window_power = float(grid.window.square().mean())
    shot = (level.double() / (stacks * stack_frames)).reshape(1)
    noise = float(_noise_power(windowed[:, None], shot, grid)) / window_power
    measured = power_of(windowed).mean(dim=0) / window_power
    power = _object_power(measured, noise, grid, len(image))
    on_grid = power[grid.ring]
    whiten = grid.transfer * on_grid.sqrt() / (grid.transfer.square() * on_grid + noise)
    whiten = torch.where(grid.radius < LOW * grid.otf.cutoff, 0.0, whiten)
    detail = _smooth(grid.image(windowed * whiten).square().mean(dim=0), grid, 0.1)
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
        noise = grid.image(spectrum * grid.beyond).square().mean(dim=0)
    inside = grid.window.square() * noise
    return float((weight * inside).sum() / inside.sum())


def _smooth(image: Tensor, grid: EstimationGrid, width: float) -> Tensor:
    """Low-pass with a Gaussian whose sigma is `width` of the cut-off."""
    passed = torch.exp(-0.5 * (grid.radius / (width * grid.otf.cutoff)) ** 2)
    return grid.image(torch.fft.rfft2(image) * passed).clamp(min=0.0)


def _noise_power(windowed: Tensor, means: Tensor, grid: EstimationGrid) -> Tensor:
    """Return every frame's noise floor, read beyond the cut-off where the grid reaches there."""
    floor = grid.mean_beyond(power_of(windowed).mean(dim=0))
    if floor is not None:
        return floor.double().clamp(min=1e-12)
    shot = means.clamp(min=1e-3) * grid.shape[0] * grid.shape[1]
    return shot * float(grid.window.square().mean())


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
