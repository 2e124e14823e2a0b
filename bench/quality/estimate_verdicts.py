"""Judge estimated patterns, angle by angle, against the true one and against an oracle."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import torch

from bench.quality.estimate_cases import (
    CAMERA,
    LAYOUTS,
    OPTICS,
    PIXEL_NM,
    Case,
    counts_of,
)
from livesim.config.settings import Optics
from livesim.reconstruction.estimate.attempts import Search, refined_from
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.estimate.grid import EstimationGrid, estimation_grid
from livesim.reconstruction.estimate.parameters import Parameters, at_origin
from livesim.reconstruction.estimate.refine import Refined
from livesim.reconstruction.estimate.spectra import prepare
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern, PatternAngle


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a value may be off and still be called right."""

    k_px: float = 0.1
    """Spectral pixels of the field; 2.5 times that in weak light or with a modulation below 0.3."""
    phase_deg: float = 10.0
    """Of the fringes, root mean square over an angle's frames and over the specimen; twice that
    there. Of a full field, 0.1 pixels of k are as much."""
    modulation: float = 0.1
    """Or 30 %, whichever is more; twice that there. With a wrong damping, which the
    modulation cannot be told from, a factor of three."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one angle."""

    case: Case
    angle: int
    usable: bool
    k_px: float
    phase_deg: float
    modulation: float
    """Found."""
    true_modulation: float
    peak_to_noise: float
    mcnr: float
    pairs: tuple[str, ...] = ()
    """Combinations of other true wave vectors that the found one is."""
    said: bool = False
    """Whether the pattern says how little is known of its modulation."""
    within_reach: bool = True
    """Whether the oracle has it right."""

    def faults(self, allowed: Tolerance) -> tuple[str, ...]:
        """Return what is not right of it."""
        weak = 1.0 if self.case.good else 2.0
        ratio = self.modulation / self.true_modulation
        if self.case.damping != self.case.believed:
            off = not 1.0 / 3.0 < ratio < 3.0
        else:
            limit = max(allowed.modulation, 0.3 * self.true_modulation)
            off = abs(self.modulation - self.true_modulation) > weak * limit
        wrong_k = self.k_px > (2.5 if weak > 1.0 else 1.0) * allowed.k_px
        wrong = {
            "k elsewhere": self.k_px > 1.5,
            "k": wrong_k and self.k_px <= 1.5,
            "phases": not self.k_px > 1.5 and self.phase_deg > weak * allowed.phase_deg,
            "modulation": not self.k_px > 1.5 and off,
        }
        return tuple(name for name, is_so in wrong.items() if is_so)

    @property
    def outcome(self) -> str:
        """right, refused, wrong, or said: usable with a modulation said not to be known."""
        if not self.usable:
            return "refused"
        faults = self.faults(Tolerance())
        if faults == ("modulation",) and self.said:
            return "said"
        return "wrong" if faults else "right"


def oracle(counts: torch.Tensor, true: Pattern, optics: Optics, layout: str) -> list[PatternAngle]:
    """Refine the true pattern of some counts; an angle that is not determined is not usable."""
    settings, offset = LAYOUTS[layout], CAMERA.offset
    grid = estimation_grid(true.shape, PIXEL_NM / 1000.0, Otf.theoretical(optics))
    with torch.inference_mode():
        spectra = prepare((counts.float() - offset) / CAMERA.gain, grid)
        search = Search.of(spectra, grid, settings)
        each = settings.vectors // settings.stack_shape[0]
        groups = range(settings.stack_shape[0])
        starts = [_parameters(true.angles[n * each : (n + 1) * each], grid) for n in groups]
        found = refined_from(search, starts, groups, grid)
    return [
        angle
        for group, start in enumerate(starts)
        for angle in _refined_angles(found[group], start, grid)
    ]


def _parameters(angles: Sequence[PatternAngle], grid: EstimationGrid) -> Parameters:
    k = torch.tensor([angle.k_cycles_per_um for angle in angles], dtype=torch.float64)
    phases = torch.tensor([angle.phases_rad for angle in angles], dtype=torch.float64)
    centre = torch.tensor(grid.centre_um, dtype=torch.float64)
    modulation = [m for angle in angles for m in angle.modulation]
    return Parameters(
        k=k,
        phases=phases + 2.0 * torch.pi * (k @ centre)[:, None],
        modulation=torch.tensor(modulation, dtype=torch.float64),
        intensity=torch.ones(phases.shape[1], dtype=torch.float64),
    )


def _refined_angles(
    found: Refined | None, start: Parameters, grid: EstimationGrid
) -> Iterator[PatternAngle]:
    at = at_origin(start if found is None else found.parameters, grid)
    modulation = at.modulation.view(len(at.k), -1)
    for k, phases, m in zip(at.k, at.phases, modulation, strict=True):
        sign = -1.0 if k[0] < 0.0 else 1.0
        yield PatternAngle(
            k_cycles_per_um=(float(sign * k[0]), float(sign * k[1])),
            phases_rad=tuple((sign * phases).tolist()),
            modulation=tuple(m.tolist()),
            usable=found is not None,
        )


def verdicts(case: Case) -> tuple[list[Verdict], float]:
    """Estimate the pattern of a case; return what became of its angles, and the seconds spent."""
    counts, true, density = counts_of(case)
    optics = OPTICS.model_copy(update={"otf_damping": case.believed})
    start = time.process_time()
    found = estimate_pattern(counts, optics, LAYOUTS[case.layout], CAMERA, PIXEL_NM)
    spent = time.process_time() - start
    known = [
        _verdict(case, n, one, true, density).outcome == "right"
        for n, one in enumerate(oracle(counts, true, optics, case.layout))
    ]
    return [
        replace(
            _verdict(case, n, one, true, density),
            said=_is_remarked(found.angles.index(one), found),
            within_reach=known[n],
        )
        for n, one in enumerate(_matched(found.angles, true))
    ], spent


def _is_remarked(number: int, found: Pattern) -> bool:
    return any(warning.startswith(f"angle {number}: the bands") for warning in found.warnings)


def _matched(found: Sequence[PatternAngle], true: Pattern) -> Sequence[PatternAngle]:
    """Return the found angles in the order of the true ones; those of a hexagon have none."""
    if true.layout != "hexagonal":
        return found

    def apart(order: Sequence[PatternAngle]) -> float:
        pairs = zip(order, true.angles, strict=True)
        return sum(min(_k_px(one, other, true)[0], 3.0) for one, other in pairs)

    return min(permutations(found), key=apart)


def _k_px(one: PatternAngle, other: PatternAngle, true: Pattern) -> tuple[float, float]:
    """Return how many spectral pixels two wave vectors are apart, and the sign to compare with."""
    length = np.array(true.shape[::-1]) * true.pixel_nm / 1000.0
    ours, theirs = np.array(one.k_cycles_per_um), np.array(other.k_cycles_per_um)
    each = [float(np.hypot(*((sign * ours - theirs) * length))) for sign in (1.0, -1.0)]
    return (each[0], 1.0) if each[0] <= each[1] else (each[1], -1.0)


def _verdict(
    case: Case,
    number: int,
    one: PatternAngle,
    true: Pattern,
    density: torch.Tensor,
) -> Verdict:
    other = true.angles[number]
    k_px, sign = _k_px(one, other, true)
    off = sign * np.array(one.k_cycles_per_um) - np.array(other.k_cycles_per_um)
    turn = sign * np.array(one.phases_rad) - np.array(other.phases_rad)
    worst = max(
        zip(one.modulation, other.modulation, strict=True),
        key=lambda pair: abs(math.log(max(pair[0], 1e-6) / pair[1])),
    )
    return Verdict(
        case=case,
        angle=number,
        usable=one.usable,
        k_px=k_px,
        phase_deg=_fringes_deg(turn, off * true.pixel_nm / 1000.0, density.numpy()),
        modulation=worst[0],
        true_modulation=worst[1],
        peak_to_noise=one.peak_to_noise,
        mcnr=one.mcnr,
        pairs=_combinations(one, number, true),
    )


def _fringes_deg(turns: np.ndarray, off: np.ndarray, density: np.ndarray) -> float:
    """Return how far fringes are off, root mean square over frames and over the specimen."""
    y, x = np.indices(density.shape)
    place = 2.0 * np.pi * (off[0] * x + off[1] * y)
    each = [(turn + place + np.pi) % (2.0 * np.pi) - np.pi for turn in turns]
    return float(np.rad2deg(np.sqrt(np.mean([np.average(e**2, weights=density) for e in each]))))


def _combinations(one: PatternAngle, number: int, true: Pattern) -> tuple[str, ...]:
    """Return which sums, differences and doubles of true wave vectors the found one is."""
    names = {}
    for i, a in enumerate(true.angles):
        names[f"2 k{i}"] = 2.0 * np.array(a.k_cycles_per_um)
        if i != number:
            names[f"k{i}"] = np.array(a.k_cycles_per_um)
        for j, b in enumerate(true.angles[:i]):
            names[f"k{i} + k{j}"] = np.add(a.k_cycles_per_um, b.k_cycles_per_um)
            names[f"k{i} - k{j}"] = np.subtract(a.k_cycles_per_um, b.k_cycles_per_um)
    found = []
    for name, k in names.items():
        sign = 1.0 if k[0] > 0 or (k[0] == 0 and k[1] > 0) else -1.0
        there = replace(one, k_cycles_per_um=(float(sign * k[0]), float(sign * k[1])))
        if _k_px(one, there, true)[0] < 1.0:
            found.append(name)
    return tuple(found)
