"""The arguments of `livesim watch`; what it does is imported when it is run."""

from __future__ import annotations

from typing import Annotated

import typer

from livesim.cli.shared import ConfigOption, EngineOption, SetOption
from livesim.wire.endpoints import CONTROL_ADDRESS, endpoint


def watch(
    config: ConfigOption = None,
    engine: EngineOption = CONTROL_ADDRESS,
    first: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The camera's number of the first frame of any raw stack, where it is known.",
            show_default="found from the frames",
        ),
    ] = None,
    change: SetOption = None,
) -> None:
    """Stream Micro-Manager's live mode to an engine until Ctrl-C, taking no image away."""
    from livesim.commands.live_mode import watch_live_mode

    watch_live_mode(config, endpoint(engine), first, change or [])
