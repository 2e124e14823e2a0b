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

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from livesim.reconstruction.estimation_grid import EstimationGrid
from livesim.reconstruction.frame_phases import frame_information
from livesim.reconstruction.normal import normal_equations
from livesim.reconstruction.overlap import Overlap, Overlaps, View, views
from livesim.reconstruction.parameters import Coordinates, Parameters
from livesim.reconstruction.prior import HELD, Prior, Quadratic, nearest_equal
from livesim.reconstruction.spectra import Spectra
from livesim.reconstruction.zero_order import with_others, zero_order

Outcome = TypeVar("Outcome")

_CONSISTENT = 1.5  # misfit above which single frames keep the phase their correlation has
_ROUNDS = 2  # of new transforms, after the first
_TURNS = 4  # of finding how much of the mismatch is noise


def refine(
    groups: Sequence[Spectra], grid: EstimationGrid, starts: Sequence[Parameters | None]
) -> list[Parameters | None]:
    """Return the most probable parameters, those that bring the overlapping bands into agreement.

    Every group is compared with the zero order of all groups: they show the same object.

    Parameters
    ----------
    groups
        The spectra of every group of frames.
    grid
        Of the same field.
    starts
        Wave vectors within half a spectral pixel, phases within about 1 rad; None where there is
        no pattern. Groups whose overlap does not determine the parameters come back as None.
    """
    seen = [
        [] if at is None else views(spectra, grid, at)
        for spectra, at in zip(groups, starts, strict=True)
    ]
    overlaps = _overlaps(groups, seen, grid, starts)
    found = _for_each(overlaps, grid, starts, _with_steps_held)
    overlaps = _overlaps(groups, seen, grid, found)
    prior = Prior()
    for _ in range(_ROUNDS):
        known = _for_each(overlaps, grid, found, _linearised)
        clear = [one for one in known if one is not None and one.consistent]
        prior = prior.fitted(clear) if clear else prior
        found = [None if one is None else _best(one, prior, grid) for one in known]
    return [None if at is None else _own(at) for at in found]


def _overlaps(
    groups: Sequence[Spectra],
    seen: Sequence[list[View]],
    grid: EstimationGrid,
    found: Sequence[Parameters | None],
) -> list[Overlaps | None]:
    """Return every group's overlaps, with the zero order of the others beside its frames."""
    zeros = [zero_order(spectra, at) for spectra, at in zip(groups, found, strict=True)]
    overlaps: list[Overlaps | None] = [None] * len(groups)
    for place, (spectra, at) in enumerate(zip(groups, found, strict=True)):
        if at is not None:
            joined = with_others(spectra, zeros[:place] + zeros[place + 1 :])
            about = _joined(at, len(joined.noise))
            overlaps[place] = Overlaps(joined, seen[place], grid, about)
    return overlaps


def _for_each(
    overlaps: Sequence[Overlaps | None],
    grid: EstimationGrid,
    found: Sequence[Parameters | None],
    work: Callable[[Overlaps, EstimationGrid, Parameters], Outcome],
) -> list[Outcome | None]:
    """Do `work` for every group that has a pattern."""
    done: list[Outcome | None] = [None] * len(overlaps)
    for place, (one, at) in enumerate(zip(overlaps, found, strict=True)):
        if one is not None and at is not None:
            with suppress(torch.linalg.LinAlgError):  # the overlap does not tell the parameters
                done[place] = work(one, grid, _joined(at, len(one.spectra.noise)))
    return done


def _with_steps_held(overlaps: Overlaps, grid: EstimationGrid, at: Parameters) -> Parameters:
    """Return modulation and common phase, k and the steps held: no new transforms are needed.

    Both scale a side band by one complex factor, so that the mismatch is linear in it. As in
    `Coordinates.regressors`, only what the zero order tells is compared.
    """
    unmixing = at.unmixing(overlaps.spectra.noise)
    factors = [
        _factor(form, unmixing[1 + number], unmixing[0])
        for number, form in enumerate(overlaps.windowed())
    ]
    return at.scaled(torch.stack(factors))


def _factor(form: Overlap, band: Tensor, zero: Tensor) -> Tensor:
    """Return what the unmixing row `band` has to be multiplied by to agree with `zero`."""
    count = len(band)
    cross = zero.conj() @ form.gram[count : 2 * count, :count] @ band
    share, factor = 1.0, cross.new_ones(())
    for _ in range(_TURNS):
        own = form.gram - share * form.noise
        factor = (zero.conj() @ own[count : 2 * count, count : 2 * count] @ zero) / cross
        row = torch.cat([factor * band, -zero, zero.new_zeros(2)])
        expected = float((row.conj() @ form.noise @ row).real)
        share = max(float((row.conj() @ form.gram @ row).real) / expected, 1.0)
    return factor


def _linearised(overlaps: Overlaps, grid: EstimationGrid, at: Parameters) -> Quadratic:
    """Return what the overlap and the single frames say around `at`."""
    spectra = overlaps.spectra
    coordinates = Coordinates(at, spectra.noise)
    flat = coordinates.flat()
    normal = normal_equations(coordinates, flat, overlaps.at(at), spectra)
    means = _means_information(spectra, grid, at, coordinates)
    information, pull = normal.likelihood(means, flat, spectra.clustering)
    if normal.misfit > _CONSISTENT:
        return Quadratic(coordinates, information, pull, flat, flat, consistent=False)
    single = frame_information(coordinates, flat, overlaps, grid)
    centre = nearest_equal(coordinates, spectra, flat)
    return Quadratic(coordinates, information + single[0], pull + single[1], flat, centre)


def _best(known: Quadratic, prior: Prior, grid: EstimationGrid) -> Parameters:
    """Return the most probable parameters, no further than the linearisation holds."""
    step = (prior if known.consistent else HELD).step(known)
    flat = known.coordinates.limited(known.flat, step, grid.step)
    return known.coordinates.parameters(flat)


def _own(at: Parameters) -> Parameters:
    """Return the parameters of the group's own frames."""
    own = at.intensity[: at.phases.shape[-1]]
    return replace(at, intensity=own / own.mean())


def _joined(at: Parameters, frames: int) -> Parameters:
    """Return the parameters with a brightness for the frame of the other groups, if any."""
    own = at.intensity[: at.phases.shape[-1]]
    more = torch.ones(frames - len(own), dtype=own.dtype)
    intensity = torch.cat([own, at.intensity[len(own) :], more])[:frames]
    return replace(at, intensity=intensity / intensity.mean())


def _means_information(
    spectra: Spectra, grid: EstimationGrid, at: Parameters, coordinates: Coordinates
) -> Tensor:
    """Return what the frames' means tell of their brightness, [parameter], as inverse variances.

    The frames were scaled to equal means. A mean differs from the brightness only by the object's
    own content at the pattern's frequency, m/2 S(k), whose size the power spectrum tells.
    """
    length = at.k.norm(dim=1).max().item()
    ring = min(round(min(length, 0.8 * grid.otf.cutoff) / grid.step), len(spectra.steady.power) - 1)
    total = max(spectra.level, 1e-6) * grid.shape[0] * grid.shape[1]
    content = float(at.modulation.square().sum()) / 2.0 * float(spectra.steady.power[ring])
    variance = (content + float(spectra.noise.mean())) / total**2
    information = torch.zeros(coordinates.size, dtype=torch.float64)
    information[coordinates.intensity] = 1.0 / max(variance, 1e-12)
    return information
