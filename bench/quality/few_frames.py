"""Measure what fewer raw frames cost and give: `python -m bench.quality.few_frames`.

Fields of objects that no training saw are reconstructed from all nine frames, from six (two phases
an angle) and from three (one phase an angle, each another). Every frame gets the same light, so
fewer frames are less light as well. Then the objects move to the right, by some nm from frame to
frame; what counts is where they were in the middle of the raw stack.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import product

import numpy as np
import torch

from bench.quality.arbitration import scene
from bench.quality.networks import READ_NOISE
from bench.report import RESULTS, Row, report, show
from bench.rows import Rows
from livesim.config.settings import Camera, Reconstruction
from livesim.reconstruction.few_frames import of_frames
from livesim.reconstruction.forward.projection import Projection
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim_models.data.sample import simulated_sample
from livesim_models.data.scene import Scene
from livesim_models.data.truth import passed
from livesim_models.evaluation.doubled import doubled
from livesim_models.evaluation.similarity import similarity

KEPT = {9: tuple(range(9)), 6: (0, 1, 3, 4, 6, 7), 3: (0, 4, 8)}
"""Frames of the raw stack, as ML-SIM keeps them."""
KINDS = ("filaments", "network", "siemens_star", "camera")
PHOTONS = (20.0, 100.0, 1000.0)
SPEEDS = (0, 1, 2, 4)
"""Pixels of the doubled grid from frame to frame."""
MOVING_PHOTONS = 100.0


def moved(own: Scene, speed: int, frames: tuple[int, ...]) -> Scene:
    """Return a scene whose object moves while these frames are taken one after the other."""
    if own.truth is None:
        raise ValueError(f"expected a scene with its truth, found a measured one: {own.recording}")
    there = own.truth.float().clamp(min=0.0)
    project = Projection(own.pattern, Otf.theoretical(own.optics))
    lit = project.frames(there).clone()
    for place, frame in enumerate(frames):
        lit[frame] = project.frames(there.roll(speed * place, 1))[frame]
    middle = there.roll(round(speed * (len(frames) - 1) / 2), 1)
    truth = passed(middle, own.pattern, own.optics)
    return replace(own, frames=lit.reshape(own.frames.shape), truth=truth)


def _measure(own: Scene, case: Row, kept: Rows) -> None:
    """Add the rows of a field in one light, unless they are there."""
    if kept.has(**case):
        return
    for row in rows(own, case["photons"], case["speed"], case["field"]):
        kept.add(case | row)


def rows(own: Scene, photons: float, speed: int | None, seed: int) -> list[Row]:
    """Return what is made of each number of frames, and the widefield of nine; None = at rest."""
    found = []
    for count, frames in KEPT.items():
        going = own if speed is None else moved(own, speed, frames)
        sample = simulated_sample(going, photons, READ_NOISE, torch.Generator().manual_seed(seed))
        reconstruct = prepared(sample.pattern, own, frames)
        start = time.perf_counter()
        made = reconstruct(sample.low[None, list(frames)])
        seconds = time.perf_counter() - start
        images = {f"{count} frames": made.image[0]}
        if count == len(KEPT[9]):
            images["widefield"] = torch.from_numpy(doubled(made.widefield[0].numpy()))
        truth = sample.target.double().numpy()
        for name, image in images.items():
            score = similarity(image.double().numpy(), truth)
            found.append({"frames": name, "psnr": score.psnr_db, "ssim": score.ssim, "s": seconds})
    return found


def prepared(pattern: Pattern, own: Scene, frames: tuple[int, ...]) -> Reconstructor:
    """Return what makes images of some frames of a scene's raw stack."""
    otf = Otf.theoretical(own.optics)
    plan = make_plan(of_frames(pattern, frames), otf, Camera(), Reconstruction())
    return Reconstructor(plan)


def summary(found: list[Row], key: str) -> list[Row]:
    """Return a row a number of frames, and a column of the mean PSNR for each value of `key`."""
    values = sorted({row[key] for row in found})
    return [
        {"frames": name}
        | {f"{value:g}": _mean(found, "psnr", frames=name, **{key: value}) for value in values}
        | {f"SSIM {value:g}": _mean(found, "ssim", frames=name, **{key: value}) for value in values}
        for name in dict.fromkeys(row["frames"] for row in found)
    ]


def _mean(found: list[Row], score: str, **key: object) -> float:
    return float(np.mean([row[score] for row in found if key.items() <= row.items()]))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=1, help="of every kind")
    parser.add_argument("--size", type=int, default=96, help="raw pixels, both sides")
    parser.add_argument("--seed", type=int, default=91, help="of the scenes")
    parser.add_argument("--only-report", action="store_true", help="measure nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = Rows(RESULTS / "few_frames.jsonl")
    fields = () if options.only_report else product(KINDS, range(options.fields))
    for kind, number in fields:
        own = scene(kind, 2 * number, options.size, options.seed)
        field: Row = {"object": kind, "field": number, "size": options.size, "seed": options.seed}
        for photons in PHOTONS:
            _measure(own, field | {"photons": photons, "speed": None}, kept)
        for speed in SPEEDS:
            _measure(own, field | {"photons": MOVING_PHOTONS, "speed": speed}, kept)
    found = kept.read()
    still = [row for row in found if row["speed"] is None]
    moving = [row for row in found if row["speed"] is not None]
    show("Objects that move, PSNR in dB", summary(moving, "speed"))
    report(
        "few_frames",
        "Fewer frames, PSNR in dB against the ideal image",
        summary(still, "photons"),
        moving=summary(moving, "speed"),
        fields=len({(row["object"], row["field"]) for row in found}),
        size=options.size,
        seed=options.seed,
    )


if __name__ == "__main__":
    main()
