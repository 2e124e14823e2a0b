"""Pause, step and speed up a replay by keys at a terminal or by lines on stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from livesim.config.settings import SettingsError
from livesim_acquisition.replay.pace import Pace, PaceState
from livesim_acquisition.replay.rate import Rate, parse_rate

HELP = "space: pause, go on   . or right arrow: one raw stack   + -: faster, slower   "
HELP += "r: as recorded   m: as fast as it goes   q: end"
FIRST_RATE = 20.0
"""Raw frames per second: where + and - begin from a rate that is no number."""
RATE_WORDS = {Rate.REAL: "as recorded", Rate.MAX: "as fast as it goes"}
SLOWEST, FASTEST = 0.1, 1e5
RIGHT_ARROWS = (b"\x1b[C", b"\x1bOC")
READ_BYTES = 1024


def press(pace: Pace, key: str) -> None:
    """Do what a key stands for; others are ignored."""
    actions: dict[str, Callable[[], None]] = {
        " ": pace.toggle,
        ".": pace.step,
        "+": lambda: pace.set_rate(_changed(pace.state.rate, 2.0)),
        "-": lambda: pace.set_rate(_changed(pace.state.rate, 0.5)),
        "r": lambda: pace.set_rate(Rate.REAL),
        "m": lambda: pace.set_rate(Rate.MAX),
        "q": pace.stop,
    }
    if key in actions:
        actions[key]()


def obey(pace: Pace, line: str) -> None:
    """Do what a line says: pause, resume, step, rate real|max|FPS, or stop.

    Raises
    ------
    SettingsError
        If it says something else.
    """
    match line.split():
        case ["pause" | "resume" | "step" | "stop" as word]:
            getattr(pace, word)()
        case ["rate", rate]:
            pace.set_rate(parse_rate(rate))
        case _:
            raise SettingsError(
                f"expected a line of pause, resume, step, rate and stop, found '{line}'"
            )


def words(state: PaceState) -> str:
    """Return what a replay does, for its line of progress."""
    rate = state.rate
    if state.paused:
        return "paused"
    return RATE_WORDS[rate] if isinstance(rate, Rate) else f"{rate:g} frames/s"


@contextmanager
def steered_by_lines(pace: Pace) -> Iterator[None]:
    """Obey lines on stdin; its end stops the replay, for then its starter is gone."""

    def read() -> None:
        rest = b""
        while arrived := _read():
            *lines, rest = (rest + arrived).split(b"\n")
            for line in lines:
                _try(obey, pace, line.decode(errors="replace").strip())
        pace.stop()

    Thread(target=read, name="livesim lines", daemon=True).start()
    yield


@contextmanager
def steered_by_keys(pace: Pace) -> Iterator[None]:
    """Obey keys where stdin is a terminal that this process may read; it is restored afterwards."""
    if not _has_terminal():
        yield
        return
    import termios
    import tty

    def read() -> None:
        while arrived := _read():
            for arrow in RIGHT_ARROWS:
                arrived = arrived.replace(arrow, b".")
            for key in arrived.decode(errors="replace"):
                _try(press, pace, key)

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)  # and not raw: Ctrl-C stays Ctrl-C
    try:
        print(HELP, file=sys.stderr)
        Thread(target=read, name="livesim keys", daemon=True).start()
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _has_terminal() -> bool:
    """Whether there are keys to read; a process in the background would be stopped for it."""
    if os.name != "posix" or not sys.stdin.isatty():
        return False
    return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


def _read() -> bytes:
    # Not through sys.stdin: a thread that waits there spoils the end of the interpreter.
    try:
        return os.read(sys.stdin.fileno(), READ_BYTES)
    except OSError:  # the terminal is gone
        return b""


def _try(steer: Callable[[Pace, str], None], pace: Pace, said: str) -> None:
    try:
        steer(pace, said)
    except SettingsError as error:
        print(f"livesim replay: {error}", file=sys.stderr)


def _changed(rate: Rate | float, factor: float) -> float:
    if isinstance(rate, Rate):
        return FIRST_RATE
    return min(max(rate * factor, SLOWEST), FASTEST)
