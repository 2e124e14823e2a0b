"""Decide by independent photons how much of a network's change to a plain volume is shown.

As for single planes (`livesim_models.trust.arbitration`): with P the plain volume, R the network's
and X what a perfect instrument would show, P + w (R - P) is best for w = <(X - P)(R - P)> /
<(R - P)²>. A fission makes of the photons a larger part L, which the network sees, and a smaller
part S, whose noise it has not seen. P = W X + noise, W being the share that the Wiener filter
leaves; so S - W L is W (X - L) but for noise that L and R know nothing of, and the mean of
(S - W L) W (R - L) over that of (W (R - L))² is the weight: where W is even, and it is nearly so
within a band. Frequencies are weighed by 1 / W, as the noise of S is as strong as W.

A volume has so many more voxels than a plane that both parts of the change, noise taken away and
what the filter held back, need not be told apart to be measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.plan import EDGE_PIXELS
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim_models.trust.arbitration import (
    APART,
    ETA,
    FULLY_SHOWN,
    NOT_CARRIED,
    TOGETHER,
    drawn_together,
    rise,
)
from livesim_models.volume.conditions import lateral_frequencies
from livesim_models.volume.error import VolumeError
from livesim_models.volume.local_means import near, spread

Restore = Callable[[Tensor, int], Tensor]
"""(half spectrum [kz, x, 2 y] of the larger part of a fission, its number) -> the networks' volume,
as bright as the whole one."""

_OCTAVES, _FAINT_OCTAVES = 4, 3
"""Bands where the plain volume carries the object well, and where it does faintly; the last one of
each holds everything coarser."""
_FINE = 2
"""The finest of either: photons hardly deny what a network invents where it is fine and faint, so
no more is shown of it than where the plain volume carries fine structures well."""
_FINEST = 0.35
"""Cycles/pixel of the doubled grid at the lower edge of the finest band."""
_NEIGHBOURHOOD = 1.25
"""Standard deviation of local means in wavelengths of the band."""
_CAUTION = 1.0
"""Standard errors of a whole band's weight that are taken off weights."""
_SCATTER = 2.0
"""By how much the variance of local values exceeds that of the noise alone: what a change neither
gets right nor wrong in one place scatters as well."""
_FAR = 1e-3
"""Share of a neighbourhood that is not faded, below which a place has none."""
_TINY = 1e-20


@dataclass(frozen=True, slots=True, eq=False)
class Arbitrated:
    """A volume with as much of a network's change as photons support."""

    image: Tensor
    """[z, 2 y, 2 x]."""
    error: Tensor
    """[z, 2 y, 2 x] its standard deviation, photo-electrons per raw pixel."""
    shown: float
    """Share of the network's change that is shown, 0 to 1."""
    weights: tuple[float, ...]
    """Means over the volume, of every band."""


@dataclass(frozen=True, slots=True, eq=False)
class _Band:
    """One band of frequencies, and over what its local means are taken."""

    mask: Tensor
    """[kz, x, 2 y] 0 to 1."""
    sigma: float
    """Pixels of the doubled grid."""
    sigma_z: float
    """Planes."""
    density: float
    """Independent values in a voxel."""
    alone: float
    """What the squares of neighbouring bands, which overlap, lack of the sum's square."""
    noise: float
    """Share of the plain volume's noise that is in it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fission:
    """Half spectra [kz, x, 2 y] of one fission, weighed as the noise is white."""

    unseen: Tensor
    """S - W L."""
    change: Tensor
    """W (R - L)."""
    noise: Tensor
    """Of the plain volume."""


class VolumeArbiter:
    """Weighs a network's volumes against photons, for one reconstruction.

    Parameters
    ----------
    make
        Of the reconstruction.
    flatness
        Pixels of the doubled grid over the distance of the planes.
    """

    def __init__(self, make: VolumeReconstructor, flatness: float) -> None:
        self._make, self._flatness = make, flatness
        self._error = VolumeError(make, flatness)
        self._share = make.plan.share
        self._whitened = torch.where(
            self._share > NOT_CARRIED, self._share.clamp(min=NOT_CARRIED).rsqrt(), 0.0
        )
        plan, on = make.plan, make.plan.device
        fz = torch.fft.fftfreq(plan.planes + plan.bridge, device=on)[plan.depths] * flatness
        size = (plan.planes, *(2 * n for n in plan.plane.shape))
        self._inside = torch.zeros(size, device=on)
        self._inside[:, *(slice(_edge(n), -_edge(n)) for n in plan.plane.shape)] = 1.0
        self._frequency = torch.hypot(fz[:, None, None], lateral_frequencies(plan)[None])

    @torch.inference_mode()
    def __call__(
        self, spectrum: Tensor, restored: Tensor, network: Restore, noises: list[Tensor]
    ) -> Arbitrated:
        """Return the arbitrated volume of a plain one; every noise costs a network's volume.

        Parameters
        ----------
        spectrum
            [kz, x, 2 y] of the plain volume.
        restored
            [z, 2 y, 2 x] what the network made of it.
        network
            What is examined: one network, or all that work on a volume.
        noises
            Half spectra [kz, x, 2 y] of drawn noise, each as strong as the plain volume's own.
        """
        plain = self._make.image(spectrum)
        whole = self._make.spectrum_of(restored - plain)
        seen = [self._fission(spectrum, network, *one) for one in enumerate(noises)]
        image, means = plain.clone(), []
        gain, quiet = torch.zeros_like(plain), torch.zeros_like(plain)
        finest: Tensor | None = None
        for number, band in enumerate(self._bands()):
            weight, best = self._weight(band, seen)
            if finest is not None and _OCTAVES <= number < _OCTAVES + _FINE:
                weight = torch.minimum(weight, finest)
            elif number < _FINE:
                finest = weight if finest is None else torch.maximum(weight, finest)
            means.append(float(weight.mean()))
            added = self._make.image(whole * band.mask)
            image.addcmul_(weight, added)
            gain += band.alone * added.square() * weight * (2.0 * best.clamp(max=1.0) - weight)
            quiet += band.noise * weight * (2.0 - weight)
        change = self._make.image(whole)
        power = float(change.square().mean())
        shown = float(((image - plain) * change).mean()) / power if power > _TINY else 1.0
        error = self._error.left(image, *self._error.plain(spectrum, noises), gain, quiet)
        return Arbitrated(image, error, min(max(shown, 0.0), 1.0), tuple(means))

    @torch.inference_mode()
    def plain_error(self, spectrum: Tensor, noises: list[Tensor]) -> Tensor:
        """Return the standard deviation [z, 2 y, 2 x] of a plain volume, see a call."""
        noise, held = self._error.plain(spectrum, noises)
        return (noise + held).sqrt()

    def _fission(self, spectrum: Tensor, network: Restore, number: int, noise: Tensor) -> _Fission:
        larger, smaller = spectrum + ETA * noise, spectrum - noise / ETA
        change = self._make.spectrum_of(network(larger, number) - self._make.image(larger))
        white, share = self._whitened, self._share
        return _Fission(white * (smaller - share * larger), white * share * change, white * noise)

    def _bands(self) -> Iterator[_Band]:
        """Yield the bands in which the network has a say, the finest first."""
        carried = rise(self._share, NOT_CARRIED, FULLY_SHOWN)
        well = rise(self._share, APART, TOGETHER)
        for count, part in (
            (_OCTAVES, well),
            (_FAINT_OCTAVES, (carried - well).clamp(min=0.0)),
        ):
            for number in range(count):
                yield self._band(part * self._octave(number, count))

    def _octave(self, number: int, count: int) -> Tensor:
        """Return one of `count` octaves, whose sum is 1, [kz, x, 2 y]."""
        octave = torch.log2(self._frequency.clamp(min=1e-9) / _FINEST)

        def coarser(edge: int) -> Tensor:
            return 0.5 - 0.5 * torch.sin(math.pi * (octave + edge).clamp(-0.5, 0.5))

        above = torch.ones_like(octave) if number == 0 else coarser(number - 1)
        return above if number == count - 1 else above - coarser(number)

    def _band(self, mask: Tensor) -> _Band:
        squared = self._doubled(mask.square())
        total = float(squared.sum())
        plan = self._make.plan
        voxels = 4 * plan.plane.shape[0] * plan.plane.shape[1] * (plan.planes + plan.bridge)
        frequency = float((squared * self._frequency).sum()) / max(total, _TINY)
        sigma = _NEIGHBOURHOOD / max(frequency, 1.0 / (2 * plan.plane.shape[0]))
        alone = float(self._doubled(mask).sum()) / max(total, _TINY)
        # Noise after the filter is as strong as its share there.
        power = self._doubled(self._share)
        noise = alone * float((power * mask.square()).sum()) / max(float(power.sum()), _TINY)
        density = max(total, 1.0) / voxels
        return _Band(mask, sigma, sigma * self._flatness, density, alone, noise)

    def _doubled(self, half: Tensor) -> Tensor:
        """Return a half spectrum in which every column counts as often as in the whole one."""
        twice = 2.0 * half
        twice[:, 0] *= 0.5
        return twice

    def _weight(self, band: _Band, seen: list[_Fission]) -> tuple[Tensor, Tensor]:
        """Return how much of the change is shown in a band, [z, 2 y, 2 x] 0 to 1.

        And what would be best without caution, which may be negative or beyond 1.
        """
        agreed = power = noise = self._share.new_zeros(())
        for one in seen:
            change = self._make.image(one.change * band.mask)
            agreed = agreed + self._make.image(one.unseen * band.mask) * change
            power = power + change.square()
            noise = noise + self._make.image(one.noise * band.mask).square()
        inside = self._near(self._inside, band).clamp(min=_FAR)
        agreed, power, noise = (
            self._near(values * self._inside / len(seen), band) / inside
            for values in (agreed, power, noise)
        )
        power = power.clamp(min=_TINY)
        found, error = self._drawn(agreed, power, noise, band, len(seen))
        weight = (found - _CAUTION * error).clamp(0.0, 1.0)
        return spread(weight, self._inside.shape), spread(found, self._inside.shape)

    def _drawn(
        self, agreed: Tensor, power: Tensor, noise: Tensor, band: _Band, fissions: int
    ) -> tuple[Tensor, Tensor]:
        """Return local weights, drawn to that of the whole band, and the latter's standard error.

        How far local ones are drawn takes their own errors into account.
        """
        # The smaller parts share the stack's own noise: more fissions take off the drawn one's.
        excess = 1.0 + ETA**-2 / fissions
        mean, voxels = power.mean(), float(self._inside.sum())
        common = agreed.mean() / mean
        product = excess * (noise * power).mean()
        common_error = product / mean.square() / max(voxels * band.density, 1.0)
        around = (4.0 * math.pi * band.sigma**2) * (2.0 * math.sqrt(math.pi) * band.sigma_z)
        values = max(min(around, voxels) * band.density, 1.0)
        local_error = _SCATTER * excess * noise / power / values
        drawn, _ = drawn_together(agreed / power, common, local_error, power)
        return drawn, common_error.sqrt()

    def _near(self, volume: Tensor, band: _Band) -> Tensor:
        return near(volume, band.sigma, band.sigma_z)


def _edge(length: int) -> int:
    """Return over how many pixels of the doubled grid the raw frames of a length are faded."""
    return 2 * min(EDGE_PIXELS, length // 4)
