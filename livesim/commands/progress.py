"""Show how far work is, at a terminal or to programs, and interrupt it between two steps."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from threading import Event, Thread
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")
Step = Callable[[], None]
"""Called after every step; raises KeyboardInterrupt where the work is to stop."""


WORDS_S = 10.0
"""How often progress is told in words where it cannot be drawn."""


class Bar:
    """One line of progress; `progress_bar` makes it.

    Parameters
    ----------
    progress
        What draws it; where that is disabled, a line in words now and then takes its place.
    title
        Written in front of it.
    total
        Steps in all, where they are known.
    """

    def __init__(self, progress: Progress, title: str, total: int | None) -> None:
        self._progress, self._title = progress, title
        self._task = progress.add_task(title, total=total)
        self._said_at = time.monotonic()

    def advance(self) -> None:
        """Count one more step."""
        self._progress.advance(self._task)
        self._say()

    def show(self, done: int, total: int | None = None) -> None:
        """Show that so many steps are done."""
        self._progress.update(self._task, completed=done, total=total)
        self._say()

    def _say(self) -> None:
        """Tell the progress in words where no line is drawn, at most every `WORDS_S`."""
        now = time.monotonic()
        if not self._progress.disable or now - self._said_at < WORDS_S:
            return
        self._said_at = now
        (task,) = self._progress.tasks
        of = "" if task.total is None else f" of {task.total:.0f}"
        self._progress.console.print(f"{self._title}: {task.completed:.0f}{of}", markup=False)

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield `items`; a step is over when the next item is asked for."""
        for item in items:
            yield item
            self.advance()


def words_console() -> Console:
    """Return the console on stderr for what a command says: words and paths stay as they are."""
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)


@contextmanager
def progress_bar(
    title: str, total: int | None = None, console: Console | None = None
) -> Iterator[Bar]:
    """Draw a line of progress, on stderr unless `console` is another; see `Bar`."""
    shown = console or words_console()
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=shown, disable=not shown.is_terminal) as progress:
        yield Bar(progress, title, total)


@contextmanager
def interrupts_held(*, tied: bool = False) -> Iterator[Step]:
    """Hold Ctrl-C and SIGTERM back until the work calls what this yields.

    That then raises KeyboardInterrupt. Zarr writes in a thread of its own: an interrupt in the
    middle of a write would leave that thread writing into a folder that is being removed. If
    `tied`, the end of stdin is an interrupt too, as it comes when the program that started this
    ends.
    """
    asked = Event()
    if tied:
        Thread(target=_set_at_end_of_stdin, args=(asked,), daemon=True).start()

    def check() -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    with ExitStack() as undo:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:  # started in the background: it stays uninterruptible
                signal.signal(number, lambda *_: asked.set())
                undo.callback(signal.signal, number, before)
        yield check


@contextmanager
def counted_steps(
    title: str,
    total: int,
    console: Console | None = None,
    *,
    as_json: bool = False,
    tied: bool = False,
) -> Iterator[Step]:
    """Show the progress of work that has `total` steps, and let it be interrupted between them.

    Parameters
    ----------
    title, total, console
        As those of `progress_bar`.
    as_json
        Write a line {"done": …, "total": …} to stdout after every step instead, for programs.
    tied
        Stop when stdin closes as well, see `interrupts_held`.
    """
    counter = nullcontext(_lines(total)) if as_json else _bar_of(title, total, console)
    with interrupts_held(tied=tied) as check_interrupt, counter as count:

        def step() -> None:
            count()
            check_interrupt()

        yield step


def print_json(**values: object) -> None:
    """Write one line of JSON to stdout."""
    print(json.dumps(values), flush=True)


@contextmanager
def _bar_of(title: str, total: int, console: Console | None) -> Iterator[Step]:
    with progress_bar(title, total, console) as bar:
        yield bar.advance


def _lines(total: int) -> Step:
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        print_json(done=done, total=total)

    return count


def _set_at_end_of_stdin(ended: Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ended.set()
