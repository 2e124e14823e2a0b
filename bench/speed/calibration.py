"""Time what a calibration does beside the pattern: `python -m bench.speed.calibration`.

The search of defects and the fit of the OTF, against the estimate of the pattern alone, in turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from statistics import median

import torch

from bench.report import Row, report
from livesim.pipeline.calibration import mean_photons
from livesim.reconstruction.defects.search import without_defects
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.otf_damping.estimate import with_otf_damping
from tests.support.scenes import simulate

SIZES = (128, 256, 512)
STACKS = (1, 4, 16)
PIXEL_NM = 80.0


def steps(size: int, stacks: int) -> dict[str, Callable[[], object]]:
    """Return the steps of a calibration from raw stacks of so many pixels on a side."""
    scene = simulate(0, (size, size), times=stacks)
    optics = scene.optics.model_copy(update={"otf_damping": "auto"})
    camera = scene.camera
    estimate = partial(estimate_pattern, scene.counts, optics, scene.settings, camera, PIXEL_NM)
    found = estimate()

    def otf() -> object:
        photons = mean_photons(scene.counts, camera).flatten(0, 1)
        return with_otf_damping(found, photons, stacks, optics)

    return {
        "pattern": estimate,
        "defects": partial(without_defects, scene.counts, optics, camera, PIXEL_NM),
        "OTF": otf,
    }


def row(size: int, stacks: int, rounds: int) -> Row:
    """Return CPU times in ms, medians over rounds in turn, and the whole over the pattern's."""
    spent: dict[str, list[float]] = {}
    every = steps(size, stacks)
    for _ in range(rounds + 1):  # the first one warms up
        for name, step in every.items():
            start = time.process_time()
            step()
            spent.setdefault(name, []).append(1000.0 * (time.process_time() - start))
    middle = {name: median(times[1:]) for name, times in spent.items()}
    line: Row = {"field": f"{size} x {size}", "stacks": stacks}
    line |= {f"{name}, ms": found for name, found in middle.items()}
    line["whole / pattern"] = sum(middle.values()) / middle["pattern"]
    return line


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--stacks", type=int, nargs="*", default=STACKS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row(*case, options.rounds) for case in product(options.sizes, options.stacks)]
    report("calibration", "CPU time of a calibration, one thread", rows)


if __name__ == "__main__":
    main()
