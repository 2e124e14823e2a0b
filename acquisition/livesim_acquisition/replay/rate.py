"""Say when each frame of a recording is due at a rate."""

from __future__ import annotations

from enum import Enum

from livesim.config.settings import SettingsError
from livesim.io.read.recording import Recording
from livesim.values.errors import DataError
from livesim_acquisition.streaming import Due


class Rate(Enum):
    """A pace that is not a number of frames per second."""

    REAL = "real"
    """As the file says it was acquired."""
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


def due_times(recording: Recording, rate: Rate | float) -> Due:
    """Return when a frame is due, in seconds from the start of the stream.

    Raises
    ------
    DataError
        If `rate` is real and the file states no times.
    """
    if rate is Rate.MAX:
        return lambda frame: 0.0
    if rate is Rate.REAL:
        return _real_dues(recording)
    return lambda frame: frame.sequence / rate


def _real_dues(recording: Recording) -> Due:
    per_time = recording.numbers.size // recording.sizes.time
    exposure_s = (recording.exposure_ms or 0.0) / 1000.0
    if not recording.interval_s and not exposure_s:
        raise DataError(
            f"{recording.source}: expected an exposure or a time interval for the rate 'real', "
            "found neither; give a number of raw frames per second, or max"
        )
    interval_s = recording.interval_s or per_time * exposure_s
    spacing_s = min(exposure_s or interval_s, interval_s / per_time)
    return lambda frame: frame.axes.time * interval_s + frame.sequence % per_time * spacing_s
