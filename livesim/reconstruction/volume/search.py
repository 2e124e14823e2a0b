"""Search the lines of a volume's pattern in the products of its orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.volume.stack import HAZE, VolumeStack

NEAREST, FARTHEST = 0.5, 1.0
"""Where the second order is searched, in units of the cut-off."""
_FLATTENED = 0.1
"""Of the transfer function's greatest value: what is above counts alike in the search, for coarse
structure would outshine the lines."""
_ZOOMS = ((1.5, 13), (0.3, 7), (0.1, 5))
"""Half width in spectral pixels and points a side of every finer search."""
_SHELLS = 8
"""Of the ring in which lines are sought: structure is like itself moved a little more than moved
far, which would outshine the lines of a few beads if both were compared with the same."""
_CANDIDATES, _BESIDE = 3, 2.5
"""Peaks that are compared, and how near another one is none of its own, in spectral pixels."""


class LineSearch:
    """Looks for the lines of an angle in the products of its orders with the zero order."""

    def __init__(self, stack: VolumeStack, zero: Tensor, orders: tuple[Tensor, Tensor]) -> None:
        self._stack = stack
        passed = stack.transfer((0.0, 0.0)).conj()
        floor = (_FLATTENED * passed.abs().max()).square()
        passed = passed / (passed.abs().square() + floor)
        self._passed = passed * (stack.distance((0.0, 0.0)) > HAZE * stack.cutoff)
        sharp = self._sharp(zero).conj()
        self._products = [(sharp * self._sharp(band)).sum(dim=0) for band in orders]

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
        shell = ((length - NEAREST) / (FARTHEST - NEAREST) * _SHELLS).long().clamp(0, _SHELLS - 1)
        strengths = [self._half(), torch.fft.fft2(self._products[1], s=(rows, columns)).abs()]
        usual = [_usual(one, shell, ring) for one in strengths]
        joint = _joint(strengths, [one[shell] for one in usual])
        middle = max(float(joint[ring].median()), 1e-300)
        found = []
        left = torch.where(ring, joint, 0.0)
        for _ in range(_CANDIDATES):
            row, column = divmod(int(left.argmax()), columns)
            at = (float(fx[0, column]), float(fy[row, 0]))
            near = partial(self._near, [one[shell[row, column]] for one in usual])
            k = zoomed(self._stack, near, (0.5 * at[0], 0.5 * at[1]), _ZOOMS)
            found.append((k, float(left[row, column]) / middle))
            beside = torch.hypot(fx - at[0], fy - at[1]) < _BESIDE * self._stack.pixel[0]
            left = torch.where(beside, 0.0, left)
        return found

    def _half(self) -> Tensor:
        """Return the first order's strength on the second's grid: at half of each frequency."""
        rows, columns = (4 * n for n in self._stack.shape)
        whole = torch.fft.fft2(self._products[0], s=(rows, columns)).abs()
        y, x = (torch.fft.fftfreq(n // 2, d=2.0 / n).long() % n for n in (rows, columns))
        return whole[y][:, x]

    def _near(self, usual: list[Tensor], kx: Tensor, ky: Tensor) -> Tensor:
        """Return the joint strength [ky, kx] at k; the second order lies at its double."""
        numbered = enumerate(self._products, start=1)
        each = [strength(self._stack, one, n * kx, n * ky) for n, one in numbered]
        return _joint(each, usual)


def _usual(strengths: Tensor, shell: Tensor, ring: Tensor) -> Tensor:
    """Return the median [shell] of what is in a ring."""
    each = [strengths[ring & (shell == number)] for number in range(_SHELLS)]
    middles = [float(one.median()) if len(one) else 0.0 for one in each]
    return torch.tensor(middles, dtype=torch.float64).clamp(min=1e-300)


def _joint(strengths: list[Tensor], usual: list[Tensor]) -> Tensor:
    """Return how far two strengths stand above what is usual there."""
    pairs = zip(strengths, usual, strict=True)
    return torch.stack([(one / middle).square() for one, middle in pairs]).sum(dim=0).sqrt()


def zoomed(
    stack: VolumeStack,
    joint: Callable[[Tensor, Tensor], Tensor],
    k: tuple[float, float],
    zooms: Sequence[tuple[float, int]],
) -> tuple[float, float]:
    """Return where `joint` of (kx, ky) is greatest, on finer and finer grids around k.

    Parameters
    ----------
    zooms
        Half width in spectral pixels of the second order, and points a side of every grid.
    """
    for half, points in zooms:
        offsets = 0.5 * torch.linspace(-half, half, points, dtype=torch.float64)
        kx, ky = k[0] + offsets * stack.pixel[0], k[1] + offsets * stack.pixel[1]
        values = joint(kx, ky)
        row, column = divmod(int(values.argmax()), points)
        step = half / (points - 1)
        fine_x = _vertex(values[row], column) * step * stack.pixel[0]
        fine_y = _vertex(values[:, column], row) * step * stack.pixel[1]
        k = float(kx[column]) + fine_x, float(ky[row]) + fine_y
    return k


def strength(stack: VolumeStack, product: Tensor, kx: Tensor, ky: Tensor) -> Tensor:
    """Return the strength [ky, kx] of a product [y, x] at the given frequencies."""
    rows = torch.exp(-2j * torch.pi * ky[:, None] * stack.y.T)
    columns = torch.exp(-2j * torch.pi * stack.x.T * kx[None])
    return (rows @ product @ columns).abs()


def _vertex(values: Tensor, at: int) -> float:
    """Return where the parabola through a value and its neighbours is greatest, from there."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, here, right = (float(value) for value in values[at - 1 : at + 2])
    bend = left - 2.0 * here + right
    return 0.0 if bend >= 0.0 else 0.5 * (left - right) / bend
