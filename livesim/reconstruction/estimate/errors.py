"""Tell how well a pattern is known: standard errors from what the data and the prior say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.frame_phases import PeakSeen
from livesim.reconstruction.estimate.parameters import Coordinates, Parameters
from livesim.reconstruction.estimate.prior import Prior, Quadratic


@dataclass(frozen=True, eq=False)
class Errors:
    """Standard errors of the parameters, and what else tells whether to believe them."""

    k: Tensor
    """[vector] cycles/µm, along the worse direction."""
    fringes: Tensor
    """[vector] rad, of the fringes' place, root mean square over the frames and over the light."""
    modulation: Tensor
    """[order], relative."""
    clear: Tensor
    """[vector] power of the correlation's peak over that around it, of the clearest order."""
    apart: float
    """Cycles/µm between the wave vector and that of a carrier, at the most; 0 without carriers."""
    unexplained: float
    """Of the bands' overlap, as in `NormalEquations`, and the next."""
    unexplained_error: float
    consistent: bool
    """Whether noise explains how the bands differ."""


def errors_of(
    known: Quadratic,
    prior: Prior,
    at: Parameters,
    peaks: Sequence[PeakSeen],
    spread: Tensor,
    carriers: Mapping[int, float],
) -> Errors:
    """Return the errors of the most probable parameters.

    Wave vector and common phase begin at the peak of the correlation, one an order in `peaks`. In
    weak light the overlap cannot better it, so that theirs is the lesser of the two errors.
    `spread` is `Steady.spread`, `carriers` order -> how far the carrier's peak lies from its wave
    vector.
    """
    own = known.coordinates
    covariance = torch.linalg.inv(known.information + prior.precision(own))
    fringes, k = [], []
    for vector in range(own.vectors):
        common, steps = _of_vector(covariance, own, vector)
        tries = [common, *_at_peaks(own, vector, peaks)]
        best = min(tries, key=lambda one: float((one * spread).sum()))
        fringes.append((best * spread).sum() + steps)
        k.append(torch.linalg.eigvalsh(best[1:, 1:])[-1])
    variance = covariance.diagonal()[own.modulation]
    return Errors(
        k=torch.stack(k).clamp(min=0.0).sqrt(),
        fringes=torch.stack(fringes).clamp(min=0.0).sqrt(),
        modulation=variance.clamp(min=0.0).sqrt() / at.modulation,
        clear=torch.tensor([peak.clear for peak in peaks]).unflatten(0, (own.vectors, -1)).amax(1),
        apart=max(carriers.values(), default=0.0),
        unexplained=known.unexplained,
        unexplained_error=known.unexplained_error,
        consistent=known.consistent,
    )


def _of_vector(covariance: Tensor, own: Coordinates, vector: int) -> tuple[Tensor, Tensor]:
    """Return the covariance [3, 3] of common phase, kx and ky, and the variance of the steps."""
    first, shift = own.phase.start + vector * own.phased, own.shift.start + 2 * vector
    rows = torch.zeros(3, own.size, dtype=torch.float64)
    rows[0, first : first + own.phased] = 1.0 / own.phased
    rows[1, shift] = rows[2, shift + 1] = 1.0
    common = rows @ covariance @ rows.mT
    frames = covariance.diagonal()[first : first + own.phased].mean()
    return common, (frames - common[0, 0]).clamp(min=0.0)


def _at_peaks(own: Coordinates, vector: int, peaks: Sequence[PeakSeen]) -> list[Tensor]:
    """Return the covariances [3, 3] that the peaks of a vector's orders tell."""
    return [
        torch.linalg.inv(peak.information) / order.harmonic**2
        for order, peak in zip(own.orders, peaks, strict=True)
        if order.vector == vector and peak.information is not None
    ]
