"""Cut the region that two bands share out of the spectrum, on a grid of its own size.

A side band of the wave vector k holds the object's spectrum from k away. Where both it and the zero
order lie inside the OTF is a lens, the cut of two disks; moved by half of k it lies around zero
frequency, and everything that is done with it needs but a small grid. Frames are real, so that the
zero order's half is the other's complex conjugate.

The grid has odd sizes and its zero frequency in the middle: reversed, it holds the opposite
frequencies. Its images differ from those in FFT order by a phase alone, which nothing asks for.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.reconstruction.estimate.grid import LOW, EstimationGrid
from livesim.reconstruction.estimate.spectra import Steady

_MARGIN = 8  # spectral pixels around the lens: the window smears by as much
_FADE = 0.03  # of the cut-off


class BandOverlapGrid:
    """The overlap of the zero order with the order at `k` (kx, ky) in cycles/µm."""

    def __init__(self, grid: EstimationGrid, steady: Steady, k: tuple[float, float]) -> None:
        self._grid, self.k = grid, k
        lengths = [n * grid.pixel_um for n in grid.shape[::-1]]  # x, y
        self._middle = [round(0.5 * k[axis] * lengths[axis]) for axis in range(2)]
        sizes = [
            _size(_extent(k, axis, grid.otf.cutoff) * lengths[axis], grid.shape[1 - axis])
            for axis in range(2)
        ]
        self.shape = (sizes[1], sizes[0])
        columns, rows = (torch.arange(n) - n // 2 for n in sizes)
        self.x = (torch.arange(sizes[0]) * (lengths[0] / sizes[0]) - grid.centre_um[0])[None, :]
        self.y = (torch.arange(sizes[1]) * (lengths[1] / sizes[1]) - grid.centre_um[1])[:, None]
        gx, gy = columns[None, :] / lengths[0], rows[:, None] / lengths[1]
        radius = torch.sqrt((gx + 0.5 * k[0]) ** 2 + (gy + 0.5 * k[1]) ** 2)
        self.far = grid.otf(radius)
        """The OTF at |f + k|, f the zero order's frequency."""
        self.near = mirrored(self.far)
        """The OTF at f."""
        ring = (radius / grid.step).round().int().clamp(max=len(steady.power) - 1)
        self.near_power = mirrored(steady.power.index_select(0, ring.flatten()).view(self.shape))
        """The object's power at |f|."""
        seen = (radius > LOW * grid.otf.cutoff) & (self.far > 0.0)
        seen &= (columns + self._middle[0]).abs() <= (grid.shape[1] - 1) // 2
        seen &= ((rows + self._middle[1]).abs() <= (grid.shape[0] - 1) // 2)[:, None]
        self.inside = seen & mirrored(seen)
        edge = ((grid.otf.cutoff - radius) / (_FADE * grid.otf.cutoff)).clamp(0.0, 1.0)
        fade = torch.sin(0.5 * torch.pi * edge).square()
        self.fade = fade * mirrored(fade)
        """Falls to zero where the lens ends: cut sharply, what the field's borders add would ring
        through the images."""
        self.window, self.trust = self._sampled(grid.window), self._sampled(steady.trust)
        """The edge window and `Steady.trust`, [y, x]."""

    def moved(self, spectrum: Tensor) -> Tensor:
        """Return a half spectrum's region around k / 2, complex [..., y, x]."""
        rows, columns = self._grid.shape
        along = torch.arange(self.shape[0]) - self.shape[0] // 2 + self._middle[1]
        first = self._middle[0] - self.shape[1] // 2
        end = min(first + self.shape[1], columns // 2 + 1)
        region = spectrum.new_zeros(*spectrum.shape[:-2], *self.shape)
        part = spectrum[..., max(first, 0) : end].index_select(-2, along % rows)
        region[..., max(-first, 0) : end - first] = part
        if first < 0:  # the half that is not kept
            part = spectrum[..., 1 : 1 - first].index_select(-2, -along % rows)
            region[..., :-first] = part.flip(-1).conj()
        return region

    def without_carrier(self, region: Tensor) -> Tensor:
        """Return a region [..., y, x] without the fringes that even light shows.

        Frames come with their means taken off; this takes off what the order holds of the same. It
        is the most by far in objects that fill the field, and its foothills would bury the rest.
        """
        x, y = (self._sinusoid(axis) for axis in range(2))
        size = (region @ x.conj()) @ y.conj() / (x.norm() * y.norm()).square()
        return region - (size[..., None] * y)[..., None] * x

    def _sinusoid(self, axis: int) -> Tensor:
        """Return the region's part of the transform of exp(2 pi i k r) along x (0) or y (1)."""
        count, size = self._grid.shape[1 - axis], self.shape[1 - axis]
        pixel = self._grid.pixel_um
        place = torch.arange(size, dtype=torch.float64) - size // 2 + self._middle[axis]
        turn = torch.pi * (self.k[axis] * pixel - place / count)
        # Dirichlet's kernel: a sum of `count` turns of twice that.
        height = torch.where(
            turn.sin().abs() < 1e-12, 1.0 * count, (count * turn).sin() / turn.sin()
        )
        return (height * torch.exp(1j * (count - 1) * turn)).to(torch.complex64)

    def images(self, region: Tensor) -> Tensor:
        """Return the images [..., y, x] times exp(-pi i k.r), r from the centre of the field."""
        lengths = [self._grid.pixel_um * n for n in self._grid.shape[::-1]]
        whole = [m / length for m, length in zip(self._middle, lengths, strict=True)]
        turn = sum(w * c for w, c in zip(whole, self._grid.centre_um, strict=True))
        rest = [0.5 * k - w for k, w in zip(self.k, whole, strict=True)]
        carrier = self.ramp(rest[0], rest[1], 2.0 * math.pi * turn)
        return torch.fft.ifft2(region * self.fade).mul_(carrier)

    def ramp(self, kx: float, ky: float, turn: float = 0.0) -> Tensor:
        """Return exp(i turn - 2 pi i k.r) [y, x], r from the centre of the field."""
        along_y = torch.exp(1j * (turn - 2.0 * torch.pi * ky * self.y.double()))
        along_x = torch.exp(-2j * torch.pi * kx * self.x.double())
        return along_y.to(torch.complex64) * along_x.to(torch.complex64)

    def slopes(self) -> Tensor:
        """Return the derivatives of fade² times `near` with respect to fx and fy, [2, y, x]."""
        passed = self.fade.square() * self.near
        step_y, step_x = self._grid.steps
        along_y = (passed.roll(-1, 0) - passed.roll(1, 0)) / (2.0 * step_y)
        along_x = (passed.roll(-1, 1) - passed.roll(1, 1)) / (2.0 * step_x)
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


def mirrored(values: Tensor) -> Tensor:
    """Return `values` [..., y, x] at the opposite frequencies."""
    return values.flip(-2, -1)


def _extent(k: tuple[float, float], axis: int, cutoff: float) -> float:
    """Return how far the lens reaches along an axis, cycles/µm."""
    length = math.hypot(*k)
    if abs(k[axis]) * 2.0 * cutoff > length**2:  # there a disk's own edge is the farthest
        return max(cutoff - 0.5 * abs(k[axis]), 0.0)
    across = abs(k[1 - axis]) / length if length else 1.0
    return math.sqrt(max(cutoff**2 - 0.25 * length**2, 0.0)) * across


def _size(half: float, most: int) -> int:
    """Return an odd size, so that every frequency has an opposite, at most the raw one."""
    size = 2 * (math.ceil(half) + _MARGIN) + 1
    most -= 1 - most % 2
    while size < most and not _is_fast(size):
        size += 2
    return min(size, most)


def _is_fast(size: int) -> bool:
    """Return whether an odd size has small prime factors alone, so that transforms are fast."""
    for factor in (3, 5, 7):
        while size % factor == 0:
            size //= factor
    return size == 1
