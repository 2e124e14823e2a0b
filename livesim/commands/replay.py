"""`livesim replay`: stream recordings to an engine, one after another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from livesim.commands.config_beside import settings_for
from livesim.config import Settings, SettingsError
from livesim.io.open import open_recording
from livesim_acquisition.replay import Rate, replay
from livesim_acquisition.sender import Sender


def replay_files(
    raws: Sequence[Path],
    config: Path | None,
    rate: Rate | float,
    engine: str,
    *,
    loop: bool = False,
) -> None:
    """Stream each file as a stream of its own; say on stderr what became of its frames.

    Raises
    ------
    SettingsError
        If more than one file is to be repeated without end.
    """
    if loop and len(raws) > 1:
        raise SettingsError(f"--loop: expected one recording, found {len(raws)}")
    settings = [settings_for(raw, config) for raw in raws]
    with Sender(engine) as sender:
        for raw, own in zip(raws, settings, strict=True):
            _replay_file(raw, own, rate, sender, loop=loop)


def _replay_file(
    raw: Path, settings: Settings, rate: Rate | float, sender: Sender, *, loop: bool
) -> None:
    console = Console(stderr=True)
    columns = (
        TextColumn(raw.name),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} frames"),
        TimeRemainingColumn(),
    )
    with (
        open_recording(raw, settings.pattern) as recording,
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
    ):
        for warning in recording.warnings:
            print(f"livesim replay: {warning}", file=sys.stderr)
        task = bar.add_task(raw.name, total=None)
        delivery = replay(
            recording,
            sender,
            settings,
            rate,
            lambda sent, total: bar.update(
                task, completed=sent % total if loop else sent, total=total
            ),
            loop=loop,
        )
    print(
        f"livesim replay: {raw.name}: {delivery.sent} frames sent, {delivery.received} received",
        file=sys.stderr,
    )
