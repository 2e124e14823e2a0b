"""Errors of the estimated pattern against simulated truth: `python -m bench.accuracy`."""

from __future__ import annotations

import argparse

import numpy as np
import torch

from bench.report import Row, report
from livesim.reconstruction.estimation import estimate_pattern
from tests.scenes import pattern_errors, simulate

PEAKS = (1000.0, 100.0, 20.0, 5.0)
SIZES = (256, 512)


def row(size: int, peak: float, seeds: int) -> Row:
    """Return the errors over `seeds` stacks; k in pixels of the 256-pixel spectrum."""
    errors, usable, angles = [], 0, 0
    for seed in range(seeds):
        scene = simulate(seed, (size, size), peak)
        found = estimate_pattern(scene.counts, scene.optics, scene.settings, scene.camera, 80.0)
        angles += len(found.angles)
        each = pattern_errors(found.angles, scene.pattern)
        kept = [error for error, angle in zip(each, found.angles, strict=True) if angle.usable]
        usable += len(kept)
        errors += kept
    values = np.array(errors) * (256 / size, 1.0, 1.0) if errors else np.empty((0, 3))
    middle = np.median(values, axis=0).tolist() if errors else [None] * 3
    worst = values.max(axis=0).tolist() if errors else [None] * 3
    return {
        "field": f"{size} x {size}",
        "peak photons": peak,
        "usable": f"{usable}/{angles}",
        "k px": middle[0],
        "k px worst": worst[0],
        "phase deg": middle[1],
        "phase deg worst": worst[1],
        "modulation": middle[2],
        "modulation worst": worst[2],
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="stacks per row; 512 gets half")
    options = parser.parse_args()
    torch.set_num_threads(2)
    table = [
        row(size, peak, max(options.seeds * 256 // size, 1)) for size in SIZES for peak in PEAKS
    ]
    report(
        "accuracy",
        "Pattern of one 3 x 3 stack, no prior: median and worst angle; k in 1/256 of the spectrum, "
        "phases rms of the frames at the field's centre",
        table,
        seeds=options.seeds,
    )


if __name__ == "__main__":
    main()
