"""The arguments of `livesim live`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import ConfigOption, MemoryOption, RememberOption


def live(
    config: ConfigOption = None,
    record: Annotated[
        Path | None, typer.Option(help="Folder to record into; otherwise that of the last time.")
    ] = None,
    memory: MemoryOption = 1024,
    remember: RememberOption = None,
) -> None:
    """Start an engine and the viewer together; the engine ends when the window is closed."""
    from livesim.commands.view.command import ViewRequest, run_view

    raise typer.Exit(run_view(ViewRequest(None, config, record, remember, memory)))
