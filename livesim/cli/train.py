"""The arguments of `livesim train`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import ConfigOption
from livesim.config.settings import SettingsError


def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="Recipe (TOML); see models/recipes.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for scenes, checkpoints, logs and models.")
    ] = Path("livesim-training"),
    start: Annotated[
        str | None,
        typer.Option("--from", help="Fine-tune this shipped pair of models, or that of a folder."),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Recording with much light; give it for every one.")
    ] = None,
    low: Annotated[
        list[Path] | None,
        typer.Option(help="The same in less light, in the same order; else photons are thinned."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Train networks by a recipe, or fine-tune some on recordings; goes on where it stopped."""
    _check(recipe, start, data)

    from livesim.commands.train.command import fine_tune, train_networks

    if recipe is not None:
        train_networks(recipe, out)
    elif start is not None and data:
        fine_tune(start, data, low or [], config, out)


def _check(recipe: Path | None, start: str | None, data: list[Path] | None) -> None:
    expected = "expected a recipe, or --from with --data for every recording, found "
    if (recipe is None) == (start is None):
        raise SettingsError(expected + "neither or both")
    if (start is None) != (not data):
        raise SettingsError(expected + "--from or --data alone")
