"""Ask independent photons for the structures that a network draws.

Least squares forgive a thin thread that is not there: its square is less than that of the noise it
stands in. So the crests of the network's image are sorted by how far they rise over the noise of
the plain image, and for every class of height it is asked which share of it the photons show that
the network has not seen: 1 where its threads are real, 0 where it spun them of noise. The answer is
a mean over all crests of a class, so it is far more exact than one for a single thread could be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from livesim_models.trust.bands import local_mean, power_of, whole

_CLASSES = 7
"""Of height, half an octave each."""
_LOWEST = 0.5
"""Standard deviations of noise: height of the lowest class, which holds all below as well."""
_REACH = 5
"""Pixels of the doubled grid around a crest in which nothing is much higher."""
_CREST = 0.75
"""Of the highest value within that reach: pixels that count as crest."""
_ALONG = 4.0
"""Pixels: standard deviation of the means of heights along a crest."""
_BESIDE = 3.0
"""Pixels: standard deviation of a crest's neighbourhood."""
_DOUBTED, _BELIEVED = 0.45, 0.85
"""Shares of their height that photons show, from which on crests are shown in part and in full."""
_SPREAD = 0.4
"""How far the share of a class may be off that of all: it is drawn to it as far as it is unsure."""
_CAUTION = 0.5
"""Standard errors taken off a share."""
_FAR = 0.02
"""Density of crests below which a place belongs to none."""
_FAINT = 1e-4
"""Density of crests below which no height is asked."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What a network drew of a part of the photons, [2 y, 2 x] each, without what is coarse."""

    network: Tensor
    """Its image."""
    expected: Tensor
    """What the plain reconstruction would show of it."""
    photons: Tensor
    """Reconstruction of the photons that it did not see."""


def supported(
    network: Tensor, drawn: Sequence[Drawn], noise: Tensor, spectrum: Tensor, excess: float
) -> Tensor:
    """Return which share of a network's structures photons support, [2 y, 2 x] 0 ... 1.

    Parameters
    ----------
    network
        [2 y, 2 x] its image without what is coarse.
    drawn
        From independent fissions.
    noise
        [2 y, 2 x] local variance of the plain image's noise.
    spectrum
        [2 y, x + 1] mean power of that noise.
    excess
        Variance of the mean of all `photons`, in units of the plain image's.
    """
    sigma = noise.sqrt()
    belief = class_belief(drawn, sigma, spectrum, excess)
    crest = _crests(network)
    believed = (_classes(_heights(network / sigma, crest)) * belief[:, None, None]).sum(dim=0)
    near = local_mean(torch.stack([crest * believed, crest]), _BESIDE).clamp(min=0.0)
    return (near[0] + _FAR) / (near[1] + _FAR)


def class_belief(drawn: Sequence[Drawn], sigma: Tensor, spectrum: Tensor, excess: float) -> Tensor:
    """Return how far crests of every class of height are believed, [class] 0 ... 1."""
    sums = torch.stack([_class_sums(one, sigma, spectrum) for one in drawn]).mean(dim=0)
    found, claimed, squared = sums
    share = found / claimed.clamp(min=_TINY)
    error = excess * squared / claimed.clamp(min=_TINY).square() + _TINY
    common = (share / error).sum() / (1.0 / error).sum()
    trust = _SPREAD**2 / (_SPREAD**2 + error)
    least = common + trust * (share - common) - _CAUTION * (trust * error).sqrt()
    return ((least - _DOUBTED) / (_BELIEVED - _DOUBTED)).clamp(0.0, 1.0)


def _class_sums(one: Drawn, sigma: Tensor, spectrum: Tensor) -> Tensor:
    """Return sums [3, class] over the crests of every class.

    They are what photons show, what they should, and the variance of the former.
    """
    crest = _crests(one.network)
    on = crest > 0.0
    classes = _classes(_heights(one.network / sigma, crest)[on])
    height = one.network[on]
    weighed = crest * one.network * sigma
    # Noise has a grain, so neighbours on a crest do not count as independent.
    power = power_of(torch.fft.rfft2(weighed)) * spectrum
    white = weighed.square().sum() * noise_power(spectrum, sigma)
    grain = whole(power) / sigma.numel() ** 2 / white.clamp(min=_TINY)
    return torch.stack(
        [
            classes @ (height * one.photons[on]),
            classes @ (height * one.expected[on]),
            classes.square() @ (height * sigma[on]).square() * grain,
        ]
    )


def noise_power(spectrum: Tensor, sigma: Tensor) -> Tensor:
    """Return the mean square of noise of a power spectrum [2 y, x + 1]."""
    return whole(spectrum) / sigma.numel() ** 2


def _crests(network: Tensor) -> Tensor:
    """Return 1 on crests and 0 elsewhere."""
    side = 2 * _REACH + 1
    rows = max_pool2d(network[None], (side, 1), 1, (_REACH, 0))
    highest = max_pool2d(rows, (1, side), 1, (0, _REACH))[0]
    return ((network > _CREST * highest) & (network > 0.0)).to(network)


def _heights(network: Tensor, crest: Tensor) -> Tensor:
    """Return mean heights along the crests, [2 y, 2 x]."""
    near = local_mean(torch.stack([crest * network, crest]), _ALONG)
    return near[0] / near[1].clamp(min=_FAINT)


def _classes(height: Tensor) -> Tensor:
    """Return how far heights [...] belong to every class, [class, ...]; the sum is 1."""
    at = 2.0 * torch.log2(height.clamp(min=_LOWEST) / _LOWEST)
    at = at.clamp(max=_CLASSES - 1.0)
    classes = torch.arange(_CLASSES).to(height).view(-1, *[1] * height.ndim)
    return (1.0 - (at - classes).abs()).clamp(min=0.0)
