"""Compare tiles with whole fields and precisions: `python -m bench.quality.network_numbers`."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Levels
from livesim_models.checkpoint import read_model
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import Sample, simulated_sample
from livesim_models.evaluation.similarity import similarity
from livesim_models.field import FieldRunner
from livesim_models.precision import Precision
from livesim_models.shipped import model_file
from livesim_models.steps import StepOne, StepTwo

SIZE = 320
TILE = 192
PHOTONS = 20.0
STRUCTURES = ("filaments", "network", "mitochondria")


def restored(sample: Sample, precision: Precision, tile: int | None) -> tuple[Tensor, Tensor]:
    """Return what step one and what both steps make of a sample."""
    one, two = (
        FieldRunner(read_model(model_file("pair", step)).network, precision, side)
        for step, side in (("one", tile), ("two", tile and 2 * tile))
    )
    frames = StepOne(one)(sample.low[None], sample.read_noise)
    between = Reconstructor(sample.plan)(frames).image
    image = StepTwo(two)(between, Levels(*sample.levels.tolist()))
    return frames[0], image[0]


def measure(structure: str) -> list[Row]:
    """Return one row for tiles and one for bfloat16."""
    scene = simulated_scene(ScenesRecipe(seed=1, size=SIZE), "test", 0, structure)
    sample = simulated_sample(scene, PHOTONS, 1.5, torch.Generator().manual_seed(0))
    truth = sample.target.double().numpy()
    span = float(sample.levels[1] - sample.levels[0])
    frames, image = restored(sample, "float32", None)
    psnr = similarity(image.double().numpy(), truth).psnr_db
    rows: list[Row] = []
    ways: dict[str, tuple[Precision, int | None]] = {
        f"tiles of {TILE} and {2 * TILE}": ("float32", TILE),
        "bfloat16": ("bfloat16", None),
    }
    for name, (precision, tile) in ways.items():
        own_frames, own = restored(sample, precision, tile)
        off = (own - image).abs() / span
        step = off.diff(dim=1).abs().mean(dim=0)
        rows.append(
            {
                "structure": structure,
                "against float32, whole": name,
                "step one, max photons": float((own_frames - frames).abs().max()),
                "both, max % of range": 100.0 * float(off.max()),
                "both, rms % of range": 100.0 * float(off.square().mean().sqrt()),
                "largest seam %": 100.0 * float(step.max()),
                "usual step %": 100.0 * float((image / span).diff(dim=1).abs().mean()),
                "psnr dB": psnr,
                "psnr change dB": similarity(own.double().numpy(), truth).psnr_db - psnr,
            }
        )
    return rows


def main() -> None:
    """Measure, print, write."""
    rows = [row for structure in STRUCTURES for row in measure(structure)]
    title = f"{SIZE} x {SIZE} raw, {PHOTONS:g} photons; % of the range that counts as 0 ... 1"
    report("network_numbers", title, rows)


if __name__ == "__main__":
    main()
