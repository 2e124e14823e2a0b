"""Model files of small networks that were never trained: what they draw is wrong, and the same."""

from __future__ import annotations

from pathlib import Path

import torch

from livesim_models.card import Card
from livesim_models.checkpoint import write_model
from livesim_models.rcan.model import RcanArchitecture
from livesim_models.registry import build


def end_to_end_file(path: Path, frames: int = 9, kept: tuple[int, ...] = ()) -> str:
    """Write a network from the raw frames to the image; return the file's name."""
    architecture = RcanArchitecture(
        inputs=len(kept) or frames, outputs=4, groups=1, blocks=1, features=4
    )
    network = build(architecture)
    seeded = torch.Generator().manual_seed(0)
    for weight in network.state_dict().values():
        torch.nn.init.normal_(weight, std=0.2, generator=seeded)
    card = Card(
        name="untrained",
        step="all",
        architecture=architecture,
        normalisation="range",
        frames=frames,
        kept=kept,
        photons=(1.0, 1e4),
        read_noise=(0.0, 3.0),
        structures=("none",),
        recipe="",
    )
    write_model(path, network, card)
    return str(path)
