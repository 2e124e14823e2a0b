"""Transform raw frames, and estimate their noise and the object's power spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.grid import EstimationGrid

_BRIGHT = 30.0  # times the median local power: from here on a place counts less
_OTF_FLOOR = 0.02  # below it the object's power is not read off the spectrum
_DETAIL, _LIGHT = 0.1, 0.3  # of the cut-off, what local power and brightness are smoothed with
_THINNED = 4  # pixels between those a median is taken of


def power_of(spectrum: Tensor) -> Tensor:
    """Return the squared magnitude; abs() would take roots first, which cost most of its time."""
    return spectrum.real.square() + spectrum.imag.square()


@dataclass(frozen=True, eq=False)
class Spectra:
    """The frames of all groups, ready for estimation: brought to one brightness, their means off.

    All are [time, group, frame, y, x // 2 + 1] of photo-electrons.
    """

    frames: Tensor
    windowed: Tensor
    brightness: Tensor
    """[group, frame] mean photo-electrons, float64."""
    noise: Tensor
    """[group, frame] noise power per spectral sample, float64."""
    stacks: int
    """Raw stacks in every mean."""
    steady: Steady

    @property
    def intensity(self) -> Tensor:
        """[group, frame] relative brightness that was divided out, float64."""
        return _relative(self.brightness)

    @property
    def level(self) -> float:
        """Mean photo-electrons of the frames."""
        return float(self.brightness.mean())

    def averaged(self, stacks: int, grid: EstimationGrid) -> Spectra:
        """Return the spectra of means of `stacks` successive raw stacks."""
        frames, windowed = (
            torch.stack([part.mean(dim=0) for part in whole.split(stacks)])
            for whole in (self.frames, self.windowed)
        )
        return _characterised(frames, windowed, self.brightness, stacks, grid)


@dataclass(frozen=True, eq=False)
class Steady:
    """The mean of all frames of a raw stack: the object without most of the fringes and noise."""

    windowed: Tensor
    """[time, y, x // 2 + 1] spectrum of the windowed image."""
    shares: Tensor
    """[group, frame] what every frame contributes, float64."""
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
    scatter_share: float
    """The same with its square, which is what a sum's variance goes with."""
    spread: Tensor
    """[3, 3] mean over the light of what (phase, kx, ky) turn the fringes by, squared, float64."""
    brightest: float
    """Photons of a frame where there is the most light, as many as its noise tells, whatever gain
    is stated."""
    clustering: float
    """How much stronger noise is where the object is than on average: shot noise is, read noise is
    the same everywhere."""


def prepare(photons: Tensor, grid: EstimationGrid) -> Spectra:
    """Equalise and transform `photons` [time, group, frame, y, x]."""
    brightness = photons.mean(dim=(0, -2, -1)).double()
    scales = (1.0 / _relative(brightness)).float()[..., None, None]
    frames = (photons * scales).sub_(brightness.float()[..., None, None] * scales)
    whole = torch.fft.rfft2(frames)
    windowed = torch.fft.rfft2(frames.mul_(grid.window))
    return _characterised(whole, windowed, brightness, 1, grid)


def _relative(brightness: Tensor) -> Tensor:
    """Return the brightness relative to the mean; 1 where there is no light."""
    level = brightness.mean()
    return torch.where((brightness > 0.0) & (level > 0.0), brightness / level, 1.0)


def _characterised(
    frames: Tensor, windowed: Tensor, brightness: Tensor, stacks: int, grid: EstimationGrid
) -> Spectra:
    shares = brightness.clamp(min=1e-6) / brightness.clamp(min=1e-6).sum()
    image = Image(_weighted(frames, shares), _weighted(windowed, shares))
    steady = _steady(image, shares, brightness.mean(), stacks, grid)
    noise = _noise_power(windowed, brightness / stacks, grid)
    return Spectra(frames, windowed, brightness, noise, stacks, steady)


def _weighted(spectra: Tensor, shares: Tensor) -> Tensor:
    """Return the weighted sum of the frames of every time."""
    parts = torch.view_as_real(spectra).flatten(3).flatten(1, 2)
    summed = shares.flatten().float() @ parts
    return torch.view_as_complex(summed.unflatten(-1, (*spectra.shape[-2:], 2)))


@dataclass(frozen=True, eq=False)
class Image:
    """Two spectra of what all frames show, [time, y, x // 2 + 1]."""

    whole: Tensor
    windowed: Tensor


def _steady(
    image: Image, shares: Tensor, level: Tensor, stacks: int, grid: EstimationGrid
) -> Steady:
    frames, pixels = shares.numel(), grid.shape[0] * grid.shape[1]
    noise = float(_noise_power(image.windowed, level / (stacks * frames), grid))
    measured = power_of(image.windowed).mean(dim=0) / grid.window_power
    power = _object_power(measured, noise, grid, len(image.windowed))
    light = (grid.image(image.whole.mean(dim=0) * grid.low_pass(_LIGHT)) + level.float()).relu_()
    detail = _local_power(image.windowed, power, noise, grid)
    inner = detail[::_THINNED, ::_THINNED][grid.window[::_THINNED, ::_THINNED] > 0.5]
    usual = inner.median() if len(inner) else detail.median()  # a field of a few pixels
    dark = max(noise * stacks * frames / pixels - float(level), 0.0)
    lit = light / (light + dark / stacks + 1e-6)
    weight = lit / (1.0 + detail / (_BRIGHT * usual.clamp(min=1e-30)))
    shot = grid.window.square() * (light + dark + 1e-6)
    return Steady(
        windowed=image.windowed,
        shares=shares,
        noise=noise,
        power=power,
        trust=grid.window * weight,
        signal_share=_share(weight, detail),
        noise_share=_share(weight, shot),
        scatter_share=_share(weight.square(), detail),
        spread=_spread(light, grid),
        brightest=float(light.max() * level.float()) * pixels / (noise * stacks * frames),
        clustering=_share(light + dark, (light - light.mean()).square())
        / max(float(light.mean()) + dark, 1e-6),
    )


def _spread(light: Tensor, grid: EstimationGrid) -> Tensor:
    """Return the mean of r r' over `light`, r = (1, 2 pi x, 2 pi y) from the field's centre."""
    along = [light.sum(dim=axis).double() for axis in range(2)]
    total = along[0].sum().clamp(min=1e-30)
    x, y = grid.x.flatten(), grid.y.flatten()
    both = torch.stack([torch.ones_like(x), 2.0 * torch.pi * x]), 2.0 * torch.pi * y
    mean = both[0] @ (both[0] * along[0]).mT / total
    spread = torch.zeros(3, 3, dtype=torch.float64)
    spread[:2, :2] = mean
    spread[2, 0] = spread[0, 2] = both[1] @ along[1] / total
    spread[2, 2] = both[1].square() @ along[1] / total
    spread[2, 1] = spread[1, 2] = both[1] @ light.double() @ both[0][1] / total
    return spread


def _share(weight: Tensor, values: Tensor) -> float:
    """Return the mean of `weight` over all samples, weighted by `values`."""
    return float(torch.vdot(weight.flatten(), values.flatten()) / values.sum().clamp(min=1e-30))


def _local_power(windowed: Tensor, power: Tensor, noise: float, grid: EstimationGrid) -> Tensor:
    """Return how much detail there is around every pixel, [y, x]."""
    on_grid = power[grid.ring]
    whiten = grid.transfer * on_grid.sqrt() / (grid.transfer.square() * on_grid + noise)
    found = grid.image(windowed * whiten.masked_fill_(grid.low, 0.0)).square().mean(dim=0)
    return grid.image(torch.fft.rfft2(found) * grid.low_pass(_DETAIL)).relu_()


def _noise_power(windowed: Tensor, means: Tensor, grid: EstimationGrid) -> Tensor:
    """Return every frame's noise floor, read beyond the cut-off where the grid reaches there."""
    floor = grid.mean_beyond(windowed)
    if floor is not None:
        return floor.mean(dim=0).double().clamp(min=1e-12) / grid.window_power
    return means.clamp(min=1e-3) * grid.shape[0] * grid.shape[1]


def _object_power(measured: Tensor, noise: float, grid: EstimationGrid, times: int) -> Tensor:
    """Return the object's power [ring]: local means over the logarithm of the frequency."""
    rings = grid.ring_mean(measured).double()
    frequency = torch.arange(len(rings), dtype=torch.float64) * grid.step
    gain = grid.otf(frequency).square()
    passed = gain > _OTF_FLOOR**2
    excess = (rings - noise) / gain.clamp(min=_OTF_FLOOR**2)
    power = excess.clamp(min=0.0)
    for _ in range(3):
        precision = grid.ring_counts * times * (gain / (gain * power + noise)) ** 2 * passed
        sums = grid.nearness @ torch.stack([precision * excess, precision], dim=1)
        power = (sums[:, 0] / sums[:, 1].clamp(min=1e-300)).clamp(min=0.0)
    return (power * passed).float()
