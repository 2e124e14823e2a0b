"""A wave vector in, the region of the spectrum that two bands share out, on a grid of its size.

A side band of the wave vector k holds the object's spectrum from k away. Where both it and the zero
order lie inside the OTF is a lens, the cut of two disks; moved by half of k it lies around zero
frequency, and everything that is done with it needs but a small grid. Frames are real, so that the
zero order's half is the other's complex conjugate.
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

from livesim.reconstruction.estimation_grid import EstimationGrid
from livesim.reconstruction.spectra import LOW, Steady

_MARGIN = 8  # spectral pixels around the lens: the window smears by as much
_FADE = 0.03  # of the cut-off


class Lens:
    """The overlap of the zero order with the order at `k` (kx, ky) in cycles/µm."""

    def __init__(self, grid: EstimationGrid, steady: Steady, k: tuple[float, float]) -> None:
        self._grid, self._steady, self.k = grid, steady, k
        lengths = [n * grid.pixel_um for n in grid.shape[::-1]]  # x, y
        self._middle = [round(0.5 * k[axis] * lengths[axis]) for axis in range(2)]
        sizes = [
            _size(_extent(k, axis, grid.otf.cutoff) * lengths[axis], grid.shape[1 - axis])
            for axis in range(2)
        ]
        self.shape = (sizes[1], sizes[0])
        self._columns, self._rows = (torch.fft.fftfreq(n, 1.0 / n).long() for n in sizes)
        self.x = (torch.arange(sizes[0]) * (lengths[0] / sizes[0]) - grid.centre_um[0])[None, :]
        self.y = (torch.arange(sizes[1]) * (lengths[1] / sizes[1]) - grid.centre_um[1])[:, None]
        gx, gy = self._columns[None, :] / lengths[0], self._rows[:, None] / lengths[1]
        radius = torch.sqrt((gx + 0.5 * k[0]) ** 2 + (gy + 0.5 * k[1]) ** 2)
        self.far_radius = radius
        """|f + k| at the zero order's frequency f, [y, x]."""
        self.far = grid.otf(radius)
        """The OTF there."""
        self.near = self.mirrored(self.far)
        """The OTF at f."""
        self.far_power = steady.power[(radius / grid.step).round().long().clamp(max=_last(steady))]
        """The object's power at |f + k|."""
        self.near_power = self.mirrored(self.far_power)
        low = LOW * grid.otf.cutoff
        seen = (radius > low) & (self.far > 0.0)
        self.inside = seen & self.mirrored(seen)
        edge = ((grid.otf.cutoff - radius) / (_FADE * grid.otf.cutoff)).clamp(0.0, 1.0)
        fade = torch.sin(0.5 * torch.pi * edge).square()
        self.fade = fade * self.mirrored(fade)
        """Falls to zero where the lens ends: cut sharply, what the field's borders add would ring
        through the images."""
        self.steps = (1.0 / lengths[1], 1.0 / lengths[0])

    def mirrored(self, values: Tensor) -> Tensor:
        """Return `values` [..., y, x] at the opposite frequencies."""
        rows, columns = (-torch.arange(n) % n for n in self.shape)
        return values.index_select(-2, rows).index_select(-1, columns)

    def moved(self, spectrum: Tensor) -> Tensor:
        """Return a half spectrum's region around k / 2, complex [..., y, x]."""
        rows, columns = self._grid.shape
        at = (self._columns + self._middle[0] + columns // 2) % columns - columns // 2
        along = (self._rows + self._middle[1]) % rows
        region = spectrum.new_empty(*spectrum.shape[:-2], *self.shape)
        right, left = (at >= 0).nonzero()[:, 0], (at < 0).nonzero()[:, 0]
        part = spectrum.index_select(-2, along).index_select(-1, at[right])
        region.index_copy_(-1, right, part)
        part = spectrum.index_select(-2, -along % rows).index_select(-1, -at[left])
        return region.index_copy_(-1, left, part.conj_physical())

    def images(self, region: Tensor) -> Tensor:
        """Return the images [..., y, x] times exp(-pi i k.r), r from the centre of the field."""
        lengths = [self._grid.pixel_um * n for n in self._grid.shape[::-1]]
        whole = [m / length for m, length in zip(self._middle, lengths, strict=True)]
        turn = sum(w * c for w, c in zip(whole, self._grid.centre_um, strict=True))
        rest = [0.5 * k - w for k, w in zip(self.k, whole, strict=True)]
        carrier = self.ramp(rest[0], rest[1]) * complex(
            math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
        )
        return torch.fft.ifft2(region * self.fade) * carrier

    def ramp(self, kx: float, ky: float) -> Tensor:
        """Return exp(-2 pi i k.r) [y, x], r from the centre of the field."""
        along_y = torch.exp(-2j * torch.pi * ky * self.y.double())
        along_x = torch.exp(-2j * torch.pi * kx * self.x.double())
        return along_y.to(torch.complex64) * along_x.to(torch.complex64)

    @cached_property
    def window(self) -> Tensor:
        """The edge window [y, x]."""
        return self._sampled(self._grid.window)

    @cached_property
    def trust(self) -> Tensor:
        """`Steady.trust` [y, x]."""
        return self._sampled(self._steady.trust)

    def slopes(self) -> Tensor:
        """Return the derivatives of fade² times `near` with respect to fx and fy, [2, y, x]."""
        passed = self.fade.square() * self.near
        along_y = (passed.roll(-1, 0) - passed.roll(1, 0)) / (2.0 * self.steps[0])
        along_x = (passed.roll(-1, 1) - passed.roll(1, 1)) / (2.0 * self.steps[1])
        return torch.stack([along_x, along_y])

    def _sampled(self, values: Tensor) -> Tensor:
        """Return `values` of the raw grid at this grid's positions, interpolated linearly."""
        for axis in range(2):
            count, size = values.shape[axis], self.shape[axis]
            place = torch.arange(size, dtype=torch.float64) * (count / size)
            low = place.long()
            share = (place - low).float().unsqueeze(1 - axis)
            high = (low + 1) % count
            values = torch.lerp(
                values.index_select(axis, low), values.index_select(axis, high), share
            )
        return values


def _last(steady: Steady) -> int:
    return len(steady.power) - 1


def _extent(k: tuple[float, float], axis: int, cutoff: float) -> float:
    """Return how far the lens reaches along an axis, cycles/µm."""
    length = math.hypot(*k)
    if abs(k[axis]) * 2.0 * cutoff > length**2:  # there a disk's own edge is the farthest
        return max(cutoff - 0.5 * abs(k[axis]), 0.0)
    across = abs(k[1 - axis]) / length if length else 1.0
    return math.sqrt(max(cutoff**2 - 0.25 * length**2, 0.0)) * across


def _size(half: float, most: int) -> int:
    """Return an odd size, so that every frequency has an opposite, or the whole raw size."""
    size = 2 * (math.ceil(half) + _MARGIN) + 1
    while size < most and not _is_fast(size):
        size += 2
    return min(size, most)


def _is_fast(size: int) -> bool:
    """Whether transforms of an odd size have but small factors."""
    for factor in (3, 5, 7):
        while size % factor == 0:
            size //= factor
    return size == 1
