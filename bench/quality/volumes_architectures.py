"""Hold networks of two and of three dimensions for volumes beside each other, equally long trained.

`python -m bench.quality.volumes_architectures --folder FOLDER`. Of each step there is one network
of two dimensions, which sees the planes beside one as channels, and RCAN with convolutions along z
too, as in the MPhil report but smaller (3 groups, 3 blocks, 16 features: what two cores can train).
All begin untrained and learn for the same time of a processor from volumes drawn alike; then they
restore volumes that no training saw. What is in FOLDER already is not trained again. The report's
own size is stated with its cost, untrained.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any, Literal

import numpy as np
import torch

from bench.quality.volumes_networks.measured import (
    PHOTONS,
    PLAIN,
    SHOWN,
    likeness,
    networks_named,
    restored,
)
from bench.quality.volumes_networks.specimens import KINDS
from bench.report import Row, report
from livesim.commands.train.command import train_networks
from livesim_models.checkpoint import read_card
from livesim_models.flops import flops
from livesim_models.registry import architecture_of, build
from livesim_models.training.recipe import VolumeRecipe
from livesim_models.volume.step import on_planes

Step = Literal["one", "two"]
_RCAN: dict[str, Any] = {"kind": "rcan", "dimensions": 3}
SMALL = _RCAN | {"groups": 3, "blocks": 3, "features": 16}
LARGE = _RCAN | {"groups": 5, "blocks": 5, "features": 32}
_FLAT = "planes beside as channels"
NETWORKS: dict[Step, dict[str, dict[str, Any]]] = {
    "two": {
        _FLAT: {"kind": "unet", "features": [16, 32, 64], "blocks": [1, 2, 2]},
        "RCAN 3D, 3 x 3 x 16": SMALL,
    },
    "one": {
        _FLAT: {
            "kind": "unet",
            "features": [32, 48, 64],
            "blocks": [2, 2, 2],
            "space_to_depth": 1,
        },
        "RCAN 3D, 3 x 3 x 16": SMALL,
    },
}
_TRIED = 6
"""Steps that tell how long one takes."""
_PLANES, _SIDE = 8, 64
_RECIPE = """
name = "compared"
size = 56
reused = 8
block = 24
steps = {steps}
warm_up = 50
fall = 0.5
learning_rate = 8e-4
averaging = 0.99
save_every = {steps}
validate_every = {steps}
seed = 4

[volume]
planes = 16
step = "{step}"

[networks.compared]
inputs = {inputs}
outputs = {outputs}
"""


def whole(step: Step, own: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a network with what it is given and returns."""
    inputs, outputs = VolumeRecipe(step=step).sides
    return own | {"inputs": inputs, "outputs": outputs}


def trained(step: Step, own: dict[str, Any], folder: Path, minutes: float) -> Path:
    """Train from nothing for so long, if that was not done before; return the model file."""
    made = folder / "run" / f"compared-{step}.safetensors"
    if made.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    told, steps = whole(step, own), steps_for(60.0 * minutes, step, own)
    sides = {"inputs": told["inputs"], "outputs": told["outputs"]}
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in own.items()]
    recipe = folder / "compared.toml"
    text = _RECIPE.format(steps=steps, step=step, **sides) + "\n".join(lines) + "\n"
    recipe.write_text(text, encoding="utf-8")
    train_networks(recipe, folder / "run")
    return made


def steps_for(seconds: float, step: Step, own: dict[str, Any]) -> int:
    """Return how many training steps take so long on this processor."""
    architecture = architecture_of(whole(step, own))
    side = 96 if step == "two" else 56
    count = 16 if step == "one" or architecture.in_volumes else 8
    network = build(architecture)
    run = on_planes(network, architecture, 8)
    channels = torch.rand(count, architecture.inputs, side, side)
    optimizer = torch.optim.Adam(network.state_dict().values())
    took = []
    for _ in range(_TRIED):
        began = process_time()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = run.network(channels).float().square().mean()
        optimizer.zero_grad()
        found.backward()
        took.append(process_time() - began)
    return max(10, round(seconds / float(np.median(took))))


def cost_of(step: Step, own: dict[str, Any]) -> Row:
    """Return how large a network is, and what a raw pixel of a plane costs."""
    architecture = architecture_of(whole(step, own))
    network = build(architecture)
    side = _SIDE if step == "one" else 2 * _SIDE
    channels = torch.rand(_PLANES, architecture.inputs, side, side)
    run = on_planes(network, architecture)
    operations = flops(lambda: run.network(channels)) / 2.0 / (_PLANES * _SIDE**2)
    weights = sum(one.numel() for one in network.state_dict().values())
    return {"weights": weights, "MMAC a raw pixel": operations / 1e6}


def gained(step: Step, file: str, each: int) -> Row:
    """Return what a network gains on volumes that no training saw, alone and as shown."""
    one, two = (file, "none") if step == "one" else ("none", file)
    networks = {"it": networks_named(one, two)}
    found: dict[str, list[float]] = {}
    for kind, number in product(KINDS, range(each)):
        made = restored(networks, kind, number, PHOTONS[number % len(PHOTONS)])
        for name, reference in (("full", made.full), ("truth", made.truth)):
            plain = likeness(made.images[PLAIN], reference)
            for stage, words in (("it", "alone"), ("it" + SHOWN, "shown")):
                psnr, ssim = likeness(made.images[stage], reference)
                found.setdefault(f"{words}, {name}, dB", []).append(psnr - plain[0])
                found.setdefault(f"{words}, {name}, SSIM", []).append(ssim - plain[1])
        found.setdefault("s a volume", []).append(made.seconds["it"])
        found.setdefault("times plain", []).append(made.seconds["it"] / made.seconds[PLAIN])
    return {name: float(np.mean(values)) for name, values in found.items()}


def compared(step: Step, options: argparse.Namespace) -> Iterator[Row]:
    """Yield a row of every network for a step."""
    for number, (name, own) in enumerate(NETWORKS[step].items()):
        file = trained(step, own, options.folder / f"{step}-{number}", options.minutes)
        row = {"step": step, "network": name, **cost_of(step, own)}
        row["steps"] = read_card(file).training["steps"]
        row |= gained(step, str(file), options.each)
        print(row, flush=True)
        yield row
    untrained = {"step": step, "network": "RCAN 3D, 5 x 5 x 32", **cost_of(step, LARGE)}
    yield untrained | dict.fromkeys(key for key in row if key not in untrained)


def main() -> None:
    """Train, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="of a processor, each")
    parser.add_argument("--each", type=int, default=3, help="volumes of every kind")
    parser.add_argument("--folder", type=Path, required=True, help="for logs and checkpoints")
    parser.add_argument("--steps", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for step in options.steps:
        report(
            f"volumes_architectures_{step}",
            f"Networks of two and three dimensions, step {step}",
            list(compared(step, options)),
            minutes=options.minutes,
            volumes=options.each * len(KINDS),
        )


if __name__ == "__main__":
    main()
