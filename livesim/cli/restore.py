"""The arguments of `livesim restore`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import (
    ConfigOption,
    OverwriteOption,
    PatternOption,
    RawArgument,
    SetOption,
)


def restore(
    raw: RawArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Result (.ome.tif or .ome.zarr), or a folder."),
    ] = None,
    config: ConfigOption = None,
    pattern: PatternOption = None,
    steps: Annotated[
        str,
        typer.Option(help="reconstruct, with one before and two behind it, as in one,reconstruct."),
    ] = "",
    preset: Annotated[str, typer.Option(help="Named reconstruction settings: fairsim.")] = "",
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Reconstruct recordings; --config defaults to the TOML file beside each.

    A recording of livesim's own brings its settings and its pattern along.
    """
    from livesim.io.settings_beside import pattern_for, settings_for, settings_log_for

    changes = ([f'reconstruction.preset="{preset}"'] if preset else []) + (change or [])
    settings = [settings_for(path, config, changes) for path in raw]

    from livesim.commands.restore.command import restore_file, targets
    from livesim.config.step_choice import with_steps

    if steps:
        settings = [with_steps(own, steps) for own in settings]
    for path, own, target in zip(raw, settings, targets(raw, out), strict=True):
        log = None if steps else settings_log_for(path, config, changes)
        restore_file(path, own, pattern or pattern_for(path), target, overwrite, log)
