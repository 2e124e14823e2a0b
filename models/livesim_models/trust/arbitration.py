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

The error map has the same parts: noise that is left, and what was held back or is wrong. The first
follows the light, the second the slopes of the image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from livesim_models.trust.bands import (
    frequencies,
    local_mean,
    octave_bands,
    power_of,
    whole,
)
from livesim_models.trust.fission import fission
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
_MEASURED_SHARE = 0.15
"""Above it what the Wiener filter held back is measured, below it is told from the noise."""
_PRIOR_SPREAD = 0.7
"""How far off the Wiener filter's idea of the object's power may be, as a share of it."""
_LEAST_ERROR = 0.03
"""Of the plain image's variance: no error is said to be less."""
_LEAST_CHANGE = 1e-6
"""Power of a change in units of the noise's: less is none."""
_NOISE_SIGMA, _BIAS_SIGMA, _EDGE_SIGMA = 8.0, 40.0, 1.5
"""Pixels: over which noise, what was held back and the steepness of the image are averaged."""
_FLAT = 0.02
"""Of the mean steepness: what a flat place counts as."""
_DARK, _BRIGHT = 0.02, 0.99
"""Quantiles of an image that count as no light and as the brightest structures."""
_LIT = 0.3
"""Of the brightest structures: where there is less, structure is not counted."""
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
class _Parts:
    """The half spectra of one fission."""

    network: Tensor
    """Of its image of the larger part."""
    larger: Tensor
    smaller: Tensor
    noise: Tensor
    change: Tensor
    """What the network changed, which saw the larger part only."""


class _Fissions:
    """All fissions of one stack, and means over them that every band needs."""

    def __init__(self, parts: Sequence[_Parts]) -> None:
        self.parts = parts
        self.noise_power = _mean([power_of(p.noise) for p in parts])
        """[2 y, x + 1] of the plain image's noise."""
        self.change_power = _mean([power_of(p.change) for p in parts])
        self.taken = _mean([((p.smaller - p.larger) * p.change.conj()).real for p in parts])
        """What the networks took away of noise that differs between the parts."""
        self.excess = 1.0 + ETA**-2 / len(parts)
        """Variance of the mean of the smaller parts, in units of the plain image's."""


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What is found of a network in one band, [2 y, 2 x] each."""

    weight: Tensor
    best: Tensor
    """The weight without caution; it may be negative or beyond 1."""
    change: Tensor
    """Local power of the change."""
    noise: Tensor
    """Local power of the plain image's noise."""


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
        self._bands = [self._band(shown) for shown in self.bands]
        self._held_back = (1.0 - self.share) / self.share.clamp(min=NOT_CARRIED)
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
            parts.append(_parts(seen, spectrum + ETA * noise, spectrum - noise / ETA, noise))
        found = self._weights(without, network(photons) / unit, _Fissions(parts))
        return replace(
            found,
            error=unit * found.error,
            plain_error=unit * found.plain_error,
            network_error=unit * found.network_error,
        )

    def _weights(self, plain: Tensor, network: Tensor, seen: _Fissions) -> Weights:
        change = torch.fft.rfft2(network - plain)
        support = self._supported(network, seen)
        judged = _evened([self._judged(band, change, seen, support) for band in self._bands])
        weights = torch.stack([one.weight for one in judged])
        added = self._added(change, weights)
        image = plain + added
        error, plain_error = self._errors(image, judged, seen)
        # What is best of P + w (R - P) errs independently of the rest of the change.
        overruled = local_mean((network - image).square(), _EDGE_SIGMA).clamp(min=0.0)
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
            added.addcmul_(weight, self._seen(change * band))
        return added

    def _judged(self, band: _Band, change: Tensor, seen: _Fissions, support: Tensor) -> _Judged:
        """Return the weight of a band, and what it rests on."""
        if band.empty:
            nothing = torch.zeros(self._shape).to(change.real)
            return _Judged(nothing, nothing, nothing, nothing)
        noise = _mean([self._seen(p.noise * band.weighed).square() for p in seen.parts])
        noise = self._local(noise, 1.5 * band.sigma, band.step)
        power = self._power(band, change, noise)
        asked, asked_error = self._asked_for(band, seen, power)
        taken, taken_error = self._noise_taken(band, seen, noise)
        ratio = noise / power
        best = self._spread(taken * ratio + asked)
        caution = _CAUTION * self._spread(asked_error + taken_error * ratio)
        weight = (best - caution).clamp(0.0, 1.0)
        if 1.0 / band.sigma > _STRUCTURE / _NEIGHBOURHOOD:
            weight = weight * support
        noises = seen.noise_power
        power = self._unweighed(band, power_of(change)) * self._spread(power)
        return _Judged(weight, best, power, self._unweighed(band, noises) * self._spread(noise))

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
        seen = self._seen(change * band.weighed).square()
        ratio = (self._local(seen, band.sigma, band.step) / noise).clamp(min=_LEAST_CHANGE)
        common = (seen.mean() / noise.mean()).clamp(min=_LEAST_CHANGE)
        return (
            noise
            * drawn_together(ratio, common, 2.0 * common.square() / band.local_count, noise)[0]
        )

    def _noise_taken(self, band: _Band, seen: _Fissions, noise: Tensor) -> tuple[float, float]:
        """Return kappa, which share of the noise in a band the network took away, and its error."""
        weighed = band.weighed
        found = float(whole(seen.taken * weighed.square())) / (self._shape[0] * self._shape[1]) ** 2
        unit = (1.0 + ETA**2) * float(noise.mean())
        error = self._agreement_error(weighed, weighed, seen)
        return min(max(found / unit, 0.0), 1.0), error / unit

    def _asked_for(self, band: _Band, seen: _Fissions, power: Tensor) -> tuple[Tensor, Tensor]:
        """Return (weight, error) of what the Wiener filter held back.

        The local weights are drawn towards that of the whole band, as far as their spread is that
        of their errors (empirical Bayes).
        """
        held = band.weighed * self._held_back
        pairs = ((p.smaller * held, p.change * band.weighed) for p in seen.parts)
        agreed = _mean([self._seen(one) * self._seen(other) for one, other in pairs])
        mean = power.mean()
        common = agreed.mean() / mean
        common_error = (self._agreement_error(held, band.weighed, seen) / mean) ** 2
        local_error = common_error * (band.count / band.local_count) * mean / power
        local = self._mean_near(agreed, band.sigma, band.step) / power
        drawn, trust = drawn_together(local, common, local_error, power)
        squared = trust.square() * local_error + (1.0 - trust).square() * common_error
        return drawn, squared.sqrt()

    def _agreement_error(self, factor: Tensor, weighed: Tensor, seen: _Fissions) -> float:
        """Return the error of the mean product of the smaller parts and the network's changes.

        That is what the noise of the smaller parts makes of it, frequency by frequency.
        """
        pixels = self._shape[0] * self._shape[1]
        powers = seen.noise_power * seen.change_power * (factor * weighed).square()
        return math.sqrt(seen.excess * float(whole(powers))) / pixels**2

    def _supported(self, network: Tensor, seen: _Fissions) -> Tensor:
        """Return which share of the structures that the network draws photons support."""
        factor = self._structure
        drawn = [
            Drawn(
                network=self._seen(p.network * factor),
                expected=self._seen(p.network * factor * self.share),
                photons=self._seen(p.smaller * factor),
            )
            for p in seen.parts
        ]
        noise = _mean([self._seen(p.noise * factor).square() for p in seen.parts])
        return supported(
            self._seen(torch.fft.rfft2(network) * factor),
            drawn,
            self._spread(self._local(noise, _NOISE_SIGMA)),
            seen.noise_power * factor.square(),
            seen.excess,
        )

    def _errors(
        self, image: Tensor, judged: list[_Judged], seen: _Fissions
    ) -> tuple[Tensor, Tensor]:
        """Return the mean square errors [2 y, 2 x] of the arbitrated and of the plain image.

        What is not noise lies where the image is steep: that is where a blurred or displaced
        structure differs from the true one.
        """
        noise = self._local(_mean([self._seen(p.noise).square() for p in seen.parts]), _NOISE_SIGMA)
        noise = self._spread(noise)
        held = self._held_power(seen)
        gain, quiet = torch.zeros_like(noise), torch.zeros_like(noise)
        for one in judged:
            gain += one.change * one.weight * (2.0 * one.best.clamp(max=1.0) - one.weight)
            quiet += one.noise * one.weight * (2.0 - one.weight)
        left = (noise - quiet).clamp(min=0.0)
        steep = self._steepness(image)
        bias = self._mean_near(noise + held - gain - left, _BIAS_SIGMA).clamp(min=0.0)
        error = torch.maximum(left + steep * self._spread(bias), _LEAST_ERROR * (noise + held))
        return error, noise + steep * held

    def _held_power(self, seen: _Fissions) -> Tensor:
        """Return the local power [2 y, 2 x] of what the Wiener filter held back."""
        measured = torch.where(self.share > _MEASURED_SHARE, self._held_back, 0.0)
        told = self._held_back.sqrt() * (self.share <= _MEASURED_SHARE)
        told = told * math.sqrt(self._prior_factor(seen))
        powers = []
        for p in seen.parts:
            both = self._seen(p.larger * measured) * self._seen(p.smaller * measured)
            powers.append(both + self._seen(p.noise * told).square())
        return self._spread(self._mean_near(_mean(powers), _BIAS_SIGMA).clamp(min=0.0))

    def _prior_factor(self, seen: _Fissions) -> float:
        """Return the object's power where little of it is carried, in units of what was expected.

        The Wiener filter knows it by extrapolation only; the two parts of a fission share nothing
        but the object. Drawn to 1 as far as the photons leave it open.
        """
        faint = (self.share <= _MEASURED_SHARE) & (self.share > NOT_CARRIED)
        noise = seen.noise_power * faint
        expected = float(whole(noise * self.share / (1.0 - self.share).clamp(min=0.5)))
        if expected <= 0.0:
            return 1.0
        products = _mean([(p.larger * p.smaller.conj()).real for p in seen.parts])
        found = float(whole(products * faint))
        variance = (1.0 + ETA**2) * seen.excess * float(whole(noise.square()))
        trust = _PRIOR_SPREAD**2 / (_PRIOR_SPREAD**2 + variance / expected**2)
        return max(1.0 + trust * (found / expected - 1.0), 0.1)

    def _steepness(self, image: Tensor) -> Tensor:
        """Return the local power of an image's slopes, in units of that around, [2 y, 2 x]."""
        slopes = [image.roll(1, axis) - image.roll(-1, axis) for axis in (0, 1)]
        steep = local_mean(slopes[0].square() + slopes[1].square(), _EDGE_SIGMA).clamp(min=0.0)
        steep = steep + _FLAT * steep.mean() + _TINY
        return steep / self._spread(self._mean_near(steep, _BIAS_SIGMA))

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
        step = _step(self._shape, sigma)
        count = max(pixels * share, 1.0)
        return _Band(shown, weighed, sigma, step, max(local, 1.0), count, empty)

    def _local(self, power: Tensor, sigma: float, step: int | None = None) -> Tensor:
        """Return local means of a power, above 0."""
        return self._mean_near(power, sigma, step).clamp(min=_TINY)

    def _mean_near(self, image: Tensor, sigma: float, step: int | None = None) -> Tensor:
        """Return Gaussian means on a grid as coarse as they allow, or of every `step` pixels."""
        step = step or _step(self._shape, sigma)
        squared = sigma**2 - (step**2 - 1) / 12.0  # what the squares of the grid blur
        return local_mean(avg_pool2d(image[None], step)[0], math.sqrt(squared) / step)

    def _spread(self, means: Tensor) -> Tensor:
        """Return local means at every pixel, [2 y, 2 x]."""
        return interpolate(means[None, None], self._shape, mode="bilinear")[0, 0]

    def _seen(self, spectrum: Tensor) -> Tensor:
        return torch.fft.irfft2(spectrum, s=self._shape)


def _doubled(half: Tensor) -> Tensor:
    """Return a half spectrum in which every column counts as often as in the whole one."""
    twice = torch.full_like(half, 2.0)
    twice[:, 0] = twice[:, -1] = 1.0
    return half * twice


def _evened(judged: list[_Judged]) -> list[_Judged]:
    """Return bands of which the faint ones are shown no more than any fine one that is seen well.

    Edges without the frequencies below them would ripple.
    """
    fine = torch.stack([one.weight for one in judged[:FAINT_OCTAVES]]).amax(dim=0)
    faint = [replace(one, weight=one.weight.minimum(fine)) for one in judged[OCTAVES:]]
    return [*judged[:OCTAVES], *faint]


def _parts(network: Tensor, larger: Tensor, smaller: Tensor, noise: Tensor) -> _Parts:
    return _Parts(network, larger, smaller, noise, network - larger)


def _step(shape: tuple[int, int], sigma: float) -> int:
    """Return how many pixels a grid for means of that standard deviation may skip."""
    step = 1
    while 4 * step <= sigma and not any(n % (2 * step) for n in shape):
        step *= 2
    return step


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


def _share_of(added: Tensor, change: Tensor) -> float:
    """Return which share of a change was added, 0 ... 1; all of no change."""
    power = float(change.square().mean())
    return min(max(float((added * change).mean()) / power, 0.0), 1.0) if power > _TINY else 1.0


def _thinned(values: Tensor) -> Tensor:
    """Return few enough values for a quantile."""
    flat = values.flatten()
    return flat[:: max(1, flat.numel() // 2**16)]


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean(dim=0)
