"""Stream Micro-Manager's live mode to the engine, without taking any image away."""

from livesim_acquisition.live_mode.images import LiveImages
from livesim_acquisition.live_mode.peek import java_peek, python_peek
from livesim_acquisition.live_mode.stack_starts import FindStart, StackStarts, stream_live_mode

__all__ = [
    "FindStart",
    "LiveImages",
    "StackStarts",
    "java_peek",
    "python_peek",
    "stream_live_mode",
]
