"""Sum up what the zero order and every side band show of the same frequencies of the object.

Only where both pass the objective: the lens of two disks. Samples with the same two frequencies see
the same OTF, so a lens of any size becomes a table of some hundred bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from livesim.reconstruction.bands import Band, separated_bands
from livesim.reconstruction.grid import edge_window, frequency_axes, positions
from livesim.values.pattern import Pattern

_LOW = 0.2
"""Of the cut-off: lower frequencies hold out-of-focus light, and what one band leaks into others is
strongest there."""
_HIGH = 0.97
_BINS = 32  # from zero to the cut-off
_TAPER = 0.2  # of the shorter side: hard borders would mix frequencies of unlike OTF
_NOISE = ((1.0, 1.15), (_HIGH, math.inf))
"""Of the cut-off, where noise is read: near to it, as noise of resampled frames is not white."""
_LEAST_NOISE_SAMPLES = 100
_THINNED = 2  # every second row of samples is enough for the noise


@dataclass(frozen=True, eq=False)
class SharedLight:
    """Sums over samples of zero order X and side band Y, both at the object's frequency.

    All are [bin] float64; noise is taken off the powers.
    """

    order: Tensor
    """Number of the side band, int64."""
    zero_at: Tensor
    """Frequency at which the zero order holds it, of the cut-off."""
    band_at: Tensor
    """The same of the side band."""
    samples: Tensor
    zero: Tensor
    """Sum of |X|²."""
    band: Tensor
    """Sum of |Y|²."""
    common: Tensor
    """Sum of Y X*, its common phase taken off."""
    zero_noise: Tensor
    """What was taken off each sample of `zero`."""
    band_noise: Tensor

    def __len__(self) -> int:
        return len(self.order)

    @property
    def nearer(self) -> Tensor:
        """How much farther out the band holds the frequency than the zero order does."""
        return self.band_at - self.zero_at

    def where(self, kept: Tensor) -> SharedLight:
        """Return the bins that `kept` [bin] marks."""
        return SharedLight(*(getattr(self, field.name)[kept] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Rings:
    """The zero order's power over frequency, in all directions; [ring] float64."""

    frequency: Tensor
    """Of the cut-off."""
    samples: Tensor
    power: Tensor
    """Mean |X|², noise taken off."""
    noise: float
    """What was taken off."""


def shared_light(photons: Tensor, pattern: Pattern, cutoff: float) -> tuple[SharedLight, Rings]:
    """Return what zero order and usable side bands share, and all that the zero order shows.

    It is dear: a transform for each of them.

    Parameters
    ----------
    photons
        [frame, y, x] mean raw stack.
    pattern
        Its illumination.
    cutoff
        Of the optics, cycles/µm.
    """
    zero, bands = separated_bands(pattern)
    field = _Field(pattern, cutoff)
    seen = _image(photons, zero.row.real)
    x = field.spectrum(seen - seen.mean(), (0.0, 0.0))
    noise = _noise(x, field.radius)
    shared = [field.shared(photons, x, noise, n, band) for n, band in enumerate(bands)]
    return _joined(shared), field.rings(x, noise)


def _image(photons: Tensor, row: Tensor) -> Tensor:
    """Return the image [y, x] that the weights `row` [frame] make of the frames."""
    used = row.abs().nonzero()[:, 0]
    run = slice(int(used[0]), int(used[-1]) + 1)
    frames, row = photons[run].flatten(1), row[run]
    parts = torch.stack([row.real, row.imag]) if row.is_complex() else row[None]
    image = (parts.float() @ frames).unflatten(-1, photons.shape[1:])
    return torch.complex(image[0], image[1]) if row.is_complex() else image[0]


def _joined(parts: list[SharedLight]) -> SharedLight:
    names = [field.name for field in fields(SharedLight)]
    if not parts:
        empty = torch.zeros(0, dtype=torch.float64)
        return SharedLight(empty.long(), *(empty for _ in names[1:]))
    return SharedLight(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


class _Field:
    """Frequencies, window and positions of a field."""

    def __init__(self, pattern: Pattern, cutoff: float) -> None:
        self._pixel_um = pattern.pixel_nm / 1000.0
        self._cutoff = cutoff
        fy, fx = frequency_axes(pattern.shape, self._pixel_um)
        self._fy, self._fx = fy.float(), fx.float()
        self._y, self._x = positions(pattern.shape, self._pixel_um)
        self._window = edge_window(pattern.shape, int(_TAPER * min(pattern.shape))).float()
        self.radius = self._from((0.0, 0.0))
        """Of every sample, of the cut-off, [y, x]."""
        self._lit = (self.radius > _LOW) & (self.radius < _HIGH)

    def _from(self, shift: tuple[float, float]) -> Tensor:
        """Return the distance from `shift` (x, y), of the cut-off, [y, x]."""
        along_y, along_x = (self._fy - shift[1]).square(), (self._fx - shift[0]).square()
        return (along_y + along_x).sqrt_().div_(self._cutoff)

    def spectrum(self, image: Tensor, shift: tuple[float, float]) -> Tensor:
        """Return the spectrum of a windowed image, moved by `shift` (x, y)."""
        if any(shift):
            along_y = torch.exp(2j * torch.pi * shift[1] * self._y).to(torch.complex64)
            along_x = torch.exp(2j * torch.pi * shift[0] * self._x).to(torch.complex64)
            image = image * along_y * along_x
        return torch.fft.fft2(image * self._window)

    def shared(
        self, photons: Tensor, x: Tensor, zero_noise: float, number: int, band: Band
    ) -> SharedLight:
        """Return what one side band shares with the zero order, whose spectrum is `x`."""
        y = self.spectrum(_image(photons, band.row), band.shift)
        own = self._from(band.shift)
        band_noise = _noise(y, own)
        both = self._lit & (own > _LOW) & (own < _HIGH) & self._held(band.shift)
        index = both.flatten().nonzero()[:, 0]
        near, far, one, other = (v.flatten()[index] for v in (self.radius, own, x, y))
        bins = (near * _BINS).long() * _BINS + (far * _BINS).long()

        def total(values: Tensor) -> Tensor:
            return torch.bincount(bins, values.double(), _BINS * _BINS)

        samples = total(torch.ones_like(near))
        kept = samples > 0.0
        product = other * one.conj()
        common = torch.complex(total(product.real), total(product.imag))
        turn = common.sum().angle()
        whole = (
            torch.full_like(samples, number, dtype=torch.int64),
            total(near) / samples,
            total(far) / samples,
            samples,
            total(one.abs().square()) - zero_noise * samples,
            total(other.abs().square()) - band_noise * samples,
            (common * torch.exp(-1j * turn)).real,
            torch.full_like(samples, zero_noise),
            torch.full_like(samples, band_noise),
        )
        return SharedLight(*(values[kept] for values in whole))

    def rings(self, x: Tensor, noise: float) -> Rings:
        """Return the mean power of a real image's spectrum over every ring."""
        half = x.shape[1] // 2 + 1
        ring = (self.radius[:, :half] * _BINS).long().clamp(max=_BINS).flatten()
        samples = torch.bincount(ring, minlength=_BINS + 1)[:_BINS].double()
        power = x[:, :half].abs().square().flatten().double()
        power = torch.bincount(ring, power, _BINS + 1)[:_BINS] / samples.clamp(min=1.0) - noise
        return Rings((torch.arange(_BINS).double() + 0.5) / _BINS, samples, power, noise)

    def _held(self, shift: tuple[float, float]) -> Tensor:
        """Return which samples were not beyond the band's own sampling, [y, x]."""
        limit = 0.5 / self._pixel_um
        return ((self._fy - shift[1]).abs() < limit) & ((self._fx - shift[0]).abs() < limit)


def _noise(spectrum: Tensor, radius: Tensor) -> float:
    """Return the noise power per sample, read where a band holds no light."""
    spectrum, radius = spectrum[::_THINNED].flatten(), radius[::_THINNED].flatten()
    for low, high in _NOISE:
        there = spectrum[((radius > low) & (radius < high)).nonzero()[:, 0]]
        if len(there) >= _LEAST_NOISE_SAMPLES:
            break
    return float(torch.view_as_real(there).square().sum()) / max(len(there), 1)
