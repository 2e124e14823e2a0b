"""Say when each frame of a recording is due at a rate."""

from __future__ import annotations

from enum import Enum
from math import prod

from livesim.config.settings import SettingsError
from livesim.io.read.recording import Recording
from livesim_acquisition.streaming import Due

UNTIMED_STACKS_PER_S = 20.0
"""Raw stacks a second of a file that states no times, where they are asked for as recorded."""


class Rate(Enum):
    """A pace that is not a number of frames per second."""

    REAL = "real"
    """As the file says it was acquired; where it states no times, 20 raw stacks a second."""
    MAX = "max"
    """As fast as the engine takes the frames."""


def parse_rate(text: str) -> Rate | float:
    """Read `real`, `max` or a number of raw frames per second.

    Raises
    ------
    SettingsError
        If `text` is none of these.
    """
    if text in (Rate.REAL.value, Rate.MAX.value):
        return Rate(text)
    try:
        frames_per_s = float(text)
    except ValueError:
        frames_per_s = 0.0
    if not 0 < frames_per_s < float("inf"):
        raise SettingsError(
            f"expected a rate of real, max or raw frames per second, found '{text}'"
        )
    return frames_per_s


def rate_text(rate: Rate | float) -> str:
    """Return a rate as `parse_rate` reads it."""
    return rate.value if isinstance(rate, Rate) else f"{rate:g}"


def states_times(recording: Recording) -> bool:
    """Return whether a file says at which rate it was acquired."""
    return bool(recording.interval_s or recording.exposure_ms)


def due_times(recording: Recording, rate: Rate | float) -> Due:
    """Return when a frame is due, in seconds from the start of the stream."""
    if rate is Rate.MAX:
        return lambda frame: 0.0
    if rate is Rate.REAL:
        if states_times(recording):
            return _real_dues(recording)
        rate = UNTIMED_STACKS_PER_S * prod(recording.stack_shape)
    return lambda frame: frame.sequence / rate


def _real_dues(recording: Recording) -> Due:
    per_time = recording.numbers.size // recording.sizes.time
    exposure_s = (recording.exposure_ms or 0.0) / 1000.0
    interval_s = recording.interval_s or per_time * exposure_s
    spacing_s = min(exposure_s or interval_s, interval_s / per_time)
    return lambda frame: frame.axes.time * interval_s + frame.sequence % per_time * spacing_s
