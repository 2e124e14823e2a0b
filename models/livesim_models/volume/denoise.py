"""Denoise the raw frames of a volume before it is reconstructed, some planes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from livesim.reconstruction.volume.plan import VolumePlan
from livesim.values.pattern import Pattern
from livesim_models.volume.orders import BESIDE, PlaneOrders, given_orders, noise_of
from livesim_models.volume.step import TOGETHER, PlanesStep

ReadFrames = Callable[[int], Tensor]
"""Plane -> its raw frames [angle, phase, y, x] in photo-electrons."""
MORE_LIGHT = 20.0
"""By how many times more light the reconstruction of denoised frames is made for."""
_FARTHEST = max(BESIDE)


class FrameDenoiser:
    """Denoises the raw frames of volumes that are lit by one pattern.

    Parameters
    ----------
    step
        With a network on the pattern's frames.
    pattern
        Of three angles of five phases.
    read_noise
        Electrons.
    device
        Where the network is.
    """

    def __init__(
        self,
        step: PlanesStep,
        pattern: Pattern,
        read_noise: float,
        device: torch.device | str = "cpu",
    ) -> None:
        self._step, self._read_noise, self._device = step, read_noise, device
        self._orders = PlaneOrders(pattern, device)

    @torch.inference_mode()
    def __call__(self, read: ReadFrames, planes: int) -> Iterator[Tensor]:
        """Yield the denoised frames [angle, phase, y, x] of every plane, in the order of z."""
        together = planes if self._step.across_planes else TOGETHER
        held: dict[int, Tensor] = {}
        for first in range(0, planes, together):
            last = min(first + together, planes)
            seen = range(max(first - _FARTHEST, 0), min(last + _FARTHEST, planes))
            held = {z: held[z] if z in held else read(z).to(self._device) for z in seen}
            frames = torch.stack(list(held.values()))
            orders = self._orders.of(frames)
            noise = noise_of(frames.mean(dim=(1, 2)), self._read_noise)
            channels = given_orders(orders, noise)
            own = slice(first - seen.start, last - seen.start)
            yield from self._orders.frames(self._step(orders[own], channels[own], noise[own]))


def in_more_light(spectrum: Tensor, plan: VolumePlan) -> Tensor:
    """Return the half spectrum [kz, x, 2 y] that a Wiener filter for more light leaves.

    With S the power of signal over noise, that of the plan leaves the share S / (S + 1). What the
    jumps between opposite borders leave, which no filter sharpens, is taken for signal here.
    """
    return spectrum / (plan.share + (1.0 - plan.share) / MORE_LIGHT)
