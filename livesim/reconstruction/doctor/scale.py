"""Check the optical scale against the spectrum of the mean frame and the wave vectors.

What frames show is the cut-off in cycles per pixel, 2 NA pixel / wavelength: which of the three is
wrong they do not say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.doctor.directions import angle_peaks, is_combination
from livesim.reconstruction.doctor.evidence import Verdict
from livesim.reconstruction.doctor.signature import Signature
from livesim.reconstruction.otf import Otf
from livesim.values.finding import Fault, Finding, mending

_CUTOFFS = torch.logspace(math.log10(0.1), math.log10(0.75), 61, dtype=torch.float64)
_DAMPINGS = (1.0, 0.4, 0.15)
_EXPONENTS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
_LEVELS = torch.logspace(-2.0, 2.0, 41, dtype=torch.float64)
_MODEL_ERROR = 0.15  # of the power of a ring: objects are no power law
_FROM = 0.05  # cycles/pixel: where out-of-focus light and the window end
_ANCHOR = 0.1  # cycles/pixel: where the amplitude is read
_TRUST = 0.5  # exponent of the likelihood
_TOLERATED = 1.2  # times too large or too small
_OUTSIDE = 1.2  # of the cut-off: excitation is shorter than emission, but not by more
_BEYOND = 1.15  # of the cut-off: so far the spectrum reaches as well, if fringes do
_DOUBTFUL = 0.05
_MOST_SURE = 0.98
"""That the scale is wrong may be certain, but not how wrong it is."""
_LOWEST = 0.5  # of the cut-off: shorter wave vectors nobody uses


@dataclass(frozen=True, eq=False)
class Edge:
    """How probable every cut-off is, given the spectrum."""

    cutoffs: Tensor
    """[cutoff] cycles/pixel."""
    probability: Tensor
    """[cutoff] the same for equal steps of its logarithm before the frames are seen."""

    @property
    def best(self) -> float:
        """The most probable cut-off, as the mean of its logarithm."""
        return float((self.probability * self.cutoffs.log()).sum().exp())

    def within(self, cutoff: float, factor: float) -> float:
        """Return the probability that the true one differs from `cutoff` by less than `factor`."""
        near = (self.cutoffs / cutoff).log().abs() <= math.log(factor)
        return float(self.probability[near].sum())


def scale_findings(
    signature: Signature, verdict: Verdict, optics: Optics, pixel_nm: float
) -> tuple[list[Finding], list[str]]:
    """Return where spectrum or wave vectors do not fit the optics, and what is undecided."""
    declared = optics.cutoff_cycles_per_um * pixel_nm / 1000.0
    edge = support_edge(signature)
    sound = edge.within(declared, _TOLERATED) if signature.spectrum.white else 1.0
    found = [peak for peak in angle_peaks(verdict, signature) if peak is not None]
    lower = [
        [other for other in signature.peaks if other.frequency < peak.frequency] for peak in found
    ]
    own = [
        peak
        for peak, others in zip(found, lower, strict=True)
        if not is_combination(peak, others, signature.shape)
    ]
    highest = max((peak.frequency for peak in own), default=0.0)
    beyond = highest > _OUTSIDE * declared and edge.best > _BEYOND * declared
    if beyond and signature.spectrum.white:
        return [_outside(highest / declared, edge.best / declared, optics, pixel_nm)], []
    if sound < _DOUBTFUL:
        return [_elsewhere(edge.best / declared, 1.0 - sound, optics, pixel_nm)], []
    if not signature.spectrum.white:
        return [], ["pixel size and optics: the frames were resampled, their noise is not white"]
    return [], []


def _outside(reach: float, edge: float, optics: Optics, pixel_nm: float) -> Finding:
    factor = min(max(edge, reach / _OUTSIDE), reach / _LOWEST)
    return Finding(
        Fault.WRONG_SCALE,
        f"fringes at {reach:.2f} of the cut-off, expected below 1; "
        f"the spectrum ends at {edge:.2f} of it",
        _MOST_SURE,
        _pixel(pixel_nm * factor),
        _other_ways(factor, optics),
        value=factor,
    )


def _elsewhere(factor: float, sureness: float, optics: Optics, pixel_nm: float) -> Finding:
    return Finding(
        Fault.WRONG_SCALE,
        f"the spectrum ends at {factor:.2f} of the cut-off that the optics have, expected 1",
        min(sureness, _MOST_SURE),
        _pixel(pixel_nm * factor),
        _other_ways(factor, optics),
        value=factor,
    )


def _pixel(pixel_nm: float) -> str:
    return mending("optics", f"pixel_nm = {pixel_nm:.0f}.0")


def _other_ways(factor: float, optics: Optics) -> str:
    return (
        f"or, if the pixel is right, numerical_aperture / emission_nm is "
        f"{factor * optics.numerical_aperture / optics.emission_nm:.5f} 1/nm; "
        "these frames do not tell which"
    )


def support_edge(signature: Signature) -> Edge:
    """Fit power law x OTF squared + noise to the rings, for every cut-off."""
    ring = signature.ring
    used = (ring.radius >= _FROM) & (ring.radius <= 0.5) & (ring.counts > 20)
    radius, counts = ring.radius[used].double(), ring.counts[used]
    power = signature.raw[used] / signature.spectrum.mean_floor[used]
    trust = counts / (1.0 + counts * _MODEL_ERROR**2)
    near = (radius > 0.8 * _ANCHOR) & (radius < 1.25 * _ANCHOR)
    start = (power[near].mean() - 1.0).clamp(min=0.1)
    best = torch.stack(
        [
            _log_likelihood(radius, power, trust, start, damping, exponent)
            for damping in _DAMPINGS
            for exponent in _EXPONENTS
        ]
    )
    return Edge(_CUTOFFS, (_TRUST * best.logsumexp(dim=0)).softmax(dim=0))


def _log_likelihood(
    radius: Tensor, power: Tensor, trust: Tensor, start: Tensor, damping: float, exponent: float
) -> Tensor:
    """Return the likelihood of every cut-off, the amplitude averaged, [cutoff]."""
    relative = radius / _CUTOFFS[:, None]
    otf = Otf(1.0, damping)
    shape = (radius / _ANCHOR) ** -exponent * otf(relative).square()
    at = otf(_ANCHOR / _CUTOFFS).square().clamp(min=1e-6)
    mean = 1.0 + start * _LEVELS[:, None, None] * shape / at[:, None]
    each = -trust * (mean.log() + power / mean - 1.0 - power.log())
    return each.sum(dim=-1).logsumexp(dim=0)
