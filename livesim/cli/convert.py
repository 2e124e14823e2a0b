"""The arguments of `livesim convert`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import OverwriteOption


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="Weights written by PyTorch (.pth).")],
    card: Annotated[Path, typer.Option(help="What they are (TOML); see docs/use/networks.md.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model file (.safetensors).")],
    overwrite: OverwriteOption = False,
) -> None:
    """Make a model file of weights that were trained elsewhere; runs nothing in their file."""
    from livesim.commands.convert import convert_file

    convert_file(checkpoint, card, out, overwrite=overwrite)
