"""Find the wave vectors of a recording and the phase of every frame at each of them.

Nothing of the settings enters but the number of frames to average: optics, angles and phases may
be what is wrong. Frequencies are in cycles per pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.doctor.ring import Ring
from livesim.reconstruction.grid import edge_window, frequency_axes

MOST_PEAKS = 10
_TAPER = 12
_LOWEST = 0.05  # cycles/pixel: below it there is out-of-focus light, bleaching and movement
_NEIGHBOURS = 6.0  # spectral pixels around a peak that belong to it
_FAINTEST = 1.6  # of the noise: mean power of all frames at a peak worth a look
_MIDDLE, _EDGE, _CORNER = (0.05, 0.25), (0.42, 0.52), (0.52, 0.71)
"""Cycles/pixel: object and noise; hardly anything but noise; noise alone."""
_FLAT = 1.6  # white noise is that flat from edge to corner
_RESTLESS, _OUTSTANDING = 1.3, 8.0
"""Power of the differences between frames over that of their noise: 0.9 to 1.1 without fringes, 1.7
or more of one to eight bright beads. And that of a wave vector over those around it: 5 at most of
such beads, 30 or more of fringes in dense specimens that change as much."""
_FAINT = 0.2  # of the noise in the middle: where resampled frames have lost theirs


@dataclass(frozen=True, slots=True)
class Peak:
    """A wave vector that some frames share."""

    k: tuple[float, float]
    """(kx, ky) in cycles/pixel, kx >= 0."""
    strength: float
    """Root of the mean power of all frames over the noise."""

    @property
    def frequency(self) -> float:
        """Its length, cycles/pixel."""
        return math.hypot(*self.k)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power of the mean frames and of the differences between frames, by frequency."""

    signal: Tensor
    """[bin] of the object."""
    floor: Tensor
    """[bin] noise of one frame."""
    mean_floor: Tensor
    """[bin] noise of the mean frames, the camera's fixed pattern included."""
    white: bool
    """Whether the noise is the same at all frequencies; if not, frames were resampled."""
    change: float
    """Power of the differences between frames over that of their noise, where an object may be."""


@dataclass(frozen=True, eq=False)
class Signature:
    """What the fringes of every frame look like."""

    peaks: tuple[Peak, ...]
    values: Tensor
    """[peak, frame] complex128: amplitude and phase of the fringes in units of the noise."""
    raw: Tensor
    """[bin] power of the mean frames, noise included."""
    spectrum: Spectrum
    noise: Tensor
    """[bin] noise power of a frame's correlation with the object, by shift."""
    ring: Ring
    tells: bool
    """Whether fringes that are there would be seen. Not so where a few structures alone are bright:
    each is lit otherwise in every frame, which is alike at all wave vectors."""

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) of the frames."""
        y, half = self.ring.index.shape
        return y, 2 * (half - 1)


def signature(
    frames: Tensor, average: int, known: Sequence[tuple[float, float]] | None = None
) -> Signature:
    """Find the wave vectors in `frames` [frame, y, x] (photo-electrons, in order).

    Parameters
    ----------
    frames
        At least three.
    average
        Frames of one raw stack as the settings say: over so many the object is averaged.
    known
        Wave vectors (kx, ky) in cycles/pixel, instead of those that stand out.
    """
    shape = (frames.shape[-2], frames.shape[-1])
    ring = Ring.of(shape)
    window = edge_window(shape, _TAPER).to(frames)
    even = _equalised(frames) * window
    changing, steady, averaged = _split(even, average)
    spectra, object_spectra = torch.fft.rfft2(changing), torch.fft.rfft2(steady)
    lit = frames.mean(dim=(1, 2)) > 0.0
    differences = ring.mean(spectra.abs().square()[lit if bool(lit.any()) else ~lit].mean(dim=0))
    power = ring.mean(object_spectra.abs().square().mean(dim=0))
    spectrum = _spectrum(power, differences * averaged / max(averaged - 1, 1), ring, averaged)
    whiten = _whitening(spectrum, ring)
    product = _product(spectra, object_spectra, whiten, shape, average)
    spread = _noise_shape(object_spectra, whiten, spectrum.floor.float()[ring.index], shape)
    return _read(product, power, spectrum, ring, spread, known)


def _equalised(frames: Tensor) -> Tensor:
    """Return the frames with one brightness and without their level; dark ones are left dark."""
    means = frames.mean(dim=(1, 2), keepdim=True)
    level = means.median().clamp(min=1e-6)
    factor = torch.where(means > 0.2 * level, level / means.clamp(min=1e-6), 1.0)
    return (frames - means) * factor


def _split(frames: Tensor, average: int) -> tuple[Tensor, Tensor, int]:
    """Return (frames less their block's mean, the means [block, y, x], frames averaged)."""
    count = len(frames)
    size = min(average, count)
    starts = [min(first, count - size) for first in range(0, count, size)]
    steady = torch.stack([frames[first : first + size].mean(dim=0) for first in starts])
    block = torch.arange(count) // size
    return frames - steady[block], steady, size


def _spectrum(power: Tensor, differences: Tensor, ring: Ring, averaged: int) -> Spectrum:
    low, edge, corner = (ring.between(*limits) for limits in (_MIDDLE, _EDGE, _CORNER))
    ones = torch.ones_like(power)
    slope = ring.pooled(differences, edge) / max(ring.pooled(differences, corner), 1e-30)
    white = 1.0 / _FLAT < slope < _FLAT
    if white:
        floor = ring.pooled(differences, corner) * ones
        mean_floor = ring.pooled(power, corner) * ones
    else:
        floor = differences + 1e-3 * differences.max()
        mean_floor = floor / averaged
    signal = (power - mean_floor).clamp(min=0.0)
    if not white:
        signal[differences < _FAINT * ring.pooled(differences, low)] = 0.0
    change = ring.pooled(differences, low) / max(ring.pooled(floor, low), 1e-30)
    return Spectrum(signal, floor, mean_floor, white, change)


def _whitening(spectrum: Spectrum, ring: Ring) -> Tensor:
    """Return the filter [y, half x] that weighs every frequency by what it can tell."""
    filtered = spectrum.signal.sqrt() / (spectrum.signal + spectrum.floor).clamp(min=1e-30)
    filtered[ring.radius < 0.02] = 0.0
    return filtered.float()[ring.index]


def _product(
    spectra: Tensor, steady: Tensor, whiten: Tensor, shape: tuple[int, int], average: int
) -> Tensor:
    objects = torch.fft.irfft2(steady * whiten, shape)
    calm = 1.0 / (1.0 + objects.square() / (30.0 * objects.square().mean()))
    block = torch.arange(len(spectra)) // min(average, len(spectra))
    return torch.fft.irfft2(spectra * whiten, shape) * (objects * calm)[block]


def _noise_shape(steady: Tensor, whiten: Tensor, floor: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return how the noise of the product spreads over shifts, [y, half x].

    It is the convolution of the object's whitened power with the noise's. At the edge of the
    spectrum the two ends overlap: there it is up to twice as high as elsewhere on its ring.
    """
    objects = torch.fft.irfft2((steady * whiten).abs().square().mean(dim=0), shape)
    noise = torch.fft.irfft2(whiten.square() * floor, shape)
    return torch.fft.rfft2(objects * noise).real.clamp(min=1e-30)


def _read(
    product: Tensor,
    raw: Tensor,
    spectrum: Spectrum,
    ring: Ring,
    shape: Tensor,
    known: Sequence[tuple[float, float]] | None,
) -> Signature:
    correlation = torch.fft.rfft2(product).abs().square() / shape
    noise = _ring_noise(correlation, ring)
    relative = (correlation / noise[:, ring.index].clamp(min=1e-30).float()).mean(dim=0)
    score = _score(relative, ring, _reach(spectrum, ring))
    peaks = _peaks(product, score) if known is None else [Peak(k, math.nan) for k in known]
    values = [_at(product, *peak.k) / _noise_at(noise, shape, ring, peak).sqrt() for peak in peaks]
    empty = torch.zeros(0, len(product), dtype=torch.complex128)
    found = torch.stack(values) if values else empty
    typical = noise.median(dim=0).values * ring.mean(shape)
    tells = spectrum.change < _RESTLESS or float(score.max()) > _OUTSTANDING
    return Signature(tuple(peaks), found, raw, spectrum, typical, ring, tells)


def _noise_at(noise: Tensor, shape: Tensor, ring: Ring, peak: Peak) -> Tensor:
    """Return every frame's noise power at a peak, [frame]."""
    column = round(peak.k[0] * 2 * (shape.shape[1] - 1))
    row = round(peak.k[1] * shape.shape[0]) % shape.shape[0]
    column = min(column, shape.shape[1] - 1)
    return noise[:, int(ring.index[row, column])] * float(shape[row, column])


def _ring_noise(power: Tensor, ring: Ring) -> Tensor:
    """Return the typical power [frame, bin] at every distance from zero; peaks do not count."""
    level = ring.mean(power)
    for _ in range(3):
        trimmed = torch.minimum(power, 4.0 * level[:, ring.index].float())
        level = ring.mean(trimmed)
    smooth = torch.nn.functional.avg_pool1d(
        level[:, None], 5, stride=1, padding=2, count_include_pad=False
    )
    return smooth[:, 0].clamp(min=1e-30)


def _reach(spectrum: Spectrum, ring: Ring) -> float:
    """Return how far out a wave vector may lie: resampled frames have nothing beyond their edge."""
    seen = ring.radius[spectrum.signal > 0.0]
    return 1.0 if spectrum.white or not len(seen) else float(seen.max())


def _score(relative: Tensor, ring: Ring, reach: float) -> Tensor:
    """Return the mean power of all frames over the noise where a wave vector may lie, else 0."""
    open_ = (ring.radius >= _LOWEST) & (ring.radius <= reach)
    return torch.where(open_[ring.index], relative, torch.zeros_like(relative))


def _peaks(product: Tensor, score: Tensor) -> list[Peak]:
    rows, columns = product.shape[-2:]
    fy, fx = frequency_axes((rows, columns), 1.0)
    fx = fx[:, : score.shape[1]].abs()
    found = []
    for _ in range(MOST_PEAKS):
        place = int(score.argmax())
        row, column = divmod(place, score.shape[1])
        if float(score[row, column]) < _FAINTEST:
            break
        coarse = (float(fx[0, column]), float(fy[row, 0]))
        k = _climb(product, coarse)
        found.append(Peak(k, math.sqrt(float(score[row, column]))))
        own = _NEIGHBOURS / min(rows, columns)
        near = torch.hypot(_wrapped(fx - coarse[0]), _wrapped(fy - coarse[1])) < own
        near |= torch.hypot(_wrapped(fx + coarse[0]), _wrapped(fy + coarse[1])) < own
        score = torch.where(near, torch.zeros_like(score), score)
    return found


def _wrapped(frequency: Tensor) -> Tensor:
    """Return a difference of frequencies as sampling sees it, -0.5 to 0.5 cycles/pixel."""
    return torch.remainder(frequency + 0.5, 1.0) - 0.5


def _climb(product: Tensor, k: tuple[float, float]) -> tuple[float, float]:
    """Walk uphill from a grid point to the maximum between the points."""
    shape = product.shape[-2:]
    around = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    for fraction in (0.5, 0.25, 0.12):
        kx, ky = k[0] + fraction / shape[1] * around, k[1] + fraction / shape[0] * around
        best = int(_grid(product, kx, ky).abs().square().sum(dim=0).argmax())
        k = (float(kx[best % 3]), float(ky[best // 3]))
    return k if k[0] >= 0.0 else (-k[0], -k[1])


def _at(product: Tensor, kx: float, ky: float) -> Tensor:
    """Return the transform of the products at one frequency, complex128 [frame]."""
    one = torch.tensor([kx], dtype=torch.float64), torch.tensor([ky], dtype=torch.float64)
    return _grid(product, *one)[:, 0, 0].to(torch.complex128)


def _grid(product: Tensor, kx: Tensor, ky: Tensor) -> Tensor:
    """Return the transform at all of `kx` and `ky`, [frame, ky, kx]; phases at the centre."""
    y, x = (torch.arange(n, dtype=torch.float64) - (n - 1) / 2.0 for n in product.shape[-2:])
    along_x = torch.exp(-2j * torch.pi * x[:, None] * kx).to(torch.complex64)
    along_y = torch.exp(-2j * torch.pi * ky[:, None] * y).to(torch.complex64)
    return along_y @ (product.to(torch.complex64) @ along_x)
