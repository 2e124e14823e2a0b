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
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

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
from bench.quality.estimate_verdicts import Tolerance, Verdict, verdicts
from bench.report import Row, by, report, show
from bench.rows import Rows
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.forward.model import camera_counts

_SIZE_WITHOUT = 128
"""Raw pixels of stacks without fringes at the most."""
LEAST_PHOTONS = 20.0
"""From here on nothing may be wrong in silence."""


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
