"""The command line: words in, one sub-command run, the exit status out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from livesim import __version__
from livesim.commands.arguments.acquire import acquire
from livesim.commands.arguments.bench import bench
from livesim.commands.arguments.calibrate import calibrate
from livesim.commands.arguments.convert import convert
from livesim.commands.arguments.demo import demo
from livesim.commands.arguments.doctor import doctor
from livesim.commands.arguments.engine import engine
from livesim.commands.arguments.evaluate import evaluate
from livesim.commands.arguments.export import export
from livesim.commands.arguments.keys import keys
from livesim.commands.arguments.live import live
from livesim.commands.arguments.replay import replay
from livesim.commands.arguments.restore import restore
from livesim.commands.arguments.shared import EXIT_DATA, EXIT_USAGE
from livesim.commands.arguments.simulate import simulate
from livesim.commands.arguments.status import status
from livesim.commands.arguments.steer import steer
from livesim.commands.arguments.train import train
from livesim.commands.arguments.view import view
from livesim.commands.arguments.watch import watch
from livesim.config import SettingsError
from livesim.frames import DataError
from livesim.spin import limit_spinning

app = typer.Typer(
    name="livesim",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# In the order of `livesim --help`.
for _command in (
    demo,
    engine,
    replay,
    acquire,
    watch,
    calibrate,
    restore,
    export,
    doctor,
    evaluate,
    simulate,
    bench,
    keys,
    train,
    convert,
    status,
    steer,
    view,
    live,
):
    app.command()(_command)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"livesim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Live reconstruction for structured illumination microscopy."""


def main() -> None:
    """Run the command line: exit status 0 done, 1 the data could not be used, 2 wrong usage."""
    limit_spinning()
    try:
        app()
    except DataError as error:
        _fail(error, EXIT_DATA)
    except SettingsError as error:
        _fail(error, EXIT_USAGE)


def _fail(error: Exception, status: int) -> None:
    print(f"livesim: {error}", file=sys.stderr)
    sys.exit(status)
