"""Write a small network for volumes whose weights are chance."""

from __future__ import annotations

import torch

from livesim_models.card import Card
from livesim_models.checkpoint import write_model
from livesim_models.registry import architecture_of, build
from livesim_models.volume.conditions import CHANNELS


def drawn_network(folder, strength, **told) -> str:
    """Return the file of a network whose last layer is so strong; 0 changes nothing.

    Other keywords are what its card says else than usual.
    """
    architecture = architecture_of(
        {"kind": "unet", "inputs": CHANNELS, "outputs": 1, "features": [4], "blocks": [1]}
    )
    torch.manual_seed(2)
    network = build(architecture)
    torch.nn.init.normal_(network.tail.weight, 0.0, 1.0)
    network.tail.weight.data *= strength
    card = Card.model_validate(
        {
            "name": "drawn",
            "step": "two",
            "architecture": architecture,
            "normalisation": "planes",
            "frames": 15,
            "harmonics": 2,
            "photons": (1.0, 1e4),
            "read_noise": (0.0, 5.0),
            "structures": ("none",),
            "recipe": "",
        }
        | told
    )
    path = folder / "drawn-two.safetensors"
    write_model(path, network, card)
    return str(path)
