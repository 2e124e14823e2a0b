"""The correlation of single frames in, what it tells of their phases and brightness out.

Where bands are separated with a wrong phase of one frame, they still agree in their overlap but for
a small leak, so the overlap tells little of single frames. Their own correlation with the object
tells more: at the shift k it turns with the frame's phase.
"""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.parameters import Coordinates
from livesim.reconstruction.search import Correlation
from livesim.reconstruction.spectra import EstimationGrid, Spectra

_AROUND = (-14.0, -10.0, -6.0, 6.0, 10.0, 14.0)
"""Spectral pixels from the peak where the correlation is but noise and the object's own."""


def frame_information(
    coordinates: Coordinates, flat: Tensor, spectra: Spectra, grid: EstimationGrid
) -> tuple[Tensor, Tensor]:
    """Return (information [parameter, parameter], information @ step) of the frames' correlation.

    The common phase and the modulation are left to the overlap of the bands.
    """
    at = coordinates.parameters(flat)
    count = at.phases.shape[-1]
    mixing, base = at.mixing(), at.unmixing(spectra.noise)[0]
    less_zero = torch.eye(len(base))[:count] - torch.outer(mixing[:count, 0], base)
    zero = torch.tensordot(base.to(torch.complex64), spectra.windowed, dims=([0], [1]))
    brightness = mixing[:count, 0].to(torch.complex64)[:, None, None]
    correlation = Correlation(spectra, grid, zero[:, None] * brightness)
    slopes = coordinates.mixing_jacobian(flat)
    information = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    pull = torch.zeros(coordinates.size, dtype=torch.float64)
    for number, order in enumerate(at.orders, start=1):
        expected = less_zero @ mixing[:, number]
        k = order.harmonic * at.k[order.vector]
        found, noise = _measured(correlation, k, expected, grid)
        change = _across(less_zero @ slopes[:, number], expected)
        information += 2.0 / noise * (change.mH @ change).real
        pull += 2.0 / noise * (change.mH @ found).real
    return information, pull


def _measured(
    correlation: Correlation, k: Tensor, expected: Tensor, grid: EstimationGrid
) -> tuple[Tensor, float]:
    """Return how the frames differ from `expected` [frame], and the variance of each frame's."""
    peak = correlation.at(k[:1], k[1:]).flatten().to(torch.complex128)
    scale = (expected.conj() @ peak) / expected.abs().square().sum()
    around = torch.tensor(_AROUND, dtype=torch.float64) * grid.step
    floor = correlation.at(k[0] + around, k[1] + around).flatten(1).to(torch.complex128)
    power = _across(floor, expected).abs().square().sum(dim=0).mean() / (len(peak) - 1)
    found = _across(peak[:, None], expected)[:, 0] / scale
    return found, float(power / scale.abs().square())


def _across(vectors: Tensor, expected: Tensor) -> Tensor:
    """Return the part of `vectors` [frame, ...] that is not along `expected`."""
    along = expected / expected.norm()
    return vectors - torch.outer(along, along.conj() @ vectors)
