"""Write small networks for volumes whose weights are chance."""

from __future__ import annotations

import torch

from livesim_models.card import Card
from livesim_models.checkpoint import write_model
from livesim_models.registry import architecture_of, build
from livesim_models.volume.conditions import CHANNELS, CHANNELS_BEHIND_ONE
from livesim_models.volume.orders import CHANNELS as ORDER_CHANNELS
from livesim_models.volume.orders import FRAMES

UNET = {"kind": "unet", "features": [4], "blocks": [1]}
DEEP = {"kind": "rcan", "dimensions": 3, "groups": 1, "blocks": 1, "features": 8}
"""A network of three dimensions."""


def drawn_network(folder, strength, architecture=UNET, **told) -> str:
    """Return the file of a step two whose last layer is so strong; 0 changes nothing.

    Below 0 photons support a part of what it changes in the tests' volumes, above 0 none.
    Other keywords are what its card says else than usual.
    """
    inputs = CHANNELS if told.get("behind") is None else CHANNELS_BEHIND_ONE
    card = {"step": "two", "normalisation": "planes"} | told
    return _written(folder, strength, {**architecture, "inputs": inputs, "outputs": 1}, card)


def drawn_step_one(folder, strength, architecture=UNET, **told) -> str:
    """Return likewise the file of a step one."""
    sides = {"inputs": ORDER_CHANNELS, "outputs": FRAMES}
    card = {"step": "one", "normalisation": "orders"} | told
    return _written(folder, strength, {**architecture, **sides}, card)


def _written(folder, strength, architecture, told) -> str:
    torch.manual_seed(2)
    network = build(architecture_of(architecture))
    torch.nn.init.normal_(network.tail.weight, 0.0, 1.0)
    network.tail.weight.data *= strength
    card = Card.model_validate(
        {
            "name": "drawn",
            "architecture": network.architecture,
            "frames": 15,
            "harmonics": 2,
            "photons": (1.0, 1e4),
            "read_noise": (0.0, 5.0),
            "structures": ("none",),
            "recipe": "",
        }
        | told
    )
    path = folder / f"drawn-{card.step}.safetensors"
    write_model(path, network, card)
    return str(path)
