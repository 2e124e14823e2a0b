"""Measure the errors of the estimated pattern: `python -m bench.quality.accuracy`."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from bench import IMAGES
from bench.quality.bounds import bound
from bench.report import Row, report
from livesim.reconstruction.estimate.estimation import estimate_pattern
from tests.support.scenes import pattern_errors, simulate

PEAKS = (1000.0, 100.0, 20.0, 5.0)
SIZES = (256, 512)
PICTURE = IMAGES / "time-lapse-accuracy.png"
TIMES = (1, 2, 4, 8, 16, 32, 64)


def errors(
    size: int, peak: float, seeds: int, *, times: int = 1, phase_error_deg: float = 0.0
) -> tuple[np.ndarray, int]:
    """Return the errors of the usable angles, [angle, (k px, phase deg, m)], and of how many."""
    found: list[tuple[float, float, float]] = []
    angles = 0
    for seed in range(seeds):
        scene = simulate(seed, (size, size), peak, times=times, phase_error_deg=phase_error_deg)
        pattern = estimate_pattern(scene.counts, scene.optics, scene.settings, scene.camera, 80.0)
        each = pattern_errors(pattern.angles, scene.pattern)
        found += [e for e, angle in zip(each, pattern.angles, strict=True) if angle.usable]
        angles += len(each)
    return np.array(found).reshape(-1, 3), angles


def row(size: int, peak: float, seeds: int, **more: float) -> Row:
    """Return the errors over `seeds` stacks; k in pixels of the field's own spectrum."""
    values, angles = errors(size, peak, seeds, **more)  # type: ignore[arg-type]
    middle = np.median(values, axis=0).tolist() if len(values) else [None] * 3
    rms = np.sqrt(np.mean(values**2, axis=0)).tolist() if len(values) else [None] * 3
    return {
        "field": f"{size} x {size}",
        "peak photons": peak,
        "usable": f"{len(values)}/{angles}",
        "k px": middle[0],
        "k rms": rms[0],
        "phase deg": middle[1],
        "phase rms": rms[1],
        "modulation": middle[2],
        "modulation rms": rms[2],
    }


def with_bounds(line: Row, size: int, peak: float) -> Row:
    """Add the least rms errors possible, object unknown and known, from a field of 256 or less."""
    scene = simulate(0, (128, 128), peak)
    share = 128 / size
    for name, known in (("bound", False), ("bound, object known", True)):
        least = bound(scene, object_known=known)
        values = (least.k_px * share, least.phase_deg * share, least.modulation * share)
        line[name] = " / ".join(f"{value:.2g}" for value in values)
    return line


def curve(peak: float, seeds: int) -> list[Row]:
    """Return the rms errors of estimates from more and more stacks of a resting object."""
    lines = []
    for times in TIMES:
        values, angles = errors(256, peak, seeds, times=times)
        k, phase, modulation = np.sqrt(np.mean(values**2, axis=0)) if len(values) else [np.nan] * 3
        lines.append(
            {
                "stacks": times,
                "usable": f"{len(values)}/{angles}",
                "k px": float(k),
                "phase deg": float(phase),
                "modulation": float(modulation),
            }
        )
    return lines


def draw(curves: dict[float, list[Row]], path: Path) -> None:
    """Draw error against the number of stacks, with a line falling as its root."""
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    for panel, key in zip(panels, ("k px", "phase deg", "modulation"), strict=True):
        for peak, lines in curves.items():
            panel.loglog(TIMES, [line[key] for line in lines], "o-", label=f"{peak:g} photons")
        first = max(lines[0][key] for lines in curves.values())
        panel.loglog(TIMES, [first / time**0.5 for time in TIMES], "k:", label="1/√T")
        panel.set(title=f"{key}, rms", xlabel="raw stacks T")
    panels[0].legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="stacks per row; 512 gets half")
    options = parser.parse_args()
    torch.set_num_threads(2)
    table = [
        with_bounds(row(size, peak, max(options.seeds * 256 // size, 1)), size, peak)
        for size in SIZES
        for peak in PEAKS
    ]
    uneven = row(256, 1000.0, options.seeds, phase_error_deg=10.0)
    curves = {peak: curve(peak, max(options.seeds // 2, 1)) for peak in (100.0, 5.0)}
    draw(curves, PICTURE)
    report(
        "accuracy",
        "Pattern of one 3 x 3 stack, no prior: median and rms over the angles; k in pixels of the "
        "field's spectrum, phases rms of the frames at the field's centre; bounds k / phase / m",
        table,
        seeds=options.seeds,
        uneven_phases=uneven,
        time_lapse={f"{peak:g} photons": lines for peak, lines in curves.items()},
    )
    print("phases off by up to 10 deg:", uneven)
    for peak, lines in curves.items():
        print(f"{peak:g} photons, {lines}")


if __name__ == "__main__":
    main()
