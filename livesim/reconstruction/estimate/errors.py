"""Tell how well a pattern is known: standard errors from what the data and the prior say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.frame_phases import PeakSeen
from livesim.reconstruction.estimate.parameters import Coordinates, Parameters
from livesim.reconstruction.estimate.peak import Rival
from livesim.reconstruction.estimate.prior import Prior, Quadratic

_SURE = 2.0  # standard errors


@dataclass(frozen=True, eq=False)
class Errors:
    """Standard errors of the parameters, and what else tells whether to believe them."""

    k: Tensor
    """[vector] cycles/µm, along the worse direction."""
    fringes: Tensor
    """[vector] rad, of the fringes' place, root mean square over the frames and over the light:
    what noise predicts, or what the parts of the field and the single frames show if it is more."""
    modulation: Tensor
    """[order], relative."""
    clear: Tensor
    """[vector] power of the correlation's peak over that around it, of the clearest order."""
    rivals: tuple[Rival, ...]
    """[vector] the peak beside it, of the order that has the lowest; away in its own pixels."""
    apart: float
    """Cycles/µm between the wave vector and that of a carrier, at the most; 0 without carriers."""
    unexplained: float
    """Of the bands' overlap, as in `NormalEquations`, and the next."""
    unexplained_error: float
    consistent: bool
    """Whether noise explains how the bands differ."""

    @property
    def surely_unexplained(self) -> float:
        """Of the bands' overlap, what remains when the error is taken off."""
        return max(self.unexplained - _SURE * self.unexplained_error, 0.0)


def errors_of(
    known: Quadratic,
    prior: Prior,
    at: Parameters,
    peaks: Sequence[PeakSeen],
    spread: Tensor,
    carriers: Mapping[int, float],
    shown: Sequence[float],
) -> Errors:
    """Return the errors of the most probable parameters.

    `peaks` are those of the correlation, one an order. `spread` is `Steady.spread`, `carriers` is
    order -> how far the carrier's peak lies from its wave vector. `shown` [vector] is the variance
    of the fringes' place that the field itself shows, rad².
    """
    own = known.coordinates
    information = known.information + prior.precision(own)
    covariance = torch.linalg.inv(information + known.held[0])
    fringes, k = [], []
    for vector in range(own.vectors):
        common, steps = _of_vector(covariance, own, vector)
        fringes.append(((common * spread).sum() + steps).clamp(min=shown[vector]))
        k.append(torch.linalg.eigvalsh(common[1:, 1:])[-1])
    variance = torch.linalg.inv(information).diagonal()[own.modulation]
    return Errors(
        k=torch.stack(k).clamp(min=0.0).sqrt(),
        fringes=torch.stack(fringes).clamp(min=0.0).sqrt(),
        modulation=variance.clamp(min=0.0).sqrt() / at.modulation,
        clear=torch.tensor([peak.clear for peak in peaks]).unflatten(0, (own.vectors, -1)).amax(1),
        rivals=tuple(_rival(own, vector, peaks) for vector in range(own.vectors)),
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


def _rival(own: Coordinates, vector: int, peaks: Sequence[PeakSeen]) -> Rival:
    """Return the rival of a vector: it has to be there in all of its orders."""
    each = [
        (peak.rival, order.harmonic)
        for order, peak in zip(own.orders, peaks, strict=True)
        if order.vector == vector
    ]
    rival, harmonic = min(each, key=lambda one: one[0].height)
    return Rival(rival.height, (rival.away[0] / harmonic, rival.away[1] / harmonic))


def telling_peaks(
    covariance: Tensor, own: Coordinates, peaks: Sequence[PeakSeen], spread: Tensor
) -> dict[int, tuple[Tensor, Tensor]]:
    """Return what the peaks say of the orders where it is more than `covariance` [parameter] has.

    One order a vector at the most. Wave vector and common phase begin at the peak of the
    correlation, and in weak light the overlap cannot better it.
    """
    telling = {}
    for vector in range(own.vectors):
        least = float((_of_vector(covariance, own, vector)[0] * spread).sum())
        for number, there in _at_peaks(own, vector, peaks).items():
            error, told = float((there * spread).sum()), peaks[number].told
            if error < least and told is not None:
                least = error
                telling[vector] = number, told
    return dict(telling.values())


def _at_peaks(own: Coordinates, vector: int, peaks: Sequence[PeakSeen]) -> dict[int, Tensor]:
    """Return the covariances [3, 3] that the peaks of a vector's orders tell, by order."""
    return {
        number: torch.linalg.inv(peak.told[0]) / order.harmonic**2
        for number, (order, peak) in enumerate(zip(own.orders, peaks, strict=True))
        if order.vector == vector and peak.told is not None
    }
