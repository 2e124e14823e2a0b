"""Run the command line: one table of commands, whose arguments the other files declare."""

# What a command does is imported when it is run, so that `livesim --help` loads no torch.

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from livesim.cli.data import calibrate, doctor, evaluate, otf, restore, thin
from livesim.cli.export import export
from livesim.cli.machine import bench, keys
from livesim.cli.microscope import acquire, demo, simulate, watch
from livesim.cli.networks import adapt, convert, models, train
from livesim.cli.run import engine, live, look, replay, serve, status, steer, trial, view
from livesim.cli.shared import EXIT_DATA, EXIT_USAGE
from livesim.config.settings import SettingsError
from livesim.engine.threads import limit_spinning
from livesim.values.errors import DataError
from livesim.values.version import VERSION

Command = Callable[..., None]

app = typer.Typer(
    name="livesim",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

COMMANDS: tuple[Command, ...] = (
    demo,
    engine,
    replay,
    acquire,
    calibrate,
    otf,
    restore,
    export,
    doctor,
    evaluate,
    simulate,
    bench,
    keys,
    train,
    adapt,
    thin,
    convert,
    models,
    status,
    steer,
    view,
    live,
    serve,
)
"""In the order of `livesim --help`."""
HIDDEN: tuple[Command, ...] = (watch, look, trial)
"""What `livesim --help` leaves out: what commands were called before, and children."""

for _command in COMMANDS:
    app.command()(_command)
for _command in HIDDEN:
    app.command(hidden=True)(_command)


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
    _interrupt_on_termination()
    try:
        app()
    except DataError as error:
        _fail(error, EXIT_DATA)
    except SettingsError as error:
        _fail(error, EXIT_USAGE)
    except OSError as error:  # of a disk or a device: nothing here that a traceback would explain
        _fail(_words(error), EXIT_DATA)


def _interrupt_on_termination() -> None:
    """Let SIGTERM and a closed terminal end a command as Ctrl-C does, with nothing half-written."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _words(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}expected that it can be read and written, found: {error.strerror or error}"


def _fail(error: Exception | str, status: int) -> None:
    print(f"livesim: {error}", file=sys.stderr)
    sys.exit(status)
