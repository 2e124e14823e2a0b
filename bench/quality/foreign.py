"""Show a network what it was not trained on: `python -m bench.quality.foreign --two MODEL`.

MODEL is what `livesim train filaments` leaves. Its step two works on plain
reconstructions of filaments and of everything else. Printed are what PSNR says, what became of the
structures, and how often the card's domain check warns.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from bench import IMAGES
from bench.quality.networks import KNOWN, READ_NOISE
from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Levels
from livesim_models.checkpoint import Model, read_model
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import simulated_sample
from livesim_models.evaluation.distortion import distortion
from livesim_models.evaluation.similarity import similarity
from livesim_models.field import FieldRunner
from livesim_models.steps import StepTwo

IMAGE = IMAGES / "foreign-structure.png"
Shown = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def measure(
    model: Model, structure: str, photons: float, fields: int, seed: int
) -> tuple[Row, Shown]:
    """Return one row, and (structure, plain, restored, truth) of the first field."""
    two = StepTwo(FieldRunner(model.network))
    rows, warned, shown = [], 0, None
    for number in range(fields):
        scene = simulated_scene(ScenesRecipe(seed=seed), "test", number, structure)
        sample = simulated_sample(scene, photons, READ_NOISE, torch.Generator().manual_seed(number))
        levels, truth = Levels(*sample.levels.tolist()), sample.target.double().numpy()
        plain = Reconstructor(sample.plan)(sample.low[None]).image
        restored = two(plain, levels)[0].double().numpy()
        warned += any(model.card.warnings([sample.low.mean(dim=0)], levels))
        pair = [plain[0].double().numpy(), restored]
        like = [similarity(one, truth) for one in pair]
        moved = [distortion(one, truth, scene.pattern.pixel_nm / 2.0) for one in pair]
        values = [one.psnr_db for one in like] + [one.score_nm for one in moved]
        rows.append([*values, *(100.0 * one.invented for one in moved)])
        shown = shown or (structure, pair[0], restored, truth)
    assert shown is not None
    mean = np.nanmean(np.array(rows), axis=0)
    names = ("psnr plain dB", "psnr two dB", "moved plain nm", "moved two nm")
    names += ("invented plain %", "invented two %")
    row: Row = {"structure": structure, **dict(zip(names, map(float, mean), strict=True))}
    return row | {"warned": f"{warned}/{fields}"}, shown


def draw(shown: list[Shown], path: Path) -> None:
    """Draw plain, restored and true image of every structure."""
    figure = Figure(figsize=(9.0, 3.0 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 3, squeeze=False)
    for row, (name, *images) in zip(axes, shown, strict=True):
        low, high = np.quantile(images[-1], [0.01, 0.998])
        for axis, image, words in zip(row, images, ("plain", "step two", "truth"), strict=True):
            axis.imshow(image[48:208, 48:208], cmap="gray", vmin=low, vmax=high)
            axis.set_title(f"{name}: {words}", fontsize=9)
            axis.set_axis_off()
    figure.savefig(path, dpi=100)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--two", type=Path, required=True)
    parser.add_argument("--photons", type=float, default=30.0)
    parser.add_argument("--fields", type=int, default=20)
    # The numbers of the domain check were chosen on scenes of the seed 1.
    parser.add_argument("--seed", type=int, default=7, help="of the scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = read_model(options.two)
    found = [measure(model, name, options.photons, options.fields, options.seed) for name in KNOWN]
    report(
        "foreign",
        f"Step two trained on filaments alone, at {options.photons:g} photons",
        [row for row, _ in found],
        fields=options.fields,
        seed=options.seed,
        photons=options.photons,
        hours=model.card.training.get("hours"),
    )
    draw([shown for _, shown in found], IMAGE)


if __name__ == "__main__":
    main()
