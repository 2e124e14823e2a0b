"""Measure what the spread of the flips is worth: `python -m bench.quality.flips`.

Against the true error, pixel by pixel, for the shipped networks and for step two trained on
filaments alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from bench.quality.networks import KNOWN, READ_NOISE
from bench.quality.trust import FILAMENTS, SHIPPED, Under, networks
from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Levels
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import Sample, simulated_sample
from livesim_models.evaluation.residual import inside
from livesim_models.evaluation.similarity import BORDER
from livesim_models.trust.flips import Flip, ensemble, spread_percent

Restore = Callable[[Flip, Flip], Tensor]


def restorers(under: Under, sample: Sample) -> dict[str, Restore]:
    """Return what makes an image of flipped frames, for both sets of networks."""
    levels, reconstruct = Levels(*sample.levels.tolist()), Reconstructor(sample.plan)
    plain = reconstruct(sample.low[None]).image

    def shipped(there: Flip, back: Flip) -> Tensor:
        frames = under.shipped.one(there(sample.low)[None].contiguous(), sample.read_noise)
        image = reconstruct(back(frames).contiguous()).image
        return back(under.shipped.two(there(image).contiguous(), levels))[0]

    def wrong(there: Flip, back: Flip) -> Tensor:
        return back(under.wrong(there(plain).contiguous(), levels))[0]

    return {SHIPPED: shipped, FILAMENTS: wrong}


def measure(sample: Sample, restore: Restore) -> dict[str, float]:
    """Return spread and error in the bright structures, in % of the light, and how they agree."""
    images = list(ensemble(restore))
    truth, image = inside(sample.target, BORDER), inside(images[0], BORDER)
    dark, bright = torch.quantile(truth.flatten(), torch.tensor([0.02, 0.99])).tolist()
    spread = inside(spread_percent(images, bright, dark), BORDER)
    error = 100.0 * (image - truth).abs() / (bright - dark)
    lit = truth > dark + (bright - dark) / 3.0
    agreement = np.corrcoef(spread.flatten().numpy(), error.flatten().numpy())[0, 1]
    return {
        "spread %": float(spread[lit].median()),
        "error %": float(error[lit].median()),
        "correlation": float(agreement),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=3, help="of each structure")
    parser.add_argument("--seed", type=int, default=22, help="of the scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    under, rows = networks(), []
    for structure in KNOWN:
        for photons in (30.0, 100.0):
            found: dict[str, list[dict[str, float]]] = {}
            for number in range(options.fields):
                scene = simulated_scene(ScenesRecipe(seed=options.seed), "test", number, structure)
                generator = torch.Generator().manual_seed(number)
                sample = simulated_sample(scene, photons, READ_NOISE, generator)
                for name, restore in restorers(under, sample).items():
                    found.setdefault(name, []).append(measure(sample, restore))
            for name, values in found.items():
                means: Row = {k: float(np.mean([v[k] for v in values])) for k in values[0]}
                rows.append({"method": name, "structure": structure, "photons": photons, **means})
    report("flips", "Spread of the flips against the true error", rows, seed=options.seed)


if __name__ == "__main__":
    main()
