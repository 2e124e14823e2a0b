"""Stream recordings to an engine one after another, and show how far each is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from livesim.commands.progress import print_json, words_console
from livesim.commands.replay.controls import steered_by_keys, steered_by_lines, words
from livesim.config.settings import Settings, SettingsError
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.values.errors import LostFrameError
from livesim_acquisition.replay.pace import Pace
from livesim_acquisition.replay.rate import (
    UNTIMED_STACKS_PER_S,
    Rate,
    rate_text,
    states_times,
)
from livesim_acquisition.replay.replay import Progress as Progressed
from livesim_acquisition.replay.replay import replay
from livesim_acquisition.sender import Sender

EVERY_S = 0.1
"""Between two lines of JSON, at least."""


def replay_files(
    raws: Sequence[Path],
    config: Path | None,
    pace: Pace,
    engine: str,
    *,
    loop: bool = False,
    by_lines: bool = False,
    as_json: bool = False,
) -> None:
    """Stream each file as a stream of its own; say on stderr what became of its frames.

    Parameters
    ----------
    pace
        Steered by the keys of a terminal, or with `by_lines` by the lines on stdin.
    as_json
        Tell a program on stdout how far it is.

    Raises
    ------
    SettingsError
        If more than one file is to be repeated without end.
    """
    if loop and len(raws) > 1:
        raise SettingsError(f"--loop: expected one recording, found {len(raws)}")
    settings = [settings_for(raw, config) for raw in raws]
    steered = steered_by_lines if by_lines else steered_by_keys
    with Sender(engine) as sender, steered(pace):
        for raw, own in zip(raws, settings, strict=True):
            if not pace.state.stopped:
                _replay_file(raw, own, pace, sender, loop=loop, as_json=as_json)


class _PaceColumn(ProgressColumn):
    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def render(self, task: Task) -> Text:
        return Text(words(self._pace.state))


def _replay_file(
    raw: Path, settings: Settings, pace: Pace, sender: Sender, *, loop: bool, as_json: bool
) -> None:
    shown = states_as_json(raw.name, pace) if as_json else _shown_at_terminal(raw.name, pace)
    with open_recording(raw, settings.pattern) as recording, shown as progressed:
        for warning in recording.warnings:
            print(f"livesim replay: {warning}", file=sys.stderr)
        if pace.state.rate is Rate.REAL and not states_times(recording):
            words = f"{raw.name} states no times: {UNTIMED_STACKS_PER_S:.0f} raw stacks a second"
            print(f"livesim replay: {words}", file=sys.stderr)
        delivery = replay(
            recording,
            sender,
            settings,
            pace,
            lambda sent, total: progressed(sent % total if loop else sent, total),
            loop=loop,
            lost=said_once(),
        )
    print(
        f"livesim replay: {raw.name}: {delivery.sent} frames sent, {delivery.received} received",
        file=sys.stderr,
    )


def said_once() -> Callable[[LostFrameError], None]:
    """Return what says that a frame is not sent, once in however many rounds."""
    said: set[str] = set()

    def say(error: LostFrameError) -> None:
        if str(error) not in said:
            print(f"livesim replay: {error}; not sent", file=sys.stderr)
        said.add(str(error))

    return say


@contextmanager
def _shown_at_terminal(name: str, pace: Pace) -> Iterator[Progressed]:
    """Draw a line of progress, where there is a terminal."""
    console = words_console()
    columns = (
        TextColumn(name),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} frames"),
        _PaceColumn(pace),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        yield lambda sent, total: bar.update(task, completed=sent, total=total)


@contextmanager
def states_as_json(name: str, pace: Pace) -> Iterator[Progressed]:
    """Write a line of JSON to stdout whenever a replay has gone on or changed its pace.

    Parameters
    ----------
    name
        Of the recording.
    pace
        Of the replay, whose pauses and rate are written as well.
    """
    counted = (0, 0)
    over = Event()

    def count(sent: int, total: int) -> None:
        nonlocal counted
        counted = (sent, total)

    def state() -> dict[str, object]:
        sent, total = counted
        own = pace.state
        known = {"recording": name, "sent": sent, "total": total}
        return known | {"paused": own.paused, "rate": rate_text(own.rate)}

    def write() -> None:
        last: dict[str, object] = {}
        while True:
            ending = over.wait(EVERY_S)
            if (now := state()) != last:
                print_json(**now)
                last = now
            if ending:
                return

    thread = Thread(target=write, name="livesim states")
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join()
