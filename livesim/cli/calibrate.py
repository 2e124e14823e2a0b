"""The arguments of `livesim calibrate`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import ConfigOption, OverwriteOption, RawArgument, SetOption


def calibrate(
    raw: RawArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Pattern file to write (JSON).")],
    config: ConfigOption = None,
    stacks: Annotated[
        int | None, typer.Option(min=1, help="Raw stacks to use of each recording.")
    ] = None,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Estimate the illumination pattern; --config defaults to the TOML file beside the first."""
    from livesim.io.settings_beside import settings_for

    settings = settings_for(raw[0], config, change or [])

    from livesim.commands.calibrate import calibrate_files

    calibrate_files(raw, settings, out, stacks, overwrite)
