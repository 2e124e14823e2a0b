"""Run `livesim convert`: make a model file of a PyTorch checkpoint and a card."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from livesim.commands.progress import words_console
from livesim.config.errors import SettingsError, sentence
from livesim.config.toml import read_toml
from livesim.io.write.placement import Placement, check_apart
from livesim_models.card import Card
from livesim_models.checkpoint import write_model
from livesim_models.convert import read_foreign


def convert_file(path: Path, card_file: Path, out: Path, *, overwrite: bool = False) -> None:
    """Write the weights of `path` with the card that a TOML file describes.

    Raises
    ------
    SettingsError
        If the card cannot be used.
    DataError
        If the checkpoint cannot be used, or `out` exists already.
    """
    check_apart(out, (path, card_file))
    card = _card(card_file)
    with Placement(out, overwrite=overwrite) as placement:
        write_model(placement.partial, read_foreign(path, card.architecture), card)
        placement.commit()
    words_console().print(f"wrote {out}")


def _card(path: Path) -> Card:
    try:
        return Card.model_validate({"recipe": f"converted: {path.name}"} | read_toml(path))
    except ValidationError as error:
        raise SettingsError(f"{path}: {sentence(error, Card)}") from error
