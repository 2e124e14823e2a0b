"""Compute the Wiener filter of every band once, when a plan is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from livesim.config.settings import IMAGE_BEND, Apodization, Notch, Reconstruction
from livesim.reconstruction.bands import Band
from livesim.reconstruction.layout import Layout
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import NoiseToSignal

DEFAULT_WIENER = 0.05
"""Where "auto" is asked for and the pattern does not know the noise."""
APODIZATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "cosine": lambda relative: torch.cos(relative * torch.pi / 2.0),
    "triangle": lambda relative: 1.0 - relative,
    "none": torch.ones_like,
}
"""Shape of the low-pass -> its values at frequencies in units of its cut-off, at most 1."""
_LEAST_FLOOR = 1e-12  # a full notch leaves no signal at zero frequency to divide by


class Filters:
    """The Wiener filter of every band (Gustafsson et al., Biophys. J. 94, 4957, 2008, eq. 12)."""

    def __init__(
        self,
        layout: Layout,
        otf: Otf,
        settings: Reconstruction,
        zero: float,
        bands: list[Band],
        noise: NoiseToSignal | None,
    ) -> None:
        self._layout, self._otf, self._settings = layout, otf, settings
        self.zero_weight, self.bands = zero, bands
        rows, columns = layout.shape
        gx = torch.arange(columns + 1)[:, None]
        gy = (torch.fft.fftfreq(2 * rows) * 2 * rows).round().long()[None, :]
        fx, fy = layout.frequencies(gx, gy)
        signal = self._signal(fx, fy)
        passed = apodization(
            torch.sqrt(fx * fx + fy * fy), settings.apodization, otf, self._reach()
        )
        floor = wiener_floor(torch.sqrt(fx * fx + fy * fy), settings.wiener, noise, otf)
        self._passed = passed
        self._scale = 1.0 / (rows * columns)  # the inverse transform is not normalised
        self._gain = self._scale * passed / (signal + floor)
        self.transfer = (passed * signal / (signal + floor)).T
        """[2 y, x + 1]: of the whole microscope with its reconstruction."""

    def _reach(self) -> float:
        shifts = [math.hypot(*band.shift) for band in self.bands]
        return self._otf.cutoff + max(shifts, default=0.0)

    def _signal(self, fx: Tensor, fy: Tensor) -> Tensor:
        """Return the summed signal of all bands at the object's frequency (fx, fy)."""
        total = self.zero_weight * self._power(fx, fy)
        for band in self.bands:
            sx, sy = band.shift
            total = total + band.weight * self._power(fx - sx, fy - sy)
            total = total + band.weight * self._power(fx + sx, fy + sy)
        return total

    def _power(self, fx: Tensor, fy: Tensor) -> Tensor:
        power = self._layout.measured(fx, fy).square()
        return power * notch(torch.sqrt(fx * fx + fy * fy), self._settings.notch)

    def at(self, weight: float, gx: Tensor, gy: Tensor, shift: tuple[float, float]) -> Tensor:
        """Return a band's filter at the object's whole-pixel indices gx >= 0, gy, [x, y]."""
        fx, fy = self._layout.frequencies(gx, gy)
        fx, fy = fx - shift[0], fy - shift[1]
        transfer = self._layout.measured(fx, fy)
        transfer = transfer * notch(torch.sqrt(fx * fx + fy * fy), self._settings.notch)
        return weight * transfer * self._gain[gx, gy]

    def passed(self, gx: Tensor, gy: Tensor) -> Tensor:
        """Return the low-pass alone, scaled like `at`."""
        return self._scale * self._passed[gx, gy]


def wiener_floor(
    frequency: Tensor, wiener: float | Literal["auto"], noise: NoiseToSignal | None, otf: Otf
) -> Tensor:
    """Return the constant of the Wiener denominator at `frequency` (cycles/µm).

    It is w squared, or the true ratio of noise to object, for which the filter has the least mean
    square error (Wiener 1949); there the zero order of one angle weighs 1.
    """
    if wiener != "auto":
        return torch.full_like(frequency, wiener**2)
    if noise is None:
        return torch.full_like(frequency, DEFAULT_WIENER**2)
    ratio = noise.at_cutoff * (frequency / otf.cutoff) ** noise.exponent
    return ratio.clamp(min=_LEAST_FLOOR)


def apodization(frequency: Tensor, settings: Apodization, otf: Otf, reach: float) -> Tensor:
    """Return the low-pass of the result at `frequency` (cycles/µm).

    `reach` is the highest frequency that any band holds, the cut-off that "auto" stands for.
    """
    edge = reach if settings.cutoff == "auto" else settings.cutoff * otf.cutoff
    relative = (frequency / edge).clamp(max=1.0)
    return APODIZATIONS[settings.shape](relative).clamp(min=0.0) ** settings.bent(IMAGE_BEND)


def notch(frequency: Tensor, settings: Notch) -> Tensor:
    """Return the dip around a band's centre at `frequency` (cycles/µm) from it."""
    sigma = settings.fwhm_cycles_per_um / (2.0 * math.sqrt(2.0 * math.log(2.0)))
    return 1.0 - settings.strength * torch.exp(-0.5 * (frequency / sigma) ** 2)
