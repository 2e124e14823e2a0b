"""Tell a network under which conditions a plain reconstruction was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from livesim.reconstruction.placements import ZERO_ORDER
from livesim.reconstruction.plan import Plan
from livesim.values.pattern import Levels

RINGS: Final = (0.06, 0.12, 0.25, 0.5)
"""Frequencies in cycles per pixel of the doubled grid, between which the transfer is told."""
COUNT: Final = 4 + len(RINGS) - 1
"""Of the values of conditions."""
CHANNELS: Final = 3 + len(RINGS) - 1
"""Of what a network is given."""
_LOW, _HIGH, _READ_VARIANCE, _NOISE_GAIN, _SHARES = 0, 1, 2, 3, 4
_MOST = 100.0
"""By which a frequency is raised at most: more would raise what the borders leave."""
_TINY = 1e-30
_LEAST_VARIANCE = 1e-3
"""Photo-electrons squared."""
_LEAST_NOISE = 1e-6
_CHANGE = 0.3
"""Times the mean of noise and levels, the geometric one: about the error of plain images."""
_FAINT = 1e-3
"""Of the strongest frequency's signal: fainter ones are not made as noisy as the others."""
_MEAN_PIXELS = 9
"""Of the doubled grid, over which light is averaged to tell its noise."""
_WHITE, _NOISE = 0.5, 0.25
"""By which the whitened image, in standard deviations, and the logarithm of the noise are scaled:
a network learns best from numbers about 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """What is known of a plain reconstruction beside its pixels; one for each of a batch."""

    values: Tensor
    """[batch, value]: what counts as 0 and as 1, photo-electrons; the camera's read noise, squared;
    the variance of the plain image where that of every raw pixel is 1; and from there on which
    share of the object it shows between the frequencies of `RINGS`."""
    whitening: Tensor
    """[batch, 2 y, x + 1] for the plain image's half spectrum: makes its noise white, and of
    variance 1 where that of every raw pixel is 1."""

    @classmethod
    def of_levels(
        cls, levels: Levels, shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> Conditions:
        """Return conditions that tell the levels of images of `shape` (2 y, 2 x) and else nothing.

        They are for measuring how long a network takes.
        """
        values = torch.tensor([(levels.low, levels.high, *(1.0,) * (COUNT - 2))], device=device)
        return cls(values, torch.ones(1, shape[0], shape[1] // 2 + 1, device=device))

    @property
    def levels(self) -> Tensor:
        """What counts as 0 and as 1, [batch, 2] photo-electrons."""
        return self.values[:, : _HIGH + 1]

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """All parameters."""
        return self.values, self.whitening

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Conditions:
        """Return the conditions with every tensor replaced by what `change` makes of it."""
        return Conditions(change(self.values), change(self.whitening))

    def in_light(self, share: float) -> Conditions:
        """Return the conditions of an exposure with a share of the light."""
        values = self.values.clone()
        values[:, : _HIGH + 1] *= share
        return replace(self, values=values)

    def white(self, plain: Tensor) -> Tensor:
        """Return plain images [batch, 2 y, 2 x] with white noise, what counts as 0 taken off."""
        low = self.values[:, _LOW, None, None]
        spectrum = torch.fft.rfft2(plain - low) * self.whitening
        return torch.fft.irfft2(spectrum, s=plain.shape[-2:])


def conditions_of(plan: Plan, levels: Levels, read_noise: float) -> Conditions:
    """Return the conditions of a plain reconstruction, a batch of one.

    Parameters
    ----------
    plan
        For frames in photo-electrons.
    levels
        Of the widefield image.
    read_noise
        Electrons.
    """
    noise = _noise_power(plan)
    both = 2.0 * noise.sum() - noise[:, 0].sum() - noise[:, -1].sum()
    first = (levels.low, levels.high, read_noise**2, float(both))
    values = torch.tensor([(*first, *_shares(plan.transfer).tolist())], device=noise.device)
    rows, half = plan.transfer.shape
    everywhere = torch.ones_like(noise, dtype=torch.bool)
    white = whitening(noise, plan.transfer, 2 * rows * (half - 1), everywhere)
    return Conditions(values, white[None])


def given(
    plain: Tensor, white: Tensor, values: Tensor, light: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return what a network is given, and the unit of what it returns.

    Given are the plain image in units of its levels; the detail of that with white noise in
    standard deviations, a logarithm where it is strong; the logarithm of the noise; and the shares.
    The unit follows what a plain image is off by.

    Parameters
    ----------
    plain, white
        [batch, 2 y, 2 x] in photo-electrons, and of `Conditions.white`.
    values
        Of the conditions.
    light
        [batch, 2 y, 2 x] around every pixel, which makes the noise; None: that of the plain image.

    Returns
    -------
    [batch, channel, 2 y, 2 x] and [batch, 2 y, 2 x] photo-electrons.
    """
    column = values[:, :, None, None]
    low, high, read, gain = (column[:, n] for n in (_LOW, _HIGH, _READ_VARIANCE, _NOISE_GAIN))
    light = around(plain) if light is None else light
    raw = (light.clamp(min=0.0) + read).clamp(min=_LEAST_VARIANCE).sqrt()
    span = high - low
    noise = (raw * gain.sqrt() / span).clamp(min=_LEAST_NOISE).log2()
    detail = torch.asinh(_WHITE * (white - around(white)) / raw)
    maps = torch.stack([(plain - low) / span, detail, _NOISE * noise], dim=1)
    shares = column[:, _SHARES:].expand(-1, -1, *plain.shape[-2:])
    return torch.cat([maps, shares], dim=1), _CHANGE * (raw * span).sqrt()


def around(images: Tensor) -> Tensor:
    """Return local means of images [batch, y, x], at the borders of what is there."""
    return avg_pool2d(images, _MEAN_PIXELS, 1, _MEAN_PIXELS // 2, count_include_pad=False)


def span_of(values: Tensor) -> Tensor:
    """Return what counts as 1 above what counts as 0, [batch, 1, 1] photo-electrons."""
    return (values[:, _HIGH] - values[:, _LOW])[:, None, None]


def whitening(noise: Tensor, transfer: Tensor, pixels: int, strongest: Tensor) -> Tensor:
    """Return the factors that make noise white, from its power and the transfer, shaped alike.

    Noise of the power N and the transfer T mean that the bands together have the signal T² / N:
    where it is faint the factors end, as there is nothing but noise.

    Parameters
    ----------
    noise, transfer
        By frequency, 0 first.
    pixels
        Over which noise spreads.
    strongest
        Of the factors' shape: where to look for the strongest signal.
    """
    factors = (pixels * noise.clamp(min=_TINY)).rsqrt()
    signal = transfer.square() / noise.clamp(min=_TINY)
    ends = signal / (signal + _FAINT * signal[strongest].max())
    factors = factors.clamp(max=_MOST * float(factors.flatten()[0]))
    return torch.where(noise > _TINY, ends * factors, 0.0)


def _noise_power(plan: Plan) -> Tensor:
    """Return the variance of the plain image at every frequency, [2 y, x + 1], raw noise being 1.

    Over both halves of the spectrum its sum is the variance of a pixel.
    """
    count = len(plan.ramps)
    squared = plan.unmixing.square().sum(dim=1)
    bands = squared[1 : 1 + count] + squared[1 + count :]
    variances = {ZERO_ORDER: squared[0], **dict(enumerate(bands))}
    power = plan.transfer.new_zeros(plan.transfer.shape[1], plan.transfer.shape[0])
    for place in plan.placements:
        if place.band in variances:
            power[place.target] += place.weight[..., 0].square() * variances[place.band]
    pixels = plan.shape[0] * plan.shape[1]
    return pixels * power.T.contiguous()


def _shares(transfer: Tensor) -> Tensor:
    """Return the mean of a transfer function [2 y, x + 1] in every ring, [ring]."""
    rows, half = transfer.shape
    fy, fx = torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(2 * (half - 1))[None, :]
    frequency = torch.hypot(fy, fx).to(transfer.device)
    inside = [(frequency > a) & (frequency <= b) for a, b in pairwise(RINGS)]
    return torch.stack([transfer[ring].mean() for ring in inside])
