"""Stream a few simulated raw stacks to an engine, over and over, so that nothing waits for them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from livesim.config.settings import Settings
from livesim.values.frames import FrameAxes, RawFrame
from livesim.wire.messages import StreamStart
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from livesim_acquisition.sender import Sender

STACKS = 4
"""Different ones, which take turns."""


@contextmanager
def looped_stream(engine: str, settings: Settings, per_s: float) -> Iterator[None]:
    """Send raw stacks at a rate until the block ends.

    Parameters
    ----------
    engine
        Its control endpoint.
    settings
        Of the microscope, with its `[simulation]` of `STACKS` time points at least.
    per_s
        Raw stacks a second.
    """
    frames = list(SimulatedMicroscope(settings).frames(STACKS))
    over = Event()
    thread = Thread(target=_send, args=(engine, settings, frames, per_s, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _send(
    engine: str, settings: Settings, frames: list[RawFrame], per_s: float, over: Event
) -> None:
    of_stack = len(frames) // STACKS
    values = settings.model_dump(mode="json")
    with Sender(engine) as sender:
        sender.start(StreamStart(stream="bench", source="bench", settings=values))
        began, number = time.monotonic(), 0
        while not over.wait(max(0.0, began + number / per_s - time.monotonic())):
            first = number % STACKS * of_stack
            for at, frame in enumerate(frames[first : first + of_stack]):
                axes = FrameAxes(time=number, angle=frame.axes.angle, phase=frame.axes.phase)
                sequence = number * of_stack + at
                sender.send(RawFrame("bench", sequence, axes, frame.pixels, 5.0))
            number += 1
        sender.finish()
