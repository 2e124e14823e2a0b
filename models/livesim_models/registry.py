"""Know every architecture by its name; a further one is one line in `KINDS`."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, SerializeAsAny, ValidationError
from torch import nn

from livesim.config.errors import sentence
from livesim_models.converted import Converted
from livesim_models.edsr import Edsr, EdsrArchitecture
from livesim_models.network import Architecture, Kind, Network
from livesim_models.rcan.frozen import frozen
from livesim_models.rcan.model import Rcan, RcanArchitecture
from livesim_models.unet import UNet, UNetArchitecture

_UNET: Kind[UNetArchitecture, UNet] = Kind(UNetArchitecture, UNet, Converted)
_RCAN: Kind[RcanArchitecture, Rcan] = Kind(RcanArchitecture, Rcan, frozen)
_EDSR: Kind[EdsrArchitecture, Edsr] = Kind(EdsrArchitecture, Edsr, Converted)
KINDS: dict[str, Kind[Any, Any]] = {"rcan": _RCAN, "unet": _UNET, "edsr": _EDSR}
DEFAULT_KIND = "rcan"
"""Of cards and recipes that name none: those from before there was a choice."""


def architecture_of(table: Any) -> Architecture:
    """Return the architecture that a table of a card or a recipe describes.

    Raises
    ------
    ValueError
        If its kind is not known, or its settings are not those of its kind.
    """
    if isinstance(table, Architecture):
        return table
    if not isinstance(table, dict):
        raise ValueError(f"expected a table that describes an architecture, found {table!r}")
    kind = table.get("kind", DEFAULT_KIND)
    if not isinstance(kind, str) or kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"expected architecture one of {', '.join(KINDS)}, such as {near!r}, found {kind!r}"
        )
    settings: type[Architecture] = KINDS[kind].settings
    try:
        return settings.model_validate(table)
    except ValidationError as error:  # in words here, where it is known which keys there are
        raise ValueError(sentence(error, settings)) from error


AnyArchitecture = Annotated[SerializeAsAny[Architecture], BeforeValidator(architecture_of)]
"""A field of a card or a recipe that may hold every architecture of the registry."""


def build(architecture: Architecture) -> Network:
    """Return an untrained network."""
    network: Network = KINDS[architecture.kind].build(architecture)
    return network


def freeze(network: Network, dtype: torch.dtype) -> nn.Module:
    """Return a copy for inference alone, on the device of the weights; this takes a while."""
    return KINDS[network.architecture.kind].freeze(network, dtype)
