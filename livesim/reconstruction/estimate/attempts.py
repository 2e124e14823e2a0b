"""Try the peaks of a search until every group of frames has a pattern to believe, or none."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from livesim.config.settings import PatternSettings, SettingsError
from livesim.reconstruction.estimate.annulus import Region, annuli_of
from livesim.reconstruction.estimate.correlation import Correlation
from livesim.reconstruction.estimate.doubt import (
    AMBIGUOUS,
    EXPECTED,
    SIGNIFICANT,
    STRANGE,
    imprecision_of,
    modulation_doubt,
)
from livesim.reconstruction.estimate.found import SUSPECT, Found
from livesim.reconstruction.estimate.frame_phases import Turning
from livesim.reconstruction.estimate.geometry import (
    Places,
    Vector,
    agreeing,
    expected,
    nearer_in_length,
)
from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.estimate.modulations import lean_together
from livesim.reconstruction.estimate.parameters import Parameters
from livesim.reconstruction.estimate.refine import Fit, Refined, refine
from livesim.reconstruction.estimate.search import Peak, Scores
from livesim.reconstruction.estimate.spectra import Spectra
from livesim.reconstruction.estimate.zero_order import frames_of

_START_MODULATION = 0.5
_POOR = 0.6  # of the overlap unexplained: no better than what comes to nothing
_HALF = 0.5  # of that unexplained: then the other peak does
_ALIKE = 0.6  # of the strongest peak's height
_DIFFER = 2.0  # standard errors of what two patterns leave unexplained
_RIVALS = 0.7  # of a peak's power: as high as that a maximum beside it may be the right one
_FAINT_RIVALS = 0.25  # the same where more than `_SLIGHT` of the overlap is unexplained
_SLIGHT = 0.02


@dataclass(frozen=True, eq=False)
class Search:
    """The search on means of successive raw stacks."""

    spectra: Spectra
    correlation: Correlation
    scores: Scores
    regions: list[list[Region]]
    """Where the settings allow the wave vectors of every group."""
    peaks: list[list[Peak]]
    """Of every group."""

    @classmethod
    def of(cls, spectra: Spectra, grid: EstimationGrid, pattern: PatternSettings) -> Search:
        """Search the strongest peaks."""
        correlation = Correlation(spectra, grid)
        annuli = [annuli_of(pattern, grid.otf, number) for number in range(len(spectra.noise))]
        flat = [one for group in annuli for one in group]
        inner, outer = min(one.inner for one in flat), max(one.outer for one in flat)
        _check_sampled(inner, grid)
        scores = Scores(correlation, grid, inner, outer, pattern.harmonics)
        regions: list[list[Region]] = [[*group] for group in annuli]
        peaks = [scores.peaks(number, group) for number, group in enumerate(regions)]
        return cls(spectra, correlation, scores, regions, peaks)

    @property
    def strength(self) -> float:
        """Peak-to-noise of all wave vectors together."""
        return sum(peak.peak_to_noise for group in self.peaks for peak in group)


def _check_sampled(inner: float, grid: EstimationGrid) -> None:
    """Refuse to look for fringes, from `inner` cycles/µm on, of which no pixel could show any.

    Raises
    ------
    SettingsError
        If they are finer than the pixels.
    """
    finest = float(grid.radius.max())  # 0 of a single pixel, which shows none of any length
    if 0.0 < finest < inner:
        raise SettingsError(
            f"expected fringes that pixels of {1000.0 * grid.pixel_um:.4g} nm can show, of "
            f"{1000.0 / finest:.4g} nm or more, found settings by which they have "
            f"{1000.0 / inner:.4g} nm or less: pixel_nm in [optics] is that in the sample, the "
            "camera's over the magnification, and without it the file's is taken; or wavelength, "
            "aperture or expected period are wrong"
        )


def found_in(search: Search, grid: EstimationGrid, pattern: PatternSettings) -> list[Found]:
    """Return the pattern of every group.

    Where the strongest peak comes to nothing or to little, others are tried: that where the other
    angles have it expected, then the next strongest one. Fringes that even light leaves in the
    object's image correlate with others at the sums and differences of their wave vectors.
    """
    tries = _Tries(search, grid, pattern)
    found = tries.refined(search.peaks, dict(enumerate(search.peaks)), SIGNIFICANT)
    every = tries.expected([found[number] for number in range(len(found))])
    every = tries.told_from_rivals(tries.next_strongest(every))
    every = tries.compared(_leaning(every))
    photons = search.spectra.steady.brightest
    return [replace(one, vague=_vague(one, photons, grid.step)) for one in every]


class _Tries:
    """Refines peaks of a search, and keeps what is better."""

    def __init__(self, search: Search, grid: EstimationGrid, pattern: PatternSettings) -> None:
        self._search, self._grid, self._pattern = search, grid, pattern

    def expected(self, found: Sequence[Found]) -> list[Found]:
        """Try the peaks where the other wave vectors lead one to expect them."""
        alike = self._agreeing(found)
        tried = {}
        for number, one in enumerate(found):
            kept = [n for n in range(len(one.peaks)) if (number, n) in alike]
            others = [k for (group, _), k in alike.items() if group != number or len(one.peaks) > 1]
            if others and len(kept) < len(one.peaks):
                own = [one.peaks[n] for n in kept]
                tried[number] = [*own, *self._near(number, others, own)]
        return self._better(found, tried, EXPECTED, _is_as_good)

    def _near(self, number: int, others: Sequence[Vector], known: Sequence[Peak]) -> list[Peak]:
        """Return the strongest peaks of a group that agree with others, but for those `known`."""
        each = self._search.regions[number]
        if others:
            places = expected(others, self._pattern.vectors)
            slots = [places] if len(each) == 1 else [(place,) for place in places]
            each = [Places(one, near) for one, near in zip(each, slots, strict=False)]
        return self._search.scores.peaks(number, each, known)

    def next_strongest(self, found: Sequence[Found]) -> list[Found]:
        """Try the next strongest peak of every group whose own is still in doubt.

        It is looked for where the others have it expected, if there are any.
        """
        alike, tried = self._agreeing(found), {}
        for number, one in enumerate(found):
            others = [k for (group, _), k in alike.items() if group != number]
            if len(one.peaks) == 1 and (one.doubt is not None or one.unexplained > SUSPECT):
                tried[number] = self._near(number, others, tuple(one.peaks))
        return self._better(found, tried, SIGNIFICANT, _is_better)

    def told_from_rivals(self, found: Sequence[Found]) -> list[Found]:
        """Try what looks like the fringes some spectral pixels beside them, and tell them apart.

        A few things lie on the fringes of one wave vector nearly as on those of another. Which of
        the two it is the overlap of the bands says: the wrong one leaves more of it unexplained.
        """
        beside = {n: self._beside(n, one) for n, one in enumerate(found)}
        tried = {number: peaks for number, peaks in beside.items() if peaks}
        if not tried:
            return list(found)
        peaks = [tried.get(number, one.peaks) for number, one in enumerate(found)]
        new = self.refined(peaks, tried, SIGNIFICANT)
        return [
            self._told(new[n], one, self._lengths(found, but=n)) if n in new else one
            for n, one in enumerate(found)
        ]

    def _beside(self, number: int, found: Found) -> list[Peak]:
        """Return the peaks of a group with the most like of their rivals; empty if it is unlike."""
        if found.refined is None:
            return []
        vector, rival = found.refined.errors.rival
        least = _RIVALS if found.unexplained < _SLIGHT else _FAINT_RIVALS
        if rival.height < least:
            return []
        peaks, steps = list(found.peaks), self._grid.steps[::-1]
        k = [
            self._pattern.harmonics * (own + away * step)
            for own, away, step in zip(
                found.refined.parameters.k[vector].tolist(), rival.away, steps, strict=True
            )
        ]
        sign = -1.0 if k[0] < 0.0 else 1.0
        there = (sign * k[0], sign * k[1])
        if not self._search.scores.allows(there, self._search.regions[number][vector]):
            return []
        peaks[vector] = Peak(there, peaks[vector].peak_to_noise)
        return peaks

    def _lengths(self, found: Sequence[Found], but: int) -> list[float]:
        """Return how long the wave vectors are that other groups are sure of, in spectral pixels.

        Those that agree, and have no rival themselves.
        """
        return [
            float(one.refined.parameters.k[vector].norm()) / self._grid.step
            for number, vector in self._agreeing(found)
            if number != but
            and (one := found[number]).refined is not None
            and one.refined.errors.rival[1].height < _RIVALS
        ]

    def _told(self, rival: Found, found: Found, lengths: Sequence[float]) -> Found:
        """Return which of two patterns beside each other is right; in doubt where nothing tells."""
        if not rival.there or not found.there or found.refined is None or rival.refined is None:
            return rival if rival.there and rival.unexplained <= _POOR else found
        ours, theirs = found.refined.errors, rival.refined.errors
        error = _DIFFER * math.hypot(ours.unexplained_error, theirs.unexplained_error)
        if ours.unexplained + error < _HALF * theirs.unexplained:
            return found
        if theirs.unexplained + error < _HALF * ours.unexplained:
            return rival
        if ours.rival[1].height < _RIVALS:
            return found
        both = (found.refined.parameters.k, rival.refined.parameters.k)
        nearer = nearer_in_length([float(k.norm()) / self._grid.step for k in both], lengths)
        return replace(found, doubt=AMBIGUOUS) if nearer is None else (found, rival)[nearer]

    def compared(self, found: Sequence[Found]) -> list[Found]:
        """Say what is like the other angles, and doubt what is weak and unlike them."""
        alike = self._agreeing(found)
        return [self._compared(number, one, alike) for number, one in enumerate(found)]

    def _compared(
        self, number: int, found: Found, alike: Mapping[tuple[int, int], Vector]
    ) -> Found:
        own = [(number, vector) for vector in range(len(found.peaks))]
        if found.there and all(name in alike for name in own):
            return replace(found, alike=len(alike) > 1)
        if alike and found.there and not found.undeniable:
            return replace(found, doubt=STRANGE)
        return found

    def _agreeing(self, found: Sequence[Found]) -> dict[tuple[int, int], Vector]:
        """Return the wave vectors (group, vector) -> k that are sure and agree."""
        if self._pattern.expected_angles_deg or isinstance(self._pattern.expected_period_nm, tuple):
            return {}
        sure = {
            (number, vector): peak
            for number, one in enumerate(found)
            for vector, peak in enumerate(one.peaks)
            if one.there or (len(one.peaks) > 1 and peak.peak_to_noise >= SIGNIFICANT)
        }
        surest = sorted(sure, key=lambda name: -sure[name].peak_to_noise)
        alike = agreeing({name: sure[name].k for name in surest}, self._pattern.vectors)
        return {name: sure[name].k for name in surest if name in alike}

    def _better(
        self,
        found: Sequence[Found],
        tried: Mapping[int, list[Peak]],
        significant: float,
        accepted: Callable[[Found, Found], bool],
    ) -> list[Found]:
        """Return what was found, or what the peaks `tried` lead to where that is `accepted`."""
        if not tried:
            return list(found)
        peaks = [tried.get(number, one.peaks) for number, one in enumerate(found)]
        new = self.refined(peaks, tried, significant)
        return [
            new[number] if number in new and accepted(new[number], one) else one
            for number, one in enumerate(found)
        ]

    def refined(
        self, peaks: Sequence[list[Peak]], wanted: Collection[int], significant: float
    ) -> dict[int, Found]:
        """Return what the peaks of the `wanted` groups lead to; `peaks` are those of all."""
        starts = [self._start(number, own) for number, own in enumerate(peaks)]
        clear = [
            start if all(peak.peak_to_noise >= significant for peak in own) else None
            for start, own in zip(starts, peaks, strict=True)
        ]
        refined = refined_from(self._search, clear, wanted, self._grid)
        return {
            number: Found.of(peaks[number], starts[number], refined.get(number), self._grid.step)
            for number in wanted
        }

    def _start(self, group: int, peaks: Sequence[Peak]) -> Parameters:
        """Return the pattern that the peaks of the search stand for."""
        harmonics = self._pattern.harmonics
        k = torch.tensor([peak.k for peak in peaks], dtype=torch.float64) / harmonics
        phases = torch.stack([self._search.correlation.phases(group, one) for one in k])
        return Parameters(
            k=k,
            phases=phases,
            modulation=torch.full((len(k) * harmonics,), _START_MODULATION, dtype=torch.float64),
            intensity=torch.ones(phases.shape[1], dtype=torch.float64),
        )


def refined_from(
    search: Search,
    starts: Sequence[Parameters | None],
    wanted: Collection[int],
    grid: EstimationGrid,
) -> dict[int, Refined | None]:
    """Return the most probable patterns near those of the `wanted` groups that have a start.

    The fringes of the starts of all groups are taken off the zero order that they share.
    """
    frames = frames_of(search.spectra, starts)
    fits = {
        number: Fit(frames[number], Turning.of(search.correlation, number, start), start, grid)
        for number in wanted
        if (start := starts[number]) is not None
    }
    return dict(zip(fits, refine(list(fits.values())), strict=True))


def _leaning(found: Sequence[Found]) -> list[Found]:
    """Return the pattern of every group, modulation that is hardly told as the others have it."""
    placed = [one.refined for one in found if one.doubt is None and one.refined is not None]
    told = iter(lean_together(placed))
    return [
        replace(one, refined=next(told)) if one.doubt is None and one.refined is not None else one
        for one in found
    ]


def _vague(found: Found, photons: float, step: float) -> str | None:
    """Return why what is there is not usable all the same."""
    if found.refined is None or not found.there:
        return None
    refined, peak = found.refined, found.faintest
    imprecise = imprecision_of(refined, peak, photons, step, alike=found.alike)
    return imprecise or modulation_doubt(refined, peak, alike=found.alike)


def _is_as_good(new: Found, old: Found) -> bool:
    """Return whether the pattern where the others have it expected is to be believed instead.

    Objects of strong periods of their own, as bricks have, show peaks beyond doubt at the sums and
    differences with the true wave vector, where another peak is that explains the bands better.
    """
    if old.undeniable:
        return _is_alike(new, old) and new.there and new.unexplained <= old.unexplained
    allowed = max(old.unexplained, SUSPECT) if old.there else _POOR
    return new.there and new.unexplained <= allowed


def _is_better(new: Found, old: Found) -> bool:
    """Return whether the pattern of the next strongest peak is to be believed instead."""
    if not new.there or not old.there:
        return new.there and new.unexplained <= _POOR
    return _is_alike(new, old) and new.unexplained <= _HALF * old.unexplained


def _is_alike(new: Found, old: Found) -> bool:
    """Return whether a peak is nearly as high as another."""
    return new.faintest > _ALIKE * old.faintest
