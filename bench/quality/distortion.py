"""Hold what `livesim evaluate` says against known faults: `python -m bench.quality.distortion`.

Thirty filaments; then one of them moves, goes or comes, or all move, in an image without any noise.
Beside them stand the plain reconstruction, the same smoothed, and the truth.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from bench.report import Row, report
from livesim.config.settings import PatternSettings, Reconstruction
from livesim.reconstruction.forward.model import camera_counts, expected_photons
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim_acquisition.specimens.filaments import Filaments
from livesim_models.evaluation.reference import reference
from livesim_models.evaluation.residual import Instrument
from livesim_models.evaluation.table import Known, measure
from tests.support.scenes import BACKGROUND, CAMERA, OPTICS, random_pattern

SHAPE = (256, 256)
FINE_NM = 40.0
METRICS = {
    "psnr_db": "PSNR dB",
    "ssim": "SSIM",
    "distortion_nm": "distortion nm",
    "moved": "moved %",
    "invented": "invented %",
    "lost": "lost %",
    "residual_sigmas": "residual sigmas",
    "denied": "denied %",
}


@dataclass(frozen=True, eq=False)
class Taken:
    """Filaments, and a raw stack of them."""

    others: Tensor
    one: Tensor
    scale: float
    pattern: Pattern
    otf: Otf
    counts: Tensor

    def image(self, specimen: Tensor) -> np.ndarray:
        return reference((specimen * self.scale).numpy(), self.pattern, self.otf)


def filaments(seed: int, count: int) -> Tensor:
    """Return filaments on the doubled grid, as many as are asked for."""
    drawn = Filaments((2 * SHAPE[0], 2 * SHAPE[1]), FINE_NM, count=count, seed=seed)
    return torch.from_numpy(drawn.density()).double()


def taken(peak: float, seed: int) -> Taken:
    """Return a raw stack whose brightest pixel expects `peak` photo-electrons."""
    otf, pattern = Otf.theoretical(OPTICS), random_pattern(seed, SHAPE, PatternSettings())
    others, one = filaments(seed, 29), filaments(seed + 1000, 1)
    light = expected_photons(others + one, pattern, otf)
    scale = peak / float(light.max())
    generator = torch.Generator().manual_seed(seed)
    counts = camera_counts(light * scale + BACKGROUND * peak, CAMERA, generator)
    return Taken(others, one, scale, pattern, otf, counts)


def images(scene: Taken, seed: int) -> dict[str, np.ndarray]:
    """Return right and wrong images of a scene."""
    plan = make_plan(scene.pattern, scene.otf, CAMERA, Reconstruction())
    plain = Reconstructor(plan)(scene.counts[None]).image[0].numpy()
    truth = scene.image(scene.others + scene.one)
    return {
        "truth": truth,
        "truth, blurred by 40 nm": gaussian_filter(truth, 1.0),
        "one filament moved by 113 nm": scene.image(
            scene.others + torch.roll(scene.one, (2, 2), (0, 1))
        ),
        "one filament removed": scene.image(scene.others),
        "one filament invented": scene.image(scene.others + scene.one + filaments(seed + 2000, 1)),
        "all moved by 40 nm": np.roll(truth, 1, axis=1),
        "all moved by 80 nm": np.roll(truth, 2, axis=1),
        "plain reconstruction": plain,
        "plain, blurred by 60 nm": gaussian_filter(plain, 1.5),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peak", type=float, default=20.0, help="photo-electrons")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(options.seeds):
        scene = taken(options.peak, seed)
        instrument = Instrument(scene.pattern, scene.otf, CAMERA)
        every = images(scene, seed)
        known = Known(FINE_NM, every["truth"], counts=scene.counts, instrument=instrument)
        for name, image in every.items():
            row = measure(str(seed), name, image, known)
            found.setdefault(name, []).append({m: getattr(row, m) for m in METRICS})
    rows: list[Row] = [{"method": name, **_means(values)} for name, values in found.items()]
    title = f"{options.peak:g} photons, 30 filaments, mean of {options.seeds} stacks"
    report(f"distortion_{options.peak:g}", title, rows, seeds=options.seeds, peak=options.peak)


def _means(values: list[dict[str, float]]) -> Row:
    means: Row = {}
    for metric, name in METRICS.items():
        mean = float(np.mean([one[metric] for one in values]))
        shown = 100.0 * mean if name.endswith("%") else mean
        means[name] = shown if np.isfinite(mean) else None  # the PSNR of the truth itself
    return means


if __name__ == "__main__":
    main()
