"""Follow Micro-Manager's live mode until Ctrl-C, for `livesim acquire --live`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from livesim.commands.acquire import acquisition_settings
from livesim.commands.progress import words_console
from livesim.config.settings import Settings
from livesim.values.errors import DataError
from livesim.values.frames import Pixels
from livesim_acquisition.hook.background_sender import BackgroundSender
from livesim_acquisition.hook.events import acquisition_of
from livesim_acquisition.hook.micromanager import opened_core
from livesim_acquisition.live_mode import (
    FindStart,
    LiveImages,
    StackStarts,
    java_peek,
    python_peek,
    stream_live_mode,
)

SOURCE = "live mode"
LOOK_S = 0.1


def follow_live_mode(
    config: Path | None, engine: str, first: int | None, changes: Sequence[str] = ()
) -> None:
    """Stream live mode; say on stderr what is waited for, and at the end what was streamed.

    With Micro-Manager's window (backend java), live mode is switched on and off there. A core in
    this process has no window, so its camera is started here, and stopped at the end.

    Parameters
    ----------
    engine
        Its control address.
    first
        The camera's number of the first frame of any raw stack; None: found from the frames.

    Raises
    ------
    SettingsError, DataError
        As `opened_core`; `DataError` also if no image could be streamed.
    """
    settings = acquisition_settings(config, None, changes)
    java = acquisition_of(settings).backend == "java"
    starts = StackStarts(settings.pattern, start_finder(settings) if first is None else first)
    with (
        opened_core(settings) as core,
        BackgroundSender(engine, settings, source=SOURCE) as sender,
    ):
        images = LiveImages(java_peek(core) if java else python_peek(core), None if java else 0)
        with nullcontext() if java else _started(core, settings):
            _follow(images, starts, sender)
    _report(images, starts, sender)


def start_finder(settings: Settings) -> FindStart:
    """Return a function that finds from consecutive images which frame of the pattern is first."""

    def find(images: list[Pixels]) -> int:
        import torch  # takes seconds, and only this needs it

        from livesim.reconstruction.doctor.start import find_start

        torch.set_num_threads(1)
        start = find_start(torch.from_numpy(np.stack(images).astype(np.float32)), settings)
        if not start.is_sure:
            raise DataError(start.doubt)
        return start.place

    return find


@contextmanager
def _started(core: Any, settings: Settings) -> Iterator[None]:
    exposure_ms = acquisition_of(settings).exposure_of(0)
    if exposure_ms is not None:
        core.set_exposure(exposure_ms)
    core.start_continuous_sequence_acquisition(0)
    try:
        yield
    finally:
        core.stop_sequence_acquisition()


def _follow(images: LiveImages, starts: StackStarts, sender: BackgroundSender) -> None:
    """Stream until Ctrl-C, and say what is waited for."""
    stop, console = Event(), words_console()
    shown = ""
    with ThreadPoolExecutor(1, thread_name_prefix="livesim live mode") as pool:
        streaming = pool.submit(stream_live_mode, images, starts, sender, stop)
        try:
            with console.status("", refresh_per_second=4) as line:
                while not wait([streaming], timeout=LOOK_S).done:
                    line.update(f"{sender.counts.offered} images, {images.missed} missed")
                    shown = _say(_state(starts), shown, console.print)
        except KeyboardInterrupt:
            pass
        finally:
            stop.set()
        streaming.result()


def _state(starts: StackStarts) -> str:
    if starts.known:
        return "streaming"
    if not starts.before:
        return "waiting for live mode"
    return f"finding where raw stacks begin{f': {starts.fault}' if starts.fault else ''}"


def _say(words: str, shown: str, show: Callable[[str], None]) -> str:
    """Print words that differ from those printed last; return them."""
    if words != shown:
        show(f"livesim acquire: {words}")
    return words


def _report(images: LiveImages, starts: StackStarts, sender: BackgroundSender) -> None:
    counts = sender.counts
    print(
        f"livesim acquire: {counts.offered} images in raw stacks, {images.missed} missed, "
        f"{starts.before} before the first stack; {counts.sent} sent, "
        f"{counts.received} received by the engine, {counts.unsent} given up",
        file=sys.stderr,
    )
    if not starts.before and not counts.offered:
        raise DataError("expected live mode to be on, found no image")
    if not counts.offered:
        raise DataError(
            f"expected to find where raw stacks begin, found {starts.fault or 'no end'}"
        )
