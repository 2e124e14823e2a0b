"""Map how far an arbitrated image and the plain one may be off.

Two parts: noise that is left, and what was held back or is wrong. The first follows the light, the
second the slopes of the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim_models.trust.bands import LocalMeans, local_mean, whole
from livesim_models.trust.parts import Fissions, mean_of

_MEASURED_SHARE = 0.15
"""Above it what the Wiener filter held back is measured, below it is told from the noise."""
_PRIOR_SPREAD = 0.7
"""How far off the Wiener filter's idea of the object's power may be, as a share of it."""
_LEAST_ERROR = 0.03
"""Of the plain image's variance: no error is said to be less."""
NOISE_SIGMA, _BIAS_SIGMA, EDGE_SIGMA = 8.0, 40.0, 1.5
"""Pixels: over which noise, what was held back and the steepness of the image are averaged."""
_FLAT = 0.02
"""Of the mean steepness: what a flat place counts as."""
_DARK, _BRIGHT = 0.02, 0.99
"""Quantiles of an image that count as no light and as the brightest structures."""
_LIT = 0.3
"""Of the brightest structures: where there is less, structure is not counted."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is found of a network in one band, [2 y, 2 x] each."""

    weight: Tensor
    best: Tensor
    """The weight without caution; it may be negative or beyond 1."""
    change: Tensor
    """Local power of the change."""
    noise: Tensor
    """Local power of the plain image's noise."""


class ImageError:
    """Makes the error maps of one reconstruction.

    Parameters
    ----------
    means
        Of its images.
    share
        [2 y, x + 1] of what a perfect result passes, that the plain image holds.
    carried
        Where that is enough for a network to have a say.
    held_back
        [2 y, x + 1] what the Wiener filter held back, in units of what it passed.
    """

    def __init__(
        self, means: LocalMeans, share: Tensor, carried: Tensor, held_back: Tensor
    ) -> None:
        self._means, self._share = means, share
        self._carried, self._held_back = carried, held_back

    def __call__(
        self, image: Tensor, judged: list[Judged], seen: Fissions
    ) -> tuple[Tensor, Tensor]:
        """Return the mean square errors [2 y, 2 x] of the arbitrated and of the plain image.

        What is not noise lies where the image is steep: that is where a blurred or displaced
        structure differs from the true one.
        """
        noise = mean_of([self._means.seen(p.noise).square() for p in seen.parts])
        noise = self._means.near(noise, NOISE_SIGMA).clamp(min=_TINY)
        noise = self._means.spread(noise)
        held = self._held_power(seen)
        gain, quiet = torch.zeros_like(noise), torch.zeros_like(noise)
        for one in judged:
            gain += one.change * one.weight * (2.0 * one.best.clamp(max=1.0) - one.weight)
            quiet += one.noise * one.weight * (2.0 - one.weight)
        left = (noise - quiet).clamp(min=0.0)
        steep = self._steepness(image)
        bias = self._means.near(noise + held - gain - left, _BIAS_SIGMA).clamp(min=0.0)
        error = torch.maximum(
            left + steep * self._means.spread(bias), _LEAST_ERROR * (noise + held)
        )
        return error, noise + steep * held

    def _held_power(self, seen: Fissions) -> Tensor:
        """Return the local power [2 y, 2 x] of what the Wiener filter held back."""
        measured = torch.where(self._share > _MEASURED_SHARE, self._held_back, 0.0)
        told = self._held_back.sqrt() * (self._share <= _MEASURED_SHARE)
        told = told * math.sqrt(self._prior_factor(seen))
        powers = []
        for p in seen.parts:
            both = self._means.seen(p.larger * measured) * self._means.seen(p.smaller * measured)
            powers.append(both + self._means.seen(p.noise * told).square())
        return self._means.spread(self._means.near(mean_of(powers), _BIAS_SIGMA).clamp(min=0.0))

    def _prior_factor(self, seen: Fissions) -> float:
        """Return the object's power where little of it is carried, in units of what was expected.

        The Wiener filter knows it by extrapolation only; the two parts of a fission share nothing
        but the object. Drawn to 1 as far as the photons leave it open.
        """
        faint = (self._share <= _MEASURED_SHARE) & self._carried
        noise = seen.noise_power * faint
        expected = float(whole(noise * self._share / (1.0 - self._share).clamp(min=0.5)))
        if expected <= 0.0:
            return 1.0
        products = mean_of([(p.larger * p.smaller.conj()).real for p in seen.parts])
        found = float(whole(products * faint))
        variance = (1.0 + seen.eta**2) * seen.excess * float(whole(noise.square()))
        trust = _PRIOR_SPREAD**2 / (_PRIOR_SPREAD**2 + variance / expected**2)
        return max(1.0 + trust * (found / expected - 1.0), 0.1)

    def _steepness(self, image: Tensor) -> Tensor:
        """Return the local power of an image's slopes, in units of that around, [2 y, 2 x]."""
        slopes = [image.roll(1, axis) - image.roll(-1, axis) for axis in (0, 1)]
        steep = local_mean(slopes[0].square() + slopes[1].square(), EDGE_SIGMA).clamp(min=0.0)
        steep = steep + _FLAT * steep.mean() + _TINY
        return steep / self._means.spread(self._means.near(steep, _BIAS_SIGMA))


def carried_share(image: Tensor, squared_error: Tensor) -> float:
    """Return the share of an image's structure that its error leaves, 0 ... 1.

    Parameters
    ----------
    image
        [2 y, 2 x] photo-electrons.
    squared_error
        [2 y, 2 x] its mean square error.
    """
    dark, bright = torch.quantile(_thinned(image), torch.tensor([_DARK, _BRIGHT]).to(image))
    structure = image - dark
    lit = structure > _LIT * (bright - dark)
    left = 1.0 - squared_error[lit].mean() / structure[lit].square().mean().clamp(min=_TINY)
    return float(left.nan_to_num(0.0).clamp(0.0, 1.0))


def _thinned(values: Tensor) -> Tensor:
    """Return few enough values for a quantile."""
    flat = values.flatten()
    return flat[:: max(1, flat.numel() // 2**16)]
