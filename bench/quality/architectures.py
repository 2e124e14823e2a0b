"""Hold architectures beside each other while they learn: `python -m bench.quality.architectures`.

RCAN, U-Net and EDSR of nearly the same cost learn from end to end from the same simulated stacks,
as in figure 7 of the ML-SIM paper; RCAN also from six and from three frames of nine. One row of the
table is one look at examples that no training sees.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path
from typing import Any

import torch

from bench.report import Row, report
from livesim.commands.train.drawn import course_of
from livesim_models.data.stacks import NOTEBOOK, PUBLISHED
from livesim_models.flops import flops
from livesim_models.registry import build
from livesim_models.training.recipe import VariedRecipe
from livesim_models.training.varied import LOG, train_varied

NETWORKS: dict[str, dict[str, Any]] = {
    "RCAN": {"kind": "rcan", "groups": 2, "blocks": 3, "features": 24},
    "U-Net": {"kind": "unet", "features": [20, 40, 64], "blocks": [2, 2, 3], "space_to_depth": 1},
    "EDSR": {"kind": "edsr", "blocks": 7, "features": 24},
}
FEWER = {"RCAN, 6 frames": [0, 1, 3, 4, 6, 7], "RCAN, 3 frames": [0, 4, 8]}
"""As the paper's authors chose them."""
LEVEL = "0.08 noise"
_SIDE = 64


def recipe_of(networks: dict[str, dict[str, Any]], kept: list[int], steps: int) -> VariedRecipe:
    """Return a training of networks that see the same frames of the same stacks."""
    simulator = {"kept": kept, "sets": [PUBLISHED, NOTEBOOK]}
    inputs = len(kept) or 9
    own = {name: {"inputs": inputs, "outputs": 4} | one for name, one in networks.items()}
    return VariedRecipe.model_validate(
        {
            "name": "architectures",
            "networks": own,
            "simulator": simulator,
            "size": 40,
            "batch": 8,
            "reused": 2,
            "steps": steps,
            "warm_up": 50,
            "fall": 0.3,
            "learning_rate": 8e-4,
            "averaging": 0.98,
            "save_every": steps,
            "validate_every": steps // 10,
        }
    )


def learned(recipe: VariedRecipe, folder: Path) -> dict[int, Row]:
    """Train; return the PSNR of every network by steps."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    train_varied(recipe, course_of(recipe), folder, {}, lambda _: None)
    with (folder / LOG).open(encoding="utf-8", newline="") as file:
        return {
            int(row["step"]): {name: float(row[f"{name}, {LEVEL}"]) for name in recipe.networks}
            for row in csv.DictReader(file)
        }


def cost_of(recipe: VariedRecipe, name: str) -> Row:
    """Return how large a network is, and what a raw pixel costs."""
    architecture = recipe.networks[name]
    network = build(architecture)
    frames = torch.rand(1, architecture.inputs, _SIDE, _SIDE)
    operations = flops(lambda: network(frames)) / 2.0 / _SIDE**2
    weights = sum(one.numel() for one in network.state_dict().values())
    return {"network": name, "weights": weights, "MMAC a raw pixel": operations / 1e6}


def main() -> None:
    """Train, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--folder", type=Path, required=True, help="for logs and checkpoints")
    options = parser.parse_args()
    torch.set_num_threads(1)
    whole = recipe_of(NETWORKS, [], options.steps)
    found = learned(whole, options.folder / "all")
    costs = [cost_of(whole, name) for name in NETWORKS]
    for name, kept in FEWER.items():
        fewer = recipe_of({name: NETWORKS["RCAN"]}, kept, options.steps)
        costs.append(cost_of(fewer, name))
        for step, row in learned(fewer, options.folder / str(len(kept))).items():
            found[step] |= row
    rows = [{"steps": step, **row} for step, row in found.items()]
    report("architectures", "PSNR while they learn, dB", rows, costs=costs)


if __name__ == "__main__":
    main()
