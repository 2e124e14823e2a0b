"""Simulate a microscope, stream it through an engine that records, and show the result."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import torch
from rich.console import Console

from livesim.commands.demo.files import PICTURE_NAME, TIFF_NAME, make_files
from livesim.commands.progress import progress_bar
from livesim.commands.simulate.command import simulate_ahead
from livesim.config.settings import SettingsError
from livesim.io.recording_files import RAW_NAME
from livesim.processes.engine import EngineProcess
from livesim.processes.viewer import ViewerProcess, why_nobody_watches
from livesim_acquisition.microscope.demo import SETTINGS, demo_settings
from livesim_acquisition.microscope.live_source import at_rate, prefetch_frames, stream_prefetched
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from livesim_acquisition.replay.rate import Rate
from livesim_acquisition.sender import Sender

LOOK_S = 0.5
"""How often the engine is asked how far it is."""
MOST_BYTES = 2 << 30
"""Of raw frames: all are simulated before the first one is sent."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What is simulated, how fast it is sent, and where the files go.

    Raises
    ------
    SettingsError
        If the size is odd, or the raw frames would not fit into memory.
    """

    out: Path
    size: int = 256
    stacks: int = 60
    photons: float = 50.0
    rate: Rate | float = 200.0
    """Raw frames per second, or as fast as the engine takes them."""

    def __post_init__(self) -> None:
        if self.rate is Rate.REAL:
            raise SettingsError("--fps: expected max or raw frames per second, found 'real'")
        raw_bytes = self.stacks * SETTINGS.pattern.stack_frames * self.size**2 * 2
        if raw_bytes > MOST_BYTES:
            raise SettingsError(
                f"expected at most {MOST_BYTES >> 20} MiB of raw frames, found "
                f"{raw_bytes >> 20} MiB: choose a smaller --size or fewer --stacks"
            )


def run_demo(options: DemoOptions) -> None:
    """Run the demo; say on stdout where its files lie and how fast it was.

    Raises
    ------
    DataError
        If the engine did not reconstruct everything.
    KeyboardInterrupt
        After everything has been ended in order.
    """
    console = Console(highlight=False, soft_wrap=True)
    settings = demo_settings(options.size, options.photons, options.stacks)
    microscope = SimulatedMicroscope(at_rate(settings, options.rate))
    options.out.mkdir(parents=True, exist_ok=True)
    before = _recordings(options.out)
    try:
        _stream(microscope, options, console)
    except KeyboardInterrupt:
        for folder in _recordings(options.out) - before:
            console.print(f"interrupted; what was recorded lies in {folder}")
        raise
    (folder,) = _recordings(options.out) - before
    console.print(str(make_files(folder, SETTINGS, microscope.stack_interval_s)))
    if not torch.cuda.is_available():
        console.print("no GPU was found: nearly all of that time the networks took on the CPU")
    console.print(f"raw recording: {folder / RAW_NAME}")
    console.print(f"OME-TIFF:      {folder / TIFF_NAME}")
    console.print(f"side by side:  {folder / PICTURE_NAME}")


def _stream(microscope: SimulatedMicroscope, options: DemoOptions, console: Console) -> None:
    """Start an engine, send it everything, wait until it has recorded it."""
    torch.set_num_threads(1)  # the engine starts on the other cores
    raw_frames = options.stacks * SETTINGS.pattern.stack_frames
    # The engine loads torch while the frames are simulated.
    with (
        EngineProcess("--once", "--lossless", "--record", str(options.out)) as engine,
        prefetch_frames(microscope, MOST_BYTES) as ahead,
        _viewer_beside(engine, console),
    ):
        # All before the first is sent, so that the engine is not slowed down.
        simulate_ahead(ahead, math.inf, raw_frames, console)
        engine.control()  # it listens from here on, and can be asked
        with _restoring(engine, options.stacks, console):
            with Sender(engine.control()) as sender:
                paced = options.rate is not Rate.MAX
                stream_prefetched(microscope, ahead, sender, paced=paced, name="demo")
            engine.wait()


@contextmanager
def _restoring(engine: EngineProcess, stacks: int, console: Console) -> Iterator[None]:
    """Show how many images the engine has published, until the block ends.

    Asked from a thread, for sending waits as long as the engine has no room.
    """
    over = Event()

    def follow() -> None:
        while not over.wait(LOOK_S):
            done = engine.stage_done("publish")
            if done is not None:
                bar.show(done, stacks)

    with progress_bar("images restored", stacks, console) as bar:
        thread = Thread(target=follow, name="progress")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _recordings(out: Path) -> set[Path]:
    return set(out.glob("stream-*"))


@contextmanager
def _viewer_beside(engine: EngineProcess, console: Console) -> Iterator[None]:
    """Show the engine's results where a window can be seen; say so where none can.

    At a terminal the window stays until the user closes it.
    """
    why_not = why_nobody_watches()
    if why_not is not None:
        console.print(f"livesim demo: {why_not}, running headless")
        yield
        return
    with ViewerProcess(engine.control()) as viewer:
        seen = viewer.appeared()
        if not seen:
            console.print(
                f"livesim demo: no window could be opened ({viewer.why_not}), running headless"
            )
        yield
        if seen and console.is_terminal:
            console.print("close the viewer's window to go on")
            viewer.wait()
