"""The arguments of `livesim evaluate`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import (
    ConfigOption,
    OverwriteOption,
    PatternOption,
    SetOption,
)


def evaluate(
    files: Annotated[list[Path], typer.Argument(help="Recordings, or with --truth images.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the table and the pictures.")
    ],
    truth: Annotated[
        Path | None, typer.Option(help="Hold images against this: truth.zarr, or an image file.")
    ] = None,
    config: ConfigOption = None,
    pattern: PatternOption = None,
    one: Annotated[str, typer.Option(help="Step one: a model's name or path, or none.")] = "",
    two: Annotated[str, typer.Option(help="Step two, likewise.")] = "",
    reference: Annotated[
        Path | None, typer.Option(help="Images of the same recordings with more light.")
    ] = None,
    halves: Annotated[
        bool, typer.Option("--halves", help="Split the photons for a ring correlation.")
    ] = False,
    pixel: Annotated[
        float | None, typer.Option(help="Pixel of the truth in nm, where no file says.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, max=20, help="Images in the montage.")] = 3,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Say how good and how true images are: widefield, plain and after each network.

    Recordings are taken through every stage, and held against their truth where `livesim simulate`
    left it, or against --reference. With --truth, images made before are held against it.
    """
    from livesim.commands.evaluate.command import Request, evaluate_files

    request = Request(truth, config, pattern, one, two, reference, halves, pixel, change or [])
    evaluate_files(files, request, out, examples, overwrite=overwrite)
