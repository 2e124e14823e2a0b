"""Decide by independent photons how much of a network's change to the plain image is shown.

With P the plain reconstruction (linear), R the network's image and X what a perfect instrument
would show, P + w (R - P) has the least mean square error for w = <(X - P)(R - P)> / <(R - P)²>.
Three things make that measurable without X, for every band of frequencies and every place:

- P = S X + n, S being the Wiener filter's share, so the numerator has two parts. The noise's is
  <-n (R - P)> = kappa <n²>: what the network took away of the noise, seen against a part of the
  photons that it never saw (`fission`); that R and P share noise is included. It is one number for
  a band, and <n²> is the reconstruction of drawn noise.
- The filter's part is <(1 - S) X (R - P)>: what the Wiener filter held back and the independent
  photons ask for. Where they cannot say, it is 0 within its error, and so is the weight.
- The denominator is seen directly. Where R and P differ by more than noise, the weight falls.

Least squares are not all: a thin thread of noise costs little. What the network draws is therefore
shown as far as photons support structures of its height (`structures`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim_models.trust.bands import (
    LocalMeans,
    frequencies,
    local_mean,
    octave_bands,
    power_of,
    whole,
)
from livesim_models.trust.error import EDGE_SIGMA, NOISE_SIGMA, ImageError, Judged, carried_share
from livesim_models.trust.fission import fission
from livesim_models.trust.parts import Fissions, Parts, mean_of
from livesim_models.trust.structures import Drawn, supported

Restore = Callable[[Tensor], Tensor]
"""A raw stack [frame, y, x] in photo-electrons -> its image [2 y, 2 x]; leaves its input alone."""

ETA = 0.5
OCTAVES, FAINT_OCTAVES = 5, 3
"""Bands where the plain image carries the object well, and where it does faintly; the last one of
each holds everything coarser."""
NOT_CARRIED = 0.003
"""Of the Wiener share: where the plain image holds less of the object, it alone is shown."""
FULLY_SHOWN = 0.1
"""From there on a network may be shown in full; in between gradually, as edges in a spectrum ring
in the image."""
APART, TOGETHER = 0.1, 0.3
"""Below and above it a network is examined apart: it may be right only where light is."""
_NEIGHBOURHOOD = 1.25
"""Standard deviation of local means in wavelengths of the band."""
_STRUCTURE = 0.04
"""Cycles/pixel of the doubled grid: coarser bands draw no threads."""
_CAUTION = 1.0
"""Standard errors taken off a weight."""
_LEAST_CHANGE = 1e-6
"""Power of a change in units of the noise's: less is none."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """How much of the network's change is shown, and how far the result may be off."""

    network: Tensor
    """[band, 2 y, 2 x] 0 ... 1, for `Arbiter.bands`."""
    error: Tensor
    """[2 y, 2 x] standard deviation of the arbitrated image, photo-electrons per raw pixel."""
    plain_error: Tensor
    """[2 y, 2 x] that of the plain image."""
    network_error: Tensor
    """[2 y, 2 x] that of the network's own image."""
    carried: float
    """Share of the arbitrated image's structure that photons carry: 1 less the mean square of its
    error over that of its structure, where there is light."""
    shown: float
    """Share of the network's change that is shown, 0 ... 1."""


@dataclass(frozen=True, slots=True, eq=False)
class _Band:
    """The factors of one band and what its local means are worth."""

    shown: Tensor
    weighed: Tensor
    """As `shown`, the frequencies weighed by how well they are measured."""
    sigma: float
    """Of its local means, pixels."""
    step: int
    """Pixels of the grid that is fine enough for them."""
    local_count: float
    """Independent values in a local mean, and in the whole image."""
    count: float
    empty: bool
    """Whether the plain image carries nothing there."""


class Arbiter:
    """Weighs networks against photons for one reconstruction.

    Parameters
    ----------
    transfer
        [2 y, x + 1] of the plain reconstruction, `Plan.transfer`.
    passed
        [2 y, x + 1] what a perfect result passes, `evaluation.reference.result_transfer`.
    """

    def __init__(self, transfer: Tensor, passed: Tensor) -> None:
        self._shape = (transfer.shape[0], 2 * (transfer.shape[1] - 1))
        share = torch.where(passed > NOT_CARRIED, transfer / passed.clamp(min=NOT_CARRIED), 0.0)
        self.share = share.clamp(0.0, 1.0)
        """[2 y, x + 1] of what a perfect result passes, that the plain image holds."""
        self._carried = rise(self.share, NOT_CARRIED, FULLY_SHOWN)
        well = rise(self.share, APART, TOGETHER)
        octaves = octave_bands(self._shape, OCTAVES).to(transfer)
        few = octave_bands(self._shape, FAINT_OCTAVES).to(transfer)
        self.octaves = torch.cat([octaves, few])
        """[band, 2 y, x + 1] that the bands lie in, whatever the pattern passes of them."""
        self.bands = torch.cat([octaves * well, few * (self._carried - well).clamp(min=0.0)])
        """[band, 2 y, x + 1] in which the network has a say; the rest is the plain image's."""
        self._means = LocalMeans(self._shape)
        self._bands = [self._band(shown) for shown in self.bands]
        self._held_back = (1.0 - self.share) / self.share.clamp(min=NOT_CARRIED)
        carried = self.share > NOT_CARRIED
        self._error = ImageError(self._means, self.share, carried, self._held_back)
        fine = frequencies(self._shape).to(transfer) / _STRUCTURE
        self._structure = self._carried * rise(fine, math.sqrt(0.5), math.sqrt(2.0))

    def image(self, plain: Tensor, network: Tensor, weights: Weights) -> Tensor:
        """Return the arbitrated image of a plain and a network's image, [2 y, 2 x] each."""
        return plain + self._added(torch.fft.rfft2(network - plain), weights.network)

    def weights(
        self,
        photons: Tensor,
        variance: Tensor,
        plain: Restore,
        network: Restore,
        generator: torch.Generator,
        fissions: int = 2,
    ) -> Weights:
        """Examine a network on one raw stack; every fission costs a plain image and a network's.

        Parameters
        ----------
        photons
            [frame, y, x] photo-electrons.
        variance
            [frame, y, x] of their noise, `fission.noise_variance` where the camera is known.
        plain, network
            Without and with networks; `plain` has to be linear.
        generator
            Of the fissions.
        fissions
            Independent ones that are averaged.
        """
        # In units of the noise: powers of counts by the ten thousand are beyond float32.
        unit = variance.mean().sqrt().clamp(min=_TINY)
        without = plain(photons) / unit
        spectrum = torch.fft.rfft2(without)
        parts = []
        for _ in range(fissions):
            split = fission(photons, variance, ETA, generator)
            noise = torch.fft.rfft2(plain(split.noise) / unit)
            # As an exposure of less light would look: its noise then fits its light.
            excess = split.larger_variance
            seen = torch.fft.rfft2(excess * network(split.larger / excess) / unit)
            parts.append(Parts(seen, spectrum + ETA * noise, spectrum - noise / ETA, noise))
        found = self._weights(without, network(photons) / unit, Fissions(parts, ETA))
        return replace(
            found,
            error=unit * found.error,
            plain_error=unit * found.plain_error,
            network_error=unit * found.network_error,
        )

    def _weights(self, plain: Tensor, network: Tensor, seen: Fissions) -> Weights:
        change = torch.fft.rfft2(network - plain)
        support = self._supported(network, seen)
        judged = _evened([self._judged(band, change, seen, support) for band in self._bands])
        weights = torch.stack([one.weight for one in judged])
        added = self._added(change, weights)
        image = plain + added
        error, plain_error = self._error(image, judged, seen)
        # What is best of P + w (R - P) errs independently of the rest of the change.
        overruled = local_mean((network - image).square(), EDGE_SIGMA).clamp(min=0.0)
        return Weights(
            network=weights,
            error=error.sqrt(),
            plain_error=plain_error.sqrt(),
            network_error=(error + overruled).sqrt(),
            carried=carried_share(image, error),
            shown=_share_of(added, network - plain),
        )

    def _added(self, change: Tensor, weights: Tensor) -> Tensor:
        """Return what is shown of a change, [2 y, 2 x]."""
        added = torch.zeros_like(weights[0])
        for weight, band in zip(weights, self.bands, strict=True):
            added.addcmul_(weight, self._means.seen(change * band))
        return added

    def _judged(self, band: _Band, change: Tensor, seen: Fissions, support: Tensor) -> Judged:
        """Return the weight of a band, and what it rests on."""
        if band.empty:
            nothing = torch.zeros(self._shape).to(change.real)
            return Judged(nothing, nothing, nothing, nothing)
        noise = mean_of([self._means.seen(p.noise * band.weighed).square() for p in seen.parts])
        noise = self._means.near(noise, 1.5 * band.sigma, band.step).clamp(min=_TINY)
        power = self._power(band, change, noise)
        asked, asked_error = self._asked_for(band, seen, power)
        taken, taken_error = self._noise_taken(band, seen, noise)
        ratio = noise / power
        best = self._means.spread(taken * ratio + asked)
        caution = _CAUTION * self._means.spread(asked_error + taken_error * ratio)
        weight = (best - caution).clamp(0.0, 1.0)
        if 1.0 / band.sigma > _STRUCTURE / _NEIGHBOURHOOD:
            weight = weight * support
        power = self._unweighed(band, power_of(change)) * self._means.spread(power)
        noise = self._unweighed(band, seen.noise_power) * self._means.spread(noise)
        return Judged(weight, best, power, noise)

    def _unweighed(self, band: _Band, power: Tensor) -> float:
        """Return the power of a band as it adds up with others, in units of that weighed."""
        doubled = _doubled(power)
        weighed = (doubled * band.weighed.square()).sum().clamp(min=_TINY)
        return _alone(band.shown) * float((doubled * band.shown.square()).sum() / weighed)

    def _power(self, band: _Band, change: Tensor, noise: Tensor) -> Tensor:
        """Return the local power of the change.

        In units of the noise's it is drawn towards that of the whole band, as far as it varies no
        more than a mean of so many values does: a weight that follows chance keeps the noise.
        """
        seen = self._means.seen(change * band.weighed).square()
        local = self._means.near(seen, band.sigma, band.step).clamp(min=_TINY)
        ratio = (local / noise).clamp(min=_LEAST_CHANGE)
        common = (seen.mean() / noise.mean()).clamp(min=_LEAST_CHANGE)
        return (
            noise
            * drawn_together(ratio, common, 2.0 * common.square() / band.local_count, noise)[0]
        )

    def _noise_taken(self, band: _Band, seen: Fissions, noise: Tensor) -> tuple[float, float]:
        """Return kappa, which share of the noise in a band the network took away, and its error."""
        weighed = band.weighed
        found = float(whole(seen.taken * weighed.square())) / (self._shape[0] * self._shape[1]) ** 2
        unit = (1.0 + ETA**2) * float(noise.mean())
        error = self._agreement_error(weighed, weighed, seen)
        return min(max(found / unit, 0.0), 1.0), error / unit

    def _asked_for(self, band: _Band, seen: Fissions, power: Tensor) -> tuple[Tensor, Tensor]:
        """Return (weight, error) of what the Wiener filter held back.

        The local weights are drawn towards that of the whole band, as far as their spread is that
        of their errors (empirical Bayes).
        """
        held = band.weighed * self._held_back
        pairs = ((p.smaller * held, p.change * band.weighed) for p in seen.parts)
        agreed = mean_of([self._means.seen(one) * self._means.seen(other) for one, other in pairs])
        mean = power.mean()
        common = agreed.mean() / mean
        common_error = (self._agreement_error(held, band.weighed, seen) / mean) ** 2
        local_error = common_error * (band.count / band.local_count) * mean / power
        local = self._means.near(agreed, band.sigma, band.step) / power
        drawn, trust = drawn_together(local, common, local_error, power)
        squared = trust.square() * local_error + (1.0 - trust).square() * common_error
        return drawn, squared.sqrt()

    def _agreement_error(self, factor: Tensor, weighed: Tensor, seen: Fissions) -> float:
        """Return the error of the mean product of the smaller parts and the network's changes.

        That is what the noise of the smaller parts makes of it, frequency by frequency.
        """
        pixels = self._shape[0] * self._shape[1]
        powers = seen.noise_power * seen.change_power * (factor * weighed).square()
        return math.sqrt(seen.excess * float(whole(powers))) / pixels**2

    def _supported(self, network: Tensor, seen: Fissions) -> Tensor:
        """Return which share of the structures that the network draws photons support."""
        factor = self._structure
        drawn = [
            Drawn(
                network=self._means.seen(p.network * factor),
                expected=self._means.seen(p.network * factor * self.share),
                photons=self._means.seen(p.smaller * factor),
            )
            for p in seen.parts
        ]
        noise = mean_of([self._means.seen(p.noise * factor).square() for p in seen.parts])
        return supported(
            self._means.seen(torch.fft.rfft2(network) * factor),
            drawn,
            self._means.spread(self._means.near(noise, NOISE_SIGMA).clamp(min=_TINY)),
            seen.noise_power * factor.square(),
            seen.excess,
        )

    def _band(self, shown: Tensor) -> _Band:
        # Noise after the filter is as strong as its share there: white after its square root.
        weighed = shown * self.share.sqrt()
        empty = float(_doubled(shown).sum()) < 2.0
        if empty:
            return _Band(shown, weighed, 1.0, 1, 1.0, 1.0, empty)
        weight = _doubled(shown)
        frequency = float((weight * frequencies(self._shape).to(shown)).sum() / weight.sum())
        sigma = _NEIGHBOURHOOD / frequency
        share = float(_doubled(weighed.square()).mean()) / float(weighed.max()) ** 2
        pixels = self._shape[0] * self._shape[1]
        local = min(4.0 * math.pi * sigma**2, pixels) * share
        step = self._means.step(sigma)
        count = max(pixels * share, 1.0)
        return _Band(shown, weighed, sigma, step, max(local, 1.0), count, empty)


def _doubled(half: Tensor) -> Tensor:
    """Return a half spectrum in which every column counts as often as in the whole one."""
    twice = torch.full_like(half, 2.0)
    twice[:, 0] = twice[:, -1] = 1.0
    return half * twice


def _evened(judged: list[Judged]) -> list[Judged]:
    """Return bands of which the faint ones are shown no more than any fine one that is seen well.

    Edges without the frequencies below them would ripple.
    """
    fine = torch.stack([one.weight for one in judged[:FAINT_OCTAVES]]).amax(dim=0)
    faint = [replace(one, weight=one.weight.minimum(fine)) for one in judged[OCTAVES:]]
    return [*judged[:OCTAVES], *faint]


def _alone(band: Tensor) -> float:
    """Return what the squares of neighbouring bands, which overlap, lack of the sum's square."""
    return float(_doubled(band).sum() / _doubled(band.square()).sum().clamp(min=_TINY))


def drawn_together(
    local: Tensor, common: Tensor, error: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return local values drawn to the common one, and how far they are trusted, 0 ... 1.

    `error` is the variance of the local values; what they spread beyond it is real.
    """
    spread = ((local - common).square() - error) * (weight / weight.sum())
    between = spread.sum().clamp(min=0.0)
    trust = between / (between + error + _TINY)
    return common + trust * (local - common), trust


def rise(share: Tensor, low: float, high: float) -> Tensor:
    """Return 0 below a share and 1 above another one, smoothly and even in its logarithm."""
    at = (share.clamp(min=_TINY) / low).log() / math.log(high / low)
    return torch.sin(0.5 * math.pi * at.clamp(0.0, 1.0)).square()


def _share_of(added: Tensor, change: Tensor) -> float:
    """Return which share of a change was added, 0 ... 1; all of no change."""
    power = float(change.square().mean())
    return min(max(float((added * change).mean()) / power, 0.0), 1.0) if power > _TINY else 1.0
