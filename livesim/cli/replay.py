"""The arguments of `livesim replay`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import ConfigOption, EngineOption
from livesim.config.settings import SettingsError
from livesim.wire.endpoints import CONTROL_ADDRESS, endpoint


def replay(
    raw: Annotated[list[Path], typer.Argument(help="Recordings, streamed one after another.")],
    config: ConfigOption = None,
    rate: Annotated[
        str, typer.Option(help="real, max, or raw frames per second.", metavar="real|max|FPS")
    ] = "real",
    engine: EngineOption = CONTROL_ADDRESS,
    loop: Annotated[
        bool, typer.Option("--loop", help="Begin again at the end, until q or Ctrl-C.")
    ] = False,
    control: Annotated[
        str | None,
        typer.Option(
            help="stdin: obey the lines pause, resume, step, rate real|max|FPS and stop.",
            metavar="stdin",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell programs on stdout how far it is.")
    ] = False,
) -> None:
    """Stream recordings to an engine; --config defaults to the TOML file beside each.

    At a terminal: space pauses and goes on, . sends one raw stack, + and - change the rate, q ends.
    """
    if control not in (None, "stdin"):
        raise SettingsError(f"--control: expected stdin, found '{control}'")
    from livesim.commands.replay.command import replay_files
    from livesim_acquisition.replay.pace import Pace
    from livesim_acquisition.replay.rate import parse_rate

    pace = Pace(parse_rate(rate))
    by_lines = control is not None
    replay_files(raw, config, pace, endpoint(engine), loop=loop, by_lines=by_lines, as_json=as_json)
