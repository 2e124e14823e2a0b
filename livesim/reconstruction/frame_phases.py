"""The correlation of single frames in, what it tells of their phases and brightness out.

Where bands are separated with a wrong phase of one frame, they still agree in their overlap but for
a small leak, so the overlap tells little of single frames. Their own correlation with the object
tells more: at the shift k it turns with the frame's phase.
"""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.estimation_grid import EstimationGrid
from livesim.reconstruction.overlap import Overlaps
from livesim.reconstruction.parameters import Coordinates

_AROUND = (-14.0, -10.0, -6.0, 6.0, 10.0, 14.0)
"""Spectral pixels from the peak where the correlation is but noise and the object's own."""


def frame_information(
    coordinates: Coordinates, flat: Tensor, overlaps: Overlaps, grid: EstimationGrid
) -> tuple[Tensor, Tensor]:
    """Return (information [parameter, parameter], information @ step) of the frames' correlation.

    The common phase and the modulation are left to the overlap of the bands.
    """
    at = coordinates.parameters(flat)
    count = at.phases.shape[-1]
    mixing, base = at.mixing(), at.unmixing(overlaps.spectra.noise)[0]
    less_zero = torch.eye(len(base))[:count] - torch.outer(mixing[:count, 0], base)
    slopes = coordinates.mixing_jacobian(flat)
    information = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    pull = torch.zeros(coordinates.size, dtype=torch.float64)
    for number, order in enumerate(at.orders):
        expected = less_zero @ mixing[:, 1 + number]
        k = order.harmonic * at.k[order.vector]
        peak, floor = _correlation(overlaps, number, k, grid)
        found, noise = _measured(less_zero @ peak, less_zero @ floor, expected)
        change = _across(less_zero @ slopes[:, 1 + number], expected)
        information += 2.0 / noise * (change.mH @ change).real
        pull += 2.0 / noise * (change.mH @ found).real
    return information, pull


def _correlation(
    overlaps: Overlaps, number: int, k: Tensor, grid: EstimationGrid
) -> tuple[Tensor, Tensor]:
    """Return every frame's correlation at k, [frame], and noise as at k, [frame, shift]."""
    around = torch.tensor((0.0, *_AROUND), dtype=torch.float64) * grid.step
    shifts = k[0] + around, k[1] + around
    found = overlaps.correlation(number, *shifts).to(torch.complex128)
    floor = (found / overlaps.share(number, *shifts).sqrt())[:, 1:, 1:]
    return found[:, 0, 0], floor.flatten(1)


def _measured(peak: Tensor, floor: Tensor, expected: Tensor) -> tuple[Tensor, float]:
    """Return how the frames differ from `expected` [frame], and the variance of each frame's."""
    scale = (expected.conj() @ peak) / expected.abs().square().sum()
    power = _across(floor, expected).abs().square().sum(dim=0).mean() / (len(peak) - 1)
    found = _across(peak[:, None], expected)[:, 0] / scale
    return found, float(power / scale.abs().square())


def _across(vectors: Tensor, expected: Tensor) -> Tensor:
    """Return the part of `vectors` [frame, ...] that is not along `expected`."""
    along = expected / expected.norm()
    return vectors - torch.outer(along, along.conj() @ vectors)
