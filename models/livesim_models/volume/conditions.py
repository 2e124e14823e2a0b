"""Tell a network under which conditions a plain volume was made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from livesim.reconstruction.placements import ZERO_ORDER
from livesim.reconstruction.volume.plan import VolumePlan
from livesim.values.pattern import Levels
from livesim_models.conditions import CHANNELS as ON_PLANE
from livesim_models.conditions import RINGS, around, given, whitening

BESIDE: Final = (-1, 1, -2, 2)
"""Planes that a network sees beside the one it restores."""
WHITE_BESIDE: Final = BESIDE[:2]
"""Of which it sees the image with white noise too."""
CHANNELS: Final = ON_PLANE + len(BESIDE) + len(WHITE_BESIDE) + 1
"""Of what a network is given: as of single planes, and behind it what lies beside."""
DENOISED_BESIDE: Final = (0, -1, 1)
"""Planes of the volume of denoised frames that a network behind a step one sees too."""
CHANNELS_BEHIND_ONE: Final = CHANNELS + 2 * len(DENOISED_BESIDE)


@dataclass(frozen=True, slots=True, eq=False)
class VolumeConditions:
    """What is known of a plain volume beside its pixels."""

    values: Tensor
    """[value] as those of single planes, see `Conditions.values`."""
    step: float
    """Distance of the planes over the greatest that would do."""
    whitening: Tensor
    """[kz, x, 2 y] for the volume's half spectrum: makes its noise white, and of variance 1 at most
    where that of every raw pixel is 1."""
    even: float
    """What an even widefield volume of brightness 1 is in the plain volume, and what one layer of
    it gives of the light of a widefield plane, see `VolumePlan`."""
    unit: float

    def at_levels(self, levels: Levels) -> VolumeConditions:
        """Return the conditions where `levels` are those of the widefield volume."""
        values, low = self.values.clone(), self.even * levels.low
        values[0], values[1] = low, low + self.unit * (levels.high - levels.low)
        return replace(self, values=values)

    def in_light(self, share: float) -> VolumeConditions:
        """Return the conditions of an exposure with a share of the light."""
        values = self.values.clone()
        values[:2] *= share
        return replace(self, values=values)


def volume_conditions(plan: VolumePlan, read_noise: float, step: float) -> VolumeConditions:
    """Return the conditions of plain volumes whose levels are 0 and 1.

    Parameters
    ----------
    plan
        For frames in photo-electrons.
    read_noise
        Electrons.
    step
        Distance of the planes over the greatest that would do.
    """
    noise = _noise_power(plan)
    both = 2.0 * noise.sum() - noise[:, 0].sum()
    values = torch.tensor([0.0, 1.0, read_noise**2, float(both), *_shares(plan)])
    pixels = 4 * plan.plane.shape[0] * plan.plane.shape[1] * (plan.planes + plan.bridge)
    # What is coarse in y and x, thick light, is far stronger than all structures.
    fine = (lateral_frequencies(plan) > RINGS[0]).expand_as(noise)
    white = whitening(noise, plan.share * plan.passed, pixels, fine)
    return VolumeConditions(values, step, white, plan.even, plan.unit)


def given_planes(
    plain: Tensor,
    white: Tensor,
    widefield: Tensor,
    conditions: VolumeConditions,
    denoised: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what a network is given of every plane, and the unit of what it returns.

    Beyond the first and the last plane these themselves are given.

    Parameters
    ----------
    plain, white
        [z, 2 y, 2 x] photo-electrons per raw pixel; the same with white noise.
    widefield
        [z, y, x] photo-electrons, whose light makes the noise.
    denoised
        What `plain` and `white` are of the frames that a step one denoised; None = without one.

    Returns
    -------
    [z, channel, 2 y, 2 x] and [z, 2 y, 2 x] photo-electrons.
    """
    count = len(plain)
    light = interpolate(around(widefield)[None], plain.shape[1:], mode="bilinear")[0]
    values = conditions.values.to(plain).expand(count, -1)
    # What even light leaves in the whitened image is no detail; `given` takes off what is around.
    own, unit = given(plain, white, values, light)
    at = torch.arange(count)
    beside = [own[(at + off).clamp(0, count - 1), 0] for off in BESIDE]
    beside += [own[(at + off).clamp(0, count - 1), 1] for off in WHITE_BESIDE]
    beside.append(torch.full_like(plain, conditions.step))
    if denoised is not None:
        quiet = given(*denoised, values, light)[0][:, :2]
        beside += [
            quiet[(at + off).clamp(0, count - 1), kind]
            for off in DENOISED_BESIDE
            for kind in range(2)
        ]
    return torch.cat([own, torch.stack(beside, dim=1)], dim=1), unit


def _noise_power(plan: VolumePlan) -> Tensor:
    """Return the variance of the volume at every frequency, [kz, x, 2 y], raw noise being 1."""
    plane = plan.plane
    count = len(plane.ramps)
    squared = plane.unmixing.square().sum(dim=1)
    bands = squared[1 : 1 + count] + squared[1 + count :]
    variances = {ZERO_ORDER: squared[0], **dict(enumerate(bands))}
    power = torch.zeros_like(plan.share)
    for place in plan.placements:
        if place.band in variances:
            weight = place.weight.real.square() + place.weight.imag.square()
            power[(slice(None), *place.target)] += weight * variances[place.band]
    return power * (plane.shape[0] * plane.shape[1] * (plan.planes + plan.bridge))


def _shares(plan: VolumePlan) -> list[float]:
    """Return the mean share of the object in every ring of lateral frequencies."""
    frequency = lateral_frequencies(plan)
    inside = [(frequency > a) & (frequency <= b) for a, b in pairwise(RINGS)]
    held = (plan.share * plan.passed).amax(dim=0)
    return [float(held[ring].mean()) if bool(ring.any()) else 0.0 for ring in inside]


def lateral_frequencies(plan: VolumePlan) -> Tensor:
    """Return the lateral frequencies [x, 2 y] of the half spectrum, cycles/pixel."""
    rows, columns = plan.plane.shape
    fx = torch.arange(plan.share.shape[1], device=plan.device)[:, None] / (2.0 * columns)
    return torch.hypot(torch.fft.fftfreq(2 * rows, device=plan.device)[None], fx)
