"""The command line: words in, one sub-command run, the exit status out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from livesim.cli.acquire import acquire
from livesim.cli.bench import bench
from livesim.cli.calibrate import calibrate
from livesim.cli.convert import convert
from livesim.cli.demo import demo
from livesim.cli.doctor import doctor
from livesim.cli.engine import engine
from livesim.cli.evaluate import evaluate
from livesim.cli.export import export
from livesim.cli.keys import keys
from livesim.cli.live import live
from livesim.cli.replay import replay
from livesim.cli.restore import restore
from livesim.cli.shared import EXIT_DATA, EXIT_USAGE
from livesim.cli.simulate import simulate
from livesim.cli.status import status
from livesim.cli.steer import steer
from livesim.cli.train import train
from livesim.cli.view import view
from livesim.cli.watch import watch
from livesim.config.settings import SettingsError
from livesim.engine.threads import limit_spinning
from livesim.values.errors import DataError
from livesim.values.version import VERSION

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
        print(f"livesim {VERSION}")
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
