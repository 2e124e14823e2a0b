"""Write and read model files, safetensors with a card; nothing in such a file is ever run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from livesim.config.errors import sentence
from livesim.values.errors import DataError
from livesim_models.card import FORMAT, Card
from livesim_models.network import Network
from livesim_models.registry import build
from livesim_models.whole_file import write_tensors


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network ready to run, and its card."""

    network: Network
    card: Card


def write_model(
    path: Path, network: Network, card: Card, precision: torch.dtype = torch.float32
) -> None:
    """Write weights in a precision, and the card; the file appears when it is whole.

    Raises
    ------
    OSError
        If the disk does not take it; then nothing is left of it.
    """
    weights = {
        name: value.detach().cpu().contiguous().to(precision)
        for name, value in network.state_dict().items()
    }
    write_tensors(path, weights, format=FORMAT, card=card.model_dump_json())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a model file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_card(path: Path) -> Card:
    """Read the card of a model file.

    Raises
    ------
    DataError
        If it is not a model file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: expected a model file, found: {error}") from error
    found = metadata.get("format")
    if found != FORMAT:
        raise DataError(f"{path}: expected a model file of the format {FORMAT}, found {found}")
    try:
        return Card.model_validate_json(metadata.get("card", ""))
    except ValidationError as error:
        raise DataError(f"{path}: card: {sentence(error, Card)}") from error


def read_model(path: Path) -> Model:
    """Read a model; its network is in evaluation mode.

    Raises
    ------
    DataError
        If it is not a model file, or its weights do not fit its card or are no numbers.
    """
    card = read_card(path)
    with torch.device("meta"):
        network = build(card.architecture)
    with safe_open(path, framework="pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if found != expected:
        wrong = sorted(set(found.items()) ^ set(expected.items()))[0][0]
        raise DataError(
            f"{path}: expected weights as the card's architecture says, "
            f"{wrong} {expected.get(wrong, 'absent')}, found {found.get(wrong, 'absent')}"
        )
    broken = [name for name, value in weights.items() if not bool(value.isfinite().all())]
    if broken:
        raise DataError(f"{path}: expected finite weights, found NaN or infinity in {broken[0]}")
    network.load_state_dict(weights, assign=True)
    network.float().arrange()  # from "meta" weights come as the file has them
    return Model(network.eval().requires_grad_(False), card)
