"""Work in steps in; how far it is, on the terminal or for programs, and when to stop, out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from livesim.commands.interrupts import interrupts_held

Step = Callable[[], None]
"""Called after every step; raises KeyboardInterrupt where the work is to stop."""


@contextmanager
def steps_told(total: int, *, as_json: bool = False, tied: bool = False) -> Iterator[Step]:
    """Tell of work that has `total` steps.

    Parameters
    ----------
    total
        How many steps there are.
    as_json
        Write a line {"done": …, "total": …} to stdout after every step, for programs.
    tied
        Stop when stdin closes as well, as it does when whoever started this is gone or cancels.
    """
    ended = _end_of_stdin() if tied else Event()
    with interrupts_held() as check_interrupt, _teller(total, as_json=as_json) as tell:

        def step() -> None:
            tell()
            check_interrupt()
            if ended.is_set():
                raise KeyboardInterrupt

        yield step


def tell_program(**values: object) -> None:
    """Write one line of JSON to stdout."""
    print(json.dumps(values), flush=True)


@contextmanager
def _teller(total: int, *, as_json: bool) -> Iterator[Step]:
    if as_json:
        yield _lines(total)
        return
    console = Console(stderr=True)
    columns = (TextColumn("export"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("export", total=total)
        yield lambda: bar.advance(task)


def _lines(total: int) -> Step:
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        tell_program(done=done, total=total)

    return tell


def _end_of_stdin() -> Event:
    ended = Event()

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        ended.set()

    Thread(target=wait, daemon=True).start()
    return ended
