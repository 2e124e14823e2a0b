"""The arguments of `livesim view`; what it does is imported when it is run."""

from __future__ import annotations

import typer

from livesim.cli.shared import (
    ConfigOption,
    EngineOption,
    MemoryOption,
    RememberOption,
)
from livesim.wire.endpoints import CONTROL_ADDRESS, endpoint


def view(
    engine: EngineOption = CONTROL_ADDRESS,
    config: ConfigOption = None,
    memory: MemoryOption = 1024,
    remember: RememberOption = None,
) -> None:
    """Show what an engine publishes; --config tells the scale where the stream does not."""
    from livesim.commands.view.command import ViewRequest, run_view

    request = ViewRequest(endpoint(engine), config, None, remember, memory)
    raise typer.Exit(run_view(request))
