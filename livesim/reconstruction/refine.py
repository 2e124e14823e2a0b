"""Spectra and rough wave vectors in, wave vectors, phases, modulation and brightness out.

Where two bands overlap they hold the same object: with c_j the band of order j,
``c_j(f + k) O(f) = c_0(f) O(f + k)``. The bands are linear in the frames, so the squared
difference, weighted for noise, is a quadratic form in the rows of the unmixing matrix whose
coefficients are a small Gram matrix of the frames. The phases, the modulation and the brightness of
every frame follow from Gauss-Newton steps on that matrix; only a new wave vector needs transforms.
The weight is that of the maximum-likelihood correlator (Knapp & Carter, IEEE TASSP 24, 320, 1976),
and the noise's own share of the form is taken off, so that weak light does not bias the modulation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.overlap import Overlaps, normal_equations
from livesim.reconstruction.parameters import Coordinates, Parameters
from livesim.reconstruction.prior import HELD, Prior, nearest_equal
from livesim.reconstruction.spectra import EstimationGrid, Spectra

_CONSISTENT = 1.5  # misfit above which single frames keep the phase their correlation has
_TURNS = 12  # on the Gram matrix of the first round, where k is held


def refine(
    spectra: Spectra, grid: EstimationGrid, start: Parameters, rounds: int = 3
) -> Parameters:
    """Return the most probable parameters, those that bring the overlapping bands into agreement.

    Parameters
    ----------
    spectra
        Of one group of frames.
    grid
        Of the same field.
    start
        Wave vectors within half a spectral pixel, phases within about 1 rad.
    rounds
        Gauss-Newton rounds with new transforms; the first iterates on the Gram matrix alone.
    """
    prior = Prior()
    for number in range(rounds):
        coordinates = Coordinates(start)
        overlaps = Overlaps(spectra, grid, start)
        forms = [overlaps.order(j, coarse=number == 0) for j in range(len(start.orders))]
        means = _means_information(spectra, grid, start, coordinates)
        clustering = _noise_clustering(spectra)
        flat = coordinates.flat()
        for _ in range(_TURNS if number == 0 else 1):
            normal = normal_equations(coordinates, flat, forms, spectra, windowed=number > 0)
            information, pull = normal.likelihood(means, flat, clustering)
            if number == 0 or normal.misfit > _CONSISTENT:
                step = HELD.step(coordinates, information, pull, flat, flat)
                step[coordinates.shift] *= float(number > 0)
            else:
                centre = nearest_equal(coordinates, spectra, flat)
                prior = prior.fitted(coordinates, information, pull, flat, centre)
                step = prior.step(coordinates, information, pull, flat, centre)
            flat = coordinates.limited(flat, step, grid.step)
        start = coordinates.parameters(flat)
    return start


def _noise_clustering(spectra: Spectra) -> float:
    """Return how much stronger shot noise is where the object is than on average."""
    light = (spectra.frames.mean(dim=(0, 1)) + spectra.level).clamp(min=0.0).double()
    detail = (light - light.mean()).square()
    return float((detail * light).mean() / (detail.mean() * light.mean()).clamp(min=1e-30))


def _means_information(
    spectra: Spectra, grid: EstimationGrid, at: Parameters, coordinates: Coordinates
) -> Tensor:
    """Return what the frames' means tell of their brightness, [parameter], as inverse variances.

    The frames were scaled to equal means. A mean differs from the brightness only by the object's
    own content at the pattern's frequency, m/2 S(k), whose size the power spectrum tells.
    """
    length = at.k.norm(dim=1).max().item()
    ring = min(round(min(length, 0.8 * grid.otf.cutoff) / grid.step), len(spectra.object_power) - 1)
    total = max(spectra.level, 1e-6) * grid.shape[0] * grid.shape[1]
    content = float(at.modulation.square().sum()) / 2.0 * float(spectra.object_power[ring])
    variance = (content + float(spectra.noise.mean())) / total**2
    information = torch.zeros(coordinates.size, dtype=torch.float64)
    information[coordinates.intensity] = 1.0 / max(variance, 1e-12)
    return information
