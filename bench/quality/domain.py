"""Count how often the domain check warns: `python -m bench.quality.domain`."""

from __future__ import annotations

import torch

from bench.quality.networks import KNOWN, READ_NOISE, UNKNOWN
from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim_models.checkpoint import read_card
from livesim_models.data.draw import exposed
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.shipped import model_file

SEED = 7
"""The numbers of the check were chosen on scenes of the seed 1."""
FIELDS = 20
PHOTONS = (5.0, 20.0, 1000.0)


def main() -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    domain = read_card(model_file("pair", "two")).domain
    assert domain is not None
    rows: list[Row] = []
    for structure in (*KNOWN, *UNKNOWN):
        recipe = ScenesRecipe(seed=SEED)
        scenes = [simulated_scene(recipe, "test", n, structure) for n in range(FIELDS)]
        row: Row = {"structure": structure}
        for photons in PHOTONS:
            generator = torch.Generator().manual_seed(0)
            seen = (
                exposed(photons * scene.frames.flatten(0, 1), READ_NOISE, generator).mean(dim=0)
                for scene in scenes
            )
            row[f"{photons:g} photons"] = sum(bool(domain.warning([image])) for image in seen)
        rows.append(row)
    report("domain", f"Fields of {FIELDS} that the card warns of", rows, seed=SEED)


if __name__ == "__main__":
    main()
