"""Estimate by independent photons how far a volume may be off, around every voxel.

As for single planes (`livesim_models.trust.arbitration`): a plain volume errs by its noise, and by
what its Wiener filter held back of the object; what is shown of a network's change takes some of
both away. What is not noise lies where the volume is steep.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim_models.trust.arbitration import ETA, NOT_CARRIED
from livesim_models.volume.local_means import near, spread

_MEASURED_SHARE = 0.15
"""Above it what the Wiener filter held back is measured, below it is told from the noise."""
_PRIOR_SPREAD = 0.7
"""How far off the Wiener filter's idea of the object's power may be, as a share of it."""
_LEAST_ERROR = 0.03
"""Of the plain volume's: no square of an error is said to be less."""
_NOISE_SIGMA, _BIAS_SIGMA, _EDGE_SIGMA = 8.0, 40.0, 1.5
"""Pixels: over which noise, what was held back and the steepness are averaged."""
_FLAT = 0.02
"""Of the mean steepness: what a flat place counts as."""
_TINY = 1e-20


class VolumeError:
    """Says how far arbitrated volumes may be off, for one reconstruction.

    Parameters
    ----------
    make
        Of the reconstruction.
    flatness
        Pixels of the doubled grid over the distance of the planes.
    """

    def __init__(self, make: VolumeReconstructor, flatness: float) -> None:
        self._make, self._flatness = make, flatness
        share = make.plan.share
        self._well = share > _MEASURED_SHARE
        self._held_back = (1.0 - share) / share.clamp(min=NOT_CARRIED)
        self._faint = (share <= _MEASURED_SHARE) & (share > NOT_CARRIED)
        self._expected = torch.where(self._faint, share / (1.0 - share).clamp(min=0.5), 0.0)

    def plain(self, spectrum: Tensor, noises: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the local power [z, 2 y, 2 x] of a plain volume's noise, and of what it lacks.

        Parameters
        ----------
        spectrum
            [kz, x, 2 y] of the plain volume.
        noises
            Half spectra [kz, x, 2 y] of drawn noise, each as strong as its own.
        """
        measured = torch.where(self._well, self._held_back, 0.0)
        told = torch.where(self._well, 0.0, self._held_back).sqrt()
        told = told * math.sqrt(self._prior_factor(spectrum, noises))
        noise = held = self._held_back.new_zeros(())
        for one in noises:
            larger, smaller = spectrum + ETA * one, spectrum - one / ETA
            noise = noise + self._make.image(one).square() / len(noises)
            both = self._make.image(larger * measured) * self._make.image(smaller * measured)
            held = held + (both + self._make.image(one * told).square()) / len(noises)
        return self._around(noise, _NOISE_SIGMA), self._around(held, _BIAS_SIGMA).clamp(min=0.0)

    def left(
        self, image: Tensor, noise: Tensor, held: Tensor, gain: Tensor, quiet: Tensor
    ) -> Tensor:
        """Return the standard deviation [z, 2 y, 2 x] of an arbitrated volume.

        Parameters
        ----------
        image
            The volume.
        noise, held
            Of the plain one.
        gain
            By how much the shown change lowers the square of its error, voxel by voxel.
        quiet
            Share of the noise that it takes away, 0 to 1.
        """
        gain = self._around(gain, _NOISE_SIGMA)
        remaining = noise * (1.0 - quiet).clamp(min=0.0)
        bias = self._around(noise + held - gain - remaining, _BIAS_SIGMA).clamp(min=0.0)
        squared = remaining + self._steepness(image) * bias
        return torch.maximum(squared, _LEAST_ERROR * (noise + held)).sqrt()

    def _around(self, volume: Tensor, sigma: float) -> Tensor:
        return spread(near(volume, sigma, sigma * self._flatness), volume.shape)

    def _steepness(self, image: Tensor) -> Tensor:
        """Return the local power of a volume's slopes, in units of that around, [z, 2 y, 2 x]."""
        slopes = [image.roll(1, axis) - image.roll(-1, axis) for axis in (1, 2)]
        steep = self._around(slopes[0].square() + slopes[1].square(), _EDGE_SIGMA).clamp(min=0.0)
        steep = steep + _FLAT * steep.mean() + _TINY
        return steep / self._around(steep, _BIAS_SIGMA)

    def _prior_factor(self, spectrum: Tensor, noises: Sequence[Tensor]) -> float:
        """Return the object's power where little of it is carried, in units of what was expected.

        The Wiener filter knows it by extrapolation only; the two parts of a fission share nothing
        but the object. Drawn to 1 as far as the photons leave it open.
        """
        power = sum((one.abs().square() for one in noises), torch.zeros(())) / len(noises)
        expected = _whole(power * self._expected)
        if expected <= 0.0:
            return 1.0
        products = [((spectrum + ETA * one) * (spectrum - one / ETA).conj()).real for one in noises]
        found = _whole(torch.where(self._faint, sum(products) / len(noises), 0.0))
        excess = 1.0 + ETA**-2 / len(noises)
        variance = (1.0 + ETA**2) * excess * _whole((power * self._faint).square())
        trust = _PRIOR_SPREAD**2 / (_PRIOR_SPREAD**2 + variance / expected**2)
        return max(1.0 + trust * (found / expected - 1.0), 0.1)


def _whole(half: Tensor) -> float:
    """Return the sum over the whole spectrum of the values of a half one."""
    return float(2.0 * half.double().sum() - half[:, 0].double().sum())
