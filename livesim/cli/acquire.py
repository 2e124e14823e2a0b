"""The arguments of `livesim acquire`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import ConfigOption, EngineOption, SetOption
from livesim.wire.endpoints import CONTROL_ADDRESS, endpoint


def acquire(
    config: ConfigOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the frames, as NDTiff.")
    ] = None,
    engine: EngineOption = CONTROL_ADDRESS,
    change: SetOption = None,
) -> None:
    """Acquire with Micro-Manager what the acquisition table says: saved as NDTiff and streamed.

    Without a running engine the frames are saved all the same.
    """
    from livesim.commands.acquire import acquire_time_lapse

    acquire_time_lapse(config, endpoint(engine), out, change or [])
