"""Count angles that are right, refused, wrong in silence: `python -m bench.quality.estimates`.

Every stack has its own specimen, layout, field, light, phases, modulation and OTF. An angle is
right if its wave vector, its phases and its modulation all are, within `Tolerance`; one that is
called usable and is not right is wrong in silence, which is what must not happen. Where wave vector
and phases are right and the pattern says that the modulation is hardly known, which it is not, that
counts as said. The oracle is the same refinement begun at the true pattern: what it makes wrong no
search could mend.

A table of many stacks may be made in parts, each in a process of its own, one after another:
`--part 1/4 --kept verdicts.jsonl`, then `--part 2/4` and so on; what is printed is of all parts.
What is kept is not measured again, and `--stacks 0` prints it.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np
import torch

from bench.quality.estimate_cases import (
    CAMERA,
    FEW,
    LAYOUTS,
    OPTICS,
    PIXEL_NM,
    USUAL,
    Case,
    cases,
    counts_of,
)
from bench.report import Row, by, report, show
from bench.rows import Rows
from livesim.config.settings import Optics
from livesim.reconstruction.estimate.attempts import Search, refined_from
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.estimate.grid import EstimationGrid, estimation_grid
from livesim.reconstruction.estimate.parameters import Parameters, at_origin
from livesim.reconstruction.estimate.refine import Refined
from livesim.reconstruction.estimate.spectra import prepare
from livesim.reconstruction.forward.model import camera_counts
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern, PatternAngle

_SIZE_WITHOUT = 128
"""Raw pixels of stacks without fringes at the most."""
LEAST_PHOTONS = 20.0
"""From here on nothing may be wrong in silence."""


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


def summary(angles: Sequence[Verdict]) -> Row:
    """Return the shares of some angles."""
    found = Counter(one.outcome for one in angles)
    good = [one for one in angles if one.case.good]
    kept = sum(one.outcome == "right" for one in good)
    return {
        "angles": len(angles),
        "right %": 100.0 * found["right"] / max(len(angles), 1),
        "refused %": 100.0 * found["refused"] / max(len(angles), 1),
        "modulation said not to be known %": 100.0 * found["said"] / max(len(angles), 1),
        "wrong and usable": found["wrong"],
        "wrong %": 100.0 * found["wrong"] / max(len(angles), 1),
        "right of the good %": 100.0 * kept / len(good) if good else None,
        "oracle %": 100.0 * sum(one.within_reach for one in good) / len(good) if good else None,
    }


def table(angles: Sequence[Verdict], name: str, of: Callable[[Case], object]) -> list[Row]:
    """Return one row for every value of a property of the cases."""
    return by(angles, name, summary, lambda one: of(one.case))


PROPERTIES: dict[str, Callable[[Case], object]] = {
    "photons": lambda case: case.photons,
    "specimen": lambda case: case.kind,
    "layout": lambda case: case.layout,
    "field": lambda case: case.size,
    "modulation": lambda case: case.modulation,
    "phases off by": lambda case: case.uneven_deg,
    "damping": lambda case: "wrong" if case.damping != case.believed else "right",
    "bleached": lambda case: "by half" if case.bleached else "no",
}


def wrong_ones(angles: Sequence[Verdict]) -> list[Row]:
    """Return what is wrong of the angles that are wrong in silence."""
    return [
        {
            "case": one.case.number,
            "of": f"{one.case.kind}, {one.case.layout}, {one.case.size}",
            "light": f"{one.case.photons:g} ph, m {one.case.modulation:g}",
            "with": f"±{one.case.uneven_deg:g}°, {one.case.damping:g}/{one.case.believed:g}"
            + (", bleached" if one.case.bleached else ""),
            "fault": ", ".join((*one.faults(Tolerance()), *one.pairs)),
            "k px": one.k_px,
            "phase": one.phase_deg,
            "m (true)": f"{one.modulation:.2f} ({one.true_modulation:.2f})",
            "peak": one.peak_to_noise,
            "mcnr": one.mcnr,
        }
        for one in angles
        if one.outcome == "wrong"
    ]


def kept_in(rows: Rows) -> list[Verdict]:
    """Return the verdicts of earlier parts."""
    return [
        Verdict(**{**one, "case": Case(**one["case"]), "pairs": tuple(one["pairs"])})
        for one in rows.read()
    ]


def _part(text: str) -> tuple[int, int]:
    number, count = map(int, text.split("/"))
    if not 1 <= number <= count:
        raise ValueError(f"expected a part of 1 to {count}, found {number}")
    return number - 1, count


def false_alarms(stacks: int, seed: int) -> list[Row]:
    """Return how many angles are called usable where there are no fringes at all."""
    counted: dict[str, list[bool]] = {"noise alone": [], "specimens in even light": []}
    for case in cases(stacks, seed):
        own = replace(case, size=min(case.size, _SIZE_WITHOUT), modulation=0.0)
        counts = counts_of(own)[0]
        even = torch.full(counts.shape, own.photons)
        noise = camera_counts(even, CAMERA, torch.Generator().manual_seed(own.seed))
        for name, one in zip(counted, (noise, counts), strict=True):
            found = estimate_pattern(one, OPTICS, LAYOUTS[own.layout], CAMERA, PIXEL_NM)
            counted[name] += [angle.usable for angle in found.angles]
    return [
        {"of": name, "stacks": stacks, "angles": len(each), "usable": sum(each)}
        for name, each in counted.items()
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hot", type=int, default=0, help="stuck pixels in every stack")
    parser.add_argument(
        "--most", type=int, default=512, help="raw pixels; larger fields are left out"
    )
    parser.add_argument("--part", type=_part, default=(0, 1), help="as 1/4: every fourth stack")
    parser.add_argument("--kept", type=Path, help="file with the verdicts of earlier parts")
    parser.add_argument("--few", action="store_true", help="two to four filaments a field")
    parser.add_argument("--name", default="estimates", help="of the file of results")
    parser.add_argument("--no-fringes", type=int, help="so many stacks without any, instead")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.no_fringes:
        rows = false_alarms(options.no_fringes, options.seed)
        report("estimates_no_fringes", "Angles called usable without fringes", rows)
        return
    kept = Rows(options.kept) if options.kept else None
    angles = kept_in(kept) if kept else []
    done = {one.case.number for one in angles}
    spent = 0.0
    first, parts = options.part
    for case in _cases(options)[first::parts]:
        if case.size <= options.most and case.number not in done:
            found, seconds = verdicts(case)
            angles, spent = angles + found, spent + seconds
            if kept is not None:
                for one in found:
                    kept.add(asdict(one))
    print(f"estimates of this part: {spent:.1f} s of processor time")
    write(angles, options)


def _cases(options: argparse.Namespace) -> list[Case]:
    return cases(options.stacks, options.seed, options.hot, FEW if options.few else USUAL)


def write(angles: Sequence[Verdict], options: argparse.Namespace) -> None:
    """Print the tables and keep them."""
    rows = {name: table(angles, name, of) for name, of in PROPERTIES.items()}
    for name, lines in rows.items():
        show(f"By {name}", lines)
    wrong = wrong_ones(angles)
    if wrong:
        show("Wrong and called usable", wrong)
    report(
        options.name,
        "Angles of simulated stacks that are right, refused, and wrong but called usable",
        [{"of": "all", **summary(angles)}, *table(angles, "of", _light)],
        by=rows,
        wrong=wrong,
        stacks=len({one.case.number for one in angles}),
        seed=options.seed,
        hot=options.hot,
    )


def _light(case: Case) -> str:
    return "20 photons and more" if case.photons >= LEAST_PHOTONS else "5 photons"


if __name__ == "__main__":
    main()
