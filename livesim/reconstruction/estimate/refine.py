"""Refine rough wave vectors together with phases, modulation and brightness.

Where two bands overlap they hold the same object: with c_j the band of order j,
``c_j(f + k) O(f) = c_0(f) O(f + k)``. The bands are linear in the frames, so the squared
difference, weighted for noise, is a quadratic form in the rows of the unmixing matrix whose
coefficients are a small Gram matrix of the frames. The phases, the modulation and the brightness of
every frame follow from Gauss-Newton steps on that matrix; only a new wave vector needs transforms.
The weight is that of the maximum-likelihood correlator (Knapp & Carter, IEEE TASSP 24, 320, 1976),
and the noise's own share of the form is taken off, so that weak light does not bias the modulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.estimate.carrier import Carrier
from livesim.reconstruction.estimate.errors import Errors, errors_of, telling_peaks
from livesim.reconstruction.estimate.frame_phases import PeakSeen, Turning, frame_information
from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.estimate.normal_equations import NormalEquations, normal_equations
from livesim.reconstruction.estimate.overlap import Band, Overlap
from livesim.reconstruction.estimate.parameters import Coordinates, Parameters
from livesim.reconstruction.estimate.peak import orders_information
from livesim.reconstruction.estimate.prior import Prior, Quadratic, nearest_equal
from livesim.reconstruction.estimate.separated import Separated
from livesim.reconstruction.estimate.zero_order import Frames

_FAR_PX = 0.05  # spectral pixels: where k moved farther, a linearisation is not enough
_FAR = 0.05  # the same of phases, in rad, and of modulation, relative
_TURNS = 8  # at the most, of going on while a linearisation is not enough
_BACK = 0.5  # of a step that leads back, so that none swing to and fro for ever
_CONSISTENT = 1.5  # misfit above which noise does not explain how the bands differ


@dataclass(frozen=True, eq=False)
class Refined:
    """The most probable parameters of a group, and how far they are known."""

    parameters: Parameters
    errors: Errors
    settled: bool = True
    """Whether the last step was so small that a linearisation is enough."""


class Fit:
    """One group's pattern on its way from a start to the most probable one.

    Parameters
    ----------
    frames
        What the group is estimated from.
    turning
        How its frames correlate with the object near the start's wave vectors.
    start
        Wave vectors within half a spectral pixel, phases within about 1 rad.
    grid
        Of the same field.
    """

    def __init__(
        self, frames: Frames, turning: Turning, start: Parameters, grid: EstimationGrid
    ) -> None:
        self._frames, self._turning, self._grid = frames, turning, grid
        self.at = replace(start, intensity=torch.ones_like(frames.noise))
        """What is known so far."""
        self._rough = True
        self._posterior: tuple[Quadratic, Prior] | None = None
        self._peaks: list[PeakSeen] = []
        self._carriers: dict[int, Carrier] = {}
        self._forms: list[Overlap] = []
        self._before = self.at
        """Where the bands were compared."""
        self._step: Tensor | None = None
        self._share = 1.0
        """How far to go of a step: less each time that it leads back."""
        self.far = False
        """Whether the last step went so far that a linearisation is not enough."""

    def linearised(self) -> Quadratic | None:
        """Return what bands and frames say; None where they do not tell the parameters."""
        frames = self._frames
        with suppress(torch.linalg.LinAlgError):
            normal, coordinates = self._normal()
            flat = coordinates.flat()
            information, pull = normal.likelihood(frames.steady.clustering)
            means = _means_information(frames, self._grid, self.at, coordinates)
            information, pull = information + torch.diag(means), pull - means * flat
            self._carriers = self._standing_out()
            told = {n: one.told for n, one in self._carriers.items()}
            carried = _of_orders(coordinates, told)
            information, pull = information + carried[0], pull + carried[1]
            misfit = normal.unexplained, normal.unexplained_error
            explained = normal.misfit <= _CONSISTENT
            if not explained:
                shared = coordinates.without_steps()
                information, pull = shared @ information @ shared, shared @ pull
            single = frame_information(coordinates, flat, self._turning)
            centre = nearest_equal(coordinates, frames.intensity, flat)
            information, pull = information + single[0], pull + single[1]
            covariance = torch.linalg.inv(information + Prior().precision(coordinates))
            self._peaks = self._turning.seen(_own(self.at), self._grid)
            peaks = telling_peaks(covariance, coordinates, self._peaks, frames.steady.spread)
            held = _of_orders(coordinates, peaks)
            return Quadratic(coordinates, information, pull, flat, centre, held, *misfit, explained)
        return None

    def _normal(self) -> tuple[NormalEquations, Coordinates]:
        frames, steady = self._frames, self._frames.steady
        separated = Separated(frames, self._grid, self.at)
        bands = [Band(separated, n) for n in range(len(self.at.orders))]
        if self._rough:
            self._scale(bands)
        coordinates, self._forms = Coordinates(self.at), [band.whole() for band in bands]
        return normal_equations(coordinates, self._forms, frames.noise, steady), coordinates

    def _standing_out(self) -> dict[int, Carrier]:
        """Return the carriers of the orders that stand out by it more than by details."""
        bands = Separated(self._frames, self._grid, self.at)
        return {
            number: Carrier(bands, number)
            for number, peak in enumerate(self._turning.peaks)
            if peak.carried
        }

    def refined(self) -> Refined | None:
        """Return what is known, and how well; None where nothing is."""
        if self._posterior is None:
            return None
        carriers = {n: one.apart(self.at.shift(n)) for n, one in self._carriers.items()}
        spread = self._frames.steady.spread
        shown = self._shown(spread)
        errors = errors_of(*self._posterior, self.at, self._peaks, spread, carriers, shown)
        return Refined(_own(self.at), errors, settled=not self.far)

    def _shown(self, spread: Tensor) -> list[float]:
        """Return the variance of the fringes' place that the field itself shows, [vector] rad².

        Of the overlap of the bands and of the frames' correlation the one counts that knows the
        place better, and of several orders the best.
        """
        each = [math.inf] * len(self.at.k)
        turned = (self.at.phases - self._before.phases).mean(dim=1)
        steps = torch.cat([turned[:, None], self.at.k - self._before.k], dim=1)
        seen = self._turning.parts(_own(self.at))
        for order, form, frames in zip(self.at.orders, self._forms, seen, strict=True):
            moved = form.parts.moved(order.harmonic * steps[order.vector])
            place = min(parts.variance(spread) for parts in (moved, frames.together()))
            variance = (place + frames.steps_variance()) / order.harmonic**2
            each[order.vector] = min(each[order.vector], variance)
        return each

    def _scale(self, bands: Sequence[Band]) -> None:
        """Find modulation and common phase, k and the steps held.

        Both scale a side band by one complex factor, so that the mismatch is linear in it.
        """
        before, self._rough = self.at, False
        self.at = before.scaled(torch.stack([band.factor() for band in bands]))
        for band in bands:
            band.scale(before.factors(self.at))

    def move(self, known: Quadratic, prior: Prior) -> None:
        """Go towards the most probable parameters, no further than the linearisation holds."""
        step = prior.step(known)
        if self._step is not None and float(step @ known.information @ self._step) < 0.0:
            self._share *= _BACK
        self._step, self._posterior = step, (known, prior)
        flat = known.coordinates.limited(known.flat, self._share * step, self._grid.step)
        before = self._before = self.at
        self.at = known.coordinates.parameters(flat)
        k = float((self.at.k - before.k).norm(dim=1).max()) / (self._share * self._grid.step)
        phase = float((self.at.phases - before.phases).abs().max()) / self._share
        change = float((self.at.modulation / before.modulation).log().abs().max()) / self._share
        self.far = k > _FAR_PX or max(phase, change) > _FAR


def refine(fits: Sequence[Fit]) -> list[Refined | None]:
    """Return the most probable parameters, those that bring the overlapping bands into agreement.

    Every group is compared with the zero order of all groups: they show the same object. Groups
    whose overlap does not determine the parameters come back as None.
    """
    known = [fit.linearised() for fit in fits]
    _move(fits, known, known)
    for _ in range(_TURNS):
        far = [number for number, fit in enumerate(fits) if fit.far]
        for number in far:
            known[number] = fits[number].linearised()
        _move([fits[number] for number in far], [known[number] for number in far], known)
    return [None if one is None else fit.refined() for fit, one in zip(fits, known, strict=True)]


def _move(
    fits: Sequence[Fit], known: Sequence[Quadratic | None], every: Sequence[Quadratic | None]
) -> None:
    """Move fits to the most probable parameters, with a prior that `every` one of them shares."""
    clear = [one for one in every if one is not None and one.consistent]
    prior = Prior.fitted(clear) if clear else Prior()
    for fit, one in zip(fits, known, strict=True):
        if one is not None:
            fit.move(one, prior)


def _of_orders(
    coordinates: Coordinates, told: Mapping[int, tuple[Tensor, Tensor] | None]
) -> tuple[Tensor, Tensor]:
    known = {number: one for number, one in told.items() if one is not None}
    return orders_information(coordinates, known)


def _own(at: Parameters) -> Parameters:
    """Return the parameters of the group's own frames."""
    own = at.intensity[: at.phases.shape[-1]]
    return replace(at, intensity=own / own.mean())


def _means_information(
    frames: Frames, grid: EstimationGrid, at: Parameters, coordinates: Coordinates
) -> Tensor:
    """Return the information of the frames' means on their brightness, [parameter].

    The frames were scaled to equal means. A mean differs from the brightness only by the object's
    own content at the pattern's frequency, m/2 S(k), whose size the power spectrum tells.
    """
    power = frames.steady.power
    length = at.k.norm(dim=1).max().item()
    ring = min(round(min(length, 0.8 * grid.otf.cutoff) / grid.step), len(power) - 1)
    total = max(frames.level, 1e-6) * grid.shape[0] * grid.shape[1]
    content = float(at.modulation.square().sum()) / 2.0 * float(power[ring])
    variance = (content + float(frames.noise.mean())) / total**2
    information = torch.zeros(coordinates.size, dtype=torch.float64)
    information[coordinates.intensity] = 1.0 / max(variance, 1e-12)
    return information
