"""The arguments of `livesim simulate`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import OverwriteOption, SetOption
from livesim.config.settings import SettingsError
from livesim.wire.endpoints import endpoint


def simulate(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="Settings, with a simulation table.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the raw file and its truth.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Control address of an engine: stream to it instead.")
    ] = None,
    rate: Annotated[
        str,
        typer.Option(
            help="Of a stream: real, max, or raw frames per second.", metavar="real|max|FPS"
        ),
    ] = "real",
    size: Annotated[
        str | None, typer.Option(help="Rows of a raw frame, or rows x columns: 256x384.")
    ] = None,
    time_points: Annotated[int | None, typer.Option(min=1, help="Raw stacks.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of everything random.")] = None,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Simulate a microscope: a raw file with its truth and settings, or a live stream."""
    if (out is None) == (to is None):
        raise SettingsError("expected one of --out FOLDER and --to ENGINE, found both or neither")

    from livesim.commands.simulate.command import (
        simulate_stream,
        simulation_changes,
        simulation_settings,
    )
    from livesim.commands.simulate.files import simulate_files
    from livesim_acquisition.replay.rate import parse_rate

    changes = [*(change or []), *simulation_changes(size, time_points, seed)]
    settings = simulation_settings(config, changes)
    if out is not None:
        simulate_files(settings, out, overwrite=overwrite)
    elif to is not None:
        simulate_stream(settings, endpoint(to), parse_rate(rate))
