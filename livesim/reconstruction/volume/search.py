"""Search the lines of a volume's pattern in the products of its orders."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.volume.stack import HAZE, VolumeStack

NEAREST, FARTHEST = 0.5, 1.0
"""Where the second order is searched, in units of the cut-off."""
_FLATTENED = 0.1
"""Of the transfer function's greatest value: what is above counts alike in the search, for coarse
structure would outshine the lines."""
_CLOSE_HAZE, _CLOSE_FLATTENED = 0.06, 0.06
"""The same where the lines are known but for a fraction of a pixel: nothing can be mistaken for
them any more, and all light tells their place. That halves the error."""
_ZOOMS = ((1.5, 13), (0.3, 7), (0.1, 5))
"""Half width in spectral pixels and points a side of every finer search."""
_CANDIDATES, _BESIDE = 3, 2.5
"""Peaks that are compared, and how near another one is none of its own, in spectral pixels."""


class LineSearch:
    """Looks for the lines of an angle in the products of its orders with the zero order."""

    def __init__(
        self,
        stack: VolumeStack,
        zero: Tensor,
        orders: tuple[Tensor, Tensor],
        *,
        haze: float = HAZE,
        flattened: float = _FLATTENED,
    ) -> None:
        self._stack, self._bands = stack, (zero, orders)
        passed = stack.transfer((0.0, 0.0)).conj()
        floor = (flattened * passed.abs().max()).square()
        passed = passed / (passed.abs().square() + floor)
        self._passed = passed * (stack.distance((0.0, 0.0)) > haze * stack.cutoff)
        sharp = self._sharp(zero).conj()
        self._products = [(sharp * self._sharp(band)).sum(dim=0) for band in orders]
        self._middles = [1.0, 1.0]

    def _sharp(self, band: Tensor) -> Tensor:
        spectrum = self._stack.spectrum(band) * self._passed
        return torch.fft.ifftn(spectrum, dim=(0, 1, 2))

    def __call__(self) -> list[tuple[tuple[float, float], float]]:
        """Return k of the first order, and how far both stand above the ring in which they lie.

        The greatest few, none of them beside another.
        """
        rows, columns = (2 * n for n in self._stack.shape)
        fy, fx = frequency_axes((rows, columns), self._stack.pixel_um)
        length = torch.sqrt(fx * fx + fy * fy) / self._stack.cutoff
        ring = (length > NEAREST) & (length < FARTHEST)
        strengths = [self._half(), torch.fft.fft2(self._products[1], s=(rows, columns)).abs()]
        self._middles = [max(float(one[ring].median()), 1e-300) for one in strengths]
        joint = self._joint(strengths)
        middle = max(float(joint[ring].median()), 1e-300)
        found = []
        left = torch.where(ring, joint, 0.0)
        for _ in range(_CANDIDATES):
            row, column = divmod(int(left.argmax()), columns)
            at = (float(fx[0, column]), float(fy[row, 0]))
            found.append(
                (self._refined((0.5 * at[0], 0.5 * at[1])), float(left[row, column]) / middle)
            )
            beside = torch.hypot(fx - at[0], fy - at[1]) < _BESIDE * self._stack.pixel[0]
            left = torch.where(beside, 0.0, left)
        return found

    def _refined(self, k: tuple[float, float]) -> tuple[float, float]:
        for half, points in _ZOOMS:
            k = self._zoomed(k, half, points)
        return k

    def closer(self, k: tuple[float, float]) -> tuple[float, float]:
        """Return a k that was found, more exactly."""
        close = LineSearch(self._stack, *self._bands, haze=_CLOSE_HAZE, flattened=_CLOSE_FLATTENED)
        for half, points in _ZOOMS[1:]:
            k = close._zoomed(k, half, points)
        return k

    def _half(self) -> Tensor:
        """Return the first order's strength on the second's grid: at half of each frequency."""
        rows, columns = (4 * n for n in self._stack.shape)
        whole = torch.fft.fft2(self._products[0], s=(rows, columns)).abs()
        y, x = (torch.fft.fftfreq(n // 2, d=2.0 / n).long() % n for n in (rows, columns))
        return whole[y][:, x]

    def _joint(self, strengths: list[Tensor]) -> Tensor:
        """Return how far two strengths stand above their own noise."""
        pairs = zip(strengths, self._middles, strict=True)
        return torch.stack([(one / middle).square() for one, middle in pairs]).sum(dim=0).sqrt()

    def _zoomed(self, k: tuple[float, float], half: float, points: int) -> tuple[float, float]:
        """Return the greatest of a finer grid around k; the second order lies at its double."""
        offsets = 0.5 * torch.linspace(-half, half, points, dtype=torch.float64)
        pixel = self._stack.pixel
        kx, ky = k[0] + offsets * pixel[0], k[1] + offsets * pixel[1]
        strength = self._joint([self._at(n * kx, n * ky, n - 1) for n in (1, 2)])
        row, column = divmod(int(strength.argmax()), points)
        step = half / (points - 1)
        fine_x = _vertex(strength[row], column) * step * pixel[0]
        fine_y = _vertex(strength[:, column], row) * step * pixel[1]
        return float(kx[column]) + fine_x, float(ky[row]) + fine_y

    def _at(self, kx: Tensor, ky: Tensor, number: int) -> Tensor:
        """Return the strength [ky, kx] of an order at the given frequencies."""
        rows = torch.exp(-2j * torch.pi * ky[:, None] * self._stack.y.T)
        columns = torch.exp(-2j * torch.pi * self._stack.x.T * kx[None])
        return (rows @ self._products[number] @ columns).abs()


def _vertex(values: Tensor, at: int) -> float:
    """Return where the parabola through a value and its neighbours is greatest, from there."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, here, right = (float(value) for value in values[at - 1 : at + 2])
    bend = left - 2.0 * here + right
    return 0.0 if bend >= 0.0 else 0.5 * (left - right) / bend
