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
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim_models.trust.fission import fission

Restore = Callable[[Tensor], Tensor]
"""A raw stack [frame, y, x] in photo-electrons -> its image [2 y, 2 x]; leaves its input alone."""

ETA = 0.5
OCTAVES = 6
"""Bands of the partition; the last one holds everything coarser."""
NOT_CARRIED = 0.02
"""Of the Wiener share: where the plain image holds less of the object, it alone is shown."""
FULLY_SHOWN = 0.2
"""From there on a network may be shown in full; in between gradually, as edges in a spectrum ring
in the image."""
APART, TOGETHER = 0.1, 0.3
"""Below and above it a network is examined apart: it may be right only where light is."""
_FINEST = 0.35
"""Cycles/pixel of the doubled grid at the lower edge of the finest band."""
_NEIGHBOURHOOD = 1.25
"""Standard deviation of local means in wavelengths of the band."""
_CAUTION = 1.0
"""Standard errors taken off a weight."""
_MEASURED_SHARE = 0.15
"""Above it what the Wiener filter held back is measured, below it is told from the noise."""
_LEAST_ERROR = 0.05
"""Of the plain image's variance: no error is said to be less."""
_LEAST_CHANGE = 1e-6
"""Power of a change in units of the noise's: less is none."""
_DARK, _BRIGHT = 0.02, 0.99
"""Quantiles of an image that count as no light and as the brightest structures."""
_LIT = 0.3
"""Of the brightest structures: where there is less, structure is not counted."""
_TINY = 1e-12


def octave_bands(shape: tuple[int, int], octaves: int = OCTAVES) -> Tensor:
    """Return bands of frequencies, one octave each, whose sum is 1.

    Parameters
    ----------
    shape
        (y, x) of the images.
    octaves
        At least 1.

    Returns
    -------
    Tensor
        [octave, y, x / 2 + 1] factors of a half spectrum, the finest first.
    """
    octave = torch.log2(_frequency(shape).clamp(min=1e-9) / _FINEST)
    edges = -torch.arange(octaves - 1, dtype=octave.dtype)[:, None, None]
    coarser = 0.5 - 0.5 * torch.sin(math.pi * (octave - edges).clamp(-0.5, 0.5))
    whole = torch.ones_like(octave)[None]
    return torch.cat([whole, coarser]) - torch.cat([coarser, torch.zeros_like(whole)])


def split_bands(image: Tensor, bands: Tensor) -> Tensor:
    """Return the parts [band, y, x] of an image [y, x]; they add up to it if the bands do to 1."""
    return torch.fft.irfft2(torch.fft.rfft2(image) * bands, s=image.shape[-2:])


def local_mean(image: Tensor, sigma: float) -> Tensor:
    """Return Gaussian means [..., y, x] of a standard deviation of `sigma` pixels, periodic."""
    shape = (image.shape[-2], image.shape[-1])
    frequency = _frequency(shape).to(image)
    kernel = torch.exp(-2.0 * (math.pi * sigma * frequency) ** 2)
    return torch.fft.irfft2(torch.fft.rfft2(image) * kernel, s=shape)


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
    """The spectra of one fission."""

    change: Tensor
    """Of the network, which saw the larger part only."""
    larger: Tensor
    smaller: Tensor
    noise: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What is found of a network in one band, [2 y, 2 x] each."""

    weight: Tensor
    lessened: Tensor
    """By how much the squared error falls with this weight."""
    lessened_alone: Tensor
    """By how much it falls with a weight of 1; negative where the network makes it worse."""


@dataclass(frozen=True, slots=True, eq=False)
class _Band:
    """The factors of one band and what its local means are worth."""

    shown: Tensor
    weighed: Tensor
    """As `shown`, the frequencies weighed by how well they are measured."""
    sigma: float
    local_count: float
    """Independent values in a local mean, and in the whole image."""
    count: float


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
        self._share = share.clamp(0.0, 1.0)
        carried = _rise(self._share, NOT_CARRIED, FULLY_SHOWN)
        well = _rise(self._share, APART, TOGETHER)
        octaves = octave_bands(self._shape).to(transfer)
        parts = torch.cat([octaves * well, octaves * (carried - well).clamp(min=0.0)])
        self.bands = parts[parts.sum(dim=(1, 2)) > 1.0]
        """[band, 2 y, x + 1] in which the network has a say; the rest is the plain image's."""
        self._bands = [self._band(shown) for shown in self.bands]
        self._held_back = (1.0 - self._share) / self._share.clamp(min=NOT_CARRIED)

    def image(self, plain: Tensor, network: Tensor, weights: Weights) -> Tensor:
        """Return the arbitrated image of a plain and a network's image, [2 y, 2 x] each."""
        return plain + (weights.network * split_bands(network - plain, self.bands)).sum(dim=0)

    def weights(
        self,
        photons: Tensor,
        variance: Tensor,
        plain: Restore,
        network: Restore,
        generator: torch.Generator,
        fissions: int = 2,
    ) -> Weights:
        """Examine a network on one raw stack; every fission costs three images and a network's.

        Parameters
        ----------
        photons
            [frame, y, x] photo-electrons.
        variance
            [frame, y, x] of their noise, `fission.noise_variance` where the camera is known.
        plain, network
            Without and with networks.
        generator
            Of the fissions.
        fissions
            Independent ones that are averaged.
        """
        parts = [self._parts(photons, variance, plain, network, generator) for _ in range(fissions)]
        without = plain(photons)
        return self._weights(without, network(photons) - without, parts)

    def _weights(self, plain: Tensor, change: Tensor, parts: list[_Parts]) -> Weights:
        """Return the weights of a change [2 y, 2 x] to a plain image."""
        spectrum = torch.fft.rfft2(change)
        judged = [self._judged(band, spectrum, parts) for band in self._bands]
        weights = torch.stack([one.weight for one in judged])
        before = self._plain_error(parts)
        after = before - _sum([one.lessened for one in judged])
        error = torch.maximum(after, _LEAST_ERROR * before).sqrt()
        unchecked = self._seen(spectrum * (1.0 - self.bands.sum(dim=0))).square()
        alone = before - _sum([one.lessened_alone for one in judged]) + unchecked
        added = (weights * split_bands(change, self.bands)).sum(dim=0)
        return Weights(
            network=weights,
            error=error,
            plain_error=before.sqrt(),
            network_error=torch.maximum(alone, _LEAST_ERROR * before).sqrt(),
            carried=carried_share(plain + added, error),
            shown=_share_of(added, change),
        )

    def _parts(
        self,
        photons: Tensor,
        variance: Tensor,
        plain: Restore,
        network: Restore,
        generator: torch.Generator,
    ) -> _Parts:
        parts = fission(photons, variance, ETA, generator)
        larger = plain(parts.larger)
        # As an exposure of less light would look: its noise then fits its light.
        excess = parts.larger_variance
        change = excess * network(parts.larger / excess) - larger
        images = (change, larger, plain(parts.smaller), plain(parts.noise))
        return _Parts(*(torch.fft.rfft2(image) for image in images))

    def _judged(self, band: _Band, change: Tensor, parts: list[_Parts]) -> _Judged:
        """Return the weight of a band, and by how much the change lessens the squared error."""
        noise = _mean([self._seen(p.noise * band.weighed).square() for p in parts])
        noise = local_mean(noise, 1.5 * band.sigma).clamp(min=_TINY)
        power = self._power(band, change, noise)
        asked, asked_error = self._asked_for(band, parts, power)
        best = self._noise_taken(band, parts, noise) * noise / power + asked
        weight = (best - _CAUTION * asked_error).clamp(0.0, 1.0)
        shown = local_mean(self._seen(change * band.shown).square(), band.sigma).clamp(min=0.0)
        shown = _alone(band.shown) * shown
        return _Judged(weight, shown * weight * (2.0 * best - weight), shown * (2.0 * best - 1.0))

    def _power(self, band: _Band, change: Tensor, noise: Tensor) -> Tensor:
        """Return the local power of the change, [2 y, 2 x].

        In units of the noise's it is drawn towards that of the whole band, as far as it varies no
        more than a mean of so many values does: a weight that follows chance keeps the noise.
        """
        seen = self._seen(change * band.weighed).square()
        ratio = (local_mean(seen, band.sigma) / noise).clamp(min=_LEAST_CHANGE)
        common = (seen.mean() / noise.mean()).clamp(min=_LEAST_CHANGE)
        return noise * _drawn(ratio, common, 2.0 * common.square() / band.local_count, noise)[0]

    def _noise_taken(self, band: _Band, parts: list[_Parts], noise: Tensor) -> float:
        """Return kappa: which share of the noise in a band the network took away, 0 ... 1."""
        agreed, error = self._agreement(
            band, [p.smaller - p.larger for p in parts], parts, band.weighed
        )
        found = float(agreed.mean()) - _CAUTION * error
        return min(max(found / ((1.0 + ETA**2) * float(noise.mean())), 0.0), 1.0)

    def _asked_for(self, band: _Band, parts: list[_Parts], power: Tensor) -> tuple[Tensor, Tensor]:
        """Return (weight, error) of what the Wiener filter held back, [2 y, 2 x].

        The local weights are drawn towards that of the whole band, as far as their spread is that
        of their errors (empirical Bayes).
        """
        agreed, error = self._agreement(
            band, [p.smaller for p in parts], parts, band.weighed * self._held_back
        )
        common, whole = agreed.mean() / power.mean(), power.mean()
        common_error = (error / whole) ** 2
        local_error = common_error * (band.count / band.local_count) * whole / power
        local = local_mean(agreed, band.sigma) / power
        drawn, trust = _drawn(local, common, local_error, power)
        squared = trust.square() * local_error + (1.0 - trust).square() * common_error
        return drawn, squared.sqrt()

    def _agreement(
        self, band: _Band, spectra: list[Tensor], parts: list[_Parts], factor: Tensor
    ) -> tuple[Tensor, float]:
        """Return the product [2 y, 2 x] of spectra and the network's change, and its mean's error.

        That is what the noise of the smaller part makes of it, frequency by frequency.
        """
        changes = [p.change * band.weighed for p in parts]
        pairs = zip(spectra, changes, strict=True)
        agreed = _mean([self._seen(s * factor) * self._seen(c) for s, c in pairs])
        noises = _mean([(p.noise * factor).abs().square() for p in parts])
        powers = _mean([change.abs().square() for change in changes])
        pixels = self._shape[0] * self._shape[1]
        squared = (1.0 + ETA**-2) * float(_doubled(noises * powers).sum()) / float(pixels) ** 4
        return agreed, math.sqrt(squared)

    def _plain_error(self, parts: list[_Parts]) -> Tensor:
        """Return the mean square error of the plain image, noise and what was held back."""
        total = torch.zeros(self._shape).to(self._share)
        measured = torch.where(self._share > _MEASURED_SHARE, self._held_back, 0.0)
        told = self._held_back.clamp(max=1.0 / NOT_CARRIED).sqrt() * (measured == 0.0)
        for octave in octave_bands(self._shape).to(self._share):
            sigma = self._sigma(octave)
            squares = []
            for p in parts:
                noise, unseen = (self._seen(p.noise * octave * f) for f in (1.0, told))
                held = self._seen(p.larger * octave * measured)
                bias = held * self._seen(p.smaller * octave * measured)
                squares.append(noise.square() + unseen.square() + bias)
            total += _alone(octave) * local_mean(_mean(squares), sigma).clamp(min=0.0)
        return total.clamp(min=_TINY)

    def _band(self, shown: Tensor) -> _Band:
        # Noise after the filter is as strong as its share there: white after its square root.
        weighed = shown * self._share.sqrt()
        sigma = self._sigma(shown)
        share = float(_doubled(weighed.square()).mean()) / float(weighed.max()) ** 2
        pixels = self._shape[0] * self._shape[1]
        local = min(4.0 * math.pi * sigma**2, pixels) * share
        return _Band(shown, weighed, sigma, max(local, 1.0), max(pixels * share, 1.0))

    def _sigma(self, band: Tensor) -> float:
        """Return the standard deviation of the local means of a band, in pixels."""
        weight = _doubled(band)
        frequency = float((weight * _frequency(self._shape).to(band)).sum() / weight.sum())
        return _NEIGHBOURHOOD / frequency

    def _seen(self, spectrum: Tensor) -> Tensor:
        return torch.fft.irfft2(spectrum, s=self._shape)


def _frequency(shape: tuple[int, int]) -> Tensor:
    """Return cycles/pixel of a half spectrum, [y, x / 2 + 1]."""
    return torch.hypot(torch.fft.fftfreq(shape[0])[:, None], torch.fft.rfftfreq(shape[1])[None, :])


def _doubled(half: Tensor) -> Tensor:
    """Return a half spectrum in which every column counts as often as in the whole one."""
    twice = torch.full_like(half, 2.0)
    twice[:, 0] = twice[:, -1] = 1.0
    return half * twice


def _alone(band: Tensor) -> float:
    """Return what the squares of neighbouring bands, which overlap, lack of the sum's square."""
    return float(_doubled(band).sum() / _doubled(band.square()).sum())


def _drawn(local: Tensor, common: Tensor, error: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return local values drawn to the common one, and how far they are trusted, 0 ... 1.

    `error` is the variance of the local values; what they spread beyond it is real.
    """
    spread = ((local - common).square() - error) * (weight / weight.sum())
    between = spread.sum().clamp(min=0.0)
    trust = between / (between + error + _TINY)
    return common + trust * (local - common), trust


def _rise(share: Tensor, low: float, high: float) -> Tensor:
    """Return 0 below a share and 1 above another one, smoothly and even in its logarithm."""
    at = (share.clamp(min=_TINY) / low).log() / math.log(high / low)
    return torch.sin(0.5 * math.pi * at.clamp(0.0, 1.0)).square()


def carried_share(image: Tensor, error: Tensor) -> float:
    """Return the share of an image's structure that its error leaves, 0 ... 1.

    Parameters
    ----------
    image
        [2 y, 2 x] photo-electrons.
    error
        [2 y, 2 x] its standard deviation.
    """
    dark, bright = torch.quantile(_thinned(image), torch.tensor([_DARK, _BRIGHT]).to(image))
    structure = image - dark
    lit = structure > _LIT * (bright - dark)
    left = 1.0 - error[lit].square().mean() / structure[lit].square().mean().clamp(min=_TINY)
    return float(left.nan_to_num(0.0).clamp(0.0, 1.0))


def _share_of(added: Tensor, change: Tensor) -> float:
    """Return which share of a change was added, 0 ... 1; all of no change."""
    power = float(change.square().mean())
    return min(max(float((added * change).mean()) / power, 0.0), 1.0) if power > _TINY else 1.0


def _thinned(values: Tensor) -> Tensor:
    """Return few enough values for a quantile."""
    flat = values.flatten()
    return flat[:: max(1, flat.numel() // 2**20)]


def _sum(values: list[Tensor]) -> Tensor:
    return torch.stack(values).sum(dim=0)


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean(dim=0)
