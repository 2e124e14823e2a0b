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
from livesim.reconstruction.estimate.spectra import power_of
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
_NOISE_SAMPLES = 2**15
"""Of a spectrum, that are enough to read the noise from."""


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
    field = _Field(photons, zero, pattern.pixel_nm / 1000.0, cutoff)
    return _joined([field.shared(photons, n, band) for n, band in enumerate(bands)]), field.rings()


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
    """The zero order of a field, and where in its spectrum there is light.

    Parameters
    ----------
    photons
        [frame, y, x].
    zero
        What takes the zero order out of them.
    """

    def __init__(self, photons: Tensor, zero: Band, pixel_um: float, cutoff: float) -> None:
        shape = (photons.shape[1], photons.shape[2])
        self._pixel_um, self._cutoff = pixel_um, cutoff
        fy, fx = frequency_axes(shape, pixel_um)
        self._fy, self._fx = fy.float(), fx.float()
        self._y, self._x = positions(shape, pixel_um)
        self._window = edge_window(shape, int(_TAPER * min(shape))).float()
        self._thinned = slice(None, None, max(shape[0] * shape[1] // _NOISE_SAMPLES, 1))
        seen = _image(photons, zero.row.real)
        self._zero = self._spectrum(seen - seen.mean(), (0.0, 0.0))
        self._noise_of_zero = self._noise(self._zero, (0.0, 0.0))
        self._radius = _distance(self._fy, self._fx, (0.0, 0.0), cutoff)
        lit = (self._radius > _LOW) & (self._radius < _HIGH)
        y, x = lit.nonzero().T
        self._lit = y * shape[1] + x
        """Number [sample] of every sample that the zero order can have light in."""
        self._lit_fy, self._lit_fx = self._fy[y, 0], self._fx[0, x]

    def _spectrum(self, image: Tensor, shift: tuple[float, float]) -> Tensor:
        """Return the spectrum of a windowed image, moved by `shift` (x, y)."""
        image = image * self._window
        if any(shift):
            along_y = torch.exp(2j * torch.pi * shift[1] * self._y).to(torch.complex64)
            along_x = torch.exp(2j * torch.pi * shift[0] * self._x).to(torch.complex64)
            image = (image * along_y).mul_(along_x)
        return torch.fft.fft2(image)

    def shared(self, photons: Tensor, number: int, band: Band) -> SharedLight:
        """Return what one side band shares with the zero order."""
        y = self._spectrum(_image(photons, band.row), band.shift)
        noise, zero_noise = self._noise(y, band.shift), self._noise_of_zero
        index, near, far = self._both_pass(band.shift)
        one, other = self._zero.flatten()[index], y.flatten()[index]
        bins = (near * _BINS).long() * _BINS + (far * _BINS).long()

        def total(values: Tensor) -> Tensor:
            return torch.bincount(bins, values, _BINS * _BINS)

        samples = torch.bincount(bins, minlength=_BINS * _BINS).double()
        product = torch.view_as_real(other * one.conj()).double()
        common = torch.complex(total(product[:, 0]), total(product[:, 1]))
        turn = common.sum().angle()
        whole = (
            torch.full_like(samples, number, dtype=torch.int64),
            total(near.double()) / samples,
            total(far.double()) / samples,
            samples,
            total(power_of(one).double()) - zero_noise * samples,
            total(power_of(other).double()) - noise * samples,
            (common * torch.exp(-1j * turn)).real,
            torch.full_like(samples, zero_noise),
            torch.full_like(samples, noise),
        )
        kept = samples > 0.0
        return SharedLight(*(values[kept] for values in whole))

    def _both_pass(self, shift: tuple[float, float]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the samples that both bands can have light in.

        Their numbers, and their distances from both centres in units of the cut-off.
        """
        far = _distance(self._lit_fy, self._lit_fx, shift, self._cutoff)
        limit = 0.5 / self._pixel_um  # beyond it the band itself was not sampled
        both = (far > _LOW) & (far < _HIGH)
        both &= (self._lit_fy - shift[1]).abs() < limit
        both &= (self._lit_fx - shift[0]).abs() < limit
        index = self._lit[both]
        return index, self._radius.flatten()[index], far[both]

    def rings(self) -> Rings:
        """Return the mean power of the zero order over every ring."""
        half = self._zero.shape[1] // 2 + 1
        ring = (self._radius[:, :half] * _BINS).long().clamp_(max=_BINS).flatten()
        samples = torch.bincount(ring, minlength=_BINS + 1)[:_BINS].double()
        power = power_of(self._zero[:, :half]).flatten().double()
        power = torch.bincount(ring, power, _BINS + 1)[:_BINS] / samples.clamp(min=1.0)
        frequency = (torch.arange(_BINS).double() + 0.5) / _BINS
        noise = self._noise_of_zero
        return Rings(frequency, samples, power - noise, noise)

    def _noise(self, spectrum: Tensor, shift: tuple[float, float]) -> float:
        """Return the noise power per sample, read where a band holds no light."""
        rows = self._thinned
        radius = _distance(self._fy[rows], self._fx, shift, self._cutoff).flatten()
        for low, high in _NOISE:
            there = ((radius > low) & (radius < high)).nonzero()[:, 0]
            if len(there) >= _LEAST_NOISE_SAMPLES:
                break
        return float(power_of(spectrum[rows].flatten()[there]).sum()) / max(len(there), 1)


def _distance(fy: Tensor, fx: Tensor, shift: tuple[float, float], cutoff: float) -> Tensor:
    """Return how far frequencies are from `shift` (x, y), in units of the cut-off."""
    along_y, along_x = (fy - shift[1]).square(), (fx - shift[0]).square()
    return (along_y + along_x).sqrt_().div_(cutoff)
