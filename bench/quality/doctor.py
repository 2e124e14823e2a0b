"""Count how often the doctor names a simulated fault rightly: `python -m bench.quality.doctor`.

Every kind of fault, and sound recordings of four layouts with phase errors, bleaching and movement.
With LIVESIM_DATA naming the folder of real recordings, these too.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import torch

from bench.quality.real import real_recordings
from bench.report import Row, report
from livesim.reconstruction.doctor.examine import examine, examine_stacks
from livesim.values.finding import Finding
from tests.support.faults import FAULTS, Case, Light, sound

PEAKS_OF_SOUND = (1000.0, 100.0, 20.0)
FAINT = (20.0, 10.0, 6.0)
FAINT_SIZE = 128
FAINT_FAULTS = ("rotated", "transposed", "swapped angles", "lost frame", "wrong counts")
SURE = 0.95


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="recordings of every fault")
    parser.add_argument("--first", type=int, default=1000, help="seed; thresholds were set on 0 on")
    parser.add_argument("--sound", type=int, default=134, help="sound ones at each light level")
    parser.add_argument("--peak", type=float, default=100.0, help="photons of the faulty ones")
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(1)
    light = Light(options.peak, options.size)
    seeds = range(options.first, options.first + options.seeds)
    rows = [_row(name, make, light, seeds) for name, make in FAULTS.items()]
    for peak in PEAKS_OF_SOUND:
        many = range(options.first, options.first + options.sound)
        rows.append(_row("none", sound, Light(peak, options.size), many))
    recordings = list(_recordings())
    faint = [_faint_row(peak, seeds) for peak in FAINT]
    report(
        "doctor",
        f"Faults named, frames of {options.size} x {options.size}: right means this one and no "
        "other, with its place and the mending line where there is one",
        rows,
        seeds=[seeds.start, seeds.stop],
        recordings=recordings,
        faint=faint,
    )
    for row in faint:
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    for recording in recordings:
        print(f"{recording['recording']}: {recording['said'] or 'no fault found'}")


def _row(name: str, make: Callable[[int, Light], Case], light: Light, seeds: range) -> Row:
    """Return how often a fault was named, what else was said, and how long it took."""
    right, said, spent, sureness = 0, Counter[str](), [], []
    for seed in seeds:
        case = make(seed, light)
        start = time.perf_counter()
        findings = examine(case.frames, case.settings, case.pixel_nm).findings
        spent.append(time.perf_counter() - start)
        right += case.is_named(findings)
        said[_names(findings)] += 1
        sureness += [one.sureness for one in findings if one.fault is case.fault]
        if not case.is_named(findings):
            print(f"{name}, seed {seed}, {light.peak:g} photons: {_sentences(findings)}")
    return {
        "fault": name,
        "photons": light.peak,
        "right": f"{right}/{len(seeds)}",
        "said": ", ".join(f"{what} {count}" for what, count in said.most_common()),
        "least sure": min(sureness, default=None),
        "s each": float(np.median(spent)),
    }


def _faint_row(peak: float, seeds: range) -> Row:
    """Return what becomes of the order's faults where the light hardly tells them."""
    light = Light(peak, FAINT_SIZE)
    cases = [FAULTS[name](seed, light) for name in FAINT_FAULTS for seed in seeds]
    said = [(case, examine(case.frames, case.settings, case.pixel_nm).findings) for case in cases]
    named = [(found[0].sureness, case.is_named(found)) for case, found in said if found]
    return {
        "photons": peak,
        "field": f"{FAINT_SIZE} x {FAINT_SIZE}",
        "faults": len(cases),
        "told": len(named),
        "right": sum(right for _, right in named),
        f"told with {SURE} or surer": sum(sureness >= SURE for sureness, _ in named),
        "right of these": sum(right for sureness, right in named if sureness >= SURE),
    }


def _names(findings: tuple[Finding, ...]) -> str:
    return " + ".join(sorted(finding.fault.value for finding in findings)) or "nothing"


def _sentences(findings: tuple[Finding, ...]) -> str:
    return "; ".join(f"{one.fault}: {one.words} ({one.sureness:.2f})" for one in findings)


def _recordings() -> Iterator[Row]:
    for path, settings, stacks in real_recordings():
        assert settings.optics.pixel_nm is not None
        seen = examine_stacks(stacks, settings, settings.optics.pixel_nm)
        yield {
            "recording": path.name,
            "said": _sentences(seen.findings),
            "untold": list(seen.undecided),
        }


if __name__ == "__main__":
    main()
