"""Say where the wave vectors may lie, from what the settings know of the pattern."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from livesim.config.settings import PatternSettings
from livesim.reconstruction.estimate.spectral_samples import SpectralSamples
from livesim.reconstruction.otf import Otf

_ANNULUS = (0.35, 1.2)  # of the widefield cut-off; excitation is shorter than emission
_PERIOD_TOLERANCE = 0.1


class Region(Protocol):
    """Where a wave vector may lie."""

    def mask(self, samples: SpectralSamples) -> Tensor:
        """Return which samples lie in it, of every pair of opposite ones one, bool [sample]."""
        ...


@dataclass(frozen=True, slots=True)
class Annulus:
    """Where a wave vector may lie, in cycles/µm and, if `direction_deg` is given, in angle."""

    inner: float
    outer: float
    direction_deg: float | None = None
    tolerance_deg: float = 10.0

    def mask(self, samples: SpectralSamples) -> Tensor:
        """Return which samples lie in the half of the annulus with k to x >= 0, bool [sample]."""
        inside = (samples.radius >= self.inner) & (samples.radius <= self.outer) & samples.forward
        if self.direction_deg is None:
            return inside
        axis = torch.atan2(samples.fy, samples.fx) - math.radians(self.direction_deg)
        apart = torch.rad2deg(torch.atan(torch.tan(axis)).abs())  # fringes have no sign
        return inside & (apart <= self.tolerance_deg)


def annuli_of(pattern: PatternSettings, otf: Otf, number: int) -> list[Annulus]:
    """Return where to search the highest harmonic of each wave vector in group `number`."""
    each = pattern.vectors // pattern.stack_shape[0]
    vectors = range(number * each, (number + 1) * each)
    return [_annulus(pattern, otf, vector) for vector in vectors]


def _annulus(pattern: PatternSettings, otf: Otf, vector: int) -> Annulus:
    period = pattern.expected_period_nm
    if isinstance(period, tuple):
        period = period[vector]
    direction = pattern.expected_angles_deg
    inner, outer = (share * otf.cutoff for share in _ANNULUS)
    if period is not None:
        frequency = pattern.harmonics * 1000.0 / period
        inner, outer = frequency * (1 - _PERIOD_TOLERANCE), frequency * (1 + _PERIOD_TOLERANCE)
    return Annulus(inner, outer, None if direction is None else direction[vector])
