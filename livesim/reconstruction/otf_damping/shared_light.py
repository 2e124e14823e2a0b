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
_TAPER = 0.2  # of the shorter side
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
    zero, sides = separated_bands(pattern)
    field = _Field(photons, [zero, *sides], pattern.pixel_nm / 1000.0, cutoff)
    return field.shared(), field.rings()


class _Field:
    """The spectra of the bands of a field, the zero order first.

    Parameters
    ----------
    photons
        [frame, y, x].
    bands
        That are taken out of them.
    """

    def __init__(self, photons: Tensor, bands: list[Band], pixel_um: float, cutoff: float) -> None:
        shape = (photons.shape[1], photons.shape[2])
        self._nyquist, self._cutoff = 0.5 / pixel_um, cutoff
        self._fy, self._fx = (axis.float() for axis in frequency_axes(shape, pixel_um))
        shifts = torch.tensor([band.shift for band in bands], dtype=torch.float64)
        images = _images(photons, torch.stack([band.row for band in bands]))
        images[0] -= images[0].mean()
        for image, shift in zip(images, shifts, strict=True):
            along_y, along_x = _waves(shape, pixel_um, shift)
            image.mul_(along_y).mul_(along_x)
        self._spectra = torch.stack([torch.fft.fft2(image) for image in images])
        """[band, y, x]."""
        self._shifts = shifts.float()
        self._thinned = slice(None, None, max(shape[0] * shape[1] // _NOISE_SAMPLES, 1))
        self._noise = torch.tensor(
            [self._noise_of(number) for number in range(len(bands))], dtype=torch.float64
        )
        """[band] power per sample."""
        self._radius = self._distance(self._fy, self._fx, 0)

    def _distance(self, fy: Tensor, fx: Tensor, band: int) -> Tensor:
        """Return how far from its centre a band holds the frequencies, of the cut-off."""
        x, y = self._shifts[band].tolist()
        return ((fy - y).square() + (fx - x).square()).sqrt_().div_(self._cutoff)

    def _noise_of(self, band: int) -> float:
        """Return the noise power per sample, read where a band holds no light."""
        rows = self._thinned
        radius = self._distance(self._fy[rows], self._fx, band).flatten()
        for low, high in _NOISE:
            there = ((radius > low) & (radius < high)).nonzero()[:, 0]
            if len(there) >= _LEAST_NOISE_SAMPLES:
                break
        power = _power(self._spectra[band, rows].flatten()[there])
        return float(power.double().sum()) / max(len(there), 1)

    def shared(self) -> SharedLight:
        """Return what the side bands share with the zero order."""
        side, index, near, far = self._both_pass()
        one, other = self._spectra[0].flatten()[index], self._spectra.flatten(1)[1 + side, index]
        bins = ((near * _BINS).long() * _BINS + (far * _BINS).long()) + side * _BINS**2
        count = (len(self._spectra) - 1) * _BINS**2
        samples = torch.bincount(bins, minlength=count).double()
        kept = samples.nonzero()[:, 0]
        samples = samples[kept]

        def total(values: Tensor) -> Tensor:
            return torch.bincount(bins, values.double(), count)[kept]

        order = kept // _BINS**2
        product = other * one.conj()
        common = torch.complex(total(product.real), total(product.imag))
        whole = torch.zeros(len(self._spectra) - 1, dtype=common.dtype).index_add_(0, order, common)
        zero_noise, noise = self._noise[:1].expand(len(order)), self._noise[1 + order]
        return SharedLight(
            order,
            total(near) / samples,
            total(far) / samples,
            samples,
            total(_power(one)) - zero_noise * samples,
            total(_power(other)) - noise * samples,
            (common * torch.exp(-1j * whole.angle())[order]).real,
            zero_noise,
            noise,
        )

    def _both_pass(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the samples in which both a side band and the zero order can have light.

        Numbers of side band and sample, and the distances from both centres, of the cut-off.
        """
        y, x = ((self._radius > _LOW) & (self._radius < _HIGH)).nonzero().T
        fy, fx, index = self._fy[y, 0], self._fx[0, x], y * self._radius.shape[1] + x
        found = [self._lens(side, fy, fx) for side in range(1, len(self._spectra))]
        sides = [torch.full_like(place, side) for side, (place, _) in enumerate(found)]
        places, far = torch.cat([place for place, _ in found]), torch.cat([far for _, far in found])
        index = index[places]
        return torch.cat(sides), index, self._radius.flatten()[index], far

    def _lens(self, band: int, fy: Tensor, fx: Tensor) -> tuple[Tensor, Tensor]:
        """Return which of the frequencies a side band can have light at, and how far out."""
        x, y = self._shifts[band].tolist()
        squared = (fy - y).square_() + (fx - x).square_()
        both = (squared > (_LOW * self._cutoff) ** 2) & (squared < (_HIGH * self._cutoff) ** 2)
        if self._nyquist < _HIGH * self._cutoff:  # beyond it the band was not sampled
            both &= ((fy - y).abs() < self._nyquist) & ((fx - x).abs() < self._nyquist)
        place = both.nonzero()[:, 0]
        return place, squared[place].sqrt_().div_(self._cutoff)

    def rings(self) -> Rings:
        """Return the mean power of the zero order over every ring."""
        half = self._radius.shape[1] // 2 + 1
        ring = (self._radius[:, :half] * _BINS).long().clamp_(max=_BINS).flatten()
        samples = torch.bincount(ring, minlength=_BINS + 1)[:_BINS].double()
        power = _power(self._spectra[0, :, :half]).flatten().double()
        power = torch.bincount(ring, power, _BINS + 1)[:_BINS] / samples.clamp(min=1.0)
        frequency, noise = (torch.arange(_BINS).double() + 0.5) / _BINS, float(self._noise[0])
        return Rings(frequency, samples, power - noise, noise)


def _waves(shape: tuple[int, int], pixel_um: float, shift: Tensor) -> tuple[Tensor, Tensor]:
    """Return what moves a spectrum by `shift` (x, y) and hides the borders, [y, 1] and [1, x].

    Hard borders would mix frequencies of unlike OTF.
    """
    width = int(_TAPER * min(shape))
    y, x = positions(shape, pixel_um)
    along_y = torch.exp(2j * torch.pi * shift[1] * y) * edge_window((shape[0], 1), width)
    along_x = torch.exp(2j * torch.pi * shift[0] * x) * edge_window((1, shape[1]), width)
    return along_y.to(torch.complex64), along_x.to(torch.complex64)


def _images(photons: Tensor, rows: Tensor) -> Tensor:
    """Return the images [band, y, x] that weights `rows` [band, frame] make of the frames."""
    parts = torch.view_as_real(rows).permute(0, 2, 1).flatten(0, 1).float()
    images = (parts @ photons.flatten(1)).unflatten(0, (len(rows), 2))
    return torch.complex(images[:, 0], images[:, 1]).unflatten(1, photons.shape[1:])


def _power(spectrum: Tensor) -> Tensor:
    """Return the squared magnitude; abs() would take roots first."""
    return spectrum.real.square() + spectrum.imag.square()
