"""Train networks, adapt them to the sample and convert them: the arguments of their commands."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

from livesim.cli.shared import (
    EXIT_DATA,
    ConfigOption,
    OverwriteOption,
    RawArgument,
    SetOption,
    TiedOption,
)
from livesim.config.settings import SettingsError
from livesim.values.extras import install_command


def train(
    recipe: Annotated[
        Path | None,
        typer.Argument(help="Training recipe (TOML), or one of livesim's: pair, filaments."),
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
    devices: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="GPUs of each machine, or processes where there is none.",
            show_default="those of torchrun or Slurm, else as the recipe says",
        ),
    ] = None,
    num_nodes: Annotated[
        int | None,
        typer.Option(min=1, help="Machines.", show_default="those of torchrun or Slurm, else 1"),
    ] = None,
    strategy: Annotated[
        Literal["auto", "ddp"], typer.Option(help="How several GPUs work together.")
    ] = "auto",
) -> None:
    """Train networks by a recipe, or fine-tune some on recordings; goes on where it stopped.

    The steps of a recipe are those of all GPUs together.
    """
    _check(recipe, start, data)
    if find_spec("lightning") is None:
        raise SettingsError(
            f"expected lightning, which trains, found none: {install_command('train')}"
        )

    from livesim.commands.train.command import fine_tune, train_networks
    from livesim.commands.train.ranks import spread_over

    spread = spread_over(devices, num_nodes, strategy, os.environ)
    if recipe is not None:
        train_networks(recipe, out, spread)
    elif start is not None and data:
        fine_tune(start, data, low or [], config, out, spread)


def _check(recipe: Path | None, start: str | None, data: list[Path] | None) -> None:
    expected = "expected a training recipe, or --from with --data for every recording, found "
    if (recipe is None) == (start is None):
        raise SettingsError(expected + "neither or both")
    if (start is None) != (not data):
        raise SettingsError(expected + "--from or --data alone")


def adapt(
    raw: RawArgument,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Network to begin with: universal, quick, or a file.",
            show_default="quick, or universal on a GPU",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Model file (.safetensors).",
            show_default="after the first recording and the network",
        ),
    ] = None,
    config: ConfigOption = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="At most.")] = 20.0,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell the progress to programs.")] = False,
    tied: TiedOption = False,
) -> None:
    """Teach a network the sample in front of you, by raw stacks alone: no reference is needed.

    The file is written only if the error on what was held out fell by more than its uncertainty.
    Exit status 0: it did; 1: nothing was gained. Ctrl-C judges the best so far.
    """
    from livesim.commands.adapt.command import AdaptRequest, adapt_network

    asked = AdaptRequest(
        raw, config, change or [], start, out, minutes, overwrite, as_json=as_json, tied=tied
    )
    if not adapt_network(asked):
        raise typer.Exit(EXIT_DATA)


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="Weights written by PyTorch (.pth).")],
    card: Annotated[Path, typer.Option(help="What they are (TOML); see docs/use/networks.md.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model file (.safetensors).")],
    overwrite: OverwriteOption = False,
) -> None:
    """Make a model file of weights that were trained elsewhere; runs nothing in their file."""
    from livesim.commands.convert import convert_file

    convert_file(checkpoint, card, out, overwrite=overwrite)


def models(
    name: Annotated[
        str | None, typer.Argument(help="A shipped network or a model file, to describe.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for a copy of its files.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """List the networks that come with livesim; with a name, print the cards of that one."""
    from livesim.commands.models import copy_model, describe_model, list_models

    if name is None and out is not None:
        raise SettingsError("--out: expected the name of a network before it, found none")
    if name is None:
        list_models()
    elif out is None:
        describe_model(name)
    else:
        copy_model(name, out, overwrite=overwrite)
