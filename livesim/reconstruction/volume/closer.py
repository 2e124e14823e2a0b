"""Look once more at lines that were found, with all light that tells their place."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.reconstruction.volume.search import strength, zoomed
from livesim.reconstruction.volume.stack import VolumeStack

_HAZE = 0.08
"""Of the cut-off: nothing can be mistaken for the lines any more, and all light tells their
place."""
_FLOORS = (0.04, 0.16)
"""Of a transfer function's greatest value, for the zero order and for the others, which have 12
times its noise: what is above counts alike."""
_ZOOMS = ((0.3, 7), (0.1, 5))
"""Half width in spectral pixels and points a side of every finer search."""


class CloserLook:
    """Finds where both orders of an angle are most like the zero order moved there.

    Parameters
    ----------
    zero
        [z, y, x] of all angles: of the same object, with less noise. Where the object drifts
        between them it is blurred, which leaves the lines where they are, but not their phases.
    orders
        [z, y, x] complex, the first and the second.
    k
        Of the first order, right to a few tenths of a spectral pixel.
    """

    def __init__(
        self,
        stack: VolumeStack,
        zero: Tensor,
        orders: tuple[Tensor, Tensor],
        k: tuple[float, float],
    ) -> None:
        self._stack, self._zero, self._k = stack, zero, k
        (first, second), kz = orders, stack.axial_frequency(k)
        self._products = (
            self._product(first, k, ((kz, 0.0), (kz, -0.5 * math.pi))),
            self._product(second, (2.0 * k[0], 2.0 * k[1]), ((0.0, 0.0),)),
        )

    def __call__(self) -> tuple[float, float]:
        """Return k of the first order."""
        return zoomed(self._stack, self._joint, self._k, _ZOOMS)

    def _joint(self, kx: Tensor, ky: Tensor) -> Tensor:
        """Return [ky, kx] how far both orders stand above their noise."""
        x, y = kx - self._k[0], ky - self._k[1]
        numbered = enumerate(self._products, start=1)
        each = [strength(self._stack, product, n * x, n * y) for n, product in numbered]
        return torch.stack(each).square().sum(dim=0).sqrt()

    def _product(
        self, band: Tensor, shift: tuple[float, float], fringes: tuple[tuple[float, float], ...]
    ) -> Tensor:
        """Return the product [y, x] of a band with the zero order moved by `shift`, noise 1.

        Each is sharpened with its own transfer function there. Seen through each other's instead,
        they would be equal inside a field, but not where it fades out: lines come out 0.02 pixels
        too long. Shared weights do not sharpen, and of lone objects come out 0.01 too short.
        """
        stack = self._stack
        at = stack.both(shift, _HAZE)
        zero = stack.spectrum(self._zero * stack.wave(shift))[:, at]
        found = stack.spectrum(band)[:, at]
        of_zero = stack.transfer(shift, at=at)
        every = [stack.transfer((0.0, 0.0), *one, at=at) for one in fringes]
        of_band = _fitted(zero, found * of_zero.conj(), torch.stack(every))
        greatest = of_zero.abs().max()
        sharper = [
            one.conj() / (one.abs().square() + (floor * greatest).square())
            for one, floor in zip((of_zero, of_band), _FLOORS, strict=True)
        ]
        noise = (zero * sharper[0] * sharper[1]).norm().clamp(min=1e-300)
        planes = zero.new_zeros(2, len(zero), *stack.shape)
        planes[:, :, at] = torch.stack((zero * sharper[0], found * sharper[1]))
        ours, theirs = torch.fft.ifft2(planes)
        return (ours.conj() * theirs).sum(dim=0) / noise


def _fitted(zero: Tensor, found: Tensor, every: Tensor) -> Tensor:
    """Return the real sum of transfer functions [one, kz, place] that explains a band best."""
    alone = zero * every
    times = (alone.conj() * found).sum(dim=(1, 2))
    times = times / alone.abs().square().sum(dim=(1, 2)).clamp(min=1e-300)
    turned = torch.polar(torch.ones_like(times.real), -0.5 * torch.angle((times**2).sum()))
    shares = (times * turned).real
    shares = shares / shares.norm().clamp(min=1e-300)
    return torch.tensordot(shares.to(every.dtype), every, dims=1)
