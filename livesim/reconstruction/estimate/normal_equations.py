"""Build the quadratic model of the misfit of overlapping bands around the parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.overlap import Overlap
from livesim.reconstruction.estimate.parameters import Coordinates
from livesim.reconstruction.estimate.spectra import Steady

_LEAST_SCATTER = 1e-4  # of a parameter's scatter: less of it tells nothing
_LEAST_GAIN = 0.1  # of curvature over scatter: less is noise


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """The quadratic model of the misfit around the present parameters."""

    curvature: Tensor
    scatter: Tensor
    """Of the gradient; the noise in the channels adds to it but not to the curvature."""
    gradient: Tensor
    misfit: float
    """Observed over expected mismatch, 1 where noise explains it all."""
    unexplained: float
    """What noise does not explain of the mismatch, over the power of what the zero order says: 0
    where the bands hold the same object, 1 or more where they have nothing to do with each other.
    """
    unexplained_error: float
    """Standard error of that."""

    def likelihood(self, clustering: float) -> tuple[Tensor, Tensor]:
        """Return the information matrix and information @ step.

        Both are zero along directions that the overlaps do not constrain: there is no scatter.
        """
        scale = self.scatter.diagonal().clamp(min=1e-300).sqrt()
        values, vectors = torch.linalg.eigh(self.scatter / torch.outer(scale, scale))
        known = values > _LEAST_SCATTER
        root = values[known].sqrt()
        inner = vectors[:, known] / root / scale[:, None]  # in whose terms the scatter is one
        curvature = inner.mT @ self.curvature @ inner
        values, turned = torch.linalg.eigh(0.5 * (curvature + curvature.mT))
        gain = values.clamp(min=_LEAST_GAIN)
        outer = scale[:, None] * vectors[:, known] * root @ turned
        weight = 2.0 / (clustering * max(self.misfit, 1.0))
        information = weight * (outer * gain.square()) @ outer.mT
        return information, -weight * outer @ (gain * (turned.mT @ inner.mT @ self.gradient))


def normal_equations(
    coordinates: Coordinates, forms: Sequence[Overlap], noise: Tensor, steady: Steady
) -> NormalEquations:
    """Linearise the mismatch at the start of `coordinates`; `noise` [frame] is the frames'.

    A side band is compared with what the zero order says of it, never multiplied with itself: it
    is noisy, and its noise in both factors of a product does not average out.
    """
    kept, drowned = steady.signal_share, steady.noise_share
    curvature = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    scatter, gradient = torch.zeros_like(curvature), torch.zeros_like(curvature[0])
    found = expected = signal = 0.0
    for form, slopes in zip(forms, _slopes(coordinates, noise), strict=True):
        unbiased = slopes.clone()
        unbiased[-3] += slopes[form.band]
        unbiased[form.band] = 0.0
        row = torch.zeros_like(form.gradient)
        row[form.band], row[-3] = 1.0, -1.0
        alone = drowned * form.noise @ row
        found += float((row @ form.gradient).real)
        expected += float((row @ alone).real)
        signal += float((form.gram - form.noise)[-3, -3].real) * kept
        gradient += (unbiased.mH @ (form.gradient - alone)).real
        curvature += kept * (unbiased.mH @ (form.gram - form.noise) @ slopes).real
        scatter += steady.scatter_share * (unbiased.mH @ form.gram @ unbiased).real
    signal = max(signal, 1e-30)
    unexplained = max(found - expected, 0.0) / signal
    samples = sum(form.samples for form in forms)
    error = expected / signal * math.sqrt(2.0 * steady.clustering / samples)
    misfit = found / max(expected, 1e-30)  # frames without any light have no noise either
    return NormalEquations(curvature, scatter, gradient, misfit, unexplained, error)


def _slopes(coordinates: Coordinates, noise: Tensor) -> Tensor:
    """Return the derivatives of every order's mismatch, [order, channel, parameter].

    The inverse of a matrix M changes by -M⁻¹ dM M⁻¹: a band by what other bands leak into it.
    """
    unmixing = coordinates.start.unmixing(noise)
    leaks = -torch.einsum("bf,fcp->bcp", unmixing, coordinates.mixing_jacobian(coordinates.flat()))
    leaks[..., coordinates.intensity] = 0.0  # the means say it, apart from modulation
    bands = len(leaks)
    slopes = leaks.new_zeros(len(coordinates.orders), bands + 3, coordinates.size)
    for number, order in enumerate(coordinates.orders):
        slopes[number, :bands], slopes[number, bands] = leaks[1 + number], -leaks[0, 0]
        for axis in (0, 1):
            place = coordinates.shift.start + 2 * order.vector + axis
            slopes[number, bands + 1 + axis, place] = order.harmonic
    return slopes
