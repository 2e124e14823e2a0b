"""The command line: one sub-command per process or task; each imports what it needs when run."""

from __future__ import annotations

import sys

import typer

from livesim.config import SettingsError
from livesim.frames import DataError

app = typer.Typer(
    name="livesim",
    help="Live reconstruction for structured illumination microscopy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXIT_DATA = 1
EXIT_USAGE = 2


def main() -> None:
    """Run the command line: exit status 0 done, 1 the data could not be used, 2 wrong usage."""
    try:
        app()
    except DataError as error:
        _fail(error, EXIT_DATA)
    except SettingsError as error:
        _fail(error, EXIT_USAGE)


def _fail(error: Exception, status: int) -> None:
    print(f"livesim: {error}", file=sys.stderr)
    sys.exit(status)
