"""Sum up how well two overlapping bands agree, as small matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.band_overlap_grid import BandOverlapGrid, mirrored
from livesim.reconstruction.estimate.field_parts import FieldParts
from livesim.reconstruction.estimate.separated import Separated

_TURNS = 4  # of finding how much of the mismatch is noise
_MODEL_ERROR = 0.05  # relative, of the OTF and of the uniformity of the pattern


@dataclass(frozen=True, eq=False)
class Overlap:
    """One order's overlap with the zero order, summed over time and frequencies.

    The channels are all windowed bands at f + k, which leak into that of the order if frames have
    other phases; then what the zero order says of it, and the derivatives of the band with respect
    to kx and ky.
    """

    band: int
    """The channel of the order's own band."""
    gram: Tensor
    """[channel, channel] complex128."""
    noise: Tensor
    """[channel, channel] what noise alone adds to it."""
    gradient: Tensor
    """[channel] with the mismatch. Windowed frames do not quite obey the overlap, so the mismatch
    is formed of whole frames and windowed last."""
    samples: float
    """How many independent frequencies there are, about."""
    parts: FieldParts
    """Of band times conjugated zero order."""


class Band:
    """One order's band and the zero order where both hold the same object.

    Parameters
    ----------
    bands
        Of one group.
    number
        Of the order.
    """

    def __init__(self, bands: Separated, number: int) -> None:
        frames, grid, rows = bands.frames, bands.grid, bands.rows
        self._steady, self._window_power = frames.steady, grid.window_power
        self._shared = shared = BandOverlapGrid(grid, frames.steady, bands.at.shift(number))
        self._own = 1 + number
        self._noise = bands.noise
        regions = frames.map(shared.moved)
        separated = rows.to(regions.dtype) @ regions.flatten(-2)
        separated = separated.unflatten(-1, shared.shape)
        self._images = shared.images(shared.without_carrier(separated))
        """[time, band, y, x]."""
        self._windowed = torch.fft.fft2(self._images * shared.window)

    def scale(self, factors: Tensor) -> None:
        """Multiply the bands: they are those of other modulation and phases."""
        for bands in (self._images, self._windowed):
            bands *= factors.to(bands.dtype)[:, None, None]
        self._noise = self._noise * torch.outer(factors.conj(), factors)

    def factor(self) -> Tensor:
        """Return what the band has to be multiplied by to agree with what the zero order says."""
        weight = self._weight()
        root = weight.sqrt()
        near, far = self._shared.near * root, self._shared.far * root
        gram = _gram(torch.stack([self._windowed[:, self._own] * near, self._zero_order() * far]))
        noise = self._channel_noise(weight).diagonal().real
        band, zero = float(noise[self._own]), float(noise[-3])
        share, factor = 1.0, gram[1, 1]
        for _ in range(_TURNS):
            factor = (gram[1, 1] - share * zero) / gram[1, 0]
            row = torch.stack([factor, -torch.ones_like(factor)])
            expected = float(factor.abs()) ** 2 * band + zero
            share = max(float((row.conj() @ gram @ row).real) / expected, 1.0)
        return factor

    def whole(self) -> Overlap:
        """Return the overlap with its gradient."""
        weight = self._weight()
        root = weight.sqrt()
        near, far = self._shared.near * root, self._shared.far * root
        windowed, zero_order = self._windowed * near, self._zero_order() * far
        channels = [
            *windowed.unbind(1),
            zero_order,
            *(self._moments() * near),
            self._mismatch() * root,
        ]
        gram = _gram(torch.stack(channels))
        gradient = gram[:-1, -1].clone()
        gradient[-2:] -= self._moment_noise(weight)
        return Overlap(
            self._own,
            gram[:-1, :-1],
            self._channel_noise(weight),
            gradient,
            self._samples(weight),
            self._parts(windowed[:, self._own], zero_order),
        )

    def _parts(self, band: Tensor, zero_order: Tensor) -> FieldParts:
        """Return what both share in every part of the field, given their spectra."""
        band, zero_order = torch.fft.ifft2(torch.stack([band, zero_order]))
        product = (band * zero_order.conj()).sum(dim=0).to(torch.complex128)
        return FieldParts.of(product, self._shared.x, self._shared.y)

    def _samples(self, weight: Tensor) -> float:
        """Return how many independent frequencies the sums are made of."""
        even = weight.sum().square() / weight.square().sum().clamp(min=1e-300)
        return max(float(even) * self._window_power * len(self._images), 1.0)

    def _zero_order(self) -> Tensor:
        """Return the windowed zero order at f, whose conjugate is at -f, [time, y, x]."""
        return mirrored(self._windowed[:, 0]).conj()

    def _moments(self) -> Tensor:
        """Return the derivatives of the band with respect to kx and ky, [2, time, y, x]."""
        inner = self._images[:, self._own] * (self._shared.window * (-2j * torch.pi))
        return torch.fft.fft2(torch.stack([inner * self._shared.x, inner * self._shared.y]))

    def _mismatch(self) -> Tensor:
        """Return the spectrum of how band and zero order differ, [time, y, x]."""
        band, zero = torch.fft.fft2(self._images[:, [self._own, 0]]).unbind(1)
        apart = band * self._shared.near - mirrored(zero).conj() * self._shared.far
        return torch.fft.fft2(torch.fft.ifft2(apart) * self._shared.trust)

    def _weight(self) -> Tensor:
        """Return every sample's weight, [y, x]."""
        shared, noise = self._shared, self._noise.diagonal().real
        band, zero = float(noise[self._own]), float(noise[0])
        variance = band * shared.near.square() + zero * shared.far.square()
        variance += shared.near_power * (_MODEL_ERROR * shared.near * shared.far).square()
        weight = shared.near_power / (zero * band + shared.near_power * variance)
        return torch.where(shared.inside, weight, 0.0)

    def _channel_noise(self, weight: Tensor) -> Tensor:
        shared, times = self._shared, len(self._images)
        passed = weight * shared.fade.square()
        near, far = (float((passed * one.square()).sum()) for one in (shared.near, shared.far))
        spread = [float((shared.window * axis).square().mean()) for axis in (shared.x, shared.y)]
        moments = float(self._noise[self._own, self._own].real) * near * (2.0 * math.pi) ** 2
        zero = self._noise[0, 0] * far * self._window_power
        more = torch.tensor([zero, *(moments * one for one in spread)], dtype=torch.complex128)
        bands = self._noise * near * self._window_power
        return torch.block_diag(bands, torch.diag(more)) * times

    def _moment_noise(self, weight: Tensor) -> Tensor:
        """Return what noise alone adds to the gradient of the two moments, summed over time.

        The mismatch passes the OTF before it is windowed, the moments after: where the OTF slopes,
        the same noise in both does not cancel, and would pull every k towards zero.
        """
        kept = self._steady.noise_share * self._window_power * len(self._images)
        slope = (self._shared.near * weight * self._shared.slopes()).sum(dim=(1, 2)).double()
        return 0.5 * float(self._noise[self._own, self._own].real) * kept * slope


def _gram(channels: Tensor) -> Tensor:
    """Return the products of channels [channel, ...], summed over samples, complex128."""
    flat = channels.flatten(1)
    # The conjugate of the second factor is free, that of the first would be a copy.
    return (flat @ flat.mH).conj().to(torch.complex128)
