"""Run `livesim models`: list the networks that come with livesim, describe one, copy its file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from livesim.commands.progress import words_console
from livesim.config.settings import SettingsError
from livesim.io.write.placement import Placement
from livesim_models.card import Card
from livesim_models.checkpoint import read_card
from livesim_models.shipped import STEPS, model_file, present_name, shipped_models


def list_models() -> None:
    """Print a line for every network that comes with livesim."""
    table = Table("name", "step", "raw stacks", "photons", "size", "trained", box=None)
    for path, card in _shipped():
        hours = card.training.get("hours")
        table.add_row(
            path.stem.removesuffix(f"-{card.step}"),
            card.step,
            stacks_of(card),
            f"{card.photons[0]:g} to {card.photons[1]:g}",
            f"{path.stat().st_size / 1e6:.1f} MB",
            f"{hours} h" if hours else "",
        )
    Console(highlight=False, markup=False).print(table)


def describe_model(name: str) -> None:
    """Print the cards of a network as JSON, one for each step that it is for.

    Raises
    ------
    SettingsError, DataError
        If there is none of that name, or the file is no model.
    """
    cards = [read_card(path) for path in files_of(name)]
    print(json.dumps([_told(card) for card in cards], indent=1, ensure_ascii=False))


def copy_model(name: str, out: Path, *, overwrite: bool = False) -> None:
    """Copy the files of a network, each with its card, into a folder.

    Raises
    ------
    SettingsError, DataError
        If there is none of that name, or a file of that name is there already.
    """
    out.mkdir(parents=True, exist_ok=True)
    for path in files_of(name):
        target = out / path.name
        with Placement(target, overwrite=overwrite) as placement:
            shutil.copyfile(path, placement.partial)
            placement.commit()
        words_console().print(f"wrote {target}", soft_wrap=True, highlight=False)


def files_of(name: str) -> list[Path]:
    """Return the files of a shipped network, or the one that a path names.

    Raises
    ------
    SettingsError
        If there is none.
    """
    own = present_name(name)
    shipped = [model_file(own, step) for step in STEPS if own in shipped_models(step)]
    if shipped:
        return shipped
    if Path(name).is_file():
        return [Path(name)]
    known = ", ".join(dict.fromkeys(own for step in STEPS for own in shipped_models(step)))
    raise SettingsError(f"expected one of {known}, or the path of a model file, found {name!r}")


def stacks_of(card: Card) -> str:
    """Return which raw stacks a network takes, in words."""
    if card.on_volumes:
        return f"volumes, {card.frames} frames a plane"
    if card.layout == "any":
        return "any"
    seen = f", of which it sees {len(card.kept)}" if card.kept else ""
    kind = "hexagonal, " if card.layout == "hexagonal" else ""
    bands = "one harmonic" if card.harmonics == 1 else "two harmonics"
    return f"{kind}{card.frames} frames{seen}, {bands}"


def _shipped() -> Iterator[tuple[Path, Card]]:
    for step in STEPS:
        for name in shipped_models(step):
            path = model_file(name, step)
            yield path, read_card(path)


def _told(card: Card) -> dict[str, Any]:
    """Return a card without the numbers that only a program reads."""
    return card.model_dump(mode="json", exclude={"domain"})
