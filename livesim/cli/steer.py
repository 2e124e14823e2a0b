"""The arguments of `livesim steer`; what it does is imported when it is run."""

from __future__ import annotations

from typing import Annotated

import typer

from livesim.cli.shared import EngineOption
from livesim.wire.endpoints import CONTROL_ADDRESS, endpoint


def steer(
    changes: Annotated[
        list[str] | None, typer.Argument(help="Settings, such as reconstruction.wiener=0.1.")
    ] = None,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Estimate the pattern anew, now.")
    ] = False,
    record: Annotated[str, typer.Option(help="Begin or end a recording.", metavar="on|off")] = "",
    engine: EngineOption = CONTROL_ADDRESS,
) -> None:
    """Change what a running engine does, from the next raw stack on."""
    from livesim.commands.steer import steer_engine

    steer_engine(endpoint(engine), changes or [], recalibrate=recalibrate, record=record)
