"""The arguments of `livesim doctor`; what it does is imported when it is run."""

from __future__ import annotations

from typing import Annotated

import typer

from livesim.cli.shared import EXIT_DATA, ConfigOption, RawArgument, SetOption


def doctor(
    raw: RawArgument,
    config: ConfigOption = None,
    change: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is wrong with recordings, from the frames alone, and how to mend it.

    Exit status 0: no fault found; 1: a fault was found.
    """
    from livesim.io.settings_beside import settings_for

    settings = [settings_for(path, config, change or []) for path in raw]

    from livesim.commands.doctor.command import examine_files

    if not examine_files(raw, settings, as_json=as_json):
        raise typer.Exit(EXIT_DATA)
