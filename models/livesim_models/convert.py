"""Read the weights of a checkpoint that others wrote with PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from livesim.values.errors import DataError
from livesim_models.network import Architecture, Network
from livesim_models.registry import build

_INSIDE = ("state_dict", "model_state_dict", "model", "params", "net")
"""Keys under which training scripts keep the weights."""


def read_foreign(path: Path, architecture: Architecture) -> Network:
    """Read a network's weights from a `.pth` file, without running anything that is in it.

    Names differ between implementations, the order of the layers does not: weights are taken one
    after another and must have the shapes of `architecture`. Attention made of 1 x 1 convolutions
    counts as the linear layers that it is. Layers without a counterpart, such as a mean that is
    subtracted from colours, must have been left out.

    Raises
    ------
    DataError
        If the file holds anything but tensors, numbers and text, or the weights do not fit.
    """
    weights = [value for value in _weights(path).values() if value.is_floating_point()]
    network = build(architecture)
    ours = {k: v for k, v in network.state_dict().items() if v.is_floating_point()}
    if len(weights) != len(ours):
        raise DataError(
            f"{path}: expected {len(ours)} weights and biases for {architecture!r}, "
            f"found {len(weights)}"
        )
    for (name, own), found in zip(ours.items(), weights, strict=True):
        if own.numel() != found.numel() or _sides(own) != _sides(found):
            raise DataError(
                f"{path}: expected {tuple(own.shape)} for {name}, found {tuple(found.shape)}"
            )
        own.copy_(found.reshape(own.shape))
    return network.eval().requires_grad_(False)


def _weights(path: Path) -> Mapping[str, Tensor]:
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, UnpicklingError, RuntimeError, EOFError) as error:
        first = str(error).splitlines()[0]
        raise DataError(
            f"{path}: expected a PyTorch file of weights alone, found: {first}"
        ) from error
    for key in _INSIDE:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise DataError(
            f"{path}: expected a mapping of names to weights, found {type(found).__name__}"
        )
    return found


def _sides(weight: Tensor) -> list[int]:
    """Return the sides above 1: a 1 x 1 convolution then compares equal to a linear layer."""
    return [side for side in weight.shape if side > 1]
