"""Hold both steps against the plain reconstruction: `python -m bench.quality.networks`.

Scenes of the kind that the shipped networks were trained on, from seeds that training never saw,
and three structures that it never saw at all. The plain reconstruction has the Wiener parameter
that is best for all images of a light level together.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim.config.settings import Camera, Reconstruction
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Levels
from livesim_models.checkpoint import read_model
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import Sample, simulated_sample
from livesim_models.data.scene import Scene
from livesim_models.evaluation.distortion import distortion
from livesim_models.evaluation.similarity import similarity
from livesim_models.field import FieldRunner
from livesim_models.shipped import model_file
from livesim_models.steps import StepOne, StepTwo

PHOTONS = (5.0, 20.0, 100.0, 1000.0)
"""At the brightest pixel of the widefield image."""
WIENER = (0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.8)
READ_NOISE = 1.5
KNOWN = ("filaments", "network", "mitochondria", "vesicles", "beads")
UNKNOWN = ("siemens_star", "line_pairs")
"""Never in a training."""

Scores = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The networks under test."""

    one: StepOne
    two: StepTwo

    def images(self, sample: Sample) -> Iterator[tuple[str, Tensor]]:
        """Yield (stage, image [2 y, 2 x]) of every stage that has networks."""
        levels = Levels(*sample.levels.tolist())
        reconstruct = Reconstructor(sample.plan)
        plain = reconstruct(sample.low[None]).image
        yield "plain, automatic Wiener", plain[0]
        frames = self.one(sample.low[None], sample.read_noise)
        between = reconstruct(frames).image
        yield "step one", between[0]
        yield "step two alone", self.two(plain, levels)[0]
        yield "step one and two", self.two(between, levels)[0]


def plain_images(scene: Scene, sample: Sample) -> Iterator[tuple[str, Tensor]]:
    """Yield (stage, image) of the plain reconstruction with every Wiener parameter."""
    otf = Otf.theoretical(scene.optics)
    for wiener in WIENER:
        plan = make_plan(scene.pattern, otf, Camera(), Reconstruction(wiener=wiener))
        yield f"plain {wiener:g}", Reconstructor(plan)(sample.low[None]).image[0]


def scores(image: Tensor, sample: Sample, pixel_nm: float | None) -> Scores:
    """Return how like the truth an image is; with `pixel_nm` also how far structures moved."""
    found, expected = image.double().numpy(), sample.target.double().numpy()
    like = similarity(found, expected)
    moved = math.nan if pixel_nm is None else distortion(found, expected, pixel_nm).score_nm
    return {"psnr": like.psnr_db, "ssim": like.ssim, "moved nm": moved}


def measure(
    steps: Steps, structure: str, photons: float, fields: int, seed: int
) -> list[dict[str, Scores]]:
    """Return the scores of every stage for each field."""
    rows = []
    for number in range(fields):
        scene = simulated_scene(ScenesRecipe(seed=seed), "test", number, structure)
        generator = torch.Generator().manual_seed(number)
        sample = simulated_sample(scene, photons, READ_NOISE, generator)
        pixel_nm = scene.pattern.pixel_nm / 2.0
        row = {stage: scores(one, sample, pixel_nm) for stage, one in steps.images(sample)}
        row |= {stage: scores(one, sample, None) for stage, one in plain_images(scene, sample)}
        rows.append(row)
    return rows


def mean(rows: list[dict[str, Scores]], stage: str, key: str) -> float:
    """Return the mean score of a stage."""
    return float(np.mean([row[stage][key] for row in rows]))


def best_wiener(rows: list[dict[str, Scores]]) -> str:
    """Return the plain stage with the highest mean PSNR."""
    return max((f"plain {w:g}" for w in WIENER), key=lambda stage: mean(rows, stage, "psnr"))


def table(found: dict[str, list[dict[str, Scores]]], photons: float) -> list[Row]:
    """Return one row a stage for the structures of training, and the gains of each structure."""
    together = [row for name in found if name in KNOWN for row in found[name]]
    best = best_wiener(together)
    rows: list[Row] = []
    stages = (best, "plain, automatic Wiener", "step one", "step two alone", "step one and two")
    for stage in stages:
        row: Row = {"photons": photons, "stage": f"best {stage}" if stage == best else stage}
        row |= {f"{key} all": mean(together, stage, key) for key in ("psnr", "ssim")}
        row["moved nm all"] = None if stage == best else mean(together, stage, "moved nm")
        for name, own in found.items():
            row |= {
                f"psnr {name}": mean(own, stage, "psnr"),
                f"ssim {name}": mean(own, stage, "ssim"),
            }
        rows.append(row)
    return rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", default="pair")
    parser.add_argument("--two", default="pair")
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the scenes")
    parser.add_argument("--photons", type=float, nargs="*", default=PHOTONS)
    parser.add_argument("--structures", nargs="*", default=[*KNOWN, *UNKNOWN])
    options = parser.parse_args()
    torch.set_num_threads(1)
    one, two = (
        FieldRunner(read_model(model_file(name, step)).network)
        for name, step in ((options.one, "one"), (options.two, "two"))
    )
    steps = Steps(StepOne(one), StepTwo(two))
    rows, gains = [], []
    for photons in options.photons:
        found = {
            name: measure(steps, name, photons, options.fields, options.seed)
            for name in options.structures
        }
        level = table(found, photons)
        rows += level
        names = ["all", *options.structures]
        gains += [_gain(level, name, photons) | _worst(found, name) for name in names]
    shown = [
        {k: v for k, v in row.items() if k.endswith(("photons", "stage", "all"))} for row in rows
    ]
    end = "" if options.seed == 1 else f"_seed_{options.seed}"
    report(
        f"networks_stages{end}", "Mean over the structures of training", shown, rows_in_full=rows
    )
    report(
        f"networks{end}",
        "Gain of steps one and two over the plain reconstruction with its best Wiener parameter",
        gains,
        fields=options.fields,
        seed=options.seed,
        models=[str(Path(options.one).name), str(Path(options.two).name)],
    )


def _gain(level: list[Row], name: str, photons: float) -> Row:
    plain, one, both = level[0], level[2], level[-1]
    return {
        "photons": photons,
        "structure": name,
        "psnr plain dB": plain[f"psnr {name}"],
        "psnr gain dB": both[f"psnr {name}"] - plain[f"psnr {name}"],
        "ssim plain": plain[f"ssim {name}"],
        "ssim gain": both[f"ssim {name}"] - plain[f"ssim {name}"],
        "ssim of step two": both[f"ssim {name}"] - one[f"ssim {name}"],
    }


def _worst(found: dict[str, list[dict[str, Scores]]], name: str) -> Row:
    """Return the least gain of any single field, over the best Wiener parameter of the level."""
    best = best_wiener([row for own in found if own in KNOWN for row in found[own]])
    names = [one for one in found if one in KNOWN] if name == "all" else [name]
    rows = [row for one in names for row in found[one]]
    both = "step one and two"
    return {"least of a field dB": min(row[both]["psnr"] - row[best]["psnr"] for row in rows)}


if __name__ == "__main__":
    main()
