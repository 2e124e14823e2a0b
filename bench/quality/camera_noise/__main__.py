"""Hold the measured noise of cameras against the true one: `python -m bench.quality.camera_noise`.

Every recording has its own camera, optics, pixels, specimen, light and field; no threshold of the
measurement was set on them. With LIVESIM_DATA naming the folder of real recordings, these too, as
they are and changed by what programs do to frames before they are saved.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray

from bench.quality.camera_noise.changed import LARGEST_CHANGED, changed_rows, real_sample, sample_of
from bench.quality.camera_noise.figures import figures
from bench.quality.camera_noise.real import recording_row, recordings
from bench.quality.camera_noise.simulated import compared, recorded
from bench.quality.camera_noise.wrong_settings import planted_rows
from bench.report import Row, by, report, show
from livesim.reconstruction.noise_model import believed_noise, settings_noise

GOOD = 0.1


def simulated(seeds: range) -> list[Row]:
    """Return for every recording what was believed of its noise."""
    rows: list[Row] = []
    for seed in seeds:
        one = recorded(seed)
        cutoff = one.optics.cutoff_cycles_per_um
        model = believed_noise(one.frames, one.camera, one.pixel_um, cutoff)
        middle, worst = compared(model, one, one.camera)
        blind, _ = compared(settings_noise(one.camera), one, one.camera)
        rows.append(
            {
                "seed": seed,
                "camera": one.kind,
                "specimen": one.specimen,
                "light": one.light,
                "size": one.frames.shape[-1],
                "cutoff": cutoff * one.pixel_um,
                "measured": model.measured,
                "correlated": model.refusal is not None,
                "ratio": middle,
                "worst": worst,
                "settings": blind,
                "words": model.words,
            }
        )
    return rows


def summary(rows: list[Row]) -> Row:
    """Return shares and medians of some recordings."""
    told = [row for row in rows if row["measured"]]
    ratios, worst, blind = (
        np.array([row[name] for row in told]) for name in ("ratio", "worst", "settings")
    )
    return {
        "recordings": len(rows),
        "measured": len(told),
        "called correlated": sum(row["correlated"] for row in rows),
        "median ratio": float(np.median(ratios)) if told else None,
        "within 10 %": _share(np.abs(ratios - 1.0) < GOOD),
        "within 20 %": _share(np.abs(ratios - 1.0) < 2.0 * GOOD),
        "darkest or brightest within 20 %": _share(np.abs(worst - 1.0) < 2.0 * GOOD),
        "least": float(ratios.min()) if told else None,
        "most": float(ratios.max()) if told else None,
        "true settings within 10 %": _share(np.abs(blind - 1.0) < GOOD),
    }


def _share(good: NDArray[np.bool_]) -> str:
    return f"{int(good.sum())}/{len(good)}"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=100, help="simulated ones")
    parser.add_argument("--changed", type=int, default=12, help="of them that are changed too")
    parser.add_argument("--planted", type=int, default=20, help="of them with wrong settings")
    parser.add_argument("--figures", type=int, default=5, help="recordings of every camera")
    parser.add_argument("--first", type=int, default=9000, help="seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = options.first
    rows = simulated(range(start, start + options.recordings))
    real = list(recordings())
    chosen = [row["seed"] for row in rows if row["size"] <= LARGEST_CHANGED][: options.changed]
    samples = [sample_of(recorded(seed), seed) for seed in chosen]
    show("simulated", [summary(rows)])
    parts = {
        "all": [summary(rows)],
        "cameras": by(rows, "camera", summary),
        "lights": by(rows, "light", summary),
        "sizes": by(rows, "size", summary),
        "changed": changed_rows(samples),
        "changed_recordings": changed_rows([real_sample(*one) for one in real]) if real else [],
        "planted": planted_rows(range(start, start + options.planted)),
        "recordings": [recording_row(*one) for one in real],
        "figures": figures(range(start, start + options.figures)),
    }
    for name, part in parts.items():
        if part:
            show(name, part)
    report("camera_noise", "Believed over true variance", rows, **parts)


if __name__ == "__main__":
    main()
